"""100 downloads whose readers take 5 MB/s each, once every buffer is full."""
from harness.scenario import BIG_RETR, EVENT_SENDERS, PACED, SENDING, Bar

SENDFILE = [name for name in EVENT_SENDERS if "sendfile" in name]
GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", *SENDFILE]
LOAD = [*BIG_RETR, "--sessions", 100, *PACED, 5000000, "--settle", 0.6]
SHOW = SENDING
SECONDS = 0.6
# TCP_NOTSENT_LOWAT makes the server wake for every 128 KiB and moves work from the reader's
# side to the server's: measured here, twice the server's share and about a sixth more in all.
# So three lines: against the reference without it, with it, and the sum of both sides.
BARS = [
    Bar("cpu_s_per_gb", "reference:send-sendfile-event", at_most=1.05),
    Bar("cpu_s_per_gb", "reference:send-sendfile-event:lowat", at_most=1.05),
    Bar("total_cpu_s_per_gb", "reference:send-sendfile-event", at_most=1.05),
]
