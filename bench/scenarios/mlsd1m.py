"""MLSD of a folder of 1,000,000 entries, the first time after the server's start and repeated."""
from harness.scenario import LISTING, MORE_MEMORY, listing

GROUP = "Listings"
SERVERS = ["sluiced", "pure-ftpd"]
ENTRIES = 1000000
SHOW = [*LISTING, MORE_MEMORY.metric]
BARS = [MORE_MEMORY]
SECONDS = 0
COST = 5
measure = listing("MLSD")
