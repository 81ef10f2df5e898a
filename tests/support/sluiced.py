"""A real sluiced on loopback, for one test or several.

Started with ports of its own, ready when it says READY=1, stopped with SIGTERM. stop() raises
Failure if the server did not exit with 0 or if a sanitizer or an assertion spoke on its stderr.

    SLUICE_TEST_SLUICED   the binary (default: $SLUICED, or build/debug/sluiced)
    SLUICE_TEST_ENGINE    uring, epoll, or uring515 (the ring with the features of Linux 5.15)
"""

import atexit
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import ports

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REPORTS = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:"
                     r"|Assertion .* failed|^[^:]*: assert", re.MULTILINE)
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30


class Failure(Exception):
    """What a test found wrong, in words for the person who reads its output."""


def binary():
    default = os.environ.get("SLUICED") or os.path.join(PROJECT, "build/debug/sluiced")
    return os.path.abspath(os.environ.get("SLUICE_TEST_SLUICED", default))


def engine_arguments():
    engine = os.environ.get("SLUICE_TEST_ENGINE", "")
    known = {"": [], "uring": ["--ring=uring"], "epoll": ["--ring=epoll"], "uring515": ["--ring=uring"]}
    if engine not in known:
        raise SystemExit(f"SLUICE_TEST_ENGINE is {engine!r}; it can be uring, epoll or uring515")
    return known[engine]


def environment(**more):
    """The server's environment. The time zone is an odd one: whatever is not UTC shows."""
    result = dict(os.environ, TZ="ODD-5:30", LC_ALL="C.UTF-8", **more)
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "STATE_DIRECTORY",
                 "SLUICE_RING_MASK"):
        if name not in more:
            result.pop(name, None)
    if os.environ.get("SLUICE_TEST_ENGINE") == "uring515":
        result.setdefault("SLUICE_RING_MASK", "5.15")
    return result


def engine_is_wanted(log):
    """Whether the log line of the engine names the one asked for: a mask that is lost would go unseen."""
    match = re.search(r"info: engine: (.*)", log)
    line = match.group(1) if match else ""
    return {"": line != "", "epoll": line.startswith("epoll"),
            "uring": line.startswith("io_uring: ") and (" yes" in line or older_than(5, 18)),
            "uring515": line.startswith("io_uring: ") and line.count(" no") == line.count(",") + 1,
            }[os.environ.get("SLUICE_TEST_ENGINE", "")]


def older_than(*version):
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2]) < version


def password_hash(password, rounds=1000):
    """A crypt(3) hash, made cheap: the server's work is tested, not the hash's strength."""
    program = 'print crypt($ARGV[0], q($6$rounds=) . $ARGV[1] . q($saltsalt$))'
    return subprocess.check_output(["perl", "-e", program, password, str(rounds)], text=True)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:  # a kernel without it, or the process is gone
        pass
    result = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid:
            result.append(int(entry))
    return result


class NotifySocket:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.lines = []

    def wait(self, wanted, timeout_s=READY_TIMEOUT_S, still=lambda: True):
        """Waits until a line that starts with `wanted` has come. Returns it, or None."""
        deadline = time.monotonic() + timeout_s
        while True:
            for line in self.lines:
                if line.startswith(wanted):
                    return line
            if time.monotonic() > deadline:
                return None
            if select.select([self.socket], [], [], 0.05)[0]:
                self.lines += self.socket.recv(4096).decode().splitlines()
            elif not still():
                return None

    def close(self):
        self.socket.close()


class Sluiced:
    def __init__(self, root, options=(), passive_ports=16, workers=2, listen=None, passive=None, variables=None):
        self.slot = ports.take()
        self.port = self.slot.control
        self.passive = passive or self.slot.passive[:passive_ports]
        self.folder = tempfile.mkdtemp(prefix="sluiced-")
        os.chmod(self.folder, 0o711)  # for a server that is another user to reach the socket in it
        self.stderr_path = os.path.join(self.folder, "stderr")
        self.notify = NotifySocket(self.folder)
        if listen is None:
            listen = [f"127.0.0.1:{self.port}"] + ([f"[::1]:{self.port}"] if ports.have_ipv6() else [])
        self.arguments = [binary(), *engine_arguments(), "--root", str(root),
                          "--passive-ports", f"{self.passive[0]}-{self.passive[-1]}",
                          "--workers", str(workers)]
        for address in listen:
            self.arguments += ["--listen", address]
        self.arguments += options
        self.variables = variables or {}
        self.process = None
        self.server_pid = None
        self.log_tail = ""

    def start(self):
        if not os.access(self.arguments[0], os.X_OK):
            self.release()
            raise Failure(f"there is no {self.arguments[0]}; `make` builds it")
        atexit.register(self.abandon)  # a test that fails in the middle leaves no server behind
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=stderr,
                                            stderr=stderr,
                                            env=environment(NOTIFY_SOCKET=self.notify.path, **self.variables))
        if not self.notify.wait("READY=1", still=lambda: self.process.poll() is None):
            self.abandon()
            raise Failure(f"sluiced did not become ready: {' '.join(self.arguments)}\n{self.log_tail}")
        if not engine_is_wanted(self.log()):
            self.abandon()
            raise Failure(f"sluiced runs on another engine than {os.environ['SLUICE_TEST_ENGINE']}\n{self.log_tail}")
        self.find_server_process()
        return self

    def find_server_process(self):
        found = children(self.process.pid)
        self.server_pid = found[0] if found else self.process.pid

    def log(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as stderr:
            return stderr.read()

    def descriptors(self):
        """What the server process holds open, as a sorted list of link targets. Left out is what each worker
        opens once, when it first watches a folder, and then has (fs/watched_folders.h)."""
        workers = int(self.arguments[max(i for i, word in enumerate(self.arguments) if word == "--workers") + 1])
        of_watches = "anon_inode:inotify", "anon_inode:[eventpoll]", "/proc/N/mountinfo"
        result = []
        folder = f"/proc/{self.server_pid}/fd"
        for name in os.listdir(folder):
            try:
                result.append(re.sub(r"\d{3,}|(?<=^/proc/)\d+", "N", os.readlink(f"{folder}/{name}")))
            except OSError:
                pass
        for link in of_watches:
            expected = 2 * workers + 2  # the listing cache has some, too, and a worker others
            if result.count(link) > expected:
                raise Failure(f"{result.count(link)} times {link}, not at most {expected}")
        return sorted(link for link in result if link not in of_watches)

    def wait_for_descriptors(self, count, timeout_s=30):
        """Waits until the server holds no more than `count` descriptors. Returns how many it holds."""
        deadline = time.monotonic() + timeout_s
        while True:
            now = len(self.descriptors())
            if now <= count or time.monotonic() > deadline:
                return now
            time.sleep(0.005)

    def alive(self):
        return self.process.poll() is None and os.path.exists(f"/proc/{self.server_pid}")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def stop(self, signalled=False):
        if not signalled and self.process.poll() is None:
            self.signal()
        try:
            status = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise Failure(f"sluiced still ran {STOP_TIMEOUT_S} s after SIGTERM\n{self.log_tail}") from None
        self.release()
        if status != 0:
            raise Failure(f"sluiced ended with {status} instead of 0\n{self.log_tail}")
        report = REPORTS.search(self.log_tail)
        if report:
            raise Failure(f"sluiced reported {report.group(0)!r}\n{self.log_tail}")

    def abandon(self):
        """Ends the server at once, whatever its state. May be called again."""
        if self.process and self.process.poll() is None:
            for pid in children(self.process.pid) + [self.process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
        if self.slot and self.server_pid and self.is_ours(self.server_pid):
            os.kill(self.server_pid, signal.SIGKILL)  # it outlived its supervisor
        self.release()

    def is_ours(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as arguments:
                return f"{self.passive[0]}-{self.passive[-1]}".encode() in arguments.read()
        except OSError:
            return False

    def release(self):
        """Gives back the ports and the folder; keeps the end of the log, or its sanitizer report."""
        if not self.slot:
            return
        log = self.log() if os.path.exists(self.stderr_path) else ""
        report = REPORTS.search(log)
        self.log_tail = log[report.start():report.start() + 6000] if report else log[-2000:]
        self.notify.close()
        self.slot.give()
        self.slot = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *rest):
        if kind:
            self.abandon()
        else:
            self.stop()
