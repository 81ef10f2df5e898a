#!/usr/bin/env python3
"""sluice(1) against vsftpd, ProFTPD, Pure-FTPd and pyftpdlib: files and trees down and up, and copies between
servers of which no byte comes through the client."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import peers  # noqa: E402
import tree  # noqa: E402
from checks import expect, main, need, same, test  # noqa: E402
from pattern import same_files, write_large, write_pattern  # noqa: E402
from place import cut  # noqa: E402
from sluiced import REPORTS, Failure, Sluiced, binary, engine_arguments, environment  # noqa: E402

PROGRAM = os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")
TIMEOUT_S = 120
FILES = 100
SIZE = 3_000_017
COPY_SIZE = 48_000_001
CHANGED_S = 1_700_000_000  # of what is mirrored: long enough ago for a listing to leave out the minute


class Place:
    """A folder that is served, with one in it that the servers' users may write to, and one to work in."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="sluice-peers-")
        os.chmod(self.scratch.name, 0o755)
        self.root = os.path.join(self.scratch.name, "root")
        self.pub = os.path.join(self.root, peers.PUB)
        self.here = os.path.join(self.scratch.name, "here")
        for folder, mode in ((self.root, 0o755), (self.pub, 0o777), (self.here, 0o777)):
            os.mkdir(folder)
            os.chmod(folder, mode)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.here, name)

    def served(self, name):
        return os.path.join(self.pub, name)

    def run(self, command, *arguments, before=(), engine=None, status=0):
        """Runs sluice. Returns what it wrote to stdout and stderr."""
        done = subprocess.run([*before, PROGRAM, command, *(engine or engine_arguments()), *arguments],
                              cwd=self.here, timeout=TIMEOUT_S, check=False, capture_output=True,
                              env=environment(HOME=self.here))
        errors = done.stderr.decode("utf-8", "backslashreplace")
        expect(not REPORTS.search(errors), errors)
        same(f"exit code of {command} {' '.join(arguments)}\n{errors[-2000:]}", status, done.returncode)
        return done.stdout, errors

    def mirror(self, *arguments):
        said, _ = self.run("mirror", "--json", *arguments)
        return [json.loads(line) for line in said.splitlines()]


def each_of(*kinds):
    """A test for each kind of server."""

    def register(function):
        for kind in kinds:
            @functools.wraps(function)
            def run(kind=kind):
                with Place() as place, kind(place.root) as server:
                    function(place, server)

            run.__name__ += "_" + kind.name.lower().replace("-", "_")
            test(run)

    return register


each_peer = each_of(*peers.ALL)


def same_bytes(one, other):
    expect(same_files(one, other), f"{os.path.basename(one)} has become other bytes")


def plant(folder):
    """A tree with names that clients stumble over, none of it new. Returns the digests of its files."""
    os.mkdir(folder)
    digests = tree.make(folder, FILES)
    for path, _, names in os.walk(folder):
        os.chmod(path, 0o777)
        for number, name in enumerate(names):
            os.utime(os.path.join(path, name), (CHANGED_S + number, CHANGED_S + number))
    return digests


def same_tree(wanted, folder):
    difference = tree.compare(wanted, tree.digests(folder))
    expect(not difference, f"the tree has changed on its way: {difference}")


@each_peer
def get_fetches_a_file_and_its_rest(place, server):
    write_pattern(place.served("big"), SIZE)
    for how in ("epsv", "pasv", "active"):
        place.run("get", "--no-resume", "--data", how, server.url("big"))
        same_bytes(place.served("big"), place.path("big"))
    place.run("get", "-v", server.url("big"))
    same_bytes(place.served("big"), place.path("big"))


@each_peer
def a_cut_get_goes_on_with_its_part(place, server):
    write_large(place.served("large"))
    had = os.path.getsize(cut(place.here, place.here, ".sluice", "get", server.url("large")))
    _, errors = place.run("get", "-v", server.url("large"))
    expect(f"C: REST {had}\n" in errors, errors)
    same_bytes(place.served("large"), place.path("large"))


@each_peer
def put_stores_a_file_and_its_rest(place, server):
    write_pattern(place.path("big"), SIZE)
    place.run("put", "big", server.url())
    same_bytes(place.path("big"), place.served("big"))
    place.run("put", "big", server.url())
    same_bytes(place.path("big"), place.served("big"))


@each_peer
def a_cut_put_goes_on(place, server):
    write_large(place.path("large"))
    cut(place.here, place.pub, "large", "put", "large", server.url())
    _, errors = place.run("put", "-v", "large", server.url())
    expect("C: REST " in errors, errors)
    same_bytes(place.path("large"), place.served("large"))


@each_peer
def ls_knows_names_kinds_and_sizes(place, server):
    os.mkdir(place.served("a folder"))
    for name in ("-dash", "ünï cödé", " blank before"):
        write_pattern(place.served(name), 12345)
    said, _ = place.run("ls", "--json", server.url())
    entries = {entry["name"]: entry for entry in map(json.loads, said.splitlines())}
    same("names", ["-dash", "a folder", "ünï cödé"], sorted(set(entries) - {" blank before", "blank before"}))
    same("kind", "folder", entries["a folder"]["type"])
    same("size", ("file", 12345), (entries["-dash"]["type"], entries["-dash"]["size"]))


@each_peer
def names_are_made_moved_and_removed(place, server):
    write_pattern(place.served("file"), 100)
    os.chown(place.served("file"), peers.NOBODY, peers.NOBODY)
    place.run("mkdir", "--parents", server.url("a/b"))
    place.run("mv", server.url("file"), server.url("a/b/moved"))
    same("moved", ["moved"], os.listdir(place.served("a/b")))
    place.run("rm", server.url("a/b/moved"), server.url("a/b/"), server.url("a/"))
    same("left", [], os.listdir(place.pub))


@each_peer
def a_tree_comes_down_equal_and_only_once(place, server):
    wanted = plant(place.served("tree"))
    events = place.mirror(server.url("tree"), place.path("down"))
    same_tree(wanted, place.path("down"))
    same("moved", FILES, events[-1]["moved"])
    events = place.mirror(server.url("tree"), place.path("down"))
    same("events of the second run", ["done"], [event["event"] for event in events])
    same("kept", FILES, events[-1]["kept"])


@each_peer
def a_tree_goes_up_equal_and_only_once(place, server):
    wanted = plant(place.path("tree"))
    events = place.mirror(place.path("tree"), server.url("up"))
    same_tree(wanted, place.served("up"))
    same("moved", FILES, events[-1]["moved"])
    events = place.mirror(place.path("tree"), server.url("up"))
    same("events of the second run", ["done"], [event["event"] for event in events])
    same("kept", FILES, events[-1]["kept"])


@each_of(peers.Vsftpd)  # which has no MLSD and no MFMT
def a_file_that_came_later_on_its_own_day_moves_once(place, server):
    """Of what is older than half a year LIST has the day alone."""
    os.mkdir(place.path("tree"))
    write_pattern(place.path("tree/file"), 1000)
    os.utime(place.path("tree/file"), (CHANGED_S, CHANGED_S))
    place.mirror(place.path("tree"), server.url("up"))
    for later_s, moved in ((3600, 0), (-86400, 1)):
        os.utime(place.served("up/file"), (CHANGED_S + later_s, CHANGED_S + later_s))
        events = place.mirror(place.path("tree"), server.url("up"))
        same(f"moved over one of {later_s} s later", moved, events[-1]["moved"])


@each_peer
def names_with_a_dot_in_front_move_once_as_well(place, server):
    os.mkdir(place.path("tree"))
    for name in (".hidden", "shown"):
        write_pattern(place.path("tree/" + name), 1000)
    place.mirror(place.path("tree"), server.url("up"))
    same("moved by the second run", 0, place.mirror(place.path("tree"), server.url("up"))[-1]["moved"])
    place.mirror(server.url("up"), place.path("down"))
    same("came down", [".hidden", "shown"], sorted(os.listdir(place.path("down"))))


@each_peer
def a_mirror_up_replaces_and_deletes(place, server):
    wanted = plant(place.path("tree"))
    place.mirror(place.path("tree"), server.url("up"))
    changed, gone = sorted(wanted)[1:3]
    os.unlink(os.path.join(place.path("tree"), gone))
    write_pattern(os.path.join(place.path("tree"), changed), SIZE)
    events = place.mirror("--delete", place.path("tree"), server.url("up"))
    same("moved, removed", (1, 1), (events[-1]["moved"], events[-1]["removed"]))
    same_tree(tree.digests(place.path("tree")), place.served("up"))


@each_peer
def a_mirror_up_deletes_links_as_links(place, server):
    """Whether a listing shows a link as one, or as the folder to which it leads."""
    for folder in ("archive", "up", "up/old", "up/old/.in"):
        os.mkdir(place.served(folder))
        os.chmod(place.served(folder), 0o777)
        write_pattern(place.served(folder) + "/kept", 100)
    for name, target in (("link", "../archive"), (".link", "../archive"), ("self", "."), ("old/.in/link", "../../../archive")):
        os.symlink(target, place.served("up/" + name))
    os.mkdir(place.path("tree"))
    write_pattern(place.path("tree/kept"), 100)
    place.mirror("--delete", place.path("tree"), server.url("up"))
    same("what is there", ["kept"], os.listdir(place.served("up")))
    same("what is elsewhere", ["kept"], os.listdir(place.served("archive")))


@each_peer
def a_folder_that_is_not_there_is_no_empty_model(place, server):
    os.mkdir(place.path("down"))
    write_pattern(place.path("down/precious"), 100)
    place.run("mirror", "--delete", server.url("nothing"), "down", status=1)
    same("kept", ["precious"], os.listdir(place.path("down")))


@each_of(peers.Vsftpd, peers.Proftpd, peers.PureFtpd)  # the other one is root, who can read all
def a_folder_that_cannot_be_read_is_no_empty_model(place, server):
    for folder in (place.served("tree"), place.served("tree/shut")):
        os.mkdir(folder)
        write_pattern(os.path.join(folder, "file"), 100)
    place.mirror(server.url("tree"), place.path("down"))
    os.chmod(place.served("tree/shut"), 0o700)
    place.run("mirror", "--delete", server.url("tree"), "down", status=1)
    expect(os.path.exists(place.path("down/shut/file")), "what cannot be listed is deleted")


# Every call by which bytes can come into a process, and the number that each returned.
COMING = "read,readv,pread64,preadv,preadv2,recvfrom,recvmsg,recvmmsg,splice,sendfile,copy_file_range"
RESULT = re.compile(r"= (\d+)$", re.MULTILINE)


def bytes_that_came(place, *arguments):
    """Runs sluice under strace. Not on io_uring, which strace does not see through."""
    trace = place.path("trace")
    place.run(*arguments, before=[need("strace"), "-f", "-qq", "-o", trace, "-e", f"trace={COMING}"],
              engine=["--ring=epoll"])
    with open(trace, encoding="utf-8", errors="replace") as lines:
        return sum(int(result) for result in RESULT.findall(lines.read()))


class OurServer:
    """sluiced, as the peers are."""

    name = "sluiced"

    def __init__(self, root):
        self.server = Sluiced(root, ["--anonymous-write", "--fxp=on"])

    def url(self, path=""):
        return f"ftp://127.0.0.1:{self.server.port}/{peers.PUB}/{path}"

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.server.abandon()
        else:
            self.server.stop()


def copies_without_the_client(source_kind, target_kind):
    with Place() as one, Place() as other, source_kind(one.root) as source, target_kind(other.root) as target:
        write_pattern(one.served("big"), COPY_SIZE)
        one.run("copy", source.url("big"), target.url("first"))
        same_bytes(one.served("big"), other.served("first"))
        came = bytes_that_came(one, "copy", source.url("big"), target.url("second"))
        same_bytes(one.served("big"), other.served("second"))
        expect(came > 0, "strace has seen nothing")
        if came > COPY_SIZE // 1000:
            raise Failure(f"{came} of {COPY_SIZE} bytes came through the client")
        os.truncate(other.served("second"), COPY_SIZE - 1_000_000)
        one.run("copy", source.url("big"), target.url("second"))
        same_bytes(one.served("big"), other.served("second"))


def each_pair(function):
    """Two of ours, and ours with each other one in both directions."""
    pairs = [(OurServer, OurServer)]
    for peer in peers.ALL:
        pairs += [(OurServer, peer), (peer, OurServer)]
    for pair in pairs:
        @functools.wraps(function)
        def run(pair=pair):
            function(*pair)

        run.__name__ += "_".join(["", pair[0].name, "to", pair[1].name]).lower().replace("-", "_")
        test(run)


@each_pair
def a_copy_is_equal_and_does_not_pass_the_client_from(source, target):
    copies_without_the_client(source, target)


@test
def the_count_sees_what_does_come_through_the_client():
    with Place() as place, OurServer(place.root) as server:
        write_pattern(place.served("big"), SIZE)
        came = bytes_that_came(place, "get", server.url("big"))
        expect(SIZE <= came <= 3 * SIZE, f"get has received {SIZE} bytes, strace saw {came}")


if __name__ == "__main__":
    main()
