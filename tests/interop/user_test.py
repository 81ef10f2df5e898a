#!/usr/bin/env python3
"""sluiced --user: started as root, it serves as somebody else, with that user's files and no more."""

import hashlib
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import ports  # noqa: E402
import wire  # noqa: E402
from checks import Skipped, expect, main, same, test, wait_until  # noqa: E402
from client import command, fetch, greet, log_in  # noqa: E402
from network import in_new_network  # noqa: E402
from representation import Form  # noqa: E402
from representing import Representing, same_content  # noqa: E402
from sluiced import Sluiced, binary, children, environment, password_hash  # noqa: E402

USER = "nobody"
BIND_LOW = 1 << 10  # CAP_NET_BIND_SERVICE
CONTENT = b"one\ntwo\n" * 2000


def need_root():
    if os.geteuid() != 0:
        raise Skipped("only root becomes somebody else")
    who = pwd.getpwnam(USER)
    if subprocess.run(["test", "-x", binary()], user=who.pw_uid, group=who.pw_gid, extra_groups=[],
                      check=False).returncode != 0:
        raise Skipped(f"{USER} cannot execute {binary()}")
    return who


class Place(tempfile.TemporaryDirectory):
    """The user's folder with files in it: "public" and "private" are root's, "shared" belongs to the user."""

    def __init__(self):
        self.user = need_root()
        super().__init__(prefix="sluice-user-")

    def __enter__(self):
        os.chmod(self.name, 0o755)
        self.root = os.path.join(self.name, "served")
        os.mkdir(self.root)
        self.own(self.root)
        for name, mode in (("public", 0o644), ("private", 0o600), ("shared", 0o600)):
            self.write(name, mode)
        self.own(self.path("shared"))
        os.mkdir(self.path("closed"), 0o755)
        return self

    def path(self, name):
        return os.path.join(self.root, name)

    def own(self, path):
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def write(self, name, mode):
        with open(self.path(name), "wb") as file:
            file.write(CONTENT)
        os.chmod(self.path(name), mode)

    def server(self, *options, user=USER, **more):
        return Sluiced(self.root, ["--anonymous-write", *(["--user", user] if user else []), *options], **more)

    def is_users(self, name, content=None):
        info = os.stat(self.path(name))
        same(f"owner of {name}", (self.user.pw_uid, self.user.pw_gid), (info.st_uid, info.st_gid))
        if content is not None:
            with open(self.path(name), "rb") as file:
                same(name, content, file.read())


def store(control, line, content, code="150"):
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.Data(wire.open_socket("127.0.0.1", port))
    command(control, line, code)
    if code == "150":
        data.send(content)
    data.close()
    if code == "150":
        expect(control.read_reply()[0].startswith("226"), f"no 226 of {line}")


def listing(control, line):
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.Data(wire.open_socket("127.0.0.1", port))
    command(control, line, "150")
    text = data.read_all().decode()
    data.close()
    expect(control.read_reply()[0].startswith("226"), f"no 226 of {line}")
    return text


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)


def is_the_user(pid, user, capabilities):
    lines = status_of(pid)
    same("Uid", [str(user.pw_uid)] * 4, lines["Uid"].split())
    same("Gid", [str(user.pw_gid)] * 4, lines["Gid"].split())
    same("Groups", sorted(os.getgrouplist(user.pw_name, user.pw_gid)), sorted(map(int, lines["Groups"].split())))
    for name in ("CapPrm", "CapEff", "CapBnd"):
        expect(int(lines[name], 16) | capabilities == capabilities, f"{name} is {lines[name]}")
    same("CapAmb", 0, int(lines["CapAmb"], 16))


@test
def both_processes_are_the_user_and_hold_no_more_than_low_ports():
    with Place() as place, place.server() as server:
        is_the_user(server.process.pid, place.user, BIND_LOW)
        is_the_user(server.server_pid, place.user, BIND_LOW)
        for name in ("CapPrm", "CapEff", "CapInh"):
            same(name, 0, int(status_of(server.server_pid)[name], 16))
        expect(f"user {USER}" in server.log().splitlines()[1], server.log())


@test
def a_private_file_of_root_is_550_and_one_of_the_user_is_sent():
    with Place() as place, place.server() as server:
        fetch("127.0.0.1", server.port, "public", CONTENT)
        fetch("127.0.0.1", server.port, "shared", CONTENT)
        control = log_in("127.0.0.1", server.port)
        _, port = wire.passive_port(command(control, "EPSV", "229"))
        data = wire.Data(wire.open_socket("127.0.0.1", port))
        command(control, "RETR private", "550")
        command(control, "HASH private", "552")
        data.close()
        control.close()


@test
def uploads_belong_to_the_user():
    for options in ((), ("--uploads=atomic",)):
        with Place() as place, place.server(*options) as server:
            control = log_in("127.0.0.1", server.port)
            for line in ("STOR new", "APPE new", "STOR shared"):
                store(control, line, CONTENT)
            place.is_users("new", 2 * CONTENT)
            place.is_users("shared", CONTENT)
            command(control, "MKD folder", "257")
            place.is_users("folder")
            command(control, "SITE CPFR public", "350")
            command(control, "SITE CPTO folder/copy", "250")
            place.is_users("folder/copy", CONTENT)
            command(control, "SITE LINK shared linked", "2")
            same("names of shared", 2, os.stat(place.path("shared")).st_nlink)
            command(control, "SITE CHMOD 640 new", "2")
            same("mode of new", 0o640, stat.S_IMODE(os.stat(place.path("new")).st_mode))
            command(control, "MFMT 20010203040506 new", "213")
            command(control, "RNFR new", "350")
            command(control, "RNTO folder/new", "250")
            command(control, "DELE folder/new", "250")
            control.close()


@test
def what_is_roots_is_not_changed():
    with Place() as place, place.server() as server:
        control = log_in("127.0.0.1", server.port)
        store(control, "STOR closed/new", CONTENT, "553")
        store(control, "APPE public", CONTENT, "550")
        command(control, "MKD closed/folder", "550")
        command(control, "SITE CHMOD 777 public", "550")
        same("in the closed folder", [], os.listdir(place.path("closed")))
        control.close()


@test
def facts_and_listings_tell_what_the_user_may_do():
    with Place() as place, place.server("--listing-cache=8M") as server:
        control = log_in("127.0.0.1", server.port)
        command(control, "OPTS MLST type;size;perm;UNIX.owner;", "200")
        first = listing(control, "MLSD")
        facts = dict(reversed(line.split(" ", 1)) for line in first.splitlines())
        expect("UNIX.owner=0;" in facts["public"] and "perm=" in facts["public"], first)
        expect(f"UNIX.owner={place.user.pw_uid};" in facts["shared"], first)

        def perm(name):
            return facts[name].lower().partition("perm=")[2].partition(";")[0]

        expect("r" in perm("public") and "w" not in perm("public"), first)
        expect("r" not in perm("private"), first)
        expect("r" in perm("shared") and "w" in perm("shared"), first)
        expect("c" not in perm("closed"), first)
        same("again, from memory", first, listing(control, "MLSD"))
        store(control, "STOR another", b"x")
        expect("another" in listing(control, "MLSD"), "a listing is sent that is outdated")
        expect("private" in listing(control, "LIST"), "LIST tells less")
        command(control, "SIZE public", "213")
        control.close()


@test
def hashes_are_kept_with_the_users_files():
    with Place() as place:
        try:
            os.setxattr(place.path("closed"), "user.any", b"")
        except OSError:
            raise Skipped("no attributes of users in this file system") from None
        with place.server("--hash-xattr=on") as server:
            control = log_in("127.0.0.1", server.port)
            time.sleep(0.1)  # what changed a moment ago is not remembered
            for name in ("public", "shared"):
                same(f"HASH {name}", hashlib.sha256(CONTENT).hexdigest(), command(control, f"HASH {name}", "213").split()[3])
            control.close()
        same("how many of the user's file", 1, len(os.listxattr(place.path("shared"))))
        same("of root's file", [], os.listxattr(place.path("public")))


@test
def every_representation_works():
    with Place() as place, place.server() as server, Representing(server.port) as session:
        for form in (Form("A N", "F", "S"), Form("I", "F", "B"), Form("I", "F", "Z"), Form("A N", "R", "C")):
            session.put(form, "up", CONTENT)
            place.is_users("up", CONTENT)
            same_content(f"RETR, {form}", CONTENT, session.get(form, "up"))


@test
def a_new_server_process_is_the_user_too():
    with Place() as place, place.server() as server:
        old = server.server_pid
        os.kill(old, signal.SIGKILL)
        new = wait_until(lambda: [pid for pid in children(server.process.pid) if pid != old], "no new server process")[0]
        wait_until(lambda: status_of(new)["Name"] == "sluiced", "it does not start")
        server.server_pid = new
        fetch("127.0.0.1", server.port, "shared", CONTENT)
        is_the_user(new, place.user, BIND_LOW)
        same("CapEff", 0, int(status_of(new)["CapEff"], 16))


@test
def low_ports_are_bound_before_and_left_from_afterwards():
    def from_port_20():
        with Place() as place, place.server(listen=["127.0.0.1:21"]):
            control = wire.Control("127.0.0.1", 21)
            greet(control)
            command(control, "USER anonymous", "331")
            command(control, "PASS guest@", "230")
            command(control, "TYPE I", "200")
            for _ in range(3):
                active(control)
            control.close()

    in_new_network(from_port_20)


def active(control):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        command(control, f"EPRT |1|127.0.0.1|{listener.getsockname()[1]}|", "200")
        command(control, "RETR public", "150")
        sock, peer = listener.accept()
        same("port of the server", 20, peer[1])
        data = wire.Data(sock)
        same("public", CONTENT, data.read_all())
        data.close()
        expect(control.read_reply()[0].startswith("226"), "no 226")


@test
def the_key_of_markers_stays_roots_own():
    with Place() as place, tempfile.TemporaryDirectory(prefix="sluice-state-") as state:
        with place.server(variables={"STATE_DIRECTORY": state}) as server:
            expect("marker" not in server.log(), server.log())
        with open(os.path.join(state, "marker-key"), "rb") as file:
            key = file.read()
        with place.server(variables={"STATE_DIRECTORY": state}) as server:
            expect("marker" not in server.log(), server.log())
        with open(os.path.join(state, "marker-key"), "rb") as file:
            same("the key", key, file.read())


def refused(place, words, *options, root=None, **how):
    """It ends with 1 and one line in which all the words occur."""
    slot = ports.take()
    try:
        done = subprocess.run([binary(), "--listen", f"127.0.0.1:{slot.control}", "--passive-ports",
                               f"{slot.passive[0]}-{slot.passive[3]}", "--user", USER, *options, root or place.root],
                              env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                              check=False, **how)
    finally:
        slot.give()
    said = f"{options} {root}: {done.returncode}, {done.stderr!r}"
    expect(done.returncode == 1 and done.stderr.count("\n") == 1, said)
    for word in words:
        expect(word in done.stderr, f"expected {word!r}: {said}")


@test
def without_the_right_to_change_it_is_status_1():
    with Place() as place:
        other = pwd.getpwnam("daemon")
        refused(place, [f"--user {USER}", "root"], user=other.pw_uid, group=other.pw_gid, extra_groups=[])


@test
def folders_that_the_user_cannot_enter_are_named():
    with Place() as place:
        locked = os.path.join(place.name, "locked")
        inner = os.path.join(locked, "inner")
        os.makedirs(inner)
        os.chmod(locked, 0o700)
        users = os.path.join(place.name, "users")
        for folder in (locked, inner):
            refused(place, [folder, USER, "ermission"], root=folder)
            refused(place, [folder, "--host one", "ermission"], f"--host=one={folder}")
            with open(users, "w", encoding="ascii") as file:
                file.write(f"ann:{password_hash('secret')}:{folder}\n")
            refused(place, [folder, f"{users}", "ann", "ermission"], "--users", users)
        os.chmod(users, 0o600)
        refused(place, [users, "ermission"], "--users", users)


@test
def a_server_that_is_root_says_so():
    with Place() as place:
        with place.server(user=None) as server:
            lines = [line for line in server.log().splitlines() if "--user" in line]
            expect(len(lines) == 1 and "root" in lines[0], server.log())
            same("line", lines[0], server.log().splitlines()[1])
        with place.server() as server:
            expect("root" not in server.log(), server.log())


if __name__ == "__main__":
    main()
