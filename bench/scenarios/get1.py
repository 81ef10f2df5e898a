"""One file of 1 GiB from sluiced into memory: sluice get beside curl and lftp."""
from harness.clients import get
from harness.scenario import Bar

GROUP = "Clients"
SERVERS = ["sluice", "curl", "lftp"]
SHOW = ["client_cpu_s_per_gb", "cpu_s_per_gb", "gb_per_s"]
BARS = [Bar("client_cpu_s_per_gb", ["curl", "lftp"], at_most=1.0)]
SECONDS = 0
COST = 1.6
measure = get("big.bin")
