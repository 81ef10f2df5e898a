"""What a server costs: CPU time, memory and threads of its whole process tree.

CPU time comes from the CPU clock of each living process, exact to the nanosecond and with
all its threads (those the kernel runs for a ring included). Of children that have exited,
only their parent's sum is left, in ticks of 10 ms: a run that forks for each session has to
last long enough for that to vanish.
"""
import os
import time

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2
GROWTH, GROWTH_S = 0.02, 0.4
ESTABLISHED = "01"  # in /proc/net/tcp


def tree(pid):
    """The process and all its living descendants."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append(pid)
        for task in tasks:
            try:
                with open(f"/proc/{pid}/task/{task}/children") as file:
                    waiting += map(int, file.read().split())
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def process_own_cpu_s(pid):
    """The CPU clock of one living process, without its children."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def process_cpu_s(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    exited_children = (int(fields[13]) + int(fields[14])) * TICK_S
    try:
        own = process_own_cpu_s(pid)
    except OSError:  # a zombie
        own = (int(fields[11]) + int(fields[12])) * TICK_S
    return own + exited_children


def tree_cpu_s(pid):
    return sum(process_cpu_s(each) for each in tree(pid))


def machine_busy_s():
    """CPU time that the whole machine has spent, time stolen by its host included."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal = \
            map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) * TICK_S


def queued_bytes(lines):
    """Bytes in the queues of all connections, to be sent and to be read, in the form of
    /proc/net/tcp."""
    total = 0
    for line in lines:
        words = line.split()
        if len(words) > 4 and words[3] == ESTABLISHED:
            total += sum(int(part, 16) for part in words[4].split(":"))
    return total


def network_queued_bytes():
    """Those of the network namespace of the servers."""
    with open("/proc/net/tcp") as file:
        return queued_bytes(file)


def tcp_memory_bytes():
    """What the buffers of all connections of the machine hold."""
    with open("/proc/net/sockstat") as file:
        words = next(line for line in file if line.startswith("TCP:")).split()
    return int(words[words.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE")


def growth_await(value, limit_s, now=time.monotonic, sleep=time.sleep):
    """Waits until value() has not grown by over GROWTH for GROWTH_S, as buffers do until they are
    full. Returns whether that was within limit_s."""
    most, since = value(), now()
    end = since + limit_s
    while now() < end:
        if now() - since >= GROWTH_S:
            return True
        sleep(0.05)
        found = value()
        if found > most * (1 + GROWTH):
            most, since = found, now()
    return False


def tree_pss_bytes(pid):
    total = 0
    for each in tree(pid):
        try:
            with open(f"/proc/{each}/smaps_rollup") as file:
                for line in file:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def tree_peak_bytes(pid):
    """What the tree's processes have had in memory at most, each at its own time."""
    total = 0
    for each in tree(pid):
        try:
            with open(f"/proc/{each}/status") as file:
                total += sum(int(line.split()[1]) * 1024 for line in file
                             if line.startswith("VmHWM:"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def tree_threads(pid):
    """All threads, those that the kernel runs in the processes' name included."""
    total = 0
    for each in tree(pid):
        try:
            total += len(os.listdir(f"/proc/{each}/task"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def thread_cpu_s(pid):
    """{thread: seconds} of the tree's threads."""
    found = {}
    for each in tree(pid):
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{task}/schedstat") as file:
                    found[int(task)] = int(file.read().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


OPCODE_RECV = 27  # IORING_OP_RECV


def waiting_receives(pid):
    """{(process, descriptor): number}: for each ring of the tree the receives that it waits
    with, for each epoll the descriptors in it."""
    found = {}
    for each in tree(pid):
        folder = f"/proc/{each}/fd"
        try:
            for fd in os.listdir(folder):
                kind = os.readlink(f"{folder}/{fd}")
                if kind in ("anon_inode:[io_uring]", "anon_inode:[eventpoll]"):
                    with open(f"/proc/{each}/fdinfo/{fd}") as file:
                        lines = [line.split() for line in file]
                    found[each, fd] = sum(1 for line in lines if line and line[0] in (
                        f"op={OPCODE_RECV},", "tfd:"))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return found


def kernel_memory_bytes():
    """Slab, kernel stacks and page tables of the whole machine."""
    wanted = ("Slab:", "KernelStack:", "PageTables:")
    with open("/proc/meminfo") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(wanted))


class Cgroup:
    """A control group (version 1) of one controller for a server, where the machine allows
    it; empty and removed at the end. `path` is None, and `why` says so, where it does not."""

    def __init__(self, controller, name):
        self.path, self.why = None, None
        path = f"/sys/fs/cgroup/{controller}/sluice-bench-{os.getpid()}-{name}"
        try:
            os.mkdir(path)
            self.path = path
        except OSError as error:
            self.why = f"no {controller} control group: {error.strerror}"

    def write(self, file, text):
        with open(f"{self.path}/{file}", "w") as opened:
            opened.write(str(text))

    def read(self, file):
        with open(f"{self.path}/{file}") as opened:
            return opened.read()

    def add(self, pid):
        for each in tree(pid):
            self.write("cgroup.procs", each)

    def remove(self):
        for _ in range(50 if self.path else 0):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)
