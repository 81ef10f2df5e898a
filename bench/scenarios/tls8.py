"""RETR of 1 GiB over TLS, 8 sessions.

Waits for a server that has TLS, and for a load generator that speaks it."""
from harness.scenario import Unavailable

GROUP = "Large files"
SERVERS = ["sluiced", "vsftpd", "pure-ftpd", "proftpd", "nginx"]
NEEDS = ["AUTH TLS"]
SHOW = ["cpu_s_per_gb", "gb_per_s"]
BARS = []
SECONDS = 0


def measure(bench, server, seconds):
    raise Unavailable("the load generator does not speak TLS yet")
