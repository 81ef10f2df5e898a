"""TYPE A: a text of 34 MB whose line ends have to be converted, 8 sessions."""
from harness.scenario import SENDING, TEXT_RETR

GROUP = "Text"
SERVERS = ["sluiced", "vsftpd", "pure-ftpd", "reference:send-text-blocking"]
OPTIONS = {"file": "text.txt"}
LOAD = [*TEXT_RETR, "--sessions", 8]
SHOW = SENDING
BARS = []
