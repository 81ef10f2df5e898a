"""A place for one client: a server that is overheard, what it serves, and a folder for the client."""

import os
import re
import shutil
import tempfile

import clients
import tree
from checks import expect, same
from clients import url
from recorder import Recorder
from sluiced import Sluiced

WHEN = 981173106  # 2001-02-03 04:05:06 UTC
TEXT = b"".join(b"line %d of a text that deflates well\n" % number for number in range(20000))


class Place:
    """A server, overheard; a folder that it serves, and one beside it for the client. The tree has
    awkward names, and a time of its own for each file."""

    def __init__(self, host, *options, files=60):
        self.host = host
        self.options = ["--anonymous-write", "--verbose", *options]
        self.files = files

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="sluice-matrix-")
        os.chmod(self.scratch.name, 0o755)
        self.root = os.path.join(self.scratch.name, "root")
        self.here = os.path.join(self.scratch.name, "here")
        for folder in (self.root, self.here):
            os.mkdir(folder)
        tree.make(os.path.join(self.root, "tree"), self.files)
        for number, path in enumerate(sorted(tree.digests(self.root))):
            os.utime(os.path.join(self.root, path), (WHEN + number, WHEN + number))
        self.write(self.root, "text", TEXT)
        self.server = Sluiced(self.root, self.options).start()
        self.recorder = Recorder(self.host, self.server.port)
        self.port = self.recorder.port
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind:
                self.server.abandon()
            else:
                nothing_is_unknown(self.recorder.pairs())
                self.server.stop()
        finally:
            self.recorder.close()
            self.scratch.cleanup()

    def write(self, folder, name, content, when=WHEN):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, (when, when))
        return path

    def read(self, folder, name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    def url(self, path=""):
        return url(self.port, path, self.host)

    def remote(self, *names):
        """The path of what the server has."""
        return os.path.join(self.root, *names)

    def local(self, *names):
        """The path of what the client has."""
        return os.path.join(self.here, *names)

    def copy_of_tree(self):
        """The tree once more, on the client's side, with its times."""
        shutil.copytree(self.remote("tree"), self.local("tree"))
        return self.local("tree")

    def lftp(self, commands):
        return clients.lftp(self.port, commands, self.host)

    def octets(self, name):
        """What each transfer of a path that ends so put on its data connection."""
        return [int(number) for number in
                re.findall(rf"transfer of \S*?{re.escape(name)}: end \d+, error 0, (\d+) bytes", self.server.log())]


def nothing_is_unknown(pairs):
    """What a client tries of its own accord is known here, but for AUTH: there is no TLS."""
    expect(pairs, "nothing was heard")
    unknown = [pair for pair in pairs if pair[1][:3] in ("500", "502") and not pair[0].startswith("AUTH ")]
    same("commands that are not known", [], unknown)


def files_of(folder, resolution_s=1, ignored=()):
    """Path -> (digest, time in units of resolution_s) of every file but those of the ignored names."""
    return {path: (digest, int(os.stat(os.path.join(folder, path)).st_mtime) // resolution_s)
            for path, digest in tree.digests(folder).items() if os.path.basename(path) not in ignored}


def same_files(wanted, got, resolution_s=1, ignored=()):
    problem = tree.compare(files_of(wanted, resolution_s), files_of(got, resolution_s, ignored))
    expect(not problem, f"{got} is not what {wanted} is: {problem}")


def folders_of(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, names, _ in os.walk(folder) for name in names)


def over(family, *arguments, **more):
    """A test that is given a place of its own, for each address family or one."""

    def register(function):
        def run(host):
            with Place(host, *arguments, **more) as place:
                function(place)

        run.__name__ = function.__name__
        family(run)

    return register
