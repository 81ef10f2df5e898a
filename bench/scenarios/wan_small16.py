"""Random files of 1 to 16 KiB by 16 sessions, 50 ms there and back, 0.01 % of all packets lost.

What counts is how often a client has to wait for the other end: EPSV and its reply, the data
connection with RETR, the file. HTTP on a connection that stays needs one such turn."""
from harness.far import over_line

GROUP = "Long distance"
SERVERS = ["sluiced", "pure-ftpd", "nginx", "reference:dialogue"]
SHOW = ["per_s", "p50_us", "p99_us", "cpu_us_per_operation"]
BARS = []
OPTIONS = {"address": "0.0.0.0"}
SECONDS = 0.8
COST = 0.6
measure = over_line(["small", "--sessions", 16], delay=25, loss=0.01, rate=200)
