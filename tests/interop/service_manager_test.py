#!/usr/bin/env python3
"""sluiced under a service manager: sockets handed over, news given, units that verify and are tight."""

import glob
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import ports  # noqa: E402
import wire  # noqa: E402
from checks import Skipped, expect, main, need, test  # noqa: E402
from sluiced import PROJECT, NotifySocket, Sluiced, binary, engine_arguments, environment  # noqa: E402

EXPOSURE_MAX = 1.5


class Handed:
    """A sluiced that gets its control socket as descriptor 3, as a service manager would give it."""

    def __init__(self, pid="$$", names=None, sockets=1, more=(), status=0, around=False):
        self.status = status
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-handed-")
        self.slot = ports.take()
        self.notify = NotifySocket(self.folder.name)
        self.sockets = []
        for offset in range(sockets):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.slot.control + (self.slot.passive[20] - self.slot.control) * offset))
            listener.listen(16)
            self.sockets.append(listener)
        variables = {"LISTEN_FDS": str(sockets), "NOTIFY_SOCKET": self.notify.path}
        if names:
            variables["LISTEN_FDNAMES"] = names
        self.stderr = open(os.path.join(self.folder.name, "stderr"), "w+b")
        arguments = [binary(), *engine_arguments(), "--passive-ports",
                     f"{self.slot.control if around else self.slot.passive[0]}-{self.slot.passive[7]}", *more,
                     self.folder.name]
        self.process = subprocess.Popen(["sh", "-c", f'LISTEN_PID={pid} exec "$@"', "sh", *arguments],
                                        env=environment(**variables), close_fds=False, preexec_fn=self.hand_over,
                                        stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr)

    def hand_over(self):
        copies = [os.dup(listener.fileno()) for listener in self.sockets]
        high = [os.dup2(copy, 200 + at) for at, copy in enumerate(copies)]
        for at, descriptor in enumerate(high):
            os.dup2(descriptor, 3 + at)
            os.close(descriptor)

    def log(self):
        self.stderr.seek(0)
        return self.stderr.read().decode("utf-8", "replace")

    def ready(self):
        return self.notify.wait("READY=1", still=lambda: self.process.poll() is None)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            if self.process.poll() is None:
                self.process.terminate()
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "nothing within 20 s of SIGTERM"
        log = self.log()
        for listener in self.sockets:
            listener.close()
        self.notify.close()
        self.stderr.close()
        self.slot.give()
        self.folder.cleanup()
        expect(kind or status == self.status, f"sluiced ended with {status}: {log}")


def greeting(port, address="127.0.0.1"):
    control = wire.Control(address, port)
    reply = control.read_reply()[0]
    control.close()
    return reply


@test
def a_socket_handed_over_is_served():
    with Handed() as handed:
        expect(handed.ready(), f"no READY=1: {handed.log()}")
        expect(greeting(handed.slot.control).startswith("220"), "no 220")


@test
def a_named_socket_is_served():
    with Handed(names="control") as handed:
        expect(handed.ready(), f"no READY=1: {handed.log()}")
        expect(greeting(handed.slot.control).startswith("220"), "no 220")


@test
def a_socket_that_bears_its_units_name_is_served():
    with Handed(names="sluiced.socket") as handed:
        expect(handed.ready(), f"no READY=1: {handed.log()}")
        expect(greeting(handed.slot.control).startswith("220"), "no 220")


@test
def a_socket_for_something_else_is_one_line_and_status_1():
    with Handed(names="control:http", sockets=2, status=1) as handed:
        expect(not handed.ready(), "READY=1 with a socket named http")
        expect(handed.log().count("\n") == 1 and "http" in handed.log(), f"it says {handed.log()!r}")


@test
def a_socket_among_the_passive_ports_is_one_line_and_status_1():
    with Handed(status=1, around=True) as handed:
        expect(not handed.ready(), "READY=1 with a control port that is a passive one")
        expect(handed.log().count("\n") == 1 and "lies within --passive-ports" in handed.log(), f"it says {handed.log()!r}")


@test
def two_sockets_handed_over_are_both_served():
    with Handed(names="control:control", sockets=2) as handed:
        expect(handed.ready(), f"no READY=1: {handed.log()}")
        for listener in handed.sockets:
            expect(greeting(listener.getsockname()[1]).startswith("220"), "no 220")


@test
def a_socket_for_another_process_is_not_taken():
    """LISTEN_PID of somebody else: the descriptors are not ours (sd_listen_fds(3))."""
    slot = ports.take()
    try:
        with Handed(pid="1", more=("--listen", f"127.0.0.1:{slot.control}")) as handed:
            expect(handed.ready(), f"no READY=1: {handed.log()}")
            expect(greeting(slot.control).startswith("220"), "no 220 on the socket of --listen")
            control = wire.Control("127.0.0.1", handed.slot.control)
            control.socket.settimeout(0.5)
            try:
                expect(not control.socket.recv(100), "a socket meant for another process is served")
            except socket.timeout:
                pass
            control.close()
    finally:
        slot.give()


@test
def a_handed_socket_stays_open_for_the_next_server():
    """What the manager passed belongs to the manager: after the drain it still listens."""
    with Handed() as handed:
        expect(handed.ready(), f"no READY=1: {handed.log()}")
        handed.process.terminate()
        expect(handed.process.wait(20) == 0, f"ended with {handed.process.returncode}: {handed.log()}")
        wire.Control("127.0.0.1", handed.slot.control).close()


@test
def systemd_socket_activate_starts_it():
    program = need("systemd-socket-activate")
    slot = ports.take()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--listen", f"127.0.0.1:{slot.control}", "--fdname=control", binary(),
             *engine_arguments(), "--passive-ports", f"{slot.passive[0]}-{slot.passive[3]}", folder],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(400):
                try:
                    reply = greeting(slot.control)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.025)
            else:
                expect(False, "systemd-socket-activate does not listen")
            expect(reply.startswith("220"), f"the first connection got {reply!r}")
            process.send_signal(signal.SIGTERM)
            status = process.wait(20)
            expect(status == 0, f"it ended with {status}")
        finally:
            if process.poll() is None:
                process.kill()
            slot.give()


@test
def the_service_manager_hears_ready_status_and_stopping():
    with tempfile.TemporaryDirectory() as folder:
        server = Sluiced(folder)
        server.start()
        expect(server.notify.wait("STATUS=", 5), f"no STATUS=, only {server.notify.lines}")
        server.signal()
        expect(server.notify.wait("STOPPING=1", 5), f"no STOPPING=1, only {server.notify.lines}")
        expect(server.notify.lines.count("READY=1") == 1, f"READY=1 more than once: {server.notify.lines}")
        server.stop(signalled=True)


@test
def ready_means_that_connections_are_served():
    with tempfile.TemporaryDirectory() as folder, Sluiced(folder) as server:
        expect(greeting(server.port).startswith("220"), "no 220 at once after READY=1")


@test
def the_units_verify():
    program = need("systemd-analyze")
    units = sorted(glob.glob(os.path.join(PROJECT, "systemd", "sluiced.*")))
    expect(len(units) == 2, f"systemd/ holds {units}")
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for unit in units:
            with open(unit, encoding="utf-8") as file:
                text = re.sub(r"^(ExecStart=)\S*sluiced", lambda m: m.group(1) + binary(), file.read(),
                              flags=re.MULTILINE)
            copies.append(os.path.join(folder, os.path.basename(unit)))
            with open(copies[-1], "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([program, "verify", "--man=no", *copies], capture_output=True, text=True,
                              timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "sluiced" in line]
    expect(done.returncode == 0 and not ours, f"systemd-analyze verify: {done.returncode}\n{done.stderr}")


@test
def the_service_is_exposed_to_no_more_than_1_5():
    program = need("systemd-analyze")
    unit = os.path.join(PROJECT, "systemd", "sluiced.service")
    done = subprocess.run([program, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX * 10:.0f}",
                           unit], capture_output=True, text=True, timeout=60, check=False)
    if "unrecognized option" in done.stderr:
        raise Skipped("systemd-analyze security --offline (systemd 250 or later)")
    expect(done.returncode == 0, f"{done.stdout[-600:]}{done.stderr[-600:]}")


def calls_of(name):
    """The system calls of a name in SystemCallFilter=, which may be a set of sets."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, timeout=60,
                          check=True)
    members = [line.strip() for line in done.stdout.splitlines()[1:]]
    return set().union(*(calls_of(member) for member in members if member and member[0] != "#"))


@test
def the_service_may_call_what_sluiced_needs_and_not_what_administers():
    need("systemd-analyze")
    allowed = set()
    with open(os.path.join(PROJECT, "systemd", "sluiced.service"), encoding="utf-8") as unit:
        for names in re.findall("^SystemCallFilter=(.*)$", unit.read(), re.MULTILINE):
            calls = set().union(*(calls_of(name) for name in names.lstrip("~").split()))
            allowed = allowed - calls if names.startswith("~") else allowed | calls
    needed = {"setpriority", "prlimit64", "io_uring_setup", "io_uring_enter", "io_uring_register", "splice",
              "sendfile", "openat2", "statx", "epoll_wait", "signalfd4", "execve", "bind", "accept4", "fallocate",
              "utimensat", "fchmodat", "fstatfs"}
    expect(needed <= allowed, f"the filter refuses {sorted(needed - allowed)}")
    refused = {"capset", "mount", "chown", "setuid", "sched_setscheduler", "set_mempolicy", "reboot", "bpf", "ptrace"}
    expect(not refused & allowed, f"the filter allows {sorted(refused & allowed)}")


if __name__ == "__main__":
    main()
