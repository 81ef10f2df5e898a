"""RETR of 1 GiB from the page cache, 1,000 sessions. At a stretch, as retr100."""
from harness.scenario import BIG_RETR, EVENT_SENDERS, SENDING

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", *EVENT_SENDERS]
LOAD = [*BIG_RETR, "--sessions", 1000, "--source-ips", 16]
SHOW = SENDING
BARS = []
STRETCH = True
COST = 0.5
