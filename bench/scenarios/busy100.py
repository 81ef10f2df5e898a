"""How long a command waits beside 100 downloads at full speed: NOOP, one after the other.

The load generator needs a processor as well, so this is the scheduler's doing, too."""
from harness.scenario import Load, failure, gated

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd", "pure-ftpd"]
SHOW = ["p50_us", "p99_us", "per_s"]
BARS = []
COST = 0.8
COMMANDS = ["ctrl", "--file", "hot.bin", "--verb", "NOOP", "--sessions", 1, "--settle", 0.3]
DOWNLOADS = ["retr", "--file", "big.bin", "--sessions", 100, "--seconds", 60, "--gate"]


def measure(bench, server, seconds):
    with Load(bench, server, DOWNLOADS) as downloads:
        ready = downloads.line(30)
        downloads.go()
        result = gated(bench, server, COMMANDS, seconds)
        result["failure"] = failure(ready) or failure(result) or downloads.failure_beside()
    return result
