"""Four fast downloads, alone and beside 1,000 of which nothing is read."""
from harness.scenario import BIG_RETR, Bar, beside

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd"]
SHOW = ["kept", "alone_gb_per_s", "beside_gb_per_s", "more_threads"]
BARS = [Bar("kept", at_least=0.8), Bar("more_threads", at_most=0)]
COST = 3
FAST = [*BIG_RETR, "--sessions", 4]
STALLED = ["stall", "--sessions", 1000, "--file", "big.bin", "--source-ips", 16, "--deadline", 300]


def measure(bench, server, seconds):
    return beside(bench, server, FAST, STALLED, seconds)
