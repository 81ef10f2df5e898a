"""A tree of 10,000 files of 1 to 16 KiB from sluiced into memory by 8 sessions: sluice mirror
beside lftp mirror -P8."""
from harness.clients import mirror
from harness.scenario import Bar

GROUP = "Clients"
SERVERS = ["sluice", "lftp"]
TREE = 10000
SHOW = ["wall_s", "client_cpu_s", "cpu_s"]
BARS = [Bar("wall_s", "lftp", at_most=0.5)]
SECONDS = 0
COST = 3
measure = mirror(sessions=8)
