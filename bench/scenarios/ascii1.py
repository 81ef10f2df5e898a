"""TYPE A: a text of 34 MB whose line ends have to be converted, one session."""
from harness.scenario import SENDING, TEXT_RETR, Bar

GROUP = "Text"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "reference:send-text-blocking"]
OPTIONS = {"file": "text.txt"}
LOAD = [*TEXT_RETR, "--sessions", 1]
SHOW = SENDING
BARS = [Bar("cpu_s_per_gb", "pure-ftpd", at_most=0.35)]
