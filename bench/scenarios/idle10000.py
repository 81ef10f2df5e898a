"""10,000 logged-in sessions that do nothing: memory of the processes and of the kernel for
each, and threads.

The kernel's is read from a control group of the server where there is one (then it is the
server's alone), else it is the whole machine's growth, both ends together."""
from harness.scenario import Bar, IDLE, idle

GROUP = "Many sessions"
SERVERS = ["sluiced", "pyftpdlib"]
SHOW = IDLE
BARS = [Bar("pss_kib_per_session", at_most=2.0), Bar("more_threads", at_most=0)]
SECONDS = 0
COST = 1.5
measure = idle(10000)
