#!/usr/bin/env python3
"""sluice(1) against a real sluiced: every subcommand, every way of opening a data connection, resuming,
copying between two servers, exit codes, and that no password is shown."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test, wait_until  # noqa: E402
from pattern import pattern, same_files, write_large, write_pattern  # noqa: E402
from place import SIZE, Place, cut, program  # noqa: E402
from ports import have_ipv6  # noqa: E402
from sluiced import engine_arguments, environment, password_hash  # noqa: E402


@test
def get_fetches_files_under_their_names():
    with Place() as place:
        place.run("get", place.url("big"), place.url("lines"))
        expect(place.read(place.here, "big") == pattern(SIZE), "other bytes than the server's")
        same("lines", b"one\ntwo\n", place.read(place.here, "lines"))


@test
def every_way_of_opening_a_data_connection_works():
    hosts = ["127.0.0.1"] + (["[::1]"] if have_ipv6() else [])
    with Place() as place:
        for host in hosts:
            for how in ("auto", "epsv", "active", "default") + (("pasv",) if host[0] != "[" else ()):
                place.run("get", "--data", how, "-o", "got", "--no-resume", place.url("big", host))
                expect(place.read(place.here, "got") == pattern(SIZE), f"{how} over {host}")
                listing, _ = place.run("ls", "--data", how, place.url("", host))
                same(f"ls, {how} over {host}", b"big\nlines\nsub/\n", listing)


@test
def get_resumes_what_is_there_and_only_that():
    with Place() as place:
        with open(os.path.join(place.here, "big"), "wb") as file:
            file.write(pattern(SIZE)[:1234567])
        _, errors = place.run("get", "-v", place.url("big"))
        expect("REST 1234567" in errors, errors)
        expect(place.read(place.here, "big") == pattern(SIZE), "other bytes after resuming")
        said, errors = place.run("get", "-v", place.url("big"))
        expect("RETR" not in errors, errors)
        expect(b"whole already" in said, said)


@test
def get_does_not_go_on_with_the_beginning_of_an_older_file():
    with Place() as place:
        path = os.path.join(place.here, "big")
        with open(path, "wb") as file:
            file.write(b"something else")
        os.utime(path, (1000000000, 1000000000))
        place.run("get", place.url("big"))
        expect(place.read(place.here, "big") == pattern(SIZE), "an old beginning was kept")


@test
def a_file_that_the_server_does_not_have_leaves_nothing_behind():
    with Place() as place:
        _, errors = place.run("get", place.url("none"), status=1)
        expect("550" in errors, errors)
        same("files", [], os.listdir(place.here))


@test
def a_refused_get_leaves_the_local_file_as_it_is():
    with Place() as place:
        path = os.path.join(place.here, "none")
        for words in ([], ["--no-resume"], ["--ascii"], ["--mode=B"], ["--mode=B", "--no-resume"]):
            with open(path, "wb") as file:
                file.write(b"precious")
            _, errors = place.run("get", *words, place.url("none"), status=1)
            expect("550" in errors, errors)
            same(f"the file, {words}", b"precious", place.read(place.here, "none"))
        same("files", ["none"], os.listdir(place.here))


@test
def a_get_in_place_leaves_the_file_until_the_server_agrees():
    """A file with two names is written to itself."""
    with Place() as place:
        for name in ("none", "lines"):
            with open(os.path.join(place.here, name), "wb") as file:
                file.write(b"precious, and longer")
            os.link(os.path.join(place.here, name), os.path.join(place.here, name + ".2"))
        place.run("get", place.url("none"), status=1)
        same("the file", b"precious, and longer", place.read(place.here, "none"))
        place.run("get", place.url("lines"))
        same("its other name", b"one\ntwo\n", place.read(place.here, "lines.2"))


@test
def what_is_unrelated_is_no_beginning():
    """Shorter and newer than the other side's file, but of other bytes."""
    with Place() as place, Place() as other:
        old = time.time() - 3600
        for folder in (place.here, place.root):
            with open(os.path.join(folder, "conf"), "wb") as file:
                file.write(b"line1\nline2\nline3\n")
            os.utime(os.path.join(folder, "conf"), (old, old))
        wanted = place.read(place.here, "conf")
        other.write_root("conf", b"UNRELATED")
        place.run("put", "conf", other.url("conf"))
        same("put", wanted, other.read(other.root, "conf"))
        other.write_root("conf", b"UNRELATED")
        place.run("copy", place.url("conf"), other.url("conf"))
        same("copy", wanted, other.read(other.root, "conf"))
        with open(os.path.join(place.here, "conf"), "wb") as file:
            file.write(b"UNRELATED")
        place.run("get", place.url("conf"))
        same("get", wanted, place.read(place.here, "conf"))
        with open(os.path.join(place.here, "conf"), "wb") as file:
            file.write(b"UNRELATED".ljust(len(wanted)))
        place.run("get", place.url("conf"))
        same("get of the same size", wanted, place.read(place.here, "conf"))


@test
def a_cut_get_goes_on_with_its_part_and_replaces_what_was_there():
    with Place() as place:
        write_large(os.path.join(place.root, "large"))
        path = os.path.join(place.here, "large")
        with open(path, "wb") as file:
            file.write(b"precious")
        os.chmod(path, 0o600)
        part = cut(place.here, place.here, ".sluice", "get", place.url("large"))
        same("until then", b"precious", place.read(place.here, "large"))
        had = os.path.getsize(part)
        _, errors = place.run("get", "-v", place.url("large"))
        expect(f"C: REST {had}" in errors, errors)
        same("what is there", ["large"], os.listdir(place.here))
        expect(same_files(os.path.join(place.here, "large"), os.path.join(place.root, "large")), "other bytes")
        got, there = os.stat(path), os.stat(os.path.join(place.root, "large"))
        same("mode and time", (0o600, int(there.st_mtime)), (got.st_mode & 0o777, int(got.st_mtime)))


@test
def a_part_of_another_version_is_not_gone_on_with():
    with Place() as place:
        write_large(os.path.join(place.root, "large"))
        cut(place.here, place.here, ".sluice", "get", place.url("large"))
        os.utime(os.path.join(place.root, "large"), (1_500_000_000, 1_500_000_000))
        _, errors = place.run("get", "-v", place.url("large"))
        expect("C: REST" not in errors, errors)
        same("what is there", ["large"], os.listdir(place.here))


@test
def a_run_that_was_killed_a_moment_ago_is_waited_for():
    """What the kernel had under way for it holds the part's lock a little longer."""
    with Place() as place:
        write_large(os.path.join(place.root, "large"))
        part = cut(place.here, place.here, ".sluice", "get", place.url("large"))
        with open(part, "rb") as file:
            wait_until(lambda: locked(file), "the run that was killed keeps its lock")
            release = threading.Timer(0.1, file.close)
            release.start()
            _, errors = place.run("get", "-v", place.url("large"))
            release.join()
        expect("C: REST" in errors, errors)
        same("what is there", ["large"], os.listdir(place.here))


@test
def a_part_that_becomes_whole_while_its_lock_is_waited_for_is_not_written_to():
    """Another run gives it its name: what has the lock then is the file."""
    with Place() as place:
        write_large(os.path.join(place.root, "large"))
        part = cut(place.here, place.here, ".sluice", "get", place.url("large"))
        with open(part, "r+b") as file:
            wait_until(lambda: locked(file), "the run that was killed keeps its lock")
            file.write(b"of the other run")
            file.flush()
            whole = os.stat(part)

            def complete():
                os.rename(part, os.path.join(place.here, "other"))
                file.close()

            release = threading.Timer(0.06, complete)
            release.start()
            place.run("get", "-v", place.url("large"))
            release.join()
        now = os.stat(os.path.join(place.here, "other"))
        same("the other run's file", (whole.st_ino, whole.st_size), (now.st_ino, now.st_size))
        expect(place.read(place.here, "other").startswith(b"of the other run"), "it was written to")
        expect(same_files(os.path.join(place.root, "large"), os.path.join(place.here, "large")), "other bytes")


def locked(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


@test
def a_cut_put_goes_on_at_a_server_that_stores_whole_files_only():
    with Place("--uploads", "atomic") as place:
        write_large(os.path.join(place.here, "large"))
        part = cut(place.here, os.path.join(place.root, "sub"), ".part", "put", "large", place.url("sub/"))
        time.sleep(0.5)
        if not os.path.exists(part):  # the end of its data connection came first, and is the end of a file
            part = os.path.join(place.root, "sub", "large")
        had = os.path.getsize(part)
        _, errors = place.run("put", "-v", "large", place.url("sub/"))
        expect(f"C: REST {had}" in errors, errors)
        expect(same_files(os.path.join(place.here, "large"), os.path.join(place.root, "sub/large")), "other bytes")
        same("what is here", ["large"], os.listdir(place.here))


@test
def an_old_file_is_not_taken_for_what_a_cut_put_has_left():
    """The server has an old one still: what was cut lies elsewhere."""
    with Place("--uploads", "atomic") as place:
        write_large(os.path.join(place.here, "large"))
        place.write_root("sub/large", b"old")
        cut(place.here, os.path.join(place.root, "sub"), ".part", "put", "large", place.url("sub/"))
        time.sleep(0.5)
        place.run("put", "-v", "large", place.url("sub/"))
        expect(same_files(os.path.join(place.here, "large"), os.path.join(place.root, "sub/large")), "other bytes")


@test
def text_is_translated_both_ways():
    with Place() as place:
        place.run("get", "--ascii", place.url("lines"))
        same("lines", b"one\ntwo\n", place.read(place.here, "lines"))
        place.run("put", "--ascii", "lines", place.url("sub/lines"))
        same("sub/lines", b"one\ntwo\n", place.read(place.root, "sub/lines"))


@test
def put_sends_files_and_resumes():
    with Place() as place:
        write_pattern(os.path.join(place.here, "mine"), SIZE)
        place.run("put", "mine", place.url("sub/"))
        expect(place.read(place.root, "sub/mine") == pattern(SIZE), "other bytes at the server")
        os.truncate(os.path.join(place.root, "sub/mine"), 1234567)
        _, errors = place.run("put", "-v", "mine", place.url("sub/mine"))
        expect("REST 1234567" in errors, errors)
        expect(place.read(place.root, "sub/mine") == pattern(SIZE), "other bytes after resuming")
        place.run("put", "--append", "mine", place.url("lines"))
        expect(place.read(place.root, "lines") == b"one\ntwo\n" + pattern(SIZE), "not appended")


@test
def cat_writes_to_a_pipe_and_ends_with_it():
    with Place() as place:
        said, _ = place.run("cat", place.url("lines"), place.url("big"))
        expect(said == b"one\ntwo\n" + pattern(SIZE), "other bytes")
        said, _ = place.run("get", "--output", "-", place.url("lines"))
        same("get -o -", b"one\ntwo\n", said)


@test
def ls_shows_names_lines_and_json():
    with Place() as place:
        os.symlink("lines", os.path.join(place.root, "link"))
        said, _ = place.run("ls", place.url())
        same("ls", b"big\nlines\nlink\nsub/\n", said)
        said, _ = place.run("ls", "-l", place.url())
        expect(b"5000003" in said and said.startswith(b"-rw"), said)
        said, _ = place.run("ls", "--json", place.url())
        entries = {entry["name"]: entry for entry in map(json.loads, said.splitlines())}
        same("size", SIZE, entries["big"]["size"])
        same("type", "folder", entries["sub"]["type"])


@test
def a_name_cannot_steer_the_terminal():
    with Place() as place:
        place.write_root("sub/\x1b[31mred", b"")
        said, _ = place.run("ls", place.url("sub"))
        same("ls", b"\\x1b[31mred\n", said)
        said, _ = place.run("ls", "--json", place.url("sub"))
        same("name", "\x1b[31mred", json.loads(said)["name"])


@test
def names_are_made_moved_and_removed():
    with Place() as place:
        place.run("mkdir", place.url("new"))
        _, errors = place.run("mkdir", place.url("new"), status=1)
        expect("550" in errors, errors)
        place.run("mkdir", "--parents", place.url("new/a/b"))
        place.run("mkdir", "--parents", place.url("new/a/b"))
        place.run("mv", place.url("lines"), place.url("new/a/moved"))
        same("moved", b"one\ntwo\n", place.read(place.root, "new/a/moved"))
        place.run("rm", place.url("new/a/moved"), place.url("new/a/b/"), place.url("new/a/"), place.url("new/"))
        same("root", ["big", "sub"], sorted(os.listdir(place.root)))


@test
def copy_moves_bytes_from_server_to_server():
    with Place() as one, Place() as other:
        one.run("copy", one.url("big"), other.url("sub/"))
        expect(other.read(other.root, "sub/big") == pattern(SIZE), "other bytes at the other server")
        os.truncate(os.path.join(other.root, "sub/big"), 1234567)
        _, errors = one.run("copy", "-v", one.url("big"), other.url("sub/big"))
        expect(errors.count("REST 1234567") == 2, errors)
        expect(other.read(other.root, "sub/big") == pattern(SIZE), "other bytes after resuming")
        _, errors = one.run("copy", one.url("none"), other.url("sub/none"), status=1)
        expect("550" in errors, errors)


@test
def exit_codes_tell_what_went_wrong():
    with Place() as place:
        place.run("get", status=2)
        place.run("get", "http://example.com/", status=2)
        place.run("get", "--nothing", place.url("big"), status=2)
        place.run("cat", "ftp://127.0.0.1:1/x", status=3)
        place.run("cat", place.url("big", login="nobody:wrong@"), status=4)
        place.run("cat", place.url("none"), status=1)


@test
def a_login_comes_from_url_file_or_netrc_and_is_shown_nowhere():
    with tempfile.TemporaryDirectory(prefix="sluice-users-") as folder:
        users = os.path.join(folder, "users")
        with open(users, "w", encoding="utf-8") as file:
            file.write(f"joe:{password_hash('pass word')}:{folder}\n")
        with open(os.path.join(folder, "lines"), "wb") as file:
            file.write(b"joe's\n")
        os.chmod(folder, 0o755)
        os.chmod(users, 0o644)
        with Place("--users", users) as place:
            said, errors = place.run("cat", "-v", place.url("lines", login="joe:pass%20word@"))
            same("of the URL", b"joe's\n", said)
            expect("pass word" not in errors and "pass%20word" not in errors, errors)
            said, _ = place.run("cat", "--user", "joe", "--password-file", "-", place.url("lines"),
                                stdin=b"pass word\n")
            same("of a file", b"joe's\n", said)
            path = os.path.join(place.here, ".netrc")
            with open(path, "w", encoding="utf-8") as file:
                file.write('machine 127.0.0.1 login joe password "pass word"\n')
            os.chmod(path, 0o600)
            said, _ = place.run("cat", place.url("lines"))
            same("of netrc", b"joe's\n", said)
            os.chmod(path, 0o644)
            _, errors = place.run("cat", place.url("lines"), status=4)
            expect("others may read it" in errors, errors)


@test
def the_process_list_shows_no_password():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with subprocess.Popen([program(), "cat", f"ftp://joe:secret@127.0.0.1:{port}/x"],
                              stderr=subprocess.DEVNULL) as run:
            connection, _ = listener.accept()
            try:
                with open(f"/proc/{run.pid}/cmdline", "rb") as file:
                    shown = file.read()
                expect(b"secret" not in shown and b"joe@127.0.0.1" in shown, shown)
            finally:
                run.kill()
                connection.close()


def shown_while_it_waits(words):
    """What the process list shows of a command whose first server says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with subprocess.Popen([program(), *(word.replace("PORT", str(port)) for word in words)],
                              stderr=subprocess.DEVNULL) as run:
            connection, _ = listener.accept()
            try:
                with open(f"/proc/{run.pid}/cmdline", "rb") as file:
                    return file.read()
            finally:
                run.kill()
                connection.close()


@test
def what_comes_later_is_not_shown_meanwhile():
    for words in (["cat", "ftp://127.0.0.1:PORT/x", "ftp://joe:secret@127.0.0.1:PORT/y"],
                  ["cat", "--account", "secret", "ftp://127.0.0.1:PORT/x"],
                  ["cat", "--account=secret", "ftp://127.0.0.1:PORT/x"],
                  ["copy", "ftp://127.0.0.1:PORT/x", "ftp://joe:secret@127.0.0.1:PORT/y"]):
        shown = shown_while_it_waits(words)
        expect(b"secret" not in shown and b"127.0.0.1" in shown, f"{words}: {shown}")


@test
def a_password_with_a_slash_is_not_shown():
    with Place() as place:
        _, errors = place.run("ls", "ftp://joe:se/cret@host/x", status=2)
        expect("cret" not in errors and "joe" in errors and "host/x" in errors, errors)
        _, errors = place.run("ls", place.url("a:b/c@d"), status=1)
        expect("a:b/c@d" in errors, errors)


@test
def a_login_that_no_command_can_hold_is_a_wrong_argument():
    with Place() as place:
        for words in (["-u", "a\r\nDELE b"], ["--user="], ["--account", "a\nb"], ["-u", "x" * 5000]):
            _, errors = place.run("ls", *words, place.url(), status=2)
            expect("--user is" in errors or "--account is" in errors, errors)


@test
def a_netrc_with_a_wrong_word_is_named_with_its_line():
    with Place() as place:
        path = os.path.join(place.here, ".netrc")
        with open(path, "w", encoding="utf-8") as file:
            file.write("machine elsewhere login joe\n\tnonsense x\n")
        os.chmod(path, 0o600)
        _, errors = place.run("ls", place.url(), status=1)
        expect(f"{path}, line 2" in errors, errors)


@test
def mv_is_of_one_user():
    with Place() as place:
        for words in ((place.url("lines", login="ann:pw@"), place.url("y", login="bob:pw@")),
                      (place.url("lines"), place.url("y", login="bob:pw@"))):
            _, errors = place.run("mv", *words, status=2)
            expect("user" in errors, errors)
        place.run("mv", place.url("lines", login="anonymous:x@"), place.url("y"))


@test
def json_holds_nothing_that_steers_a_terminal():
    with Place() as place:
        name = "a\u009b31m\u202eb\U000e0041c"
        place.write_root("sub/" + name, b"")
        said, _ = place.run("ls", "--json", place.url("sub"))
        expect(said.isascii(), said)
        same("name", name, json.loads(said)["name"])


def part_tag(text, size, modified_s):
    """The number in a part's name: FNV-1a of what it is a part of."""
    result = 0x811c9dc5
    for byte in f"{text}/{size}/{modified_s}".encode():
        result = (result ^ byte) * 0x01000193 & 0xffffffff
    return result


class Scripted:
    """A server that answers by verb; None: not at all. A number: with markers, so many times a second."""

    def __init__(self, **replies):
        self.replies = {"USER": "230 in", "TYPE": "200 ok", "FEAT": "500 no", "QUIT": "221 bye", "PORT": "200 ok",
                        "SIZE": "550 none", "MDTM": "550 none", **replies}
        self.control = socket.create_server(("127.0.0.1", 0))
        self.data = socket.create_server(("127.0.0.1", 0))
        port = self.data.getsockname()[1]
        self.replies.setdefault("EPSV", f"229 here (|||{port}|)")
        self.replies.setdefault("PASV", f"227 here (127,0,0,1,{port >> 8},{port & 255})")
        self.kept = []

    def url(self, path="file"):
        return f"ftp://127.0.0.1:{self.control.getsockname()[1]}/{path}"

    def serve(self):
        connection, _ = self.control.accept()
        self.kept.append(connection)
        with connection.makefile("rb") as lines:
            connection.sendall(b"220 hello\r\n")
            for line in lines:
                reply = self.replies.get(line.split()[0].decode().upper().lstrip("\ufffd"), "500 no")
                while isinstance(reply, float):
                    connection.sendall(b"110 MARK a = b\r\n")
                    time.sleep(reply)
                if reply is not None:
                    connection.sendall(reply.encode() + b"\r\n")

    def go(self):
        try:
            self.serve()
        except (OSError, ValueError, UnicodeDecodeError):
            pass

    def __enter__(self):
        threading.Thread(target=self.go, daemon=True).start()
        return self

    def __exit__(self, *reason):
        for connection in [self.control, self.data, *self.kept]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()


def run_timed(*words):
    """Runs sluice with a time-out of 2 s. Returns its exit code, what it said, and the seconds that took."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-silent-") as here:
        done = subprocess.run([program(), words[0], *engine_arguments(), "--timeout=2", "--no-resume", *words[1:]],
                              cwd=here, check=False, timeout=20, capture_output=True, env=environment(HOME=here))
    return done.returncode, done.stderr.decode(), time.monotonic() - start


@test
def a_copy_between_servers_that_fall_silent_ends():
    """Both after their 150, and the source after the target's 226."""
    for stor in ("150 now", "150 now\r\n226 stored"):
        with Scripted(RETR="150 now") as source, Scripted(STOR=stor) as target:
            status, errors, seconds = run_timed("copy", source.url(), target.url())
            same("exit code", 1, status)
            expect("timed out" in errors, errors)
            expect(1.5 < seconds < 5, f"after {seconds} s")


@test
def what_the_source_of_a_copy_refuses_is_told_though_the_target_is_silent():
    with Scripted(RETR="550 no such file") as source, Scripted(STOR="150 now", ABOR=None) as target:
        status, errors, _ = run_timed("copy", source.url(), target.url())
        same("exit code", 1, status)
        expect("550 no such file" in errors, errors)


@test
def markers_without_data_do_not_count_for_ever():
    for retr in (0.3, "150 now"):
        with Scripted(RETR=retr, ABOR=0.3) as server:
            status, errors, seconds = run_timed("get", server.url())
            same("exit code", 1, status)
            expect("timed out" in errors, errors)
            expect(seconds < 9, f"after {seconds} s")


@test
def a_part_is_no_obstacle_where_the_server_cannot_go_on():
    """It knows no REST: all is asked for once more."""
    with Scripted(RETR="550 changed my mind", REST="502 no", SIZE="213 10", MDTM="213 20200101000000") as server, \
            tempfile.TemporaryDirectory(prefix="sluice-part-") as here:
        words = [program(), "get", *engine_arguments(), "-v", "--timeout=2", server.url()]
        with open(os.path.join(here, "file"), "wb") as file:
            file.write(b"old")
        tag = part_tag(server.url(), 10, 1577836800)
        with open(os.path.join(here, f".file.{tag:08x}.sluice"), "wb") as file:
            file.write(b"x" * 5)
        done = subprocess.run(words, cwd=here, check=False, timeout=20, capture_output=True, env=environment(HOME=here))
        expect(b"C: REST 5" in done.stderr and b"C: RETR" in done.stderr, done.stderr)


@test
def a_421_is_told_in_the_servers_words():
    for output in ([], ["-o", "-"]):
        with Scripted(RETR="421 too many of you") as server:
            _, errors, _ = run_timed("get", *output, server.url())
            expect("421 too many of you" in errors, errors)


@test
def json_events_tell_how_a_transfer_ended():
    with Place() as place:
        said, _ = place.run("get", "--json", place.url("big"))
        last = json.loads(said.splitlines()[-1])
        same("event", ("done", SIZE), (last["event"], last["bytes"]))
        said, _ = place.run("get", "--json", place.url("none"), status=1)
        last = json.loads(said.splitlines()[-1])
        same("event", ("failed", 550), (last["event"], last["code"]))
        for arguments in ("get", "--json", place.url("big")), ("put", "--json", "big", place.url("big")):
            said, _ = place.run(*arguments)
            last = json.loads(said.splitlines()[-1])
            same("event", ("done", 0, True), (last["event"], last["bytes"], last["kept"]))


@test
def a_url_is_no_file_to_put_and_its_password_is_not_told():
    with Place() as place:
        _, errors = place.run("put", "ftp://joe:secret@127.0.0.1/x", place.url(""), status=2)
        expect("secret" not in errors and "copy" in errors, errors)


@test
def a_password_that_is_too_long_is_not_cut():
    with Place() as place:
        with open(os.path.join(place.here, "password"), "w", encoding="ascii") as file:
            file.write("x" * 300 + "\n")
        _, errors = place.run("ls", "--user", "joe", "--password-file", "password", place.url(""), status=2)
        expect("the password is too long" in errors, errors)


if __name__ == "__main__":
    main()
