"""How evenly 8 sessions are dealt to two workers: each reads 20 MB/s, so a worker's CPU time
follows the number of its sessions (5 and 3 would show as 1.67). Seen from outside this is a hint: the readers' side disturbs it."""
from harness import accounting
from harness.scenario import BIG_RETR, Bar, gated

SERVERS = ["sluiced"]
SHOW = ["busiest_to_idlest_worker"]
BARS = [Bar("busiest_to_idlest_worker", at_most=1.4)]


def measure(bench, server, seconds):
    before = accounting.thread_cpu_s(server.pid)
    result = gated(bench, server, [*BIG_RETR, "--sessions", 8, "--pace", 20000000, "--settle", 2], seconds)
    after = accounting.thread_cpu_s(server.pid)
    spent = sorted((after[task] - before.get(task, 0) for task in after), reverse=True)
    result["busiest_to_idlest_worker"] = spent[0] / max(spent[1], 1e-9)
    return result
