"""LIST of a folder of 10,000 entries, the first time after the server's start and repeated."""
from harness.scenario import LISTING, listing

GROUP = "Listings"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "proftpd", "pyftpdlib", "reference:send-listing-blocking"]
ENTRIES = 10000
SHOW = LISTING
BARS = []
FRESH = True
SECONDS = 0
COST = 2
measure = listing("LIST", repeated=20)
