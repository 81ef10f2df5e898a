"""Reads *.ftp files. README.md describes the format; this file and it change together."""

import re
import shlex

STEP = re.compile(r"([A-Z])(\d*)([^:\s\d]*):(?: (.*))?$")


class Step:
    def __init__(self, line, letter, session, manner, text):
        self.line = line        # line number, for messages
        self.letter = letter    # C, S, D, F, A ...
        self.session = session  # 1 unless the step says otherwise
        self.manner = manner    # what stands between letter and colon: "<", "~", "/" ...
        self.text = text


class Dialogue:
    def __init__(self, path, name):
        self.path = path
        self.name = name
        self.options = []
        self.users = []
        self.steps = []
        with open(path, encoding="latin-1", newline="\n") as file:
            for number, line in enumerate(file.read().split("\n"), 1):
                self.read_line(number, line)

    def read_line(self, number, line):
        if not line or line.startswith("#"):
            return
        match = STEP.match(line)
        if not match:
            raise SystemExit(f"{self.name}:{number}: not a step: {line!r}")
        letter, session, manner, text = match.groups()
        text = text or ""
        if letter == "O":
            self.options += shlex.split(text)
        elif letter == "U":
            self.users.append(tuple(text.split()))
        else:
            self.steps.append(Step(number, letter, int(session or 1), manner, text))

    def group(self):
        """Dialogues of one group can share a server."""
        own = self.name if any(step.letter == "Z" for step in self.steps) else ""
        return (tuple(self.options), tuple(self.users), own)

    def can_split(self):
        """Not where time or urgent data count, nor where the server closes while we still send."""
        return not any(step.letter in "PZ" or step.manner == "!" or "QUIT\\r\\n" in step.text
                       for step in self.steps)


def unescape(text):
    """\\r, \\n, \\0, \\t, \\\\, \\" and \\xHH, to one character per byte."""
    simple = {"r": "\r", "n": "\n", "0": "\0", "t": "\t", "\\": "\\", '"': '"'}

    def one(match):
        what = match.group(1)
        return chr(int(what[1:], 16)) if what[0] == "x" else simple[what]

    return re.sub(r"\\(x[0-9A-Fa-f]{2}|[rn0t\\\"])", one, text)


def words(text):
    """Splits at spaces, except inside "quotes", in which escapes count. Quoted words come out as
    Text, so that "123" can be told from 123."""
    result = []
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"(\[\S*\])?|(\S+)', text):
        if match.group(3) is not None:
            result.append(match.group(3))
        else:
            result.append(Text(unescape(match.group(1)), match.group(2) or ""))
    return result


class Text(str):
    """A quoted word, perhaps with a slice behind it: "hello"[2:]."""

    def __new__(cls, value, cut=""):
        self = super().__new__(cls, value)
        self.cut = cut
        return self
