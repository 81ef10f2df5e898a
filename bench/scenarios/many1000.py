"""1,000 sessions from one address on 16 passive ports, 100,000 verified transfers."""
from harness.scenario import SMALL, Bar

GROUP = "Many sessions"
SERVERS = ["sluiced"]
SECONDS = 0
ROUNDS = 3
COST = 5
LOAD = ["many", "--sessions", 1000, "--count", 100000]
SHOW = [*SMALL, "errors", "replies_425", "wrong_bytes"]
BARS = [Bar("errors", at_most=0), Bar("replies_425", at_most=0)]
