"""Four fast downloads, alone and beside 1,000 whose readers take 50 kB/s each."""
from harness.scenario import BIG_RETR, PACED, beside

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd"]
SHOW = ["kept", "alone_gb_per_s", "beside_gb_per_s", "more_threads"]
BARS = []
COST = 3
FAST = [*BIG_RETR, "--sessions", 4]
SLOW = ["retr", "--sessions", 1000, *PACED, 50000, "--file", "big.bin", "--source-ips", 16,
        "--seconds", 60, "--gate"]


def measure(bench, server, seconds):
    return beside(bench, server, FAST, SLOW, seconds, slow_goes=True)
