#!/usr/bin/env python3
"""Many sessions: dealt evenly to the workers, and sharing few passive ports without a wrong byte."""

import concurrent.futures
import ftplib
import os
import re
import resource
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import Skipped, expect, main, test  # noqa: E402
from pattern import pattern  # noqa: E402
from sluiced import Sluiced  # noqa: E402

SESSIONS_MAX = ["--max-sessions", "2000", "--max-sessions-per-address", "2000"]


def need_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Skipped(f"{count} descriptors (the limit is {hard})")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def log_in(port):
    ftp = ftplib.FTP(timeout=20)
    ftp.connect("127.0.0.1", port)
    ftp.login()
    ftp.voidcmd("TYPE I")
    return ftp


def worker_of(ftp):
    reply = ftp.sendcmd("STAT")
    match = re.search(r"^ *Worker: (\d+) of (\d+)\s*$", reply, re.MULTILINE)
    expect(match, f"STAT names no worker: {reply!r}")
    return int(match.group(1)), int(match.group(2))


def spread(sessions, workers):
    with tempfile.TemporaryDirectory() as root, Sluiced(root, SESSIONS_MAX, workers=workers) as server:
        open_sessions = [log_in(server.port) for _ in range(sessions)]
        counts = [0] * workers
        for ftp in open_sessions:
            number, total = worker_of(ftp)
            expect(total == workers, f"STAT speaks of {total} workers; there are {workers}")
            counts[number % workers] += 1
        for ftp in open_sessions:
            ftp.close()
    expect(max(counts) - min(counts) <= 1, f"sessions per worker: {counts}")


@test
def eight_sessions_are_dealt_evenly():
    spread(8, 8)


@test
def a_thousand_sessions_are_dealt_evenly():
    need_descriptors(4096)
    spread(1000, 8)


@test
def sessions_are_dealt_evenly_after_others_have_left():
    with tempfile.TemporaryDirectory() as root, Sluiced(root, SESSIONS_MAX, workers=4) as server:
        first = [log_in(server.port) for _ in range(16)]
        for ftp in first:
            if worker_of(ftp)[0] % 4 in (0, 1):
                ftp.quit()
        second = [log_in(server.port) for _ in range(8)]
        counts = [0] * 4
        for ftp in second:
            counts[worker_of(ftp)[0] % 4] += 1
        expect(sorted(counts) == [0, 0, 4, 4], f"eight new sessions went to the workers as {counts}")


def transfer_many(server, sessions, rounds, at_once):
    """Each session fetches its own file `rounds` times. Returns what went wrong."""
    everybody = [log_in(server.port) for _ in range(sessions)]

    def one(number):
        wanted = content(number)
        for _ in range(rounds):
            pieces = []
            try:
                everybody[number].retrbinary(f"RETR file{number}", pieces.append)
            except ftplib.all_errors as error:
                return f"session {number}: {error!r}"
            if b"".join(pieces) != wanted:
                return f"session {number}: wrong bytes"
        return None

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        problems = [problem for problem in pool.map(one, range(sessions)) if problem]
    for ftp in everybody:
        ftp.quit()
    return problems


def content(number):
    return f"file {number}\n".encode() + pattern(1000 + 97 * number)


def make_files(root, count):
    for number in range(count):
        with open(os.path.join(root, f"file{number}"), "wb") as file:
            file.write(content(number))


@test
def one_passive_port_serves_eight_workers():
    with tempfile.TemporaryDirectory() as root:
        make_files(root, 16)
        os.chmod(root, 0o755)
        with Sluiced(root, SESSIONS_MAX, passive_ports=1, workers=8) as server:
            problems = transfer_many(server, 16, 20, at_once=4)
            expect(not problems, f"{len(problems)} of 16 sessions failed: {problems[:3]}")


@test
def two_hundred_sessions_share_four_passive_ports():
    need_descriptors(2048)
    with tempfile.TemporaryDirectory() as root:
        make_files(root, 200)
        os.chmod(root, 0o755)
        with Sluiced(root, SESSIONS_MAX, passive_ports=4, workers=2) as server:
            before = len(server.descriptors())
            problems = transfer_many(server, 200, 10, at_once=16)
            expect(not problems, f"{len(problems)} of 200 sessions failed: {problems[:3]}")
            after = server.wait_for_descriptors(before)
            expect(after <= before, f"{before} descriptors before, {after} after")


if __name__ == "__main__":
    main()
