"""RETR of 1 GiB by 16 sessions over 200 Mbit/s, 50 ms there and back, 0.01 % of all packets lost.

Two network namespaces with a program between them that lets packets pass late, slowly and not
always; the losses are the same in every round. The congestion control is what limits all servers
here, so a difference means that one of them does not keep its socket filled."""
from harness.far import over_line
from harness.scenario import BIG_RETR

GROUP = "Long distance"
SERVERS = ["sluiced", "vsftpd", "reference:send-sendfile-event"]
SHOW = ["mb_per_s", "cpu_s_per_gb", "jain"]
BARS = []
OPTIONS = {"address": "0.0.0.0"}
SECONDS = 0.8
COST = 1.7
measure = over_line([*BIG_RETR, "--sessions", 16, "--settle", 1.2], delay=25, loss=0.01, rate=200)
