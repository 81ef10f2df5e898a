"""What scenario files are written with.

A scenario is a file in scenarios/: a sentence at its head (a second paragraph explains), then

    GROUP    one of GROUPS, its chapter in the report
    SERVERS  names (see servers.py), or names of clients (see clients.py); the first is the one
             under test
    LOAD     arguments of the load generator
    SHOW     the figures to print; the first is drawn
    BARS     what the first server has to meet
    SECONDS  of one measurement, where one is too short to be steady
    ROUNDS   exactly so many, where more say nothing
    TURN     seconds of each turn, where what follows a pause is not what goes on (see steps.py)
    STRETCH  True where turns would change what is measured (see steps.py)
    NEEDS    commands that the server under test must not refuse; where it does, the scenario is
             skipped and says so
    COST     seconds that one measurement takes besides
    ROOT     "files" (default) or "uploads", a folder in memory
    ENTRIES  of the folder that is listed, options["folder"]; --quick makes a tenth
    TREE     files of the tree that is mirrored, options["tree"]; --quick makes a tenth
    OPTIONS  for the server: workers, passive, file, folder, address
    measure  a function (bench, server, seconds) -> result, where one load is not enough; a
             generator where the servers may take turns in it (see steps.py)
"""
import contextlib

from . import accounting, steps
from .servers import Failed, Load, Server, Unavailable, derive, failure  # noqa: F401
from .servers import gated, gated_steps  # noqa: F401
from .verdict import Bar  # noqa: F401

GROUPS = ["Large files", "Small files", "Uploads", "Text", "Listings", "Commands and logins",
          "Many sessions", "Slow beside fast", "Long distance", "Workers", "Clients", "Kernel path"]

BIG = 1 << 30
BUFFERS_FULL_S = 15  # at most, of a load beside another
TEXT = 8192 * 4128  # bytes of text.txt, in lines of 64.5 bytes on average
TEXT_RETR = ["retr", "--type", "A", "--file", "text.txt", "--expect", TEXT + 8192 * 64]
BIG_RETR = ["retr", "--file", "big.bin", "--expect", BIG, "--settle", 0.4]
# Once a server has what it keeps of the files, as one that runs for days has.
SMALL_RETR = ["small", "--sessions", 16, "--settle", 0.4]
# A reader's buffer as large as what comes in 17 ms at the highest pace, on every connection.
PACED = ["--receive-buffer", 1 << 18, "--pace"]
EVENT_SENDERS = ["reference:send-sendfile-event", "reference:send-splice-event",
                 "reference:send-sendfile-event:lowat", "reference:send-splice-event:lowat"]
BLOCKING_SENDERS = ["reference:send-sendfile-blocking", "reference:send-splice-blocking"]
EVENT_RECEIVERS = ["reference:receive-write-event", "reference:receive-splice-event"]
BLOCKING_RECEIVERS = ["reference:receive-write-blocking", "reference:receive-splice-blocking"]
SENDING = ["cpu_s_per_gb", "total_cpu_s_per_gb", "gb_per_s", "jain"]
SMALL = ["cpu_us_per_operation", "per_s", "p50_us", "p99_us"]


def setting(words, name, standard):
    """The N of "name=N" among a server's words, as text."""
    return next((word.partition("=")[2] for word in words if word.startswith(name + "=")),
                str(standard))


PORTS_APART = 100  # of a server and its twin


@contextlib.contextmanager
def twin(bench, server):
    """A second server of the same kind, while it is needed."""
    second = Server(server.name, bench, server.port + PORTS_APART, server.options)
    try:
        yield second
    finally:
        second.stop()


def alone_and_beside(bench, alone, server, load, other, seconds):
    """A load against a server that does nothing else, by turns with the same load against one that
    has another one as well. Returns both results, and what makes them worthless, or None."""
    results = steps.interleaved({
        "alone": gated_steps(bench, alone, load, seconds),
        "beside": gated_steps(bench, server, load, seconds, beside=[other])})
    first, second = results["alone"], results["beside"]
    return first, second, failure(first) or failure(second) or other.failure_beside()


def beside(bench, server, fast, slow, seconds, slow_goes=False):
    """A load alone, then beside another that stands ready (and goes, where it is gated), once the
    buffers of that one are full. Not by turns: these fill the memory of all connections there are,
    and a twin's are among them."""
    alone = gated(bench, server, fast, seconds)
    threads = accounting.tree_threads(server.pid)
    with Load(bench, server, slow) as other:
        ready = other.line(120)
        if slow_goes and not ready["errors"]:
            other.go()
        full = accounting.growth_await(accounting.tcp_memory_bytes, BUFFERS_FULL_S)
        more_threads = accounting.tree_threads(server.pid) - threads
        second = gated(bench, server, fast, seconds)
        wrong = failure(alone) or failure(ready) or failure(second) or other.failure_beside() or \
            (None if full else f"buffers still grew after {BUFFERS_FULL_S} s")
        other.process.terminate()
    return {"alone_gb_per_s": alone["gb_per_s"], "beside_gb_per_s": second["gb_per_s"],
            "kept": second["gb_per_s"] / alone["gb_per_s"], "more_threads": more_threads,
            "other_cpus": alone["other_cpus"], "seconds": alone["seconds"], "failure": wrong}


MORE_MEMORY = Bar("more_memory_mib", at_most=64)


REPEATED_S = 0.3
REPEATED_MAX = 1000


def listing(verb):
    """The measure function of a listing: the first time with a server just started, then again,
    as often as REPEATED_S has room for, by how long once takes. At a stretch: what a server keeps
    of a folder may grow old while others have their turns."""
    def measure(bench, server, seconds):
        memory = accounting.tree_peak_bytes(server.pid)
        folder = server.options["folder"]
        entries = int(folder.partition("-")[2])
        load = ["list", "--verb", verb, "--file", folder, "--count"]
        first = gated(bench, server, [*load, 1], seconds)
        repeated, result = 1, gated(bench, server, [*load, 1], seconds)
        if result["seconds"] < REPEATED_S / 2 and not failure(result):
            repeated = min(int(REPEATED_S / max(result["seconds"], 1e-9)), REPEATED_MAX)
            result = gated(bench, server, [*load, repeated], seconds)
        result["first_entries_per_s"] = first["entries_per_s"]
        result["cpu_us_per_entry"] = result["cpu_s"] / max(result["entries"], 1) * 1e6
        peak = max(first["peak_bytes"], result["peak_bytes"])
        result["more_memory_mib"] = (peak - memory) / (1 << 20)
        result["failure"] = failure(first)
        for each, times in ((first, 1), (result, repeated)):
            # "." and ".." and a line of a total may come on top.
            if not each["errors"] and not 0 <= each["entries"] / times - entries <= 3:
                result["failure"] = f"{each['entries'] / times:.0f} entries instead of {entries}"
        return result
    return measure


LISTING = ["entries_per_s", "first_entries_per_s", "cpu_us_per_entry"]


def idle(sessions):
    """The measure function of so many idle sessions."""
    def hold(bench, server, number):
        load = Load(bench, server, ["idle", "--sessions", number, "--source-ips", 16,
                                    "--deadline", 300])
        return load, load.line(200)

    def kernel_bytes(group):
        return int(group.read("memory.kmem.usage_in_bytes")) if group.path else \
            accounting.kernel_memory_bytes()

    def look(server, group):
        return (accounting.tree_pss_bytes(server.pid) / 1024, kernel_bytes(group) / 1024,
                accounting.tree_threads(server.pid), server.cpu_s())

    def measure(bench, server, seconds):
        group = accounting.Cgroup("memory", "idle")
        try:
            if group.path:
                group.add(server.pid)
            hold(bench, server, 100)[0].end()  # what the first sessions bring is no growth
            before = look(server, group)
            load, ready = hold(bench, server, sessions)
            with load:
                pss, kernel, threads, cpu = (b - a for a, b in zip(before, look(server, group)))
                load.end()
            return {"failure": failure(ready), "ready": ready["ready"],
                    "pss_kib_per_session": pss / sessions,
                    "kernel_kib_per_session": kernel / sessions,
                    "more_threads": threads, "cpu_s": cpu}
        finally:
            server.stop()
            group.remove()
    return measure


IDLE = ["pss_kib_per_session", "kernel_kib_per_session", "more_threads", "cpu_s"]
