#!/usr/bin/env python3
"""sluice mirror against a real sluiced: down and up, again, after a cut, and from servers that mean harm."""

import glob
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test, wait_until  # noqa: E402
from pattern import write_pattern  # noqa: E402
from sluiced import REPORTS, Sluiced, binary, children, engine_arguments, environment  # noqa: E402

PROGRAM = os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")
TIMEOUT_S = 120


def tree_of(folder):
    """Every name with what it is: size and time of a file, target of a link."""
    found = {}
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            full = os.path.join(path, name)
            key = os.path.relpath(full, folder)
            if os.path.islink(full):
                found[key] = ("link", os.readlink(full))
            elif os.path.isdir(full):
                found[key] = ("folder",)
            else:
                with open(full, "rb") as file:
                    found[key] = ("file", os.path.getsize(full), hashlib.file_digest(file, "sha256").hexdigest()[:12])
    return found


def same_tree(wanted, got):
    keys = sorted(key for key in {*wanted, *got} if wanted.get(key) != got.get(key))
    expect(not keys, "the trees differ: " +
           "; ".join(f"{key!r}: {wanted.get(key)} became {got.get(key)}" for key in keys[:5]))


def times_of(folder):
    return {key: int(os.stat(os.path.join(folder, key)).st_mtime)
            for key, value in tree_of(folder).items() if value[0] == "file"}


class Place:
    """A server's folder with some of everything in it, and a folder to mirror into."""

    def __init__(self, *options):
        self.options = ["--anonymous-write", *options]

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="sluice-mirror-")
        os.chmod(self.scratch.name, 0o755)
        self.root = os.path.join(self.scratch.name, "root")
        self.down = os.path.join(self.scratch.name, "down")
        os.makedirs(os.path.join(self.root, "a", "deep", "er"))
        os.mkdir(os.path.join(self.root, "empty folder"))
        for number in range(60):
            write_pattern(os.path.join(self.root, "a", f"file{number}"), number * 997)
        self.write("a/deep/er/-dash \"quoted\" é", b"x")
        self.write("empty", b"")
        os.utime(os.path.join(self.root, "empty"), (1_000_000_000, 1_000_000_000))
        os.symlink("a/file1", os.path.join(self.root, "link"))
        os.symlink("..", os.path.join(self.root, "a", "loop"))
        os.symlink("nowhere", os.path.join(self.root, "loose"))
        self.server = Sluiced(self.root, self.options).start()
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind:
                self.server.abandon()
            else:
                self.server.stop()
        finally:
            self.scratch.cleanup()

    def write(self, name, content):
        with open(os.path.join(self.root, name), "wb") as file:
            file.write(content)

    def url(self, path=""):
        return f"ftp://127.0.0.1:{self.server.port}/{path}"

    def mirror(self, *arguments, status=0):
        return mirror(*arguments, status=status, home=self.scratch.name)


def mirror(*arguments, status=0, home="/nonexistent"):
    """Runs it with --json. Returns the events, the last one the sums."""
    done = subprocess.run([PROGRAM, "mirror", *engine_arguments(), "--json", *arguments], timeout=TIMEOUT_S,
                          check=False, capture_output=True, env=environment(HOME=home))
    errors = done.stderr.decode("utf-8", "backslashreplace")
    expect(not REPORTS.search(errors), errors)
    if status is not None:
        same(f"exit code\n{errors}", status, done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines()]


def paths(events, kind):
    return sorted(event["path"] for event in events if event["event"] == kind)


@test
def a_tree_comes_down_whole_with_its_times_and_links():
    with Place() as place:
        events = place.mirror(place.url(), place.down)
        same_tree(tree_of(place.root), tree_of(place.down))
        same_tree(times_of(place.root), times_of(place.down))
        same("links", ["a/loop", "link", "loose"], paths(events, "linked"))
        same("files moved", 62, events[-1]["moved"])


@test
def a_second_run_moves_nothing():
    with Place() as place:
        place.mirror(place.url(), place.down)
        events = place.mirror(place.url(), place.down)
        same("events", ["done"], [event["event"] for event in events])
        same("files that were the same", 62, events[-1]["kept"])


@test
def what_changed_is_replaced_and_only_that():
    with Place() as place:
        place.mirror(place.url(), place.down)
        place.write("a/file7", b"other")                       # size
        os.utime(os.path.join(place.root, "a", "file8"), (1, 1))  # time
        os.unlink(os.path.join(place.root, "link"))
        os.symlink("a/file2", os.path.join(place.root, "link"))
        events = place.mirror(place.url(), place.down)
        same("fetched", ["a/file7", "a/file8"], paths(events, "fetched"))
        same("linked", ["link"], paths(events, "linked"))
        same_tree(tree_of(place.root), tree_of(place.down))


@test
def only_delete_deletes():
    with Place() as place:
        place.mirror(place.url(), place.down)
        os.makedirs(os.path.join(place.down, "old", "er"))
        with open(os.path.join(place.down, "old", "er", "file"), "wb"):
            pass
        os.unlink(os.path.join(place.root, "a", "file9"))
        events = place.mirror(place.url(), place.down)
        same("removed", 0, events[-1]["removed"])
        events = place.mirror("--delete", "--dry-run", place.url(), place.down)
        same("would be removed", ["a/file9", "old"], paths(events, "removed"))
        expect(os.path.exists(os.path.join(place.down, "old", "er", "file")), "a dry run has deleted")
        events = place.mirror("--delete", place.url(), place.down)
        same("removed", ["a/file9", "old"], paths(events, "removed"))
        same_tree(tree_of(place.root), tree_of(place.down))


@test
def what_takes_the_name_of_a_folder_or_link_makes_room():
    with Place() as place:
        os.mkdir(place.down)
        os.symlink("/etc", os.path.join(place.down, "a"))
        with open(os.path.join(place.down, "link"), "wb") as file:
            file.write(b"a file")
        place.mirror(place.url(), place.down)
        same_tree(tree_of(place.root), tree_of(place.down))
        expect(not os.path.exists("/etc/file1"), "a link was followed")


def part_bytes(folder, name):
    """How much there is of a file that has not come whole."""
    for part in glob.glob(os.path.join(folder, f".{name}.*.sluice")):
        try:
            return os.path.getsize(part)
        except FileNotFoundError:  # it has just become whole
            pass
    return 0


def cut_mirror(place, name):
    """A run that is killed while it fetches a file. Returns how much of the file it leaves, or 0 if it was too fast."""
    shutil.rmtree(place.down, ignore_errors=True)
    process = subprocess.Popen([PROGRAM, "mirror", *engine_arguments(), "-q", "-j", "2", place.url(), place.down],
                               env=environment(HOME=place.scratch.name))
    try:
        wait_until(lambda: part_bytes(place.down, name) > 0 or process.poll() is not None, "nothing is fetched")
    finally:
        process.kill()
        process.wait()
    return part_bytes(place.down, name)


@test
def a_cut_mirror_goes_on_where_it_was():
    with Place() as place:
        write_pattern(os.path.join(place.root, "large"), 64_000_000)
        had = next((had for _ in range(20) if (had := cut_mirror(place, "large"))), 0)
        expect(had > 0, "no run was cut in the middle of a file")
        events = place.mirror(place.url(), place.down)
        moved = [event["bytes"] for event in events if event["event"] == "fetched" and event["path"] == "large"]
        same("bytes of the second run", [64_000_000 - had], moved)
        same_tree(tree_of(place.root), tree_of(place.down))


@test
def a_part_of_another_version_is_not_gone_on_with():
    with Place() as place:
        place.mirror(place.url(), place.down)
        stale = os.path.join(place.down, "a", ".file7.0badcafe.sluice")
        with open(stale, "wb") as file:
            file.write(b"of another version")
        place.write("a/file7", b"a new version that is longer than the stale part")
        place.mirror(place.url(), place.down)
        same_tree(tree_of(place.root), tree_of(place.down))


def make(folder, name, kind):
    """One of the three kinds, the folder with something in it."""
    path = os.path.join(folder, name)
    if kind == "folder":
        os.makedirs(os.path.join(path, "deep"))
        path = os.path.join(path, "deep", "file")
    if kind == "link":
        os.symlink("nowhere", path)
    else:
        write_pattern(path, 1000)


@test
def a_name_that_changes_its_kind_is_replaced_with_delete():
    """What is there is said otherwise, and nothing of it is touched."""
    for up in (False, True):
        for model, other in (("file", "folder"), ("folder", "file"), ("link", "folder")):
            if up and model == "link":
                continue
            with Place() as place:
                os.mkdir(place.down)
                os.mkdir(os.path.join(place.root, "up"))
                here, there = place.down, os.path.join(place.root, "up")
                make(here if up else there, "name", model)
                make(there if up else here, "name", other)
                sides = (here, place.url("up")) if up else (place.url("up"), here)
                kept = tree_of(there if up else here)
                if other == "folder" or up:
                    place.mirror(*sides, status=1)
                    same_tree(kept, tree_of(there if up else here))
                place.mirror("--delete", *sides)
                same_tree(tree_of(here if up else there), tree_of(there if up else here))
                same(f"events of a second run, {model} {other}", ["done"],
                     [event["event"] for event in place.mirror("--delete", *sides)])


@test
def delete_removes_parts_that_nothing_will_go_on_with():
    with Place() as place:
        place.mirror(place.url("a"), place.down)
        stale = os.path.join(place.down, ".gone.0badcafe.sluice")
        write_pattern(stale, 10)
        place.mirror(place.url("a"), place.down)
        expect(os.path.exists(stale), "it is deleted without being asked")
        place.mirror("--delete", place.url("a"), place.down)
        expect(not os.path.exists(stale), "it is still there")


@test
def long_names_with_one_beginning_are_different_files():
    with Place() as place:
        os.mkdir(os.path.join(place.root, "long"))
        for number in range(12):
            write_pattern(os.path.join(place.root, "long", "n" * 220 + f"{number:02d}"), 20_000_000 + number)
        os.mkdir(place.down)
        for number in range(12):
            write_pattern(os.path.join(place.down, "n" * 220 + f"{number:02d}"), 1)
        events = place.mirror("-j", "8", place.url("long"), place.down)
        same("failed", [], paths(events, "failed"))
        same_tree(tree_of(os.path.join(place.root, "long")), tree_of(place.down))


@test
def a_tree_goes_up_whole():
    for options in ([], ["--uploads", "atomic"]):
        with Place(*options) as place:
            place.mirror(place.url(), place.down)
            events = place.mirror("-j", "8", place.down, place.url("up"))
            same("skipped", ["a/loop", "link", "loose"], paths(events, "skipped"))
            wanted = {key: value for key, value in tree_of(place.down).items() if value[0] != "link"}
            same_tree(wanted, tree_of(os.path.join(place.root, "up")))
            events = place.mirror(place.down, place.url("up"))
            same("moved by a second run", 0, events[-1]["moved"])


@test
def delete_goes_up_too():
    with Place() as place:
        place.mirror(place.url("a/"), place.down)
        os.unlink(os.path.join(place.down, "loop"))
        place.mirror(place.down, place.url("up"))
        os.makedirs(os.path.join(place.root, "up", "old", "er"))
        for name in ("old/er/1", "old/er/2", "old/3", "file99"):
            place.write("up/" + name, b"x")
        os.unlink(os.path.join(place.down, "file3"))
        events = place.mirror("--delete", place.down, place.url("up"))
        same("removed", ["file3", "file99", "old", "old/3", "old/er", "old/er/1", "old/er/2"], paths(events, "removed"))
        same_tree(tree_of(place.down), tree_of(os.path.join(place.root, "up")))


@test
def an_upload_goes_on_where_it_was():
    with Place() as place:
        os.mkdir(place.down)
        write_pattern(os.path.join(place.down, "large"), 3_000_000)
        place.mirror(place.down, place.url("up"))
        up = os.path.join(place.root, "up")
        os.rename(os.path.join(up, "large"), os.path.join(up, "whole"))
        part = None
        # What a run cut after a million bytes leaves has the name that the next one looks for.
        for name in subprocess.run([PROGRAM, "mirror", *engine_arguments(), "-v", "-q", place.down, place.url("up")],
                                   capture_output=True, check=True, env=environment(HOME=place.scratch.name)
                                   ).stderr.decode().split():
            if name.endswith(".sluice"):
                part = os.path.join(up, os.path.basename(name))
        expect(part is not None, "no part was named")
        os.unlink(os.path.join(up, "large"))
        shutil.copyfile(os.path.join(up, "whole"), part)
        os.truncate(part, 1_000_000)
        done = subprocess.run([PROGRAM, "mirror", *engine_arguments(), "-v", "-q", place.down, place.url("up")],
                              capture_output=True, check=True, env=environment(HOME=place.scratch.name))
        expect("C: REST 1000000" in done.stderr.decode(), "the upload began anew")
        same("the file", tree_of(place.down)["large"], tree_of(up)["large"])


def cut_upload(place, local, path, more_than):
    """A mirror of local to the server's path that is killed when a part there has more bytes than that. Returns
    the part's name, which lies below the server's folder."""
    process = subprocess.Popen([PROGRAM, "mirror", *engine_arguments(), "-q", "-j", "1", local, place.url(path)],
                               env=environment(HOME=place.scratch.name))
    folder = os.path.join(place.root, path)
    end = time.monotonic() + TIMEOUT_S
    part = None
    while part is None and time.monotonic() < end and process.poll() is None:
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            full = os.path.join(folder, name)
            if ".sluice" in name and os.path.exists(full) and os.path.getsize(full) > more_than:
                part = full
    process.kill()
    process.wait()
    expect(part is not None, "no part came to be")
    return part


def write_large(path, byte, size=100_000_000):
    with open(path, "wb") as file:
        for _ in range(size // 1_000_000):
            file.write(byte * 1_000_000)


def shut(folder):
    """Nobody may write there any more, the server neither."""
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)


@test
def a_part_goes_on_under_no_other_name():
    """Something else is refused in the same session, and what is under the name is not begun with."""
    with Place() as place:
        for folder in ("z", "ro"):
            os.makedirs(os.path.join(place.root, "m", folder))
            os.makedirs(os.path.join(place.down, "m", folder))
        write_large(os.path.join(place.root, "m/z/x"), b"O")
        os.utime(os.path.join(place.root, "m/z/x"), (1_600_000_000, 1_600_000_000))
        write_large(os.path.join(place.down, "m/z/x"), b"N")
        write_pattern(os.path.join(place.down, "m/ro/f"), 1000)
        cut_upload(place, os.path.join(place.down, "m/z"), "m/z", 5_000_000)
        shut(os.path.join(place.root, "m/ro"))
        events = place.mirror("-j", "1", os.path.join(place.down, "m"), place.url("m"), status=1)
        same("stored, failed", (["z/x"], ["ro/f"]), (paths(events, "stored"), paths(events, "failed")))
        same("the file", tree_of(os.path.join(place.down, "m"))["z/x"], tree_of(os.path.join(place.root, "m"))["z/x"])


@test
def a_refusal_in_one_folder_leaves_the_others_whole_files():
    with Place() as place:
        for folder in "abcdefgh":
            os.makedirs(os.path.join(place.down, folder))
            for number in range(3):
                write_pattern(os.path.join(place.down, folder, f"f{number}"), 1000)
        for folder in "abcdefgh":
            os.makedirs(os.path.join(place.root, "up", folder))
        shut(os.path.join(place.root, "up", "a"))
        done = subprocess.run([PROGRAM, "mirror", *engine_arguments(), "-v", "-q", "-j", "1", place.down, place.url("up")],
                              capture_output=True, check=False, env=environment(HOME=place.scratch.name))
        commands = done.stderr.decode().splitlines()
        stored = [line.rpartition("/")[2] for line in commands if line.startswith("C: STOR up/") and "/a/" not in line]
        same("files of the folders that may be written", 21, len(stored))
        expect(all(name.endswith(".sluice") for name in stored), f"stored under their own names: {stored}")


@test
def where_no_dot_names_are_taken_files_go_up_under_their_own():
    with tempfile.TemporaryDirectory(prefix="sluice-dots-") as scratch:
        for name in ("one", "two", "three"):
            write_pattern(os.path.join(scratch, name), 100)
        server = HostileServer(b"", refuses_dots=True)
        events = mirror("-j", "1", scratch, f"ftp://127.0.0.1:{server.port}/up")
        server.close()
        same("stored", ["one", "three", "two"], paths(events, "stored"))
        stored = [line for line in server.lines if line.startswith("STOR")]
        same("commands", 4, len(stored))  # the first one tells


@test
def what_cannot_be_stored_leaves_no_empty_part():
    with Place() as place:
        os.mkdir(place.down)
        write_pattern(os.path.join(place.down, "f"), 1000)
        server = HostileServer(b"", replies={b"STOR": b"552 full\r\n", b"DELE": b"250 gone\r\n"})
        mirror("-j", "1", place.down, f"ftp://127.0.0.1:{server.port}/up", status=1)
        server.close()
        expect([line for line in server.lines if line.startswith("DELE up/.f.")], f"it asked {server.lines}")


@test
def a_cut_upload_goes_on_though_no_listing_shows_the_part():
    with Place("--uploads", "atomic") as place:
        os.mkdir(place.down)
        write_large(os.path.join(place.down, "x"), b"N")
        os.mkdir(os.path.join(place.root, "up"))
        part = cut_upload(place, place.down, "up", 5_000_000)
        time.sleep(0.5)
        if not os.path.exists(part):  # the end of its data connection came first, and is the end of a file
            folder, name = os.path.split(part)
            part = os.path.join(folder, name[1:].rpartition(".sluice")[0] + ".sluice")
        had = os.path.getsize(part)
        done = subprocess.run([PROGRAM, "mirror", *engine_arguments(), "-v", "-q", place.down, place.url("up")],
                              capture_output=True, check=False, env=environment(HOME=place.scratch.name))
        expect(f"C: REST {had}" in done.stderr.decode(), f"the upload began anew: {done.stderr.decode()}")
        same("the files", tree_of(place.down), tree_of(os.path.join(place.root, "up")))


@test
def lost_connections_are_taken_up_again():
    with Place("--idle-timeout", "60") as place:
        write_pattern(os.path.join(place.root, "large"), 200_000_000)
        process = subprocess.Popen([PROGRAM, "mirror", *engine_arguments(), "-q", "-j", "4", place.url(), place.down],
                                   env=environment(HOME=place.scratch.name))
        time.sleep(random.uniform(0, 0.05))
        # The server process dies; the supervisor keeps the listeners and starts another.
        for child in children(place.server.process.pid):
            os.kill(child, signal.SIGKILL)
        status = process.wait(TIMEOUT_S)
        if status != 0:
            place.mirror(place.url(), place.down)
        same_tree(tree_of(place.root), tree_of(place.down))


class HostileServer:
    """Says what a script says, whatever it is asked: one session, passive."""

    def __init__(self, listing, plain=b"", features=b"", replies=(), refuses_dots=False):
        self.listing, self.plain, self.refuses_dots = listing, plain, refuses_dots
        self.features, self.replies = features, dict(replies)
        self.lines = []
        self.refusals = []  # of RETR, before it is done
        self.asked = 0
        self.control = socket.create_server(("127.0.0.1", 0))
        self.data = socket.create_server(("127.0.0.1", 0))
        self.port = self.control.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.control.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 hello\r\n")
            for line in lines:
                verb = line.split()[0].upper()
                answers = {b"USER": b"230 in\r\n", b"TYPE": b"200 ok\r\n", b"QUIT": b"221 bye\r\n",
                           b"FEAT": b"211-Features\r\n MLST type*;size*;modify*;\r\n" + self.features + b"211 End\r\n",
                           b"EPSV": b"229 here (|||%d|)\r\n" % self.data.getsockname()[1],
                           **self.replies}
                self.lines.append(line.decode().strip())
                self.asked += verb == b"RETR"
                if verb == b"RETR" and self.refusals:
                    self.data.accept()[0].close()
                    connection.sendall(self.refusals.pop())
                elif verb == b"STOR" and verb not in self.replies:
                    if self.refuses_dots and b"/." in line:
                        self.data.accept()[0].close()
                        connection.sendall(b"553 no such names\r\n")
                        continue
                    connection.sendall(b"150 here\r\n")
                    data, _ = self.data.accept()
                    while data.recv(65536):
                        pass
                    data.close()
                    connection.sendall(b"226 stored\r\n")
                elif verb in (b"MLSD", b"LIST", b"RETR"):
                    connection.sendall(b"150 here\r\n")
                    data, _ = self.data.accept()
                    data.sendall({b"MLSD": self.listing, b"LIST": self.plain, b"RETR": b"evil"}[verb])
                    data.close()
                    connection.sendall(b"226 done\r\n")
                    if verb == b"MLSD":
                        self.listing = b""
                else:
                    connection.sendall(answers.get(verb, b"500 no\r\n"))

    def close(self):
        self.control.close()
        self.data.close()


@test
def a_transient_refusal_is_tried_again_and_a_permanent_one_is_not():
    facts = b"type=file;size=4;modify=20200101000000; "
    for code, fetched, asked in ((b"450", ["file"], 3), (b"550", [], 1)):
        with tempfile.TemporaryDirectory(prefix="sluice-busy-") as scratch:
            server = HostileServer(facts + b"file\r\n")
            server.refusals = [code + b" not now\r\n"] * 2
            events = mirror("-j", "1", f"ftp://127.0.0.1:{server.port}/", scratch, status=0 if fetched else 1)
            server.close()
            same(f"fetched after {code}", fetched, paths(events, "fetched"))
            same(f"asked for after {code}", asked, server.asked)
            same(f"what is here after {code}", fetched, os.listdir(scratch))


def hostile(listing, plain=b"", status=0):
    with tempfile.TemporaryDirectory(prefix="sluice-hostile-") as scratch:
        target = os.path.join(scratch, "inner", "target")
        os.makedirs(target)
        server = HostileServer(listing, plain)
        try:
            events = mirror(f"ftp://127.0.0.1:{server.port}/", target, status=status, home=scratch)
        finally:
            server.close()
        same("what is outside of the folder", ["inner", "target"],
             sorted(os.listdir(scratch) + os.listdir(os.path.join(scratch, "inner"))))
        return events, sorted(os.listdir(target))


@test
def names_that_lead_elsewhere_are_left_out_and_that_is_a_failure():
    facts = b"type=file;size=4;modify=20200101000000; "
    lines = [b"../up", b"/etc/x", b"a/b", b"..", b".", b"", b"good"]
    events, found = hostile(b"".join(facts + name + b"\r\n" for name in lines), status=1)
    same("names", ["good"], found)
    same("failed", [""], paths(events, "failed"))


@test
def a_link_is_no_way_out():
    """First a link out of the folder, then a folder of that name with a file in it."""
    listing = (b"type=OS.unix=slink:..;size=1; way\r\n"
               b"type=dir; way\r\n")
    _, found = hostile(listing, status=None)
    expect(found in (["way"], []), f"found {found}")


@test
def control_characters_reach_no_terminal():
    listing = b"type=file;size=5;modify=20200101000000; a\x1b]0;owned\x07b\r\n"
    with tempfile.TemporaryDirectory(prefix="sluice-hostile-") as scratch:
        server = HostileServer(listing)
        done = subprocess.run([PROGRAM, "mirror", *engine_arguments(), f"ftp://127.0.0.1:{server.port}/", scratch],
                              capture_output=True, check=False, timeout=TIMEOUT_S, env=environment(HOME=scratch))
        server.close()
        expect(b"\x1b" not in done.stdout + done.stderr, f"an escape came through: {done.stdout + done.stderr!r}")
        same("exit code", 1, done.returncode)  # its size is not what the listing said
        expect(b"size is not what" in done.stderr, f"the reason is not told: {done.stderr!r}")


@test
def by_hash_what_differs_moves_though_size_and_time_are_equal():
    with Place() as place:
        place.mirror(place.url(), place.down)
        path = os.path.join(place.root, "a", "file7")
        times = os.stat(path)
        with open(path, "r+b") as file:
            file.write(b"other")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        same("by time", [], paths(place.mirror(place.url(), place.down), "fetched"))
        events = place.mirror("--by=hash", "-n", place.url(), place.down)
        same("by hash, dry", ["a/file7"], paths(events, "fetched"))
        events = place.mirror("--by=hash", place.url(), place.down)
        same("by hash", ["a/file7"], paths(events, "fetched"))
        same("files that were the same", 61, events[-1]["kept"])
        same_tree(tree_of(place.root), tree_of(place.down))


@test
def by_hash_what_is_equal_stays_and_gets_the_time():
    with Place() as place:
        place.mirror(place.url(), place.down)
        for name in times_of(place.root):
            os.utime(os.path.join(place.root, name), (1_234_567_890, 1_234_567_890))
        inode = os.stat(os.path.join(place.down, "a/file9")).st_ino
        events = place.mirror("--by", "hash", place.url(), place.down)
        same("fetched", [], paths(events, "fetched"))
        same("files that were the same", 62, events[-1]["kept"])
        same("the file", inode, os.stat(os.path.join(place.down, "a/file9")).st_ino)
        same_tree(times_of(place.root), times_of(place.down))
        same("by time", 62, place.mirror(place.url(), place.down)[-1]["kept"])


@test
def by_hash_what_is_equal_does_not_go_up():
    with Place() as place:
        place.mirror(place.url(), place.down)
        for name in times_of(place.down):
            os.utime(os.path.join(place.down, name))  # newer than the server's
        path = os.path.join(place.down, "a", "file8")
        with open(path, "r+b") as file:
            file.write(b"other")
        os.utime(path, (1, 1))
        events = place.mirror("--by=hash", place.down, place.url())
        same("stored", ["a/file8"], paths(events, "stored"))
        same("files that were the same", 61, events[-1]["kept"])
        with open(os.path.join(place.root, "a", "file8"), "rb") as file:
            expect(file.read().startswith(b"other"), "the server has another file")


@test
def by_hash_needs_a_server_that_tells_one():
    with tempfile.TemporaryDirectory(prefix="sluice-by-") as scratch:
        server = HostileServer(b"type=file;size=4;modify=20200101000000; file\r\n")
        done = subprocess.run([PROGRAM, "mirror", *engine_arguments(), "--by=hash", f"ftp://127.0.0.1:{server.port}/", scratch],
                              capture_output=True, check=False, timeout=TIMEOUT_S, env=environment(HOME=scratch))
        server.close()
        same(f"exit code {done.stderr}", 6, done.returncode)
        expect(b"tells no hash" in done.stderr, f"the reason is not told: {done.stderr!r}")
        same("files", [], os.listdir(scratch))


@test
def without_times_hashes_decide():
    """The server has "evil", and tells no time of it."""
    digest = hashlib.sha256(b"evil").hexdigest().encode()
    told = b"213 SHA-256 0-3 " + digest + b" file\r\n"
    for content, reply, fetched, hashes in ((b"evil", told, [], 1), (b"good", told, ["file"], 1),
                                            (b"evil", b"552 no\r\n", ["file"], 1), (b"evils", told, ["file"], 0),
                                            (b"evil", b"213 SHA-256 0-3 cafe file\r\n", ["file"], 1)):
        with tempfile.TemporaryDirectory(prefix="sluice-by-") as scratch:
            with open(os.path.join(scratch, "file"), "wb") as file:
                file.write(content)
            server = HostileServer(b"type=file;size=4; file\r\n", features=b" HASH SHA-1*;SHA-256\r\n",
                                   replies={b"OPTS": b"200 SHA-256\r\n", b"HASH": reply})
            events = mirror("-j", "1", f"ftp://127.0.0.1:{server.port}/", scratch)
            server.close()
            same(f"fetched where {content} is", fetched, paths(events, "fetched"))
            same(f"commands where {content} is", hashes, sum(line.startswith("HASH ") for line in server.lines))
            same("OPTS", hashes, server.lines.count("OPTS HASH SHA-256"))
            with open(os.path.join(scratch, "file"), "rb") as file:
                same("the file", b"evil", file.read())


@test
def a_server_that_is_busy_hashing_is_asked_again():
    with tempfile.TemporaryDirectory(prefix="sluice-by-") as scratch:
        with open(os.path.join(scratch, "file"), "wb") as file:
            file.write(b"evil")
        server = HostileServer(b"type=file;size=4; file\r\n", features=b" HASH SHA-256*\r\n",
                               replies={b"HASH": b"450 busy\r\n"})
        mirror("-j", "1", f"ftp://127.0.0.1:{server.port}/", scratch, status=1)
        server.close()
        same("asked", 3, sum(line.startswith("HASH ") for line in server.lines))


if __name__ == "__main__":
    main()
