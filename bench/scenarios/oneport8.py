"""One passive port for eight workers: 100 sessions, 10,000 verified transfers."""
from harness.scenario import SMALL, Bar

GROUP = "Many sessions"
SERVERS = ["sluiced"]
OPTIONS = {"passive": (20000, 20000), "workers": 8}
SECONDS = 0
COST = 1
LOAD = ["many", "--sessions", 100, "--count", 10000]
SHOW = [*SMALL, "errors", "replies_425", "wrong_bytes"]
BARS = [Bar("errors", at_most=0), Bar("replies_425", at_most=0)]
