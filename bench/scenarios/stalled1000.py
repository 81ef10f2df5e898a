"""Four fast downloads, alone and beside 1,000 of which nothing is read."""
from harness import accounting
from harness.scenario import BIG_RETR, Bar, Load, failure, gated

SERVERS = ["sluiced", "pyftpdlib", "vsftpd"]
SHOW = ["alone_gb_per_s", "beside_gb_per_s", "kept", "more_threads"]
BARS = [Bar("kept", at_least=0.8), Bar("more_threads", at_most=0)]
FRESH = True
FAST = [*BIG_RETR, "--sessions", 4]


def measure(bench, server, seconds):
    alone = gated(bench, server, FAST, seconds)
    threads = accounting.tree_threads(server.pid)
    with Load(bench, server.port, ["stall", "--sessions", 1000, "--file", "big.bin",
                                   "--source-ips", 16, "--deadline", 300]) as stalled:
        ready = stalled.line(120)
        more_threads = accounting.tree_threads(server.pid) - threads
        beside = gated(bench, server, FAST, seconds)
        stalled.end()
    return {"alone_gb_per_s": alone["gb_per_s"], "beside_gb_per_s": beside["gb_per_s"],
            "kept": beside["gb_per_s"] / alone["gb_per_s"], "more_threads": more_threads,
            "failure": failure(alone) or failure(ready) or failure(beside)}
