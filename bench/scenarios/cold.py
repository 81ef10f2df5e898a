"""Small hot downloads, alone and beside one of a file that has to come from a slow disk."""
import os
import time

from harness import accounting
from harness.scenario import Bar, Load, Unavailable, failure, gated

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd"]
SHOW = ["alone_p99_us", "beside_p99_us", "times", "cold_mb_per_s"]
BARS = [Bar("times", at_most=3.0)]
FRESH = True
COST = 1.5
HOT = ["probe", "--file", "hot.bin", "--expect", 65536]
DISK_BYTES_PER_S = 60000000


def evict(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(bench, server, seconds):
    group = accounting.Cgroup("blkio", "cold")
    if not group.path:
        raise Unavailable(group.why)
    try:
        path = os.path.join(bench.files, "cold.bin")
        device = os.stat(path).st_dev
        group.write("blkio.throttle.read_bps_device",
                    f"{os.major(device)}:{os.minor(device)} {DISK_BYTES_PER_S}")
        group.add(server.pid)
        alone = gated(bench, server, HOT, seconds)
        evict(path)
        with Load(bench, server, ["retr", "--file", "cold.bin", "--seconds", 60,
                                       "--gate"]) as cold:
            cold.line(10)
            group.add(server.pid)  # a server that forks has a new process now
            before, began = server.cpu_s(), time.monotonic()
            cold.go()
            beside = gated(bench, server, HOT, seconds)
            cold.process.terminate()
        result = {"alone_p99_us": alone["p99_us"], "beside_p99_us": beside["p99_us"],
                  "times": beside["p99_us"] / max(alone["p99_us"], 1e-9),
                  "cold_mb_per_s": DISK_BYTES_PER_S / 1e6, "cpu_s": server.cpu_s() - before,
                  "failure": failure(alone) or failure(beside)}
        if (time.monotonic() - began) * DISK_BYTES_PER_S > os.path.getsize(path):
            result["failure"] = "the cold file was finished before the hot downloads"
        return result
    finally:
        server.stop()
        group.remove()
