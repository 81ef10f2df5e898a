"""NOOP, PWD, SIZE and MDTM mixed, 16 deep on 16 sessions."""
from harness.scenario import SMALL, Bar

GROUP = "Commands and logins"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "reference:dialogue"]
LOAD = ["ctrl", "--sessions", 16, "--depth", 16, "--file", "hot.bin"]
SHOW = SMALL
BARS = [Bar("cpu_us_per_operation", "pure-ftpd", at_most=0.5)]
