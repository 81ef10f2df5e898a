"""TYPE E beside TYPE A: the same text of 34 MB, one session.

No other server has EBCDIC, so sluiced is compared with itself."""
from harness.scenario import SENDING, Bar, gated_steps

GROUP = "Text"
SERVERS = ["sluiced", "sluiced:ascii"]
NEEDS = ["TYPE E"]
SHOW = SENDING
BARS = [Bar("cpu_s_per_gb", "sluiced:ascii", at_most=1.3)]
COST = 0.5


def measure(bench, server, seconds):
    kind = "A" if server.name.endswith(":ascii") else "E"
    load = ["retr", "--type", kind, "--file", "text.txt"]
    return (yield from gated_steps(bench, server, load, seconds))
