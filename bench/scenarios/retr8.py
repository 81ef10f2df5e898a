"""RETR of 1 GiB from the page cache, 8 sessions, and how evenly they are served."""
from harness.scenario import BIG_RETR, BLOCKING_SENDERS, EVENT_SENDERS, SENDING, Bar

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", "proftpd", "nginx",
           *EVENT_SENDERS, *BLOCKING_SENDERS]
LOAD = [*BIG_RETR, "--sessions", 8]
SHOW = SENDING
SECONDS = 0.8
BARS = [
    Bar("cpu_s_per_gb", EVENT_SENDERS, at_most=1.10),
    Bar("cpu_s_per_gb", "vsftpd", at_most=0.95),
    Bar("jain", at_least=0.95),
]
