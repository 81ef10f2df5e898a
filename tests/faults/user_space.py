"""How many bytes a server's process had in its own memory: those of the system calls of all its
threads, as strace tells them, and those of the ring's operations, as the table of faults counts them."""

import os
import re
import time

from checks import need
from sluiced import Failure

MOVING = ("read,readv,pread64,preadv,preadv2,write,writev,pwrite64,pwritev,pwritev2,"
          "sendto,sendmsg,sendmmsg,recvfrom,recvmsg,recvmmsg,vmsplice,mmap")
# One call, perhaps the second half of one that another thread's came between.
CALL = re.compile(r"\d+ +([\d.]+) (?:<\.\.\. )?(\w+)(?:\(| resumed>).* = (\d+)\b")
# A file is in user space as soon as it is mapped.
MAPPED = re.compile(r"\d+ +([\d.]+) mmap\([^,]*, (\d+), .*, \d+<([^>]*)>, ")
END_TIMEOUT_S = 60


class Tracer:
    """Traces a server from its start, its children too."""

    def __init__(self, server, path):
        self.server = server
        self.path = path
        # -D: the server stays our child, and gets our signals.
        server.arguments = [need("strace"), "-D", "-f", "-q", "-y", "-ttt", "-s", "0", "--seccomp-bpf",
                            "-e", "trace=" + MOVING, "-o", path, *server.arguments]

    def lines(self):
        """What was traced, once the server has ended and strace has written all of it."""
        end = re.compile(rf"{self.server.process.pid} +[\d.]+ \+\+\+ exited with")
        deadline = time.monotonic() + END_TIMEOUT_S
        while time.monotonic() < deadline:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
            if any(end.match(line) for line in lines):
                return lines
            time.sleep(0.02)
        raise Failure(f"strace did not see the end of the server: {lines[-3:]}")

    def bytes_by_call(self, since, root):
        """{name of a call: bytes} of what ended after the time `since`; of mmap files below root alone."""
        result = {}
        for line in self.lines():
            mapped = MAPPED.match(line)
            call = CALL.match(line)
            if mapped:
                if mapped.group(3).startswith(root + os.sep):
                    result["mmap"] = result.get("mmap", 0) + int(mapped.group(2))
            elif call and call.group(2) in ("read", "write") and call.group(3) == "8":
                pass  # a thread wakes another: the count of an eventfd
            elif call and call.group(2) != "mmap" and float(call.group(1)) >= since:
                result[call.group(2)] = result.get(call.group(2), 0) + int(call.group(3))
        return result
