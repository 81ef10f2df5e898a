"""Small hot downloads, alone and beside one of a file that has to come from a slow disk.

The disk is slowed by a control group (blkio) where there is one; else the file lies in a file
system of the benchmark's own (FUSE) that answers as slowly."""
import contextlib
import os
import time

from harness import accounting, mounts
from harness.scenario import Bar, Load, alone_and_beside, twin

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd"]
SHOW = ["times", "alone_p99_us", "beside_p99_us"]
BARS = [Bar("times", at_most=3.0)]
COST = 1.5
HOT = ["probe", "--file", "hot.bin", "--expect", 65536]
COLD = ["retr", "--seconds", 60, "--gate", "--file"]
DISK_BYTES_PER_S = 60000000


def evict(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextlib.contextmanager
def slow_disk(bench, server):
    """Gives the cold file's name, and a function that slows the server's processes of now."""
    group = accounting.Cgroup("blkio", "cold")
    if not group.path:
        with mounts.slow(f"{bench.files}/slow", f"{bench.files}/cold.bin", DISK_BYTES_PER_S):
            yield "slow/file", lambda: None
        return
    device = os.stat(f"{bench.files}/cold.bin").st_dev
    disk = f"{os.major(device)}:{os.minor(device)}"
    try:
        group.write("blkio.throttle.read_bps_device", f"{disk} {DISK_BYTES_PER_S}")
        evict(f"{bench.files}/cold.bin")
        yield "cold.bin", lambda: group.add(server.pid)
    finally:
        # Unlimited again, so that nobody who waits for the disk outlives the group's end.
        group.write("blkio.throttle.read_bps_device", f"{disk} 0")
        server.stop()
        group.remove()


def measure(bench, server, seconds):
    with slow_disk(bench, server) as (name, slow_down):
        slow_down()
        with twin(bench, server) as quiet, Load(bench, server, COLD + [name], True) as cold:
            cold.line(10)
            slow_down()  # a server that forks has a new process now
            began = time.monotonic()
            cold.go()
            alone, beside, wrong = alone_and_beside(bench, quiet, server, HOT, cold, seconds)
            ran_s = time.monotonic() - began - cold.halted_s()
        if ran_s * DISK_BYTES_PER_S > os.path.getsize(f"{bench.files}/cold.bin"):
            wrong = "the cold file was finished before the hot downloads"
    return {"times": beside["p99_us"] / max(alone["p99_us"], 1e-9), "failure": wrong,
            "other_cpus": alone["other_cpus"], "seconds": alone["seconds"],
            "alone_p99_us": alone["p99_us"], "beside_p99_us": beside["p99_us"]}
