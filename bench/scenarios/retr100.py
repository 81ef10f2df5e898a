"""RETR of 1 GiB from the page cache, 100 sessions."""
from harness.scenario import BIG_RETR, BLOCKING_SENDERS, EVENT_SENDERS, SENDING, Bar

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", *EVENT_SENDERS, *BLOCKING_SENDERS]
LOAD = [*BIG_RETR, "--sessions", 100]
SHOW = SENDING
BARS = [
    Bar("cpu_s_per_gb", EVENT_SENDERS, at_most=1.10),
    Bar("cpu_s_per_gb", "vsftpd", at_most=0.95),
]
