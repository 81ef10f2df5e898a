"""100 downloads of 15 MB/s each from the page cache: the same work for every server.

At full speed the CPU time for each gigabyte depends on whether the readers or the server are
what limits the rate; here it does not."""
from harness.scenario import BIG_RETR, EVENT_SENDERS, PACED, SENDING

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", *[name for name in EVENT_SENDERS if "lowat" not in name]]
LOAD = [*BIG_RETR, "--sessions", 100, *PACED, 15000000, "--settle", 0.6]
SHOW = SENDING
BARS = []
SECONDS = 0.6
