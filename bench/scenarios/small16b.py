"""Random files of 1 to 16 KiB, 16 sessions, in MODE B on data connections that stay.

HTTP on connections that stay does the same: here nginx is what the bar is held to."""
from harness.scenario import SMALL, SMALL_RETR, Bar

GROUP = "Small files"
SERVERS = ["sluiced", "nginx"]
NEEDS = ["MODE B"]
LOAD = [*SMALL_RETR, "--mode", "B"]
SHOW = SMALL
BARS = [Bar("cpu_us_per_operation", "nginx", at_most=1.5)]
