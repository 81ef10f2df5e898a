"""RETR of 1 GiB from the page cache, one session.

In longer turns: what follows a pause costs sluiced more than the bare reference, a tenth in all in turns
of 50 ms."""
from harness.scenario import BIG_RETR, BLOCKING_SENDERS, EVENT_SENDERS, SENDING, Bar

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", "proftpd", "nginx",
           *EVENT_SENDERS, *BLOCKING_SENDERS]
LOAD = [*BIG_RETR, "--sessions", 1, "--settle", 0.2]
SHOW = SENDING
SECONDS = 0.75
TURN = 0.25
BARS = [
    # One connection keeps one thread busy, whichever way the threads are dealt out.
    Bar("cpu_s_per_gb", EVENT_SENDERS + BLOCKING_SENDERS, at_most=1.10),
    Bar("cpu_s_per_gb", "vsftpd", at_most=1.0),
]
