#!/usr/bin/env python3
"""Small files that are asked for again and again: what was opened a moment ago is never older than
what the path leads to."""

import ftplib
import io
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
from place import Place  # noqa: E402

TIMES = 20


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
                fetch(session, name)
                wanted = b"%d " % number * (number + 1)
                change(place.root, wanted)
                same(f"{change.__name__}, time {number}", wanted, fetch(session, name))
                same(f"{change.__name__}, once more", wanted, fetch(session, name))


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
        for _ in range(TIMES):
            put(place.root, "file", b"there")
            same("the file", b"there", fetch(session, "file"))
            same("the file again", b"there", fetch(session, "file"))
            os.unlink(os.path.join(place.root, "file"))
            try:
                fetch(session, "file")
                expect(False, "a removed file is served")
            except ftplib.error_perm as error:
                expect(str(error).startswith("550 "), f"a removed file: {error}")


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
