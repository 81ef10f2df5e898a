"""MLSD of a folder of 1,000,000 entries, the first time after the server's start and repeated."""
from harness.scenario import LISTING, listing

GROUP = "Listings"
SERVERS = ["sluiced", "pure-ftpd"]
ENTRIES = 1000000
SHOW = LISTING
BARS = []
FRESH = True
SECONDS = 0
COST = 5.2
measure = listing("MLSD", repeated=1)
