"""Starting and stopping servers, and the load against them.

A server is named by its file in servers/, with words after colons that the file
understands: `vsftpd`, `reference:send-splice-event:lowat`.
"""
import importlib.util
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

from . import accounting, processes, steps

STOPPED = struct.Struct("Q")  # nanoseconds for which a load was halted, where it reads them
START_S = 10
STOP_S = 5


class Unavailable(Exception):
    """Something that it takes is not here, which is nobody's failure; the text says what."""


class Failed(Exception):
    """The server does not do what it should; the text says what it does."""


def module_load(path):
    spec = importlib.util.spec_from_file_location("bench_" + os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def module_of(place, name):
    """The file in servers/ of a server by its name."""
    file = name.split(":")[0].replace("-", "_") + ".py"
    return module_load(os.path.join(place.bench, "servers", file))


class Server:
    """One running server. `place` says where things are (see run), `options` what the
    scenario wants: root, workers, passive. A server's file may set

        PACKAGE   the Debian package, for its version
        PROTOCOL  arguments that make the load speak other than FTP, or a function of the name
    """

    def __init__(self, name, place, port, options):
        self.name, self.port, self.place, self.options = name, port, place, dict(options)
        words = name.split(":")[1:]
        self.module = module_of(place, name)
        scratch = os.path.join(place.scratch, f"{name.replace(':', '-')}-{port}")
        os.makedirs(scratch, exist_ok=True)
        argv, environment = self.module.command(place, port, scratch, words, options)
        self.log_path = os.path.join(scratch, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-SB", os.path.join(place.bench, "harness/launcher.py"), *argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=scratch,
                env=dict(os.environ, **environment), start_new_session=True,
                preexec_fn=self._raise_files)
        self.group, self.tree = None, processes.Tree(self.process.pid, below=True)
        try:
            self._await()
            if place.check_accounting:
                self.group = accounting.Cgroup("cpuacct", scratch.replace("/", "-"))
                self.group.add(self.pid)
        except Exception:
            self.stop()
            raise

    @staticmethod
    def _raise_files():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def _await(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection((self.options["address"], self.port), 1).close()
                time.sleep(0.05)
                return
            except OSError:
                time.sleep(0.01)
        with open(self.log_path, errors="replace") as log:
            raise Failed("did not start: " + log.read()[-300:].strip())

    @property
    def pid(self):
        return self.process.pid

    @property
    def protocol(self):
        """What the load has to be told."""
        spoken = getattr(self.module, "PROTOCOL", [])
        return spoken(self.name) if callable(spoken) else spoken

    def cpu_s(self):
        """CPU time of the server's processes, without the launcher's own."""
        return accounting.tree_cpu_s(self.pid) - accounting.process_own_cpu_s(self.pid)

    def group_cpu_s(self):
        """The same by a control group, where asked for: to check the sum over processes."""
        if not self.group or not self.group.path:
            return 0
        return int(self.group.read("cpuacct.usage")) / 1e9

    def halt(self):
        """Has it stand still, the launcher apart."""
        self.tree.halt()

    def resume(self):
        self.tree.resume()

    def stop(self):
        """Ends the tree: asked first, then made to."""
        self.tree.close()
        pids = accounting.tree(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass
        for pid in pids:
            # The root's number stays ours until it is waited for; once it is, it is not.
            if pid != self.pid or self.process.poll() is None:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait()
        if self.group:
            self.group.remove()


class Load:
    """One running load generator against a server. One that takes turns is halted and resumed, and
    its clock stands still meanwhile."""

    def __init__(self, place, server, arguments, takes_turns=False):
        clock, shared = [], []
        self.stopped = self.halted_ns = None
        if takes_turns:
            shared = [os.memfd_create("clock")]
            os.truncate(shared[0], STOPPED.size)
            self.stopped = mmap.mmap(shared[0], STOPPED.size)
            clock = ["--clock", f"/proc/self/fd/{shared[0]}"]
        self.process = subprocess.Popen(
            [*server.options.get("load_prefix", []), place.load, *map(str, arguments), *clock,
             "--host", server.options["address"], "--port", str(server.port), *server.protocol],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=shared,
            preexec_fn=processes.die_with_parent)
        for each in shared:
            os.close(each)
        self.unread = b""

    def poll(self, timeout_s):
        """The next JSON line, or None where none comes in that time."""
        end = time.monotonic() + timeout_s
        while b"\n" not in self.unread:
            left = max(end - time.monotonic(), 0)
            if not processes.readable(self.process.stdout, left):
                return None
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            if not more:
                raise Failed("the load generator gave no line")
            self.unread += more
        text, _, self.unread = self.unread.partition(b"\n")
        return json.loads(text)

    def line(self, timeout_s):
        """The next JSON line."""
        line = self.poll(timeout_s)
        if line is None:
            raise Failed("the load generator gave no line")
        return line

    def halted_itself(self):
        """Once it has settled it stops, and goes on counting when it is resumed."""
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.halted_ns = time.monotonic_ns()

    def halt(self):
        self.process.send_signal(signal.SIGSTOP)
        self.halted_ns = self.halted_ns or time.monotonic_ns()

    def halted_s(self):
        """For how long in all."""
        now = time.monotonic_ns() - self.halted_ns if self.halted_ns else 0
        return (STOPPED.unpack(self.stopped)[0] + now) / 1e9

    def resume(self):
        stopped_ns, = STOPPED.unpack(self.stopped)
        self.stopped[:] = STOPPED.pack(stopped_ns + time.monotonic_ns() - self.halted_ns)
        self.halted_ns = None
        self.process.send_signal(signal.SIGCONT)

    def failure_beside(self):
        """What ended a load that was to run beside another one till now, or None."""
        if not self.unread and not processes.readable(self.process.stdout, 0):
            return None
        return "what was to run beside it ended: " + (failure(self.line(1)) or "nothing was left")

    def go(self):
        self.process.stdin.write(b"\n")

    def end(self):
        """Lets its sessions go, and returns what else it printed."""
        if self.halted_ns:
            self.resume()
        self.process.stdin.close()
        rest = self.unread + self.process.stdout.read()
        self.process.wait()
        return [json.loads(line) for line in rest.splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def entries_make(place, entries):
    """Makes a folder of so many entries, once; returns its name below the root."""
    subprocess.run([place.load, "fill", "--file", place.files, "--entries", str(entries)],
                   check=True)
    return f"entries-{entries}"


def tree_make(place, files):
    """Makes a tree of so many files, like the small ones, a hundred to a folder, once; returns its
    name below the root."""
    subprocess.run([place.load, "fill", "--file", place.files, "--tree", str(files)], check=True)
    return f"tree-{files}"


def reply_read(lines):
    """The last line of the next reply."""
    first = line = next(lines)
    while line[:4] != first[:3] + b" ":
        line = next(lines)
    return line.decode(errors="replace").strip()


def refusal(server, commands):
    """Logs in to a server and asks for what a scenario needs. Returns a sentence about the first
    of the commands that it refuses, or None. That it ends the connection is no refusal: its turn
    will tell."""
    try:
        with socket.create_connection((server.options["address"], server.port), 10) as control, \
                control.makefile("rb") as lines:
            reply = reply_read(lines)
            for command in ("USER anonymous", "PASS x", *commands):
                control.sendall(command.encode() + b"\r\n")
                reply = reply_read(lines)
                if reply[0] not in "23":
                    return f"{server.name} answers {command} with {reply}"
        return None
    except (OSError, StopIteration):
        return None


def failure(result):
    """What makes a result worthless, or None."""
    if result.get("wrong_bytes"):
        return f"{result['wrong_bytes']} wrong bytes"
    if result.get("errors"):
        return f"{result['errors']} errors: " + "; ".join(result["error_texts"])
    return None


def gated(place, server, arguments, seconds):
    """gated_steps without others to take turns with."""
    return steps.whole(gated_steps(place, server, arguments, seconds, None))


def gated_steps(place, server, arguments, seconds, turn_s=steps.TURN_S, beside=()):
    """Runs one gated load against a server; returns its result with the server's CPU time
    between the start and the end, its peak of memory, and figures derived from both. In steps of
    turn_s, of which the first begins once all sessions stand; None: in a single one. The loads
    `beside` stand still when it does."""
    timed = [] if "--count" in arguments else ["--seconds", seconds]
    # Where the reader or the line is what limits, a server fills queues of megabytes now and then;
    # how often within a measurement is chance, so what is in them counts as well.
    filled = "--pace" in arguments or "load_prefix" in server.options
    with Load(place, server, [*arguments, *timed, "--gate"], bool(turn_s)) as load:
        ready = load.line(150)
        if ready["errors"]:
            raise Failed(failure(ready))
        settles = "--settle" in arguments
        if settles:
            load.go()
            settled = load.line(150)
            if "settled" not in settled:
                raise Failed(failure(settled) or "the load ended before it had settled")
            if turn_s:
                load.halted_itself()
        client = steps.Together(load, *beside)
        if turn_s:
            steps.halt(client, server)
            yield
        queued = accounting.network_queued_bytes() if filled else 0
        before, group_before = server.cpu_s(), server.group_cpu_s()
        if not settles:
            load.go()
        result, busy = yield from steps.awaited(client, server, seconds + 150, turn_s)
        if not result:
            raise Failed("the load generator gave no line")
        result["cpu_s"] = server.cpu_s() - before
        result["more_queued_bytes"] = \
            accounting.network_queued_bytes() - queued if filled else 0
        result["other_cpus"] = \
            max(busy - result["cpu_s"] - result["client_cpu_s"], 0) / result["seconds"]
        result["cpu_group_s"] = server.group_cpu_s() - group_before
        result["peak_bytes"] = accounting.tree_peak_bytes(server.pid)
        server.resume()
        load.end()
    derive(result)
    return result


def derive(result):
    seconds, cpu = max(result["seconds"], 1e-9), result["cpu_s"]
    gigabytes, operations = result["bytes"] / 1e9, result["operations"]
    result["gb_per_s"] = gigabytes / seconds
    result["per_s"] = operations / seconds
    result["entries_per_s"] = result["entries"] / seconds
    sent = gigabytes + result.get("more_queued_bytes", 0) / 1e9
    if gigabytes and sent > 0:
        result["cpu_s_per_gb"] = cpu / sent
        result["total_cpu_s_per_gb"] = cpu / sent + result["client_cpu_s"] / gigabytes
    if operations:
        result["cpu_us_per_operation"] = cpu / operations * 1e6
