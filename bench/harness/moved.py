"""Bytes that a server moves through user space: by system calls, which strace sees, and by
operations of an io_uring, which it does not see and the kernel's trace points do."""
import contextlib
import os
import re
import signal
import subprocess
import time

from . import accounting, mounts
from .servers import Unavailable

CALLS = ("read readv pread64 preadv preadv2 recvfrom recvmsg recvmmsg write writev pwrite64 "
         "pwritev pwritev2 sendto sendmsg sendmmsg mmap").split()
OPERATIONS = set("READV WRITEV READ_FIXED WRITE_FIXED READ WRITE SENDMSG RECVMSG SEND RECV SEND_ZC "
                 "SENDMSG_ZC".split())
SUBMITTED = re.compile(r"-(\d+) +\[.* io_uring_submit_req: .* req (\w+), .*opcode (\w+)")
COMPLETED = re.compile(r"io_uring_complete: .* req (\w+), .*result (-?\d+)")
MAPPED_FILE = re.compile(r"mmap\((?:NULL|0x[0-9a-f]+), (\d+), .*, (\d+), 0(?:x[0-9a-f]+)?\)")
RETURNED = re.compile(r"= (\d+)$")


def bytes_of_call(line):
    """The bytes that one line of strace says were moved."""
    if "mmap(" in line:
        mapped = MAPPED_FILE.search(line)
        return int(mapped.group(1)) if mapped else 0
    returned = RETURNED.search(line.rstrip())
    return int(returned.group(1)) if returned else 0


def bytes_of_operations(lines, tasks):
    """Sums what the io_uring operations of these threads moved: a completion says how much, the
    submission of the same request before it what it was, and whose."""
    total, moving = 0, {}
    for line in lines:
        match = SUBMITTED.search(line)
        if match:
            task, request, operation = match.groups()
            moving[request] = int(task) in tasks and operation in OPERATIONS
            continue
        match = COMPLETED.search(line)
        if match and moving.get(match.group(1)):
            total += max(int(match.group(2)), 0)
    return total


class Trace:
    """The kernel's trace points of io_uring, in an instance of our own."""

    def __init__(self, scratch):
        folder = os.path.join(scratch, "tracing")
        os.makedirs(folder, exist_ok=True)
        mounts.mount("tracefs", folder, "tracefs")
        self.mounted = folder
        self.folder = f"{folder}/instances/sluice-bench-{os.getpid()}"
        try:
            os.mkdir(self.folder)
            self.write("buffer_size_kb", 16384)
            for event in ("submit_req", "complete"):
                self.write(f"events/io_uring/io_uring_{event}/enable", 1)
        except OSError as error:
            self.close()
            raise Unavailable(f"the ring's operations cannot be traced: {error}") from None

    def write(self, file, value):
        with open(f"{self.folder}/{file}", "w") as opened:
            opened.write(str(value))

    def lines(self):
        with open(f"{self.folder}/trace", errors="replace") as file:
            return [line for line in file if not line.startswith("#")]

    def close(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)
        mounts.unmount(self.mounted)


class Strace:
    def __init__(self, pid, scratch):
        self.path = os.path.join(scratch, "strace")
        attach = [word for each in accounting.tree(pid)[1:] for word in ("-p", str(each))]
        try:
            self.process = subprocess.Popen(
                ["strace", "-f", "-qq", "-s", "0", "-e", "trace=" + ",".join(CALLS), "-e",
                 "signal=none", "-o", self.path, *attach], stderr=subprocess.DEVNULL)
        except OSError:
            raise Unavailable("strace is not installed") from None
        time.sleep(0.5)  # until it is attached to every thread

    def stop(self):
        """Returns the bytes of all calls."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        with open(self.path, errors="replace") as file:
            return sum(map(bytes_of_call, file))


def through_user_space(server, scratch, ring, work):
    """Calls work(); returns the bytes that the server moved through user space meanwhile."""
    trace = Trace(scratch) if ring else None
    try:
        strace = Strace(server.pid, scratch)
        try:
            work()
            tasks = accounting.thread_cpu_s(server.pid).keys()
        finally:
            moved = strace.stop()
        return moved + (bytes_of_operations(trace.lines(), tasks) if trace else 0)
    finally:
        if trace:
            trace.close()
