#!/usr/bin/env python3
"""What real clients do with SITE: lftp's chmod, ln, mkdir -p and times of uploads, ncftpput's times."""

import atexit
import contextlib
import os
import stat
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import clients  # noqa: E402
import seccomp  # noqa: E402
from checks import expect, main, test  # noqa: E402
from client import log_in  # noqa: E402
from clients import quoted  # noqa: E402
from sluiced import Sluiced  # noqa: E402

WHEN = 981173106  # 2001-02-03 04:05:06 UTC


class World:
    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="sluice-site-")
        self.folder = self.scratch.name
        os.chmod(self.folder, 0o755)
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.root)
        self.server = Sluiced(self.root, ["--anonymous-write"])
        self.server.start()
        atexit.register(self.end)
        self.port = self.server.port
        self.descriptors = len(self.server.descriptors())

    def end(self):
        self.server.abandon()
        self.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def old_file(self):
        path = os.path.join(self.folder, "old")
        with open(path, "w", encoding="utf-8") as file:
            file.write("old")
        os.utime(path, (WHEN, WHEN))
        return path


world = World()


@test
def lftp_changes_modes():
    world.write("a file", "x")
    clients.lftp(world.port, "chmod 640 \"a file\"")
    expect(world.mode("a file") == 0o640, f"the mode is {world.mode('a file'):o}")
    clients.lftp(world.port, "quote SITE CHMOD 600 a file")
    expect(world.mode("a file") == 0o600, f"the mode is {world.mode('a file'):o}")


@test
def lftp_makes_links():
    world.write("target", "hello")
    clients.lftp(world.port, "ln -s target symbolic; ln target hard")
    expect(os.readlink(world.path("symbolic")) == "target", "no symbolic link")
    expect(os.path.samefile(world.path("hard"), world.path("target")), "no hard link")
    expect("hello" in clients.lftp(world.port, "cat symbolic"), "the link leads nowhere")


@test
def lftp_makes_folders_of_a_path():
    clients.lftp(world.port, "mkdir -p one/two/three")
    expect(os.path.isdir(world.path("one/two/three")), "no folders")
    clients.lftp(world.port, "mkdir -p one/two/three")


@test
def lftp_shows_what_site_can_do():
    output = clients.lftp(world.port, "quote SITE HELP")
    expect("SITE CHMOD <octal mode> <path>" in output, output)
    output = clients.lftp(world.port, "site umask 027; quote MKD private")
    expect("027" in output, output)
    expect(world.mode("private") == 0o750, f"the mode is {world.mode('private'):o}")


@test
def lftp_keeps_the_time_of_an_upload():
    clients.lftp(world.port, f"put {quoted(world.old_file())} -o of-lftp")
    expect(os.stat(world.path("of-lftp")).st_mtime == WHEN, "the time is lost")


@test
def ncftpput_keeps_the_time_of_an_upload():
    clients.ncftp("ncftpput", world.port, "-y", "127.0.0.1", "/", world.old_file())
    expect(os.stat(world.path("old")).st_mtime == WHEN, "the time is lost")


def features(server):
    with contextlib.closing(log_in("127.0.0.1", server.port)) as control:
        control.send(b"FEAT\r\n")
        return control.read_reply()


@test
def what_a_filter_of_calls_refuses_is_no_feature():
    """As that of systemd/sluiced.service."""
    wanted = {" SITE CHGRP", " SITE GROUP", " MFF modify;UNIX.mode;UNIX.group;"}
    expect(wanted <= set(features(world.server)), "a feature is missing without a filter")
    with tempfile.TemporaryDirectory(prefix="sluice-filtered-") as root:
        os.chmod(root, 0o755)
        server = Sluiced(root, ["--anonymous-write"])
        server.arguments = [*seccomp.without("fchownat"), *server.arguments]
        with server:
            found = set(features(server))
            expect(not wanted & found and " MFF modify;UNIX.mode;" in found, f"the features are {found}")


@test
def the_server_holds_no_more_descriptors_than_before():
    left = world.server.wait_for_descriptors(world.descriptors)
    expect(left <= world.descriptors, f"{world.descriptors} at the start, {left} now: {world.server.descriptors()}")
    world.server.stop()


if __name__ == "__main__":
    main()
