"""1,000 logged-in sessions that do nothing: memory of the processes and of the kernel for
each, and threads.

The kernel's is read from a control group of the server where there is one (then it is the
server's alone), else it is the whole machine's growth, both ends together."""
from harness.scenario import IDLE, idle

GROUP = "Many sessions"
SERVERS = ["sluiced", "vsftpd"]
SHOW = IDLE
BARS = []
SECONDS = 0
COST = 2
measure = idle(1000)
