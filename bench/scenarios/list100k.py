"""LIST of a folder of 100,000 entries, the first time after the server's start and repeated."""
from harness.scenario import Bar, LISTING, listing

GROUP = "Listings"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "reference:send-listing-blocking"]
ENTRIES = 100000
SHOW = LISTING
BARS = [Bar("entries_per_s", "pure-ftpd", at_least=2.0)]
SECONDS = 0
COST = 1.3
measure = listing("LIST")
