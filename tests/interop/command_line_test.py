#!/usr/bin/env python3
"""sluiced on the command line: what it says, with which exit status, and how it ends."""

import ctypes
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
import seccomp  # noqa: E402
from checks import Skipped, expect, main, same, test  # noqa: E402
from client import fetch  # noqa: E402
from network import in_new_network  # noqa: E402
from sluiced import Sluiced, binary, children, environment, password_hash  # noqa: E402

NOBODY = 65534


def run(*arguments, user=None, folder=None, prepare=None, variables=None):
    """Runs sluiced to its end. Returns (status, stdout, stderr)."""
    try:
        done = subprocess.run([binary(), *arguments], env=environment(**(variables or {})), preexec_fn=prepare, text=True, timeout=20, cwd=folder,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, user=user,
                              extra_groups=[] if user else None, group=user)
    except subprocess.TimeoutExpired:
        expect(False, f"sluiced {' '.join(arguments)} still runs after 20 s")
    return done.returncode, done.stdout, done.stderr


def refused(status, words, *arguments, **how):
    """sluiced must end with the status and one line on stderr in which all the words occur."""
    got, out, err = run(*arguments, **how)
    said = f"sluiced {' '.join(arguments)}: status {got}, stdout {out!r}, stderr {err!r}"
    expect(got == status, f"expected status {status}: {said}")
    expect(out == "", f"expected nothing on stdout: {said}")
    expect(err.count("\n") == 1 and err.endswith("\n"), f"expected one line: {said}")
    for word in words:
        expect(word in err, f"expected {word!r} in it: {said}")


class Folder(tempfile.TemporaryDirectory):
    def __enter__(self):
        os.chmod(self.name, 0o755)
        return self.name


@test
def wrong_arguments_are_one_line_and_status_2():
    with Folder() as folder:
        refused(2, ["--nonsense"], "--nonsense", folder)
        refused(2, ["--ebcdic nonsense", "iconv"], "--ebcdic", "nonsense", folder)
        refused(2, ["--ebcdic UTF-8", "one byte"], "--ebcdic", "UTF-8", folder)
        refused(2, ["--ebcdic 870:UTF-8", "behind its colon"], "--ebcdic", "870:UTF-8", folder)
        refused(2, ["--listen", "nonsense", ":"], "--listen", "nonsense", folder)
        refused(2, ["--listen", "127.0.0.1:70000"], "--listen", "127.0.0.1:70000", folder)
        refused(2, ["--listen", "::1:21"], "--listen", "::1:21", folder)
        refused(2, ["--passive-ports", "LOW-HIGH"], "--passive-ports", "50000", folder)
        refused(2, ["--passive-ports"], "--passive-ports", "50010-50000", folder)
        refused(2, ["--passive-ports"], "--passive-ports", "0-70000", folder)
        refused(2, ["--workers", "many"], "--workers", "many", folder)
        refused(2, ["--workers"], "--workers", "0", folder)
        refused(2, ["--workers"], "--workers", "-1", folder)
        refused(2, ["--idle-timeout"], "--idle-timeout", "soon", folder)
        refused(2, ["--login-timeout"], "--login-timeout", "1x", folder)
        refused(2, ["--data-timeout"], "--data-timeout", "", folder)
        refused(2, ["--max-sessions"], "--max-sessions", "99999999999999999999", folder)
        refused(2, ["--fxp", "on", "off"], "--fxp=perhaps", folder)
        refused(2, ["--ring", "uring", "epoll"], "--ring=select", folder)
        refused(2, ["--uploads", "in-place", "atomic"], "--uploads=never", folder)
        refused(2, ["--root"], folder, "--root")
        refused(2, ["--user no-such-user", "no such user"], "--user", "no-such-user", folder)


@test
def an_argument_cannot_split_the_line():
    refused(2, ["--workers", "many"], "--workers", "many\nmore", "/")
    refused(1, ["/no"], "--listen", "127.0.0.1:2121", "/no\nsuch\x1b[2Jfolder")


@test
def a_missing_or_second_folder_is_status_2():
    refused(2, [])
    with Folder() as folder:
        refused(2, [], folder, folder)


@test
def a_folder_that_is_missing_or_a_file_is_status_1():
    with Folder() as folder:
        path = os.path.join(folder, "a file")
        with open(path, "w", encoding="ascii"):
            pass
        refused(1, ["/nonexistent/folder"], "/nonexistent/folder")
        refused(1, [path], "--listen", "127.0.0.1:2121", path)


@test
def a_folder_that_cannot_be_read_is_status_1():
    user = NOBODY if os.getuid() == 0 else None
    with Folder() as folder:
        path = os.path.join(folder, "closed")
        os.mkdir(path, 0o000)
        slot = ports.take()
        try:
            if user and not user_can_run(user):
                raise Skipped(f"another user cannot execute {binary()}")
            refused(1, [path], "--listen", f"127.0.0.1:{slot.control}", "--passive-ports",
                    f"{slot.passive[0]}-{slot.passive[1]}", path, user=user)
        finally:
            slot.give()
            os.chmod(path, 0o755)


@test
def folders_of_users_and_hosts_that_cannot_be_entered_are_status_1():
    user = NOBODY if os.getuid() == 0 else None
    with Folder() as folder:
        path = os.path.join(folder, "closed")
        os.mkdir(path, 0o000)
        users = os.path.join(folder, "users")
        with open(users, "w", encoding="ascii") as file:
            file.write(f"ann:{password_hash('secret')}:{path}\n")
        os.chmod(users, 0o644)
        slot = ports.take()
        where = ["--listen", f"127.0.0.1:{slot.control}", "--passive-ports", f"{slot.passive[0]}-{slot.passive[1]}"]
        try:
            if user and not user_can_run(user):
                raise Skipped(f"another user cannot execute {binary()}")
            refused(1, [f"{users}:1", path, "ermission"], *where, "--users", users, folder, user=user)
            refused(1, ["--host one", path, "ermission"], *where, f"--host=one={path}", folder, user=user)
        finally:
            slot.give()
            os.chmod(path, 0o755)


def user_can_run(user):
    return subprocess.run(["test", "-x", binary()], user=user, group=user, extra_groups=[],
                          check=False).returncode == 0


@test
def a_users_file_that_is_missing_or_wrong_is_refused():
    slot = ports.take()
    with Folder() as folder:
        path = os.path.join(folder, "users")
        where = ["--listen", f"127.0.0.1:{slot.control}",
                 "--passive-ports", f"{slot.passive[0]}-{slot.passive[3]}"]
        refused(1, ["/nonexistent/users"], *where, "--users", "/nonexistent/users", folder)
        with open(path, "w", encoding="ascii") as file:
            file.write("alice has no colon\n")
        status, _, err = run(*where, "--users", path, folder)
        expect(status in (1, 2) and err.count("\n") == 1 and path in err,
               f"a wrong line in --users: status {status}, stderr {err!r}")


@test
def a_port_in_use_is_status_1():
    with Folder() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        slot = ports.take()
        passive = f"{slot.passive[0]}-{slot.passive[3]}"
        refused(1, [str(port)], "--listen", f"127.0.0.1:{port}", "--passive-ports", passive, folder)
        slot.give()


@test
def a_passive_port_in_use_is_status_1():
    slot = ports.take()
    with Folder() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", slot.passive[2]))
        taken.listen(1)
        refused(1, [str(slot.passive[2])], "--listen", f"127.0.0.1:{slot.control}", "--passive-ports",
                f"{slot.passive[0]}-{slot.passive[4]}", folder)
    slot.give()


@test
def an_address_of_another_machine_is_status_1():
    slot = ports.take()
    with Folder() as folder:
        refused(1, ["192.0.2.1"], "--listen", f"192.0.2.1:{slot.control}", "--passive-ports",
                f"{slot.passive[0]}-{slot.passive[3]}", folder)
    slot.give()


@test
def a_ring_that_is_forbidden_is_status_1():
    slot = ports.take()
    with Folder() as folder:
        refused(1, ["--ring=uring", "not permitted", "--ring=auto"], "--ring=uring",
                "--listen", f"127.0.0.1:{slot.control}",
                "--passive-ports", f"{slot.passive[0]}-{slot.passive[3]}", folder, prepare=lambda: seccomp.refuse("io_uring_setup"))
    slot.give()


@test
def a_mask_with_an_unknown_word_is_status_1():
    slot = ports.take()
    with Folder() as folder:
        refused(1, ["SLUICE_RING_MASK", "5.14"], "--listen", f"127.0.0.1:{slot.control}",
                "--passive-ports", f"{slot.passive[0]}-{slot.passive[3]}", folder,
                variables={"SLUICE_RING_MASK": "buffer-rings,5.14"})
    slot.give()


@test
def version_and_help_are_status_0():
    status, out, err = run("--version")
    same("--version", (0, ""), (status, err))
    expect(re.fullmatch(r"sluiced? .*\d+\.\d+.*\n", out), f"--version says {out!r}")
    status, out, err = run("--help")
    same("--help", (0, ""), (status, err))
    for option in ("--listen", "--root", "--passive-ports", "--workers", "--anonymous-write", "--users", "--user NAME",
                   "--no-anonymous", "--idle-timeout", "--login-timeout", "--data-timeout", "--max-sessions",
                   "--max-sessions-per-address", "--fxp", "--listing-cache", "--ring", "--transfer-memory", "--uploads", "--verbose",
                   "--version", "--help"):
        expect(option in out, f"--help does not name {option}")


@test
def the_first_log_line_names_folder_addresses_and_port():
    with Folder() as folder, Sluiced(folder) as server:
        first = server.log().splitlines()[0]
        for word in (folder, str(server.port), "127.0.0.1"):
            expect(word in first, f"the first line does not name {word}: {first!r}")


class Bare:
    """`sluiced DIR` and nothing else; its first log line is `first`."""

    def __init__(self, folder, prepare=None, through=()):
        self.folder = folder
        self.prepare = prepare
        self.through = through

    def __enter__(self):
        with open(os.path.join(self.folder, "a"), "w", encoding="ascii") as file:
            file.write("hello")
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*self.through, binary(), self.folder], env=environment(),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.stderr,
                                        preexec_fn=self.prepare)
        for _ in range(400):
            self.stderr.seek(0)
            self.first = self.stderr.readline()
            if self.first.endswith("\n"):
                break
            time.sleep(0.025)
        return self

    def __exit__(self, kind, *rest):
        self.process.terminate()
        status = self.process.wait(20)
        self.stderr.close()
        expect(kind or status == 0, f"sluiced ended with {status}")

    def says(self, *words):
        for word in words:
            expect(word in self.first, f"the first line does not say {word!r}: {self.first!r}")


def bare(port, prepare=None):
    """Serves a folder on the port, and everybody may read there."""
    with Folder() as folder, Bare(folder, prepare) as server:
        ipv6 = ports.have_ipv6()
        server.says(f"serving {folder} on ", f"[::]:{port}," if ipv6 else f"0.0.0.0:{port},",
                    "read-only to anonymous users", "passive ports 32000-32255")
        for address in ["127.0.0.1"] + (["::1"] if ipv6 else []):
            fetch(address, port, "a", b"hello")


def without_low_ports():
    """In the child: what is started from here has no CAP_NET_BIND_SERVICE."""
    pr_capbset_drop, cap_net_bind_service = 24, 10
    if ctypes.CDLL(None).prctl(pr_capbset_drop, cap_net_bind_service, 0, 0, 0) < 0:
        raise OSError("PR_CAPBSET_DROP")


@test
def a_folder_alone_is_served_on_port_21():
    in_new_network(lambda: bare(21))


@test
def a_folder_alone_is_served_on_port_2121_without_privilege():
    in_new_network(lambda: bare(2121, without_low_ports))


@test
def a_low_port_without_privilege_is_status_1():
    def low_port():
        with Folder() as folder:
            refused(1, ["127.0.0.1:21", "permission", "--listen"], "--listen", "127.0.0.1:21", folder, user=NOBODY)
            refused(1, ["127.0.0.1:1023", "permission"], "--listen", "127.0.0.1:1023", folder,
                    prepare=without_low_ports)

    if os.getuid() == 0 and not user_can_run(NOBODY):
        raise Skipped(f"another user cannot execute {binary()}")
    in_new_network(low_port)


@test
def the_first_line_says_what_anonymous_users_may_do():
    with Folder() as folder:
        users = os.path.join(folder, "users")
        with open(users, "w", encoding="ascii") as file:
            file.write(f"ann:{password_hash('secret')}:{folder}\n")
        for options, says in (([], "read-only to anonymous users;"),
                              (["--anonymous-write"], "writable by everybody, anonymous users too;"),
                              (["--users", users], "read-only to anonymous users, writable by others;"),
                              (["--users", users, "--no-anonymous"], "writable by users, closed to anonymous ones;")):
            with Sluiced(folder, options) as server:
                first = server.log().splitlines()[0]
                expect(says in first, f"the first line with {options} is {first!r}, without {says!r}")


@test
def the_folder_can_be_given_without_root():
    """`sluiced DIR` serves all addresses; with --listen only those. One dual-stack listener takes both families."""
    slot = ports.take()
    host = "[::]" if ports.have_ipv6() else "0.0.0.0"
    with Folder() as folder:
        with open(os.path.join(folder, "a"), "w", encoding="ascii") as file:
            file.write("hello")
        process = subprocess.Popen([binary(), "--listen", f"{host}:{slot.control}", "--passive-ports",
                                    f"{slot.passive[0]}-{slot.passive[3]}", folder], env=environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            for address in ["127.0.0.1"] + (["::1"] if ports.have_ipv6() else []):
                fetch(address, slot.control, "a", b"hello")
        finally:
            process.terminate()
            status = process.wait(20)
            slot.give()
    same("exit status", 0, status)


@test
def no_process_survives_the_supervisor():
    with Folder() as folder:
        server = Sluiced(folder).start()
        child = server.server_pid
        expect(child != server.process.pid, "there is no server process beside the supervisor")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        for _ in range(400):
            if not os.path.exists(f"/proc/{child}/exe"):
                break
            time.sleep(0.025)
        else:
            os.kill(child, signal.SIGKILL)
            expect(False, "the server process goes on without its supervisor")
        server.release()


def holds_nothing(pid, *more):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        lines = dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)
    for name in ("CapPrm", "CapEff", "CapAmb", *more):
        same(name, 0, int(lines[name], 16))


@test
def the_server_process_has_no_capability():
    with Folder() as folder, Sluiced(folder) as server:
        holds_nothing(server.server_pid, "CapInh")


@test
def no_capability_is_left_where_capset_is_refused():
    """As systemd/sluiced.service starts it: a user with one ambient capability and a filter of calls."""
    as_service = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                  "--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service",
                  *seccomp.without("capset")]

    def serves():
        with Folder() as folder, Bare(folder, through=as_service) as server:
            server.says(":21,")
            fetch("127.0.0.1", 21, "a", b"hello")
            holds_nothing(children(server.process.pid)[0])

    if os.getuid() == 0 and not user_can_run(NOBODY):
        raise Skipped(f"another user cannot execute {binary()}")
    in_new_network(serves)


if __name__ == "__main__":
    main()
