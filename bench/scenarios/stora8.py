"""TYPE A: STOR of 64 MiB of text into memory, 8 sessions; each is unlinked once acknowledged."""
from harness.scenario import SENDING

GROUP = "Uploads"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "proftpd"]
ROOT = "uploads"
LOAD = ["stor", "--type", "A", "--sessions", 8, "--size", 64 << 20]
SHOW = SENDING
STRETCH = True  # Pure-FTPd may answer 451 to an upload in which it was stopped
BARS = []
