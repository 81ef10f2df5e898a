"""MLSD of a folder of 100,000 entries, one session."""
from harness.scenario import Bar, gated

SERVERS = ["sluiced", "pure-ftpd", "pyftpdlib"]
SHOW = ["entries_per_s", "p50_us", "cpu_s"]
BARS = [Bar("entries_per_s", "pure-ftpd", at_least=2.0)]


def measure(bench, server, seconds):
    result = gated(bench, server, ["list", "--verb", "MLSD", "--file", "many", "--count", 3], seconds)
    each = result["entries"] / max(result["operations"], 1)
    # "." and ".." and a line of a total may come on top.
    if not result["errors"] and not 100000 <= each <= 100003:
        result["failure"] = f"{each} entries instead of 100000"
    return result
