"""A sluiced for sluice(1): a folder that is served, one to work in, and the program run there."""

import os
import subprocess
import tempfile
import time

from checks import expect, same
from pattern import write_pattern
from sluiced import REPORTS, Sluiced, binary, engine_arguments, environment

SIZE = 5_000_003
TIMEOUT_S = 120


def program():
    return os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")


def cut(here, folder, suffix, command, *arguments):
    """Runs sluice in `here` and kills it when a file in `folder`, whose name ends so, has more than a megabyte.
    Returns its path."""
    path = None
    end = time.monotonic() + TIMEOUT_S
    with subprocess.Popen([program(), command, *engine_arguments(), *arguments], cwd=here,
                          env=environment(HOME=here), stdout=subprocess.DEVNULL) as run:
        while path is None and run.poll() is None and time.monotonic() < end:
            for name in os.listdir(folder):
                full = os.path.join(folder, name)
                if name.endswith(suffix) and os.path.exists(full) and os.path.getsize(full) > 1_000_000:
                    path = full
        run.kill()
    expect(path is not None, "it ended before it was cut")
    return path


class Place:
    """A folder to be served, one to work in, and a server that lets everybody write."""

    def __init__(self, *options):
        self.options = ["--anonymous-write", "--fxp=on", *options]

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="sluice-tool-")
        os.chmod(self.scratch.name, 0o755)
        self.root = os.path.join(self.scratch.name, "root")
        self.here = os.path.join(self.scratch.name, "here")
        for folder in (self.root, self.here, os.path.join(self.root, "sub")):
            os.mkdir(folder)
        write_pattern(os.path.join(self.root, "big"), SIZE)
        self.write_root("lines", b"one\ntwo\n")
        self.server = Sluiced(self.root, self.options).start()
        self.port = self.server.port
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind:
                self.server.abandon()
            else:
                self.server.stop()
        finally:
            self.scratch.cleanup()

    def write_root(self, name, content):
        with open(os.path.join(self.root, name), "wb") as file:
            file.write(content)

    def read(self, folder, name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    def url(self, path="", host="127.0.0.1", login=""):
        return f"ftp://{login}{host}:{self.port}/{path}"

    def run(self, *arguments, status=0, stdin=b""):
        """Runs sluice. Returns what it wrote to stdout and stderr."""
        arguments = [program(), *arguments[:1], *engine_arguments(), *arguments[1:]]
        done = subprocess.run(arguments, input=stdin, cwd=self.here, timeout=TIMEOUT_S, check=False,
                              env=environment(HOME=self.here), capture_output=True)
        errors = done.stderr.decode("utf-8", "backslashreplace")
        expect(not REPORTS.search(errors), errors)
        same(f"exit code of {' '.join(arguments[1:])}\n{errors}", status, done.returncode)
        return done.stdout, errors
