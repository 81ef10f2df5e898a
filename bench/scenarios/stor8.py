"""STOR of 64 MiB into memory, 8 sessions; each upload is unlinked once it is acknowledged."""
from harness.scenario import BLOCKING_RECEIVERS, EVENT_RECEIVERS, Bar

GROUP = "Uploads"
SERVERS = ["sluiced", "pure-ftpd", "vsftpd", "proftpd",
           *EVENT_RECEIVERS, *BLOCKING_RECEIVERS]
ROOT = "uploads"
LOAD = ["stor", "--sessions", 8, "--size", 64 << 20]
SHOW = ["cpu_s_per_gb", "total_cpu_s_per_gb", "gb_per_s", "jain"]
STRETCH = True  # Pure-FTPd may answer 451 to an upload in which it was stopped
BARS = [
    Bar("cpu_s_per_gb", "pure-ftpd", at_most=0.85),
    Bar("cpu_s_per_gb", EVENT_RECEIVERS, at_most=1.10),
]
