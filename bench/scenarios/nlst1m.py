"""NLST of a folder of 1,000,000 entries, the first time after the server's start and repeated.

Whether it is complete, and what it costs in memory; one round says that."""
from harness.scenario import LISTING, MORE_MEMORY, listing

GROUP = "Listings"
SERVERS = ["sluiced"]
ENTRIES = 1000000
SHOW = [*LISTING, MORE_MEMORY.metric]
BARS = [MORE_MEMORY]
ROUNDS = 1
SECONDS = 0
COST = 2
measure = listing("NLST")
