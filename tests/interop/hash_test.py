#!/usr/bin/env python3
"""HASH and its kin against a real server: long hashes, what ends them, what is remembered, and sluice --verify."""

import hashlib
import mmap
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import Skipped, expect, main, same, test, wait_until  # noqa: E402
from client import command, log_in  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import Failure, Sluiced, binary, engine_arguments, environment  # noqa: E402

PROGRAM = os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")
ENDLESS = 1 << 40  # bytes of a file of nothing, in memory: minutes to hash, no room on any disk
HASHES_MAX = 64    # of one worker, src/base/limits.h
HASHES_SHARE = 16  # of which one client address may have so many


class Served(tempfile.TemporaryDirectory):
    def __init__(self, *options, parent=None, workers=1, **variables):
        if parent and not os.access(parent, os.W_OK):
            raise Skipped(f"no {parent}")
        super().__init__(prefix="sluice-hash-", dir=parent)
        self.options, self.workers, self.variables = options, workers, variables

    def __enter__(self):
        os.chmod(self.name, 0o777)
        write_pattern(self.path("small"), 1000)
        self.server = Sluiced(self.name, ["--anonymous-write", *self.options], workers=self.workers,
                              variables={"SLUICE_DRAIN_LIMIT_MS": "300", **self.variables}).start()
        return self

    def path(self, name):
        return os.path.join(self.name, name)

    def log_in(self, source=None):
        return log_in("127.0.0.1", self.server.port, source)

    def endless(self):
        with open(self.path("endless"), "wb") as file:
            file.truncate(ENDLESS)

    def __exit__(self, kind, *rest):
        if kind:
            self.server.abandon()
        else:
            self.server.stop()
        self.cleanup()


def small_hash():
    return hashlib.sha256(pattern(1000)).hexdigest()


def is_small_hash(control):
    control.send(b"HASH small\r\n")  # with lines before it, perhaps
    same("HASH small", f"213 SHA-256 0-999 {small_hash()} small", control.read_reply()[-1])


def until_hashing(control):
    """Waits until a HASH that was sent is under way."""
    def is_told():
        control.send(b"STAT\r\n")
        return f"of {ENDLESS} bytes" in "\n".join(control.read_reply())

    wait_until(is_told, "STAT tells of no hash")


@test
def abor_ends_a_hash():
    with Served(parent="/dev/shm") as served:
        served.endless()
        control = served.log_in()
        control.send(b"HASH endless\r\n")
        until_hashing(control)
        control.send(b"NOOP\r\nABOR\r\n")
        codes = [control.read_reply()[0][:3] for _ in range(3)]
        same("replies to HASH, ABOR and NOOP", ["426", "226", "200"], codes)
        is_small_hash(control)
        command(control, "QUIT", "221")


@test
def a_client_that_leaves_ends_its_hash():
    with Served(parent="/dev/shm") as served:
        served.endless()
        before = len(served.server.descriptors())
        leavers = [served.log_in() for _ in range(8)]
        for number, control in enumerate(leavers):
            control.send(b"HASH endless\r\n" if number % 2 else b"XCRC endless\r\nQUIT\r\n")
        time.sleep(0.1)
        for control in leavers:
            control.close()
        expect(served.server.wait_for_descriptors(before) <= before, "the sessions stay")
        is_small_hash(served.log_in())


@test
def the_server_ends_while_it_hashes():
    with Served(parent="/dev/shm") as served:
        served.endless()
        control = served.log_in()
        control.send(b"HASH endless\r\n")
        time.sleep(0.1)


@test
def a_long_hash_says_how_far_it_is():
    with Served(parent="/dev/shm", SLUICE_HASH_PROGRESS_MS="20") as served:
        with open(served.path("long"), "wb") as file:
            file.truncate(300_000_000)
        control = served.log_in()
        control.send(b"HASH long\r\n")
        lines = control.read_reply()
        expect(len(lines) > 2 and all(line.startswith("213-Hashing: ") for line in lines[:-1]), f"the reply is {lines}")
        wanted = hashlib.sha256(bytes(300_000_000)).hexdigest()
        same("the last line", f"213 SHA-256 0-299999999 {wanted} long", lines[-1])
        done = [int(line.split()[1]) for line in lines[:-1]]
        expect(done == sorted(done) and done[-1] <= 300_000_000, f"the lines say {done}")
        served.endless()
        control.send(b"XMD5 endless\r\n")
        expect(control.read_line().startswith("250-Hashing"), "no line of progress")
        control.send(b"STAT\r\nABOR\r\n")  # STAT has no place within the reply
        lines = control.read_reply()
        expect(lines[-1].startswith("250 No hash"), f"an aborted one is {lines}")
        same("replies to ABOR and STAT", ["226", "211"], [control.read_reply()[0][:3] for _ in range(2)])
        is_small_hash(control)


def begin_hashes(served, source, count):
    controls = [served.log_in(source) for _ in range(count)]
    for control in controls:
        control.send(b"HASH endless\r\n")
    for control in controls:
        until_hashing(control)
    return controls


def is_answered_once_there_is_a_seat(control):
    def answer():
        control.send(b"HASH small\r\n")
        line = control.read_reply()[-1]
        return None if line.startswith("450") else line

    line = wait_until(answer, "no seat has become free")
    same("with a free seat", f"213 SHA-256 0-999 {small_hash()} small", line)


@test
def too_many_hashes_at_once_are_450():
    with Served(parent="/dev/shm") as served:
        served.endless()
        sources = [f"127.0.0.{number + 2}" for number in range(HASHES_MAX // HASHES_SHARE)]
        controls = [control for source in sources for control in begin_hashes(served, source, HASHES_SHARE)]
        one_more = served.log_in()
        expect("at work now" in command(one_more, "HASH small", "450"), "the reply names another reason")
        controls.pop().close()
        is_answered_once_there_is_a_seat(one_more)


@test
def one_address_has_its_share_of_the_hashes_and_leaves_the_rest():
    with Served(parent="/dev/shm") as served:
        served.endless()
        controls = begin_hashes(served, "127.0.0.2", HASHES_SHARE)
        one_more = served.log_in("127.0.0.2")
        for line in "HASH small", "XCRC small":
            expect("for your address" in command(one_more, line, "450"), "the reply names another reason")
        is_small_hash(served.log_in("127.0.0.3"))
        controls.pop().close()
        is_answered_once_there_is_a_seat(one_more)


@test
def a_small_hash_has_its_turn_beside_large_ones():
    with Served(parent="/dev/shm") as served:
        served.endless()
        controls = [served.log_in() for _ in range(8)]
        for control in controls:
            control.send(b"HASH endless\r\n")
        is_small_hash(served.log_in())


@test
def a_hash_is_made_once():
    with Served(workers=2) as served:
        write_pattern(served.path("big"), 60_000_000)
        time.sleep(0.1)
        control = served.log_in()
        start = time.monotonic()
        first = command(control, "HASH big", "213")
        made_s = time.monotonic() - start
        same("the hash", hashlib.sha256(pattern(60_000_000)).hexdigest(), first.split()[3])
        others = [served.log_in() for _ in range(4)]  # on both workers
        for other in others:
            times = []
            for _ in range(10):
                start = time.monotonic()
                same("HASH again", first, command(other, "HASH big", "213"))
                times.append(time.monotonic() - start)
            expect(min(times) < made_s / 20,
                   f"the first took {made_s * 1000:.1f} ms, the others at least {min(times) * 1000:.3f} ms")


def is_shared(first, second, line):
    """The second asks when two thirds are done. False if this machine was too busy to see that."""
    start = time.monotonic()
    first.send(line)
    done = 0
    while done < 400_000_000:
        time.sleep(0.01)
        first.send(b"STAT\r\n")
        told = [told for told in first.read_reply() if told.startswith((" Hashing: ", "213 "))]
        if not told or told[0].startswith("213 "):
            return False
        done = int(told[0].split()[1])
    second.send(line)
    reply = first.read_reply()
    took = time.monotonic() - start
    same("the second reply", reply, second.read_reply())
    more = time.monotonic() - start - took
    expect(more < took / 2, f"the first took {took:.2f} s, the second {more:.2f} s longer")
    return True


@test
def who_asks_while_a_hash_is_made_has_it_when_it_is_made():
    with Served(parent="/dev/shm", workers=2, SLUICE_HASH_PROGRESS_MS="600000") as served:
        for attempt in range(10):
            with open(served.path(f"large{attempt}"), "wb") as file:
                file.truncate(600_000_000)
            time.sleep(0.1)
            if is_shared(served.log_in(), served.log_in(), f"HASH large{attempt}\r\n".encode()):
                break
        else:
            raise Failure("it was too fast, ten times")


@test
def a_file_that_changes_has_another_hash_each_time():
    with Served() as served:
        control = served.log_in()
        for number in range(300):
            content = b"%03d" % number
            with open(served.path("small"), "r+b") as file:  # in place, of the same size from then on
                file.write(content)
                file.truncate(3)
            wanted = hashlib.md5(content).hexdigest().upper()
            for _ in range(2):
                same(f"change {number}", f"250 {wanted}", command(control, "XMD5 small", "250"))


def stores_are_seen(*options):
    """A page of a mapping that is dirty already takes further stores without another time of the file."""
    with Served(*options) as served:
        with open(served.path("mapped"), "wb") as file:
            file.write(b"a" * 8192)
        os.chmod(served.path("mapped"), 0o666)
        control = served.log_in()
        command(control, "TYPE A", "200")
        with open(served.path("mapped"), "r+b") as file, mmap.mmap(file.fileno(), 8192) as memory:
            for number in range(3):
                memory[number] = ord("b")
                time.sleep(0.2)
                for _ in range(2):
                    wanted = hashlib.sha256(memory[:]).hexdigest()
                    same("the hash", wanted, command(control, "HASH mapped", "213").split()[3])
                memory[100 + number] = ord("\n")
                wanted = hashlib.sha256(memory[:]).hexdigest()
                same("after a store to a dirty page", wanted, command(control, "HASH mapped", "213").split()[3])
                same("its size", f"213 {8193 + number}", command(control, "SIZE mapped", "213"))


@test
def what_is_stored_through_a_mapping_changes_the_hash():
    stores_are_seen()


@test
def what_is_stored_through_a_mapping_changes_the_kept_hash():
    stores_are_seen("--hash-xattr", "on")


@test
def a_kept_hash_outlives_the_server():
    with tempfile.TemporaryDirectory(prefix="sluice-hash-") as folder:
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "big")
        write_pattern(path, 60_000_000)
        os.chmod(path, 0o666)
        try:
            os.setxattr(path, "user.test", b"")
        except OSError as error:
            raise Skipped(f"extended attributes: {error.strerror}") from None
        time.sleep(0.1)
        replies, times = [], []
        for _ in range(4):
            server = Sluiced(folder, ["--hash-xattr", "on"]).start()
            control = log_in("127.0.0.1", server.port)
            start = time.monotonic()
            replies.append(command(control, "HASH big", "213"))
            times.append(time.monotonic() - start)
            control.close()
            server.stop()
        same("the hashes", replies[:1] * 4, replies)
        same("the attribute", hashlib.sha256(pattern(60_000_000)).hexdigest(),
             os.getxattr(path, "user.sluice.hash.sha-256").decode().split()[-1])
        again_s = min(times[1:])
        expect(again_s < times[0] / 5, f"further servers took {again_s * 1000:.1f} ms, not much less than "
                                        f"{times[0] * 1000:.1f} ms")


@test
def sluice_verifies_by_hash():
    with Served() as served, tempfile.TemporaryDirectory(prefix="sluice-hash-") as here:
        def sluice(*arguments):
            done = subprocess.run([PROGRAM, *arguments[:1], *engine_arguments(), *arguments[1:]], cwd=here,
                                  env=environment(HOME=here), capture_output=True, timeout=30, check=False)
            return done.returncode, (done.stdout + done.stderr).decode()

        url = f"ftp://127.0.0.1:{served.server.port}"
        status, text = sluice("get", "--verify", f"{url}/small")
        same(f"get --verify: {text}", 0, status)
        expect(f"verified by SHA-256 {small_hash()}" in text, text)
        with open(os.path.join(here, "a b"), "wb") as file:
            file.write(b"spaces")
        status, text = sluice("put", "--verify", "a b", f"{url}/")
        same(f"put --verify: {text}", 0, status)
        status, text = sluice("copy", "--verify", f"{url}/small", f"{url}/other")
        expect(status != 0 or "verified" in text, f"copy --verify: {text}")


if __name__ == "__main__":
    main()
