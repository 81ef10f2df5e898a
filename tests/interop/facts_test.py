#!/usr/bin/env python3
"""What clients learn of files (MLSD) and set of them (MFMT), beside what the disk says."""

import ftplib
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import clients  # noqa: E402
from checks import Skipped, expect, main, need, same, test  # noqa: E402
from clients import quoted, url  # noqa: E402
from sluiced import Sluiced  # noqa: E402

ENTRIES = 300
TIME_S = 981173106  # 2001-02-03 04:05:06


class Served(tempfile.TemporaryDirectory):
    """A folder, and a server of it to which anonymous users may write."""

    def __enter__(self):
        os.chmod(self.name, 0o777)
        self.server = Sluiced(self.name, ["--anonymous-write"]).start()
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.server.abandon()
        else:
            self.server.stop()
        self.cleanup()

    def path(self, name):
        return os.path.join(self.name, name)

    def make(self, name, data=b"x"):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def log_in(self):
        ftp = ftplib.FTP(timeout=20)
        ftp.connect("127.0.0.1", self.server.port)
        ftp.login()
        return ftp


def born_s(path):
    """The time of birth, or None where the file system keeps none."""
    seconds = int(subprocess.run(["stat", "-c", "%W", path], capture_output=True, check=True).stdout)
    return seconds or None


def utc(seconds):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


@test
def mlsd_tells_what_the_disk_says():
    names = ["type", "size", "modify", "create", "unique", "unix.mode", "unix.owner", "unix.group"]
    with Served() as served:
        for number in range(20):
            served.make(f"file{number}", b"x" * number)
            os.chmod(served.path(f"file{number}"), 0o600 + number)
        with served.log_in() as ftp:
            entries = {name: facts for name, facts in ftp.mlsd(facts=names) if name != "."}
        same("names", sorted(os.listdir(served.name)), sorted(entries))
        for name, facts in entries.items():
            status = os.stat(served.path(name))
            born = born_s(served.path(name))
            wanted = {"type": "file", "size": str(status.st_size), "modify": utc(status.st_mtime),
                      "unix.mode": f"{status.st_mode & 0o7777:04o}", "unix.owner": str(status.st_uid),
                      "unix.group": str(status.st_gid)}
            if born:
                wanted["create"] = utc(born)
            unique = facts.pop("unique")
            same(f"facts of {name}", wanted, facts)
            expect(unique.endswith(f".{status.st_ino:x}"), f"{name} has inode {status.st_ino:x}, not {unique}")


def statx_calls(served, facts):
    """How many there are during one MLSD."""
    with served.log_in() as ftp, tempfile.NamedTemporaryFile() as trace:
        ftp.sendcmd("OPTS MLST " + facts)
        tracer = subprocess.Popen([need("strace"), "-f", "-e", "trace=statx,newfstatat", "-o", trace.name,
                                   "-p", str(served.server.server_pid)], stderr=subprocess.PIPE)
        if b"attached" not in tracer.stderr.readline():
            tracer.wait()
            raise Skipped("the right to trace a process")
        lines = []
        ftp.retrlines("MLSD", lines.append)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        tracer.stderr.close()
        same("entries", ENTRIES + 1, len(lines))
        return trace.read().count(b"statx(")


@test
def mlsd_of_types_alone_looks_at_no_entry():
    with Served() as served:
        for number in range(ENTRIES):
            served.make(f"file{number}")
        looks = statx_calls(served, "type;size;")
        expect(looks >= ENTRIES, f"strace has seen {looks} statx calls for {ENTRIES} entries")
        looks = statx_calls(served, "type;")
        expect(looks < 10, f"there were {looks} statx calls")


@test
def curl_sets_a_time():
    with Served() as served:
        served.make("a")
        clients.curl("--quote", "MFMT 20010203040506 a", "--list-only", url(served.server.port))
        same("time", TIME_S, os.stat(served.path("a")).st_mtime)


@test
def lftp_keeps_the_time_of_what_it_puts():
    with Served() as served, tempfile.NamedTemporaryFile() as local:
        os.utime(local.name, (TIME_S, TIME_S))
        clients.lftp(served.server.port, f"put {quoted(local.name)} -o put")
        same("time", TIME_S, os.stat(served.path("put")).st_mtime)


if __name__ == "__main__":
    main()
