"""RETR of 1 GiB from the page cache, 8 sessions, with 1, 2 and 4 workers."""
from harness.scenario import BIG_RETR, SENDING

GROUP = "Workers"
SERVERS = ["sluiced:workers=2", "sluiced:workers=1", "sluiced:workers=4",
           "reference:send-splice-event:threads=2"]
LOAD = [*BIG_RETR, "--sessions", 8]
SHOW = ["gb_per_s", *[each for each in SENDING if each != "gb_per_s"]]
BARS = []
