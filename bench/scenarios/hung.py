"""Small downloads, alone and beside 64 that wait for a file system that never answers.

It is one that a program brings (FUSE), and the program says nothing."""
import os
import shutil

from harness.mounts import hung
from harness.scenario import Bar, Failed, Load, failure, gated

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd"]
SHOW = ["kept", "times", "alone_p99_us", "beside_p99_us"]
BARS = [Bar("kept", at_least=0.8)]
ROOT = "uploads"
COST = 2
HOT = ["retr", "--sessions", 4, "--file", "hot.bin", "--expect", 65536]
WAITING = ["retr", "--sessions", 64, "--file", "hung/file", "--seconds", 60, "--gate"]


def measure(bench, server, seconds):
    shutil.copy(os.path.join(bench.files, "hot.bin"), bench.uploads)
    with hung(os.path.join(bench.uploads, "hung")):
        alone = gated(bench, server, HOT, seconds)
        with Load(bench, server, WAITING) as waiting:
            ready = waiting.line(30)
            if ready["errors"]:
                raise Failed(failure(ready))
            waiting.go()
            beside = gated(bench, server, HOT, seconds)
            wrong = failure(alone) or failure(beside) or waiting.failure_beside()
            waiting.process.terminate()
    return {"kept": beside["per_s"] / alone["per_s"], "alone_p99_us": alone["p99_us"],
            "beside_p99_us": beside["p99_us"], "times": beside["p99_us"] / alone["p99_us"],
            "other_cpus": alone["other_cpus"], "seconds": alone["seconds"],
            "failure": wrong}
