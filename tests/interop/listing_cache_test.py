#!/usr/bin/env python3
"""Listings that are kept: each one is held against that of a server that keeps none, after every kind of
change, and the changes are made by others, by the server itself, and while listings are under way."""

import mmap
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, "support"), os.path.join(TESTS, "faults")]

import wire  # noqa: E402
from checks import Skipped, expect, main, need, same, test, wait_until  # noqa: E402
from client import command, greet, connect, log_in  # noqa: E402
from hung_mount import libc, mounts  # noqa: E402
from sluiced import Failure, Sluiced, password_hash  # noqa: E402

WISHES = ["LIST in", "NLST in", "MLSD in"]
AGE_S = 2.0  # LISTING_CACHE_AGE_MS
QUIET_S = 0.03  # after which a folder did not change just now
STORMY_S = 2.0


def listing(control, line, code="226"):
    """The bytes of a listing."""
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.Data(wire.open_socket("127.0.0.1", port))
    command(control, line, "150")
    got = data.read_all()
    reply = control.read_reply()[0]
    expect(reply.startswith(code), f"{line!r} ended with {reply!r}")
    return got


def store(control, line, content):
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.open_socket("127.0.0.1", port)
    command(control, line, "150")
    data.sendall(content)
    data.close()
    reply = control.read_reply()[0]
    expect(reply.startswith("226"), f"{line!r} ended with {reply!r}")


def counts(control):
    """What STAT tells of listings: hits, asked, kept, bytes, watches, changed, old, room, emptied."""
    control.send(b"STAT\r\n")
    reply = "\n".join(control.read_reply())
    found = re.search(r"Listings: (\d+) of (\d+) .*\n Listings kept: (\d+), (\d+) bytes, (\d+) .*\n"
                      r" Listings dropped: (\d+) changed, (\d+) old, (\d+) for room; emptied (\d+) ", reply)
    expect(found, f"STAT tells nothing of listings: {reply!r}")
    names = ["hits", "asked", "kept", "bytes", "watches", "changed", "old", "room", "emptied"]
    return dict(zip(names, map(int, found.groups())))


class Place:
    """The folder "in" and the folder "beside" it, a server that keeps listings, and one that does not."""

    def __init__(self, parent=None, options=()):
        self.root = tempfile.mkdtemp(prefix="sluice-listings-", dir=parent)
        os.chmod(self.root, 0o777)
        self.server = Sluiced(self.root, ["--anonymous-write", *options])
        self.plain = Sluiced(self.root, ["--anonymous-write", "--listing-cache", "off"], workers=1)
        self.fill()

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, content=b"", mode="wb"):
        with open(self.path(name), mode) as file:
            file.write(content)

    def fill(self):
        for name in ("in", "in/sub", "beside"):
            os.mkdir(self.path(name))
            os.chmod(self.path(name), 0o777)
        for name in ("in/file", "in/other", "in/sub/deep", "beside/third"):
            self.write(name, b"some bytes")
            os.chmod(self.path(name), 0o666)

    def empty(self):
        for entry in os.scandir(self.root):
            if entry.is_dir():
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def __enter__(self):
        self.server.start()
        self.plain.start()
        self.control = log_in("127.0.0.1", self.server.port)
        self.truth = log_in("127.0.0.1", self.plain.port)
        return self

    def __exit__(self, kind, *rest):
        self.control.close()
        self.truth.close()
        for server in (self.server, self.plain):
            if kind:
                server.abandon()
            else:
                server.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def compare(self, what):
        for line in WISHES:
            same(f"{line} after {what}", listing(self.truth, line).decode(), listing(self.control, line).decode())

    def keep(self):
        """Has all three kept, and makes sure of it."""
        time.sleep(QUIET_S)
        for line in WISHES:
            listing(self.control, line)
        before = counts(self.control)["hits"]
        self.compare("nothing")
        return counts(self.control)["hits"] - before

    def check(self, what, change):
        self.keep()
        change()
        self.compare(what)


def store_in_mapping(place):
    with open(place.path("in/file"), "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        os.utime(place.path("in/file"), (1, 1))
        place.keep()
        memory[0] = 0x41
        memory.flush()


def write_elsewhere(place):
    place.write("beside/name", b"more", "ab")


def retarget(place):
    os.unlink(place.path("in/link"))
    os.symlink("../beside", place.path("in/link"))


def anew(place):
    shutil.rmtree(place.path("in"))
    os.mkdir(place.path("in"))
    os.chmod(place.path("in"), 0o777)
    place.write("in/new", b"x")


def exchanged(place):
    os.rename(place.path("in"), place.path("gone"))
    os.rename(place.path("beside"), place.path("in"))


def by_another_process(line):
    def change(place):
        subprocess.run(["sh", "-c", line], cwd=place.path("in"), check=True)
    return change


CHANGES = {
    "a new file": by_another_process("echo x >new"),
    "a new folder": by_another_process("mkdir new"),
    "a file removed": by_another_process("rm file"),
    "a folder removed": by_another_process("rm -r sub"),
    "a name changed": by_another_process("mv file new"),
    "a file moved away": by_another_process("mv file ../beside/"),
    "a file moved in": by_another_process("mv ../beside/third ."),
    "a file moved over another": by_another_process("mv other file"),
    "an append": by_another_process("echo more >>file"),
    "a truncation": by_another_process("truncate -s 3 file"),
    "a file overwritten": by_another_process("echo other >file"),
    "a mode": by_another_process("chmod 600 file"),
    "a mode of the folder": by_another_process("chmod 755 ."),
    "a time": by_another_process("touch -d 2001-02-03 file"),
    "a time of the folder": by_another_process("touch -d 2001-02-03 ."),
    "a file in a folder within": by_another_process("echo x >sub/new; mkdir sub/another"),
    "a mode of a folder within": by_another_process("chmod 700 sub"),
    "a name elsewhere": lambda place: os.link(place.path("beside/third"), place.path("in/new")),
    "a folder made anew": anew,
    "another folder of that name": exchanged,
}

BY_THE_SERVER = {
    "STOR": lambda control: store(control, "STOR in/new", b"x" * 300_000),
    "STOR over a file": lambda control: store(control, "STOR in/file", b"new"),
    "APPE": lambda control: store(control, "APPE in/file", b"more"),
    "STOU": lambda control: (command(control, "CWD in", "250"), store(control, "STOU", b"x"),
                             command(control, "CWD /", "250")),
    "DELE": lambda control: command(control, "DELE in/file", "250"),
    "MKD": lambda control: command(control, "MKD in/new", "257"),
    "MKD in a folder within": lambda control: command(control, "MKD in/sub/new", "257"),
    "RMD": lambda control: (command(control, "DELE in/sub/deep", "250"), command(control, "RMD in/sub", "250")),
    "RNTO": lambda control: (command(control, "RNFR in/file", "350"), command(control, "RNTO in/new", "250")),
    "RNTO away": lambda control: (command(control, "RNFR in/file", "350"), command(control, "RNTO new", "250")),
}


def parents():
    return [None] + (["/dev/shm"] if os.access("/dev/shm", os.W_OK) else [])


@test
def no_change_goes_unseen():
    for parent in parents():
        with Place(parent) as place:
            for what, change in CHANGES.items():
                same(f"kept before {what}", 3, place.keep())
                change(place)
                place.compare(what)
                place.empty()
                place.fill()


@test
def no_change_by_the_server_itself_goes_unseen():
    for options in ((), ("--uploads", "atomic")):
        with Place(options=options) as place:
            for what, change in BY_THE_SERVER.items():
                same(f"kept before {what}", 3, place.keep())
                change(place.control)
                place.compare(what)
                place.empty()
                place.fill()


@test
def what_other_names_and_links_lead_to_is_looked_at_anew():
    with Place() as place:
        os.link(place.path("in/file"), place.path("beside/name"))
        same("kept of a folder with hard links", 1, place.keep())
        write_elsewhere(place)
        place.compare("writing by another name")
        os.unlink(place.path("beside/name"))
        os.symlink("other", place.path("in/link"))
        same("kept of a folder with a symbolic link", 2, place.keep())
        retarget(place)
        place.compare("another target")
        place.keep()
        place.write("beside/new")
        place.compare("a change of the target")


@test
def what_nobody_tells_of_is_seen_in_two_seconds():
    with Place() as place:
        place.keep()
        os.link(place.path("in/file"), place.path("beside/name"))
        write_elsewhere(place)
        time.sleep(AGE_S + 0.1)
        place.compare("two seconds after a name was made elsewhere, and written to")
    with Place() as place, open(place.path("in/file"), "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        os.utime(place.path("in/file"), (1, 1))
        place.keep()
        memory[0] = 0x41
        memory.flush()
        time.sleep(AGE_S + 0.1)
        place.compare("two seconds after a store in a mapping")


@test
def a_mapping_that_is_closed_is_seen_at_once():
    with Place() as place:
        store_in_mapping(place)
        place.compare("a store in a mapping, closed")


@test
def a_listing_is_kept_for_all_sessions_and_no_other_format():
    with Place() as place:
        time.sleep(QUIET_S)
        other = log_in("127.0.0.1", place.server.port)
        listing(place.control, "MLSD in")
        same("MLSD of another session", listing(place.truth, "MLSD in"), listing(other, "MLSD in"))
        same("hits", 1, counts(other)["hits"])
        for session in (other, place.truth):
            command(session, "OPTS MLST size;", "200")
        same("MLSD with other facts", listing(place.truth, "MLSD in"), listing(other, "MLSD in"))
        command(other, "CWD in", "250")
        command(place.truth, "CWD in", "250")
        same("MLSD from within", listing(place.truth, "MLSD"), listing(other, "MLSD"))
        same("NLST from within", listing(place.truth, "NLST"), listing(other, "NLST"))
        same("NLST of .", listing(place.truth, "NLST ."), listing(other, "NLST ."))
        same("hits", 2, counts(other)["hits"])
        other.close()


@test
def what_one_may_do_is_not_told_to_another_who_may_not():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = os.path.join(folder, "root")
        os.mkdir(root)
        os.chmod(root, 0o777)
        with open(os.path.join(root, "file"), "wb"):
            pass
        os.chmod(os.path.join(root, "file"), 0o666)
        users = os.path.join(folder, "users")
        with open(users, "w", encoding="ascii") as file:
            file.write(f"ann:{password_hash('secret')}:{root}\n")
        time.sleep(QUIET_S)
        with Sluiced(root, ["--users", users]) as server:
            ann = connect("127.0.0.1", server.port)
            greet(ann)
            command(ann, "USER ann", "331")
            command(ann, "PASS secret", "230")
            guest = log_in("127.0.0.1", server.port)
            for _ in range(2):
                expect(b"perm=adfrw; file" in re.sub(rb"unique=.*?; ", b" ", re.sub(
                    rb"UNIX.mode=....;", b"", listing(ann, "MLSD"))), "ann may not write")
                expect(b"perm=r;" in listing(guest, "MLSD"), "a guest may write")
            guest.send(b"STAT\r\n")
            expect("Listings" not in "".join(guest.read_reply()), "a guest is told of the server's listings")
            same("hits", 2, counts(ann)["hits"])


@test
def a_folder_that_may_not_be_read_any_more_is_refused():
    with Place() as place:
        place.keep()
        os.chmod(place.path("in"), 0o300)
        try:
            for line in WISHES:
                command(place.truth, line, "550")
                command(place.control, line, "550")
        finally:
            os.chmod(place.path("in"), 0o755)
        place.compare("being readable again")


@test
def what_was_changed_before_a_listing_was_asked_for_is_in_it():
    """A thread makes names and lets a file grow, two sessions list meanwhile."""
    with Place() as place:
        made = [0]
        over = threading.Event()
        problems = []

        def change():
            number = 0
            with open(place.path("in/file"), "ab", buffering=0) as file:
                while not over.is_set():
                    number += 1
                    place.write(f"in/n{number:06}")
                    file.write(b"x")
                    made[0] = number
                    time.sleep(0.1 if number % 7 == 0 else 0.0005)

        def look(line):
            control = log_in("127.0.0.1", place.server.port)
            while not over.is_set() and not problems:
                before = made[0]
                got = listing(control, line)
                size = re.search(rb"size=(\d+);.* file\r\n", got)
                if before and b"n%06d\r\n" % before not in got:
                    problems.append(f"{line}: name {before} is missing")
                if size and int(size.group(1)) < 10 + before:
                    problems.append(f"{line}: file has {int(size.group(1))} bytes, not {10 + before}")
            control.close()

        threads = [threading.Thread(target=change)]
        threads += [threading.Thread(target=look, args=(line,)) for line in ("MLSD in", "LIST in", "NLST in")]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: problems or made[0] > 50 and counts(place.control)["hits"] > 10,
                       "neither enough changes nor enough listings", 120)
            time.sleep(STORMY_S)
        finally:
            over.set()
        for thread in threads:
            thread.join()
        same("problems", [], problems)


@test
@mounts
def what_is_mounted_within_is_seen():
    if os.geteuid() != 0:
        raise Skipped("the server would not see the mounts of this test")
    with Place() as place:
        expect(place.keep() == 3, "not kept")
        if libc.mount(b"tmpfs", place.path("in/sub").encode(), b"tmpfs", 0, b"mode=700") < 0:
            raise Skipped("mount is refused")
        try:
            place.compare("a mount")
            place.keep()
            place.write("in/sub/new")
            place.compare("a file in the mount")
        finally:
            libc.umount2(place.path("in/sub").encode(), 2)
        place.compare("the end of the mount")


def memory_of(server):
    """Bytes of pages in the file that the listings lie in."""
    folder = f"/proc/{server.server_pid}/fd"
    for name in os.listdir(folder):
        if os.readlink(f"{folder}/{name}").startswith("/memfd:sluice listings"):
            return os.stat(f"{folder}/{name}").st_blocks * 512
    raise Failure("there is no file for listings")


@test
def memory_stays_within_its_bound():
    with Place(parents()[-1], ["--listing-cache", "1M"]) as place:
        for number in range(4):
            os.mkdir(place.path(f"large{number}"))
            for name in range(3000):
                place.write(f"large{number}/{name:05}")
        os.mkdir(place.path("larger"))
        for name in range(6000):
            place.write(f"larger/{name:05}")
        time.sleep(QUIET_S)
        for _ in range(2):
            for number in (*range(4), "r"):
                got = listing(place.control, f"MLSD large{number}")
                same(f"lines of large{number}", (6001 if number == "r" else 3001), got.count(b"\n"))
                expect(memory_of(place.server) <= 1 << 20, f"{memory_of(place.server)} bytes are in use")
        told = counts(place.control)
        expect(told["room"] > 0 and told["kept"] > 0, f"nothing was evicted: {told}")
        expect(memory_of(place.server) <= told["bytes"] <= 1 << 20, f"not all is counted: {told}")
        listing(place.control, "MLSD large3")
        before = counts(place.control)["hits"]
        listing(place.control, "MLSD large3")
        same("hits", before + 1, counts(place.control)["hits"])


@test
def a_client_that_stalls_neither_spoils_nor_blocks_what_others_get():
    with Place(parents()[-1]) as place:
        for name in range(20_000):
            place.write(f"in/{name:0100}")
        time.sleep(QUIET_S)
        whole = listing(place.control, "MLSD in")
        slow = log_in("127.0.0.1", place.server.port)
        _, port = wire.passive_port(command(slow, "EPSV", "229"))
        data = wire.Data(wire.open_socket("127.0.0.1", port, receive_buffer=4096))
        before = counts(place.control)["hits"]
        command(slow, "MLSD in", "150")
        same("hits", before + 1, counts(place.control)["hits"])
        for number in range(3):
            place.write(f"in/new{number}")
            time.sleep(QUIET_S)
            for _ in range(2):
                got = listing(place.control, "MLSD in")
                same("lines", whole.count(b"\n") + number + 1, got.count(b"\n"))
        same("what the slow one gets", whole, data.read_all())
        expect(slow.read_reply()[0].startswith("226"), "no 226")
        slow.close()
        same("kept", 1, counts(place.control)["kept"])


@test
def a_listing_that_is_given_up_is_given_back():
    with Place() as place:
        same("kept", 3, place.keep())
        for ending in ("ABOR", "drop", "no connection"):
            control = log_in("127.0.0.1", place.server.port)
            _, port = wire.passive_port(command(control, "EPSV", "229"))
            data = None if ending == "no connection" else wire.open_socket("127.0.0.1", port)
            if ending != "ABOR":
                control.send(b"MLSD in\r\n")
            else:
                control.send(b"MLSD in\r\nABOR\r\n")
            control.read_reply()
            control.close()
            if data:
                data.close()
        place.write("in/new")
        deadline = time.monotonic() + 30
        while counts(place.control)["kept"] > 0 and time.monotonic() < deadline:
            listing(place.control, "NLST beside/n*")  # of a kind that is not kept: changes are taken in
        same("kept after a change", 0, counts(place.control)["kept"])


def limited(place, name, limit):
    """Has the server start with no more than so many of its user's inotify watches or instances."""
    inside = [need("unshare"), "--user", "--map-current-user", "--keep-caps"]
    inside += ["sh", "-c", f'echo {limit} >/proc/sys/user/{name} && exec "$@"', "sh"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
        raise Skipped("user namespaces are forbidden")
    place.server.arguments = [*inside, *place.server.arguments]


@test
def without_watches_listings_are_made_anew():
    place = Place()
    limited(place, "max_inotify_watches", 1)
    with place:
        same("kept with one watch", 1, place.keep())  # of the names: "sub" would need a second one
        place.write("in/new")
        place.compare("a change")
        expect(counts(place.control)["watches"] <= 1, "there are more watches than allowed")
        same("lines of the log about it", 1, place.server.log().count("fs.inotify.max_user_watches"))


@test
def without_inotify_listings_are_made_anew_and_the_log_says_so():
    place = Place()
    limited(place, "max_inotify_instances", 0)
    with place:
        expect("listings are not kept" in place.server.log(), "the log does not say so")
        place.compare("nothing")
        place.write("in/new")
        place.compare("a change")


@test
def the_last_line_of_the_log_tells_how_many_came_from_memory():
    with Place() as place:
        place.keep()
        server = place.server
        path = server.stderr_path
        place.control.close()
        server.signal()
        server.process.wait(10)
        with open(path, encoding="utf-8") as log:
            told = log.read()
        expect(re.search(r"listings: 3 sent from memory, 3 made to be kept, 0 others; dropped: 0 changed", told),
               f"the log does not tell: {told!r}")


if __name__ == "__main__":
    main()
