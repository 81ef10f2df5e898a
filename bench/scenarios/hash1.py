"""HASH of an unchanged file of 1 GiB, again and again after the first time."""
from harness.scenario import Bar, failure, gated

GROUP = "Commands and logins"
SERVERS = ["sluiced"]
NEEDS = ["HASH hot.bin"]
SHOW = ["p50_us", "p99_us", "first_ms", "cpu_us_per_operation"]
BARS = [Bar("p50_us", at_most=1000)]
COST = 1.5
LOAD_HASH = ["ctrl", "--verb", "HASH", "--file", "big.bin", "--sessions", 1]


def measure(bench, server, seconds):
    first = gated(bench, server, [*LOAD_HASH, "--count", 1], seconds)
    result = gated(bench, server, LOAD_HASH, seconds)
    result["first_ms"] = first["p50_us"] / 1000
    result["failure"] = failure(first)
    return result
