"""The folder a dialogue plays in: prepared by F steps, looked at by A steps.

Names are bytes kept as str with one character per byte, relative to the server's root.
"""

import calendar
import os
import re
import shutil
import socket
import stat
import time

from dialogue import Text, words
from pattern import pattern, write_pattern
from sluiced import Failure


def content(word):
    """The bytes a word stands for: "text", or a number of pattern bytes; either may be cut [a:b]."""
    if isinstance(word, Text):
        data, cut = word.encode("latin-1"), word.cut
    else:
        match = re.fullmatch(r"(\d+)(\[\S*\])?", word)
        if not match:
            raise Failure(f"neither \"text\" nor a number of bytes: {word!r}")
        data, cut = pattern(int(match.group(1))), match.group(2) or ""
    if cut:
        start, _, end = cut.strip("[]").partition(":")
        data = data[int(start or 0):int(end) if end else None]
    return data


def timestamp(text):
    """YYYYMMDDHHMMSS, or -SECONDS from now."""
    if text.startswith("-"):
        return int(time.time()) + int(text)
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S"))


class Stage:
    def __init__(self, base, users):
        self.base = os.fsencode(base)
        self.root = os.path.join(self.base, b"root")
        self.keep = [b"root"] + [os.fsencode(user[2]) for user in users]
        for name in self.keep:
            os.mkdir(os.path.join(self.base, name))

    def clear(self):
        for name in os.listdir(self.base):
            path = os.path.join(self.base, name)
            inside = [os.path.join(path, entry) for entry in os.listdir(path)] if name in self.keep else [path]
            for entry in inside:
                if os.path.isdir(entry) and not os.path.islink(entry):
                    shutil.rmtree(entry)
                else:
                    os.unlink(entry)

    def path(self, name):
        return os.path.join(self.root, name.encode("latin-1"))

    def prepare(self, text, variables):
        """One F step: NAME WHAT [mtime=...] [mode=...]."""
        name, *rest = words(text)
        path = self.path(name)
        settings = [w for w in rest if "=" in w and not isinstance(w, Text)]
        what = [w for w in rest if w not in settings]
        if what:
            self.make(path, what)
        for key, value in (w.split("=", 1) for w in settings):
            if key == "mode":
                os.chmod(path, int(value, 8))
            elif key == "mtime":
                when = timestamp(value)
                os.utime(path, (when, when))
                utc = time.gmtime(when)
                variables[f"mtime:{name}"] = time.strftime("%Y%m%d%H%M%S", utc)
                variables[f"ls:{name}"] = time.strftime("%b ", utc) + f"{utc.tm_mday:2d}" \
                    + time.strftime(" %H:%M", utc)
            else:
                raise Failure(f"unknown setting {key!r}")

    def make(self, path, what):
        kind = what[0]
        if isinstance(kind, Text):
            with open(path, "wb") as file:
                file.write(content(kind))
        elif kind.isdigit():
            write_pattern(path, int(kind))
        elif kind == "dir":
            os.mkdir(path)
        elif kind == "files":
            for number in range(int(what[1])):
                with open(path + b"%06d" % number, "wb"):
                    pass
        elif kind == "names":
            self.make_names(path, int(what[1]))
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                here = os.open(".", os.O_RDONLY)
                try:
                    sock.bind(path)
                finally:
                    os.close(here)
        elif kind == "->":
            os.symlink(what[1].encode("latin-1"), path)
        elif kind == "is":
            os.link(self.path(what[1]), path)
        elif kind == "truncate":
            os.truncate(path, int(what[1]))
        elif kind == "gone":
            os.unlink(path)
        else:
            raise Failure(f"unknown kind of file {kind!r}")

    @staticmethod
    def make_names(path, count):
        """Of one empty file: a name costs a twentieth of what a file does."""
        folder, prefix = os.path.split(path)
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            first = prefix + b"%06d" % 0
            os.close(os.open(first, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=inside))
            for number in range(1, count):
                os.link(first, prefix + b"%06d" % number, src_dir_fd=inside, dst_dir_fd=inside)
        finally:
            os.close(inside)

    def check(self, text):
        """One A step. Returns None if it holds, else what is the case instead."""
        name, verb, *rest = words(text)
        path = self.path(name)
        if verb == "missing":
            return f"{name!r} exists" if os.path.lexists(path) else None
        if verb == "lists":
            return self.check_names(path, rest)
        if not os.path.lexists(path):
            return f"{name!r} does not exist"
        status = os.lstat(path)
        if verb == "is":
            return None if stat.S_ISDIR(status.st_mode) else f"{name!r} is no directory"
        if verb == "exists":
            return None
        if verb == "allocated":
            have = status.st_blocks * 512
            return None if have >= int(rest[0]) else f"{name!r} has {have} bytes allocated"
        if verb == "mode":
            have = f"{stat.S_IMODE(status.st_mode):04o}"
            return None if int(have, 8) == int(rest[0], 8) else f"the mode of {name!r} is {have}"
        if verb == "mtime":
            have = time.strftime("%Y%m%d%H%M%S", time.gmtime(status.st_mtime))
            return None if have == rest[0] else f"{name!r} was changed at {have}"
        if verb == "->":
            have = os.readlink(path) if os.path.islink(path) else None
            return None if have == rest[0].encode("latin-1") else f"{name!r} leads to {have!r}"
        if verb == "is-also":
            return None if os.path.samefile(path, self.path(rest[0])) else f"{name!r} is another file"
        if verb == "==":
            return self.check_content(path, content(rest[0]))
        raise Failure(f"unknown assertion {verb!r}")

    @staticmethod
    def check_names(path, wanted):
        have = sorted(os.listdir(path))
        return None if have == sorted(w.encode("latin-1") for w in wanted) else f"it lists {have!r}"

    @staticmethod
    def check_content(path, wanted):
        with open(path, "rb") as file:
            have = file.read()
        return None if have == wanted else "it is " + difference(wanted, have)


def difference(wanted, have):
    """What distinguishes `have` from `wanted`, briefly."""
    if len(wanted) + len(have) < 2000:
        return repr(have)
    at = next((i for i, (a, b) in enumerate(zip(wanted, have)) if a != b), min(len(wanted), len(have)))
    return f"{len(have)} bytes instead of {len(wanted)}, different from byte {at}: {have[at:at + 40]!r}"
