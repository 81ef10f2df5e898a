"""RETR of 1 GiB from the page cache, 100 sessions.

At a stretch: of a server with a process for each session most starve after a while, and a gigabyte
costs less then, until all of them are stopped and go on."""
from harness.scenario import BIG_RETR, BLOCKING_SENDERS, EVENT_SENDERS, SENDING, Bar

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", *EVENT_SENDERS, *BLOCKING_SENDERS]
LOAD = [*BIG_RETR, "--sessions", 100]
SHOW = SENDING
STRETCH = True
BARS = [
    Bar("cpu_s_per_gb", EVENT_SENDERS, at_most=1.10),
    Bar("cpu_s_per_gb", "vsftpd", at_most=0.95),
]
