#!/usr/bin/env python3
"""sluice mirror up to a server: what --delete must leave alone, and what a refused rename does not cost."""

import errno
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import Skipped, expect, main, same, test  # noqa: E402
from place import TIMEOUT_S, Place, program  # noqa: E402
from sluiced import REPORTS, engine_arguments, environment  # noqa: E402

NOBODY = 65534


def write(*path, content=b"x"):
    os.makedirs(os.path.join(*path[:-1]), exist_ok=True)
    with open(os.path.join(*path), "wb") as file:
        file.write(content)


def names_in(folder):
    """All names below, without following links."""
    return sorted(os.path.relpath(os.path.join(path, name), folder)
                  for path, folders, files in os.walk(folder) for name in folders + files)


def mirror(*arguments, status=0, user=None):
    """Runs it with --json. Returns the events, and what it wrote to stderr."""
    done = subprocess.run([program(), "mirror", *engine_arguments(), "--json", *arguments], timeout=TIMEOUT_S,
                          check=False, capture_output=True, env=environment(HOME="/nonexistent"), user=user, group=user,
                          extra_groups=None if user is None else [])
    errors = done.stderr.decode("utf-8", "backslashreplace")
    expect(not REPORTS.search(errors), errors)
    same(f"exit code\n{errors}", status, done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines()], errors


def paths(events, kind):
    return sorted(event["path"] for event in events if event["event"] == kind)


class Site(Place):
    """A server with a folder "site" to mirror to, and beside it an "archive" that is nobody's business."""

    def __enter__(self):
        super().__enter__()
        write(self.root, "archive", "k1")
        write(self.root, "archive", "sub", "k2")
        write(self.root, "site", "a")
        write(self.here, "a")
        return self

    def link(self, target, *path):
        os.makedirs(os.path.join(self.root, "site", *path[:-1]), exist_ok=True)
        os.symlink(target, os.path.join(self.root, "site", *path))

    def check(self, site, archive=("k1", "sub", "sub/k2")):
        same("what is in the archive", list(archive), names_in(os.path.join(self.root, "archive")))
        same("what is in the site", site, names_in(os.path.join(self.root, "site")))


@test
def a_link_at_the_server_is_deleted_as_a_link():
    with Site() as site:
        site.link("../archive", "old")
        site.link(".", "self")
        site.link("../archive", ".old")
        events, _ = mirror("--delete", site.here, site.url("site"))
        same("removed", [".old", "old", "self"], paths(events, "removed"))
        site.check(["a"])


@test
def a_folder_that_goes_takes_its_links_and_not_what_they_lead_to():
    with Site() as site:
        site.link("../../archive", "old", "link")
        site.link("../../../archive", "old", "deep", "link")
        mirror("--delete", site.here, site.url("site"))
        site.check(["a"])


@test
def a_folder_here_replaces_a_link_only_with_delete():
    with Site() as site:
        write(site.here, "d", "new")
        site.link("../archive", "d")
        mirror(site.here, site.url("site"))
        site.check(["a", "d"], ("k1", "new", "sub", "sub/k2"))
        events, _ = mirror("--delete", site.here, site.url("site"))
        same("removed", ["d"], paths(events, "removed"))
        site.check(["a", "d", "d/new"], ("k1", "new", "sub", "sub/k2"))


@test
def a_file_here_replaces_a_link_to_a_folder():
    with Site() as site:
        write(site.here, "d")
        site.link("../archive", "d")
        mirror("--delete", site.here, site.url("site"))
        site.check(["a", "d"])
        expect(not os.path.islink(os.path.join(site.root, "site", "d")), "it is still a link")


class Server:
    """Its tree is a dictionary: of each folder, names with "dir", "link" (to a folder; MLSD says "dir") or "file". It
    does nothing, but remembers what it is told. answers has, of a verb, replies that come first. LIST hides names with
    a dot in front without -a, and finds nothing with it unless knows_all is set; and it takes a path up to a space."""

    def __init__(self, folders, answers=None, knows_all=True):
        self.folders, self.answers, self.knows_all = folders, dict(answers or {}), knows_all
        self.lines = []

    def __enter__(self):
        self.control = socket.create_server(("127.0.0.1", 0))
        self.data = socket.create_server(("127.0.0.1", 0))
        self.url = f"ftp://127.0.0.1:{self.control.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *reason):
        self.control.close()
        self.data.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.control.accept()
            except OSError:
                return
            threading.Thread(target=self.try_to_serve, args=(connection,), daemon=True).start()

    def try_to_serve(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass  # the client has gone

    def listing(self, verb, path, here):
        hides = verb == "LIST"
        if verb == "LIST" and path.split(" ")[0] == "-a":
            path, hides = path[3:], False
            if not self.knows_all:
                return b""
        if verb == "LIST":
            path = path.split(" ")[0] or here
        lines = {"MLSD": {"dir": "type=dir; {}", "link": "type=dir; {}", "file": "type=file;size=1; {}"},
                 "LIST": {"dir": "drwxr-xr-x 2 0 0 1 Jan 01 2020 {}", "link": "lrwxrwxrwx 1 0 0 1 Jan 01 2020 {} -> x",
                          "file": "-rw-r--r-- 1 0 0 1 Jan 01 2020 {}"}}[verb]
        return "".join(lines[kind].format(name) + "\r\n" for name, kind in self.folders.get(path, {}).items()
                       if not (hides and name.startswith("."))).encode()

    def serve(self, connection):
        replies = {"USER": b"230 in\r\n", "TYPE": b"200 ok\r\n", "QUIT": b"221 bye\r\n", "RNFR": b"350 to?\r\n",
                   "FEAT": b"211-Features\r\n MLST type*;size*;\r\n211 End\r\n", "MKD": b"257 made\r\n",
                   "EPSV": b"229 here (|||%d|)\r\n" % self.data.getsockname()[1], "MLSD": b"226 done\r\n",
                   "LIST": b"226 done\r\n", "STOR": b"226 done\r\n", "PWD": b'257 "/" is here\r\n'}
        here = ""
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 hello\r\n")
            for line in lines:
                verb, _, argument = line.decode().rstrip("\r\n").partition(" ")
                self.lines.append(f"{verb} {argument}".strip())
                while verb == "EPSV" and select.select([self.data], [], [], 0)[0]:
                    self.data.accept()[0].close()  # of a listing that was refused
                first = self.answers.get(verb)
                reply = first.pop(0) if first else replies.get(verb, b"250 done\r\n")
                if verb in ("MLSD", "LIST", "STOR") and reply[:1] != b"5":
                    connection.sendall(b"150 here\r\n")
                    data, _ = self.data.accept()
                    if verb != "STOR" and reply[:1] == b"2":
                        data.sendall(self.listing(verb, argument, here))
                    while verb == "STOR" and data.recv(65536):
                        pass
                    data.close()
                if verb == "CWD" and reply[:1] == b"2":
                    here = argument.strip("/")
                connection.sendall(reply)

    def told(self, *verbs):
        return sorted(line for line in self.lines if line.split()[0] in verbs)


def deletions(folders, answers=None, knows_all=True, status=0, here=(), options=("--delete",)):
    """What a mirror deletes, and the server, once it is over."""
    with tempfile.TemporaryDirectory(prefix="sluice-up-") as scratch, Server(folders, answers, knows_all) as server:
        for name in here:
            write(scratch, *name.split("/"))
        _, errors = mirror("-j", "1", *options, scratch, server.url, status=status)
        return server.told("DELE", "RMD"), server, errors


TREE = {"": {"link": "link", "old": "dir", "file": "file"}, "link": {"foreign": "file"}, "old": {"own": "file"}}


@test
def list_tells_which_folders_are_links():
    told, server, _ = deletions(TREE)
    same("deletions", ["DELE file", "DELE link", "DELE old/own", "RMD old"], told)
    same("listings", ["LIST", "MLSD", "MLSD old"], server.told("LIST", "MLSD"))


@test
def list_is_asked_for_nothing_else():
    same("without --delete", [], deletions(TREE, options=())[1].told("LIST"))
    same("of files", [], deletions({"": {"file": "file"}})[1].told("LIST"))


@test
def a_folder_with_the_name_of_a_part_is_none():
    tree = {"": {".f.0badcafe.sluice": "dir", ".g.0badcafe.sluice": "file"}, ".f.0badcafe.sluice": {"own": "file"}}
    same("without --delete", ["DELE .g.0badcafe.sluice"], deletions(tree, options=())[0])


@test
def where_list_is_refused_no_folder_is_deleted():
    told, _, errors = deletions(TREE, {"LIST": [b"502 no\r\n"]}, status=1)
    same("deletions", ["DELE file"], told)
    same(f"it is said once: {errors}", 1, errors.count("does not tell which are links"))


@test
def where_list_is_refused_nothing_is_deleted_in_a_folder_that_both_have():
    told, _, _ = deletions(TREE, {"LIST": [b"502 no\r\n"] * 9}, status=1, here=("link/new", "old/new"))
    same("deletions", ["DELE file"], told)


@test
def where_list_is_refused_a_folder_is_not_deleted_in_part():
    told, _, _ = deletions({"": {"old": "dir"}, "old": {"own": "file", "perhaps": "link"}, "old/perhaps": {"foreign": "file"}},
                           {"LIST": [b"226 done\r\n", b"502 no\r\n"]}, status=1)
    same("deletions", [], told)


@test
def a_list_that_fails_for_now_is_asked_again_and_never_means_that_there_are_no_links():
    for reply in (b"450 not now\r\n", b"425 no data connection\r\n", b"426 broken\r\n"):
        told, server, _ = deletions(TREE, {"LIST": [reply] * 2})
        same("deletions", ["DELE file", "DELE link", "DELE old/own", "RMD old"], told)
        same("listings", ["LIST"] * 3, server.told("LIST"))
        told, _, _ = deletions(TREE, {"LIST": [reply] * 9}, status=1)
        same("deletions after " + reply.decode(), [], told)


@test
def a_link_that_list_hides_is_not_taken_for_a_folder():
    tree = {"": {".link": "link", ".old": "dir"}, ".link": {"foreign": "file"}, ".old": {"own": "file"}}
    told, server, _ = deletions(tree)
    same("deletions", ["DELE .link", "DELE .old/own", "RMD .old"], told)
    same("listings", ["LIST -a"], server.told("LIST"))
    told, server, _ = deletions(tree, knows_all=False, status=1)
    same("deletions where nothing shows it", [], told)
    same("listings where nothing shows it", ["LIST", "LIST -a"], server.told("LIST"))
    told, _, _ = deletions(tree, {"LIST": [b"501 what is -a\r\n"]}, status=1)
    same("deletions where -a is refused", [], told)


@test
def list_is_asked_within_a_folder_whose_path_it_would_not_take():
    tree = {"": {"a b": "dir"}, "a": {"in": "dir", ".in": "dir"}, "a b": {"in": "link", ".in": "dir"}}
    wanted = ["DELE a b/in", "RMD a b/.in"]
    for answers, there in (({}, ["CWD /", "CWD a b"]),
                           ({"LIST": [b"226 done\r\n", b"450 not now\r\n"]}, ["CWD /", "CWD a b"] * 2),
                           ({"CWD": [b"250 in\r\n", b"550 no way back\r\n"]}, ["CWD /", "CWD a b"] * 2)):
        told, server, _ = deletions(tree, answers, here=("a b/x",))
        same(f"deletions, {answers}", wanted, told)
        same(f"ways, {answers}", sorted(there), server.told("CWD"))
        same(f"sessions, {answers}", 2 if "CWD" in answers else 1, len(server.told("USER")))
    for answers in ({"PWD": [b"502 no\r\n"]}, {"PWD": [b"257 here\r\n"]}, {"CWD": [b"550 no\r\n"]}):
        told, _, _ = deletions(tree, answers, here=("a b/x",), status=1)
        same(f"deletions, {answers}", [], told)


@test
def a_rename_that_is_refused_leaves_the_file_that_is_there():
    """Only a server that would rename the part, but not onto a name that is taken, has that name deleted."""
    tree = {"": {"f": "file"}}
    for verb, reply, again, wanted in (("RNFR", b"550 no\r\n", 0, []), ("RNFR", b"450 not now\r\n", 1, []),
                                       ("RNTO", b"450 not now\r\n", 1, []), ("RNTO", b"553 taken\r\n", 1, ["DELE f"])):
        with tempfile.TemporaryDirectory(prefix="sluice-up-") as scratch, Server(tree, {verb: [reply]}) as server:
            write(scratch, "f", content=b"a longer one")
            events, _ = mirror("-j", "1", scratch, server.url, status=0 if again else 1)
            same(f"deletions after {verb} {reply}", wanted, server.told("DELE"))
            same(f"failed after {verb} {reply}", [] if again else ["f"], paths(events, "failed"))
            same(f"tries after {verb} {reply}", 1 + again, len(server.told("RNFR")))


@test
def what_is_here_and_cannot_be_looked_at_is_not_deleted():
    with Site() as site:
        for folder in (site.here, os.path.join(site.root, "site")):
            write(folder, "d", "f")
            write(folder, "d", "in", "g")
            write(folder, "shut", "f")
        for folder, mode in (("d", 0o444), ("shut", 0o000)):
            os.chmod(os.path.join(site.here, folder), mode)
        os.chmod(site.here, 0o755)
        user = NOBODY if os.geteuid() == 0 else None
        for folder in ("d", "shut"):
            if user:
                os.chown(os.path.join(site.here, folder), NOBODY, NOBODY)
        try:
            events, _ = mirror("--delete", site.here, site.url("site"), status=1, user=user)
        finally:
            for folder in ("d", "shut"):
                os.chmod(os.path.join(site.here, folder), 0o755)
        same("removed", [], paths(events, "removed"))
        same("failed", ["d/f", "d/in", "shut"], paths(events, "failed"))
        site.check(["a", "d", "d/f", "d/in", "d/in/g", "shut", "shut/f"])


@test
def a_folder_here_that_cannot_be_read_to_its_end_deletes_nothing():
    """Of a process that has ended, /proc/PID/net opens and cannot be read."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    folder = f"/proc/{process.pid}/net"
    try:
        try:
            os.listdir(folder)
            raise Skipped("a folder that opens and cannot be read")
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise Skipped("a folder that opens and cannot be read") from None
        with Site() as site:
            events, _ = mirror("--delete", folder, site.url("site"), status=1)
            same("removed", [], paths(events, "removed"))
            site.check(["a"])
    finally:
        process.wait()


if __name__ == "__main__":
    main()
