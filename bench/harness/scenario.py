"""What scenario files are written with.

A scenario is a file in scenarios/: a sentence at its head, then

    SERVERS  names (see servers.py); the first is the one under test
    LOAD     arguments of the load generator
    SHOW     the figures to print
    BARS     what the first server has to meet
    ROOT     "files" (default) or "uploads", a folder in memory
    OPTIONS  for the server: workers, passive, file
    FRESH    a new server for each round
    measure  a function (bench, server, seconds) -> result, where one load is not enough
"""
from .servers import Load, Unavailable, derive, failure, gated  # noqa: F401
from .verdict import Bar  # noqa: F401

BIG = 1 << 30
BIG_RETR = ["retr", "--file", "big.bin", "--expect", BIG, "--settle", 0.5]
EVENT_SENDERS = ["reference:send-sendfile-event", "reference:send-splice-event",
                 "reference:send-sendfile-event:lowat", "reference:send-splice-event:lowat"]
BLOCKING_SENDERS = ["reference:send-sendfile-blocking", "reference:send-splice-blocking"]
EVENT_RECEIVERS = ["reference:receive-write-event", "reference:receive-splice-event"]
BLOCKING_RECEIVERS = ["reference:receive-write-blocking", "reference:receive-splice-blocking"]
SENDING = ["cpu_s_per_gb", "total_cpu_s_per_gb", "gb_per_s", "jain"]
SMALL = ["cpu_us_per_operation", "per_s", "p50_us", "p99_us"]
