"""Random files of 1 to 16 KiB, 16 sessions, EPSV and RETR for each."""
from harness.scenario import SMALL, SMALL_RETR, Bar

DIALOGUES = ["reference:dialogue", "reference:dialogue:together"]
PEERS = ["pure-ftpd", "vsftpd", "proftpd"]
GROUP = "Small files"
SERVERS = ["sluiced", *PEERS, "nginx", *DIALOGUES]
LOAD = SMALL_RETR
SHOW = SMALL
BARS = [
    Bar("cpu_us_per_operation", DIALOGUES, at_most=1.15),
    Bar("cpu_us_per_operation", DIALOGUES, at_most=1.05),
    Bar("cpu_us_per_operation", PEERS, at_most=0.6),
    Bar("cpu_us_per_operation", PEERS, at_most=0.55),
]
