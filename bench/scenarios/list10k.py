"""LIST of a folder of 10,000 entries, the first time after the server's start and repeated."""
from harness.scenario import LISTING, listing

GROUP = "Listings"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "reference:send-listing-blocking"]
ENTRIES = 10000
SHOW = LISTING
BARS = []
SECONDS = 0
COST = 1.0
measure = listing("LIST")
