"""connect, USER, PASS, QUIT, 8 at a time from 8 addresses."""
from harness.scenario import SMALL, Bar

GROUP = "Commands and logins"
SERVERS = ["sluiced", "pyftpdlib", "vsftpd", "pure-ftpd", "reference:dialogue"]
LOAD = ["login", "--sessions", 8, "--source-ips", 8]
SHOW = SMALL
BARS = [Bar("cpu_us_per_operation", "pyftpdlib", at_most=0.45)]
