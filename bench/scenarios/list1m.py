"""LIST of a folder of 1,000,000 entries, the first time after the server's start and repeated."""
from harness.scenario import LISTING, listing

GROUP = "Listings"
SERVERS = ["sluiced", "vsftpd", "pure-ftpd", "reference:send-listing-blocking"]
ENTRIES = 1000000
SHOW = LISTING
BARS = []
FRESH = True
SECONDS = 0
COST = 5.2
measure = listing("LIST", repeated=1)
