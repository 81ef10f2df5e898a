"""RETR of 1 GiB from the page cache, 8 sessions, with 1, 2 and 4 workers."""
from harness.scenario import BIG_RETR, SENDING

GROUP = "Workers"
SERVERS = [f"sluiced:workers={n}" for n in (2, 1, 4)] + \
    [f"reference:send-splice-event:threads={n}" for n in (1, 2, 4)]
LOAD = [*BIG_RETR, "--sessions", 8]
SHOW = ["gb_per_s", *[each for each in SENDING if each != "gb_per_s"]]
BARS = []
