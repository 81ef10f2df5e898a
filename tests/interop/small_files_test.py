#!/usr/bin/env python3
"""Small files that are asked for again and again: what was opened a moment ago is never older than
what the path leads to."""

import ftplib
import io
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
import wire  # noqa: E402
from client import command, log_in  # noqa: E402
from place import Place  # noqa: E402

TIMES = 20
FETCHES = 40  # after so many the folder is watched (WATCHED_FROM), if it has not changed for a while
WATCHED_TIMES = 3  # that is waited for; each takes twice as long as the one before
if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"  # where folders can be watched


def watches(place):
    """How many folders the workers watch for what is kept open; no listing is made here."""
    count = 0
    folder = f"/proc/{place.server.server_pid}/fdinfo"
    for name in os.listdir(folder):
        try:
            with open(os.path.join(folder, name), encoding="ascii") as info:
                count += sum(line.startswith("inotify ") for line in info)
        except OSError:
            pass
    return count


def until_watched(place, fetch_again):
    """Wants the file until its folder is watched."""
    deadline = time.monotonic() + 30
    while watches(place) == 0:
        for _ in range(FETCHES):
            fetch_again()
        if tempfile.gettempdir() != "/dev/shm":
            return
        expect(time.monotonic() < deadline, "the folder is never watched")
    fetch_again()


def fetch(session, name):
    content = io.BytesIO()
    session.retrbinary("RETR " + name, content.write)
    return content.getvalue()


def put(root, name, content):
    with open(os.path.join(root, name), "wb") as file:
        file.write(content)


def replaced(root, content):
    put(root, ".new", content)
    os.rename(os.path.join(root, ".new"), os.path.join(root, "file"))


def written_in_place(root, content):
    with open(os.path.join(root, "file"), "r+b") as file:
        file.write(content)
        file.truncate()


def made_anew(root, content):
    os.unlink(os.path.join(root, "file"))
    put(root, "file", content)


def a_link_exchanged(root, content):
    put(root, "target%d" % len(content), content)
    os.symlink("target%d" % len(content), os.path.join(root, ".link"))
    os.rename(os.path.join(root, ".link"), os.path.join(root, "file"))


def its_folder_exchanged(root, content):
    os.makedirs(os.path.join(root, "next"))
    put(root, "next/file", content)
    if os.path.isdir(os.path.join(root, "folder")):
        os.rename(os.path.join(root, "folder"), os.path.join(root, "old%d" % len(content)))
    os.rename(os.path.join(root, "next"), os.path.join(root, "folder"))


def session_of(place):
    session = ftplib.FTP()
    session.connect("127.0.0.1", place.port, timeout=20)
    session.login()
    return session


def served_again_and_again(change, name="file"):
    with Place() as place:
        put(place.root, "file", b"first")
        change(place.root, b"first!")
        with session_of(place) as session:
            for number in range(TIMES):
                wanted = b"%d " % number * (number + 1)
                change(place.root, wanted)
                for _ in range(FETCHES):
                    same(f"{change.__name__}, time {number}", wanted, fetch(session, name))
                if number < WATCHED_TIMES and change is not a_link_exchanged:
                    until_watched(place, lambda: fetch(session, name))


@test
def what_is_replaced_is_served_anew():
    served_again_and_again(replaced)


@test
def what_is_written_in_place_is_served_anew():
    served_again_and_again(written_in_place)


@test
def what_is_removed_and_made_anew_is_served_anew():
    served_again_and_again(made_anew)


@test
def a_link_that_leads_elsewhere_is_followed():
    served_again_and_again(a_link_exchanged)


@test
def a_file_in_another_folder_of_that_name_is_served():
    served_again_and_again(its_folder_exchanged, "folder/file")


@test
def what_is_removed_is_gone_at_once():
    with Place() as place, session_of(place) as session:
        for number in range(TIMES):
            put(place.root, "file", b"there")
            same("the file", b"there", fetch(session, "file"))
            for _ in range(FETCHES):
                same("the file again", b"there", fetch(session, "file"))
            if number < WATCHED_TIMES:
                until_watched(place, lambda: fetch(session, "file"))
            os.unlink(os.path.join(place.root, "file"))
            try:
                fetch(session, "file")
                expect(False, "a removed file is served")
            except ftplib.error_perm as error:
                expect(str(error).startswith("550 "), f"a removed file: {error}")


def fetches_often(place, control):
    until_watched(place, lambda: same("the file", b"first", retrieve(control, "RETR file")))


def retrieve(control, line):
    """What comes of a RETR, of which the command may have been sent already."""
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    with wire.open_socket("127.0.0.1", port) as data:
        command(control, line, "150")
        content = data.makefile("rb").read()
    expect(control.read_reply()[0].startswith("226"), "no 226")
    return content


@test
def what_a_session_changes_it_sees_in_the_same_breath():
    """The commands come in one segment: nothing else happens between them."""
    with Place() as place:
        put(place.root, "file", b"first")
        control = log_in("127.0.0.1", place.port)
        fetches_often(place, control)
        control.send(b"SITE CHMOD 0 file\r\nEPSV\r\nRETR file\r\n")
        for code in "200", "229", "550":
            line = control.read_reply()[0]
            expect(line.startswith(code), f"{line}, and not {code}")
        command(control, "SITE CHMOD 644 file", "200")
        fetches_often(place, control)
        control.send(b"DELE file\r\nEPSV\r\nRETR file\r\n")
        for code in "250", "229", "550":
            line = control.read_reply()[0]
            expect(line.startswith(code), f"{line}, and not {code}")
        put(place.root, "file", b"first")
        fetches_often(place, control)

        _, port = wire.passive_port(command(control, "EPSV", "229"))
        with wire.open_socket("127.0.0.1", port) as data:
            control.send(b"STOR file\r\nEPSV\r\nRETR file\r\n")
            expect(control.read_reply()[0].startswith("150"), "no 150")
            data.sendall(b"longer than it was")
        expect(control.read_reply()[0].startswith("226"), "no 226")
        _, port = wire.passive_port(control.read_reply()[0])
        with wire.open_socket("127.0.0.1", port) as data:
            same("what was stored", b"longer than it was", data.makefile("rb").read())


def is_open(place):
    return any(path.endswith("/root/file") for path in place.server.descriptors())


@test
def it_stays_open_while_somebody_may_want_it_and_no_longer():
    with Place() as place:
        put(place.root, "file", b"kept")
        with session_of(place) as session:
            for _ in range(TIMES):
                fetch(session, "file")
                if is_open(place):
                    break
            else:
                expect(False, "it is never kept open")
        deadline = time.monotonic() + 20
        while is_open(place):
            expect(time.monotonic() < deadline, "it stays open for ever")
            time.sleep(0.01)


@test
def two_sessions_that_read_one_file_do_not_disturb_each_other():
    content = os.urandom(60000)
    with Place() as place, session_of(place) as one, session_of(place) as other:
        put(place.root, "file", content)
        one.voidcmd("TYPE I")
        other.voidcmd("TYPE I")
        for _ in range(TIMES):
            first, second = one.transfercmd("RETR file"), other.transfercmd("RETR file")
            for session, data in (one, first), (other, second):
                with data, data.makefile("rb") as file:
                    expect(file.read() == content, "other bytes")
                session.voidresp()


if __name__ == "__main__":
    sys.exit(main())
