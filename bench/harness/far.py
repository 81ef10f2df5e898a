"""A long line to the server: see wan/wan.c."""
import contextlib
import subprocess
import time

from . import accounting, processes
from .servers import Unavailable

NEAR = "10.77.0.1"


@contextlib.contextmanager
def line(place, server, **options):
    """While it stands, every load reaches the server over it. options: delay, loss, rate …"""
    argv = [place.wan, *(f"--{name}={value}" for name, value in options.items())]
    wan = subprocess.Popen(argv, stdout=subprocess.PIPE)
    try:
        if not processes.readable(wan.stdout, 5) or wan.stdout.readline() != b"ready\n":
            raise Unavailable("no TUN devices or no second network namespace here")
        server.options["load_prefix"] = ["nsenter", f"--net=/proc/{wan.pid}/ns/net"]
        server.options["address"] = NEAR
        yield wan.pid
    finally:
        server.options.pop("load_prefix", None)
        wan.kill()
        wan.wait()
        wan.stdout.close()


def over_line(load, **options):
    """The measure function of a load over such a line."""
    from .scenario import gated

    def measure(bench, server, seconds):
        with line(bench, server, **options) as wan:
            began = time.monotonic()
            result = gated(bench, server, load, seconds)
            cpus = accounting.process_own_cpu_s(wan) / (time.monotonic() - began)
        # The line itself is no other load.
        result["other_cpus"] = max(result["other_cpus"] - cpus, 0)
        result["mb_per_s"] = result["gb_per_s"] * 1000
        return result
    return measure
