"""Small downloads, alone and beside 64 that wait for a file system that never answers.

It is one that a program brings (FUSE), and the program says nothing."""
import os
import shutil

from harness.mounts import hung
from harness.scenario import Bar, Failed, Load, alone_and_beside, failure, twin

GROUP = "Slow beside fast"
SERVERS = ["sluiced", "vsftpd"]
SHOW = ["kept", "times", "alone_p99_us", "beside_p99_us"]
BARS = [Bar("kept", at_least=0.8)]
ROOT = "uploads"
COST = 2
HOT = ["retr", "--sessions", 4, "--file", "hot.bin", "--expect", 65536]
WAITING = ["retr", "--sessions", 64, "--file", "hung/file", "--seconds", 60, "--gate"]


def measure(bench, server, seconds):
    root = server.options["root"]
    shutil.copy(os.path.join(bench.files, "hot.bin"), root)
    with hung(os.path.join(root, "hung")), twin(bench, server) as quiet, \
            Load(bench, server, WAITING, takes_turns=True) as waiting:
        ready = waiting.line(30)
        if ready["errors"]:
            raise Failed(failure(ready))
        waiting.go()
        alone, beside, wrong = alone_and_beside(bench, quiet, server, HOT, waiting, seconds)
    return {"kept": beside["per_s"] / alone["per_s"], "alone_p99_us": alone["p99_us"],
            "beside_p99_us": beside["p99_us"], "times": beside["p99_us"] / alone["p99_us"],
            "other_cpus": alone["other_cpus"], "seconds": alone["seconds"],
            "failure": wrong}
