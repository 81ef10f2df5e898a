"""Random files of 1 to 16 KiB, 16 sessions, EPSV and RETR for each, beside the bare dialogue.

By themselves: what sluiced keeps of a file it looks at again once a second, so the longer others have
their turns, the more often."""
from harness.scenario import SMALL, SMALL_RETR, Bar

DIALOGUES = ["reference:dialogue", "reference:dialogue:together"]
GROUP = "Small files"
SERVERS = ["sluiced", *DIALOGUES]
LOAD = SMALL_RETR
SHOW = SMALL
BARS = [
    Bar("cpu_us_per_operation", DIALOGUES, at_most=1.15),
    Bar("cpu_us_per_operation", DIALOGUES, at_most=1.05),
]
