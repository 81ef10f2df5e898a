#!/usr/bin/env python3
"""What sluice(1) shows of transfers on a terminal: one that is played here, with few rows and columns."""

import fcntl
import os
import pty
import re
import select
import struct
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
from place import program  # noqa: E402
from sluiced import Failure, engine_arguments, environment  # noqa: E402

TIMEOUT_S = 60
STEPS = 8  # in which a file comes
STEP_S = 0.25
TOKEN = re.compile(r"\x1b\[(\d*)([AKJ])|([\r\n])|([^\x1b\r\n]+)")


class Screen:
    """Knows what bars need: CR, LF, up, and the two ways of erasing. A line that wraps is a failure."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines, self.row, self.column = [""], 0, 0
        self.seen = []  # what the lower end showed, after each write

    def put(self, text):
        at = 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise Failure(f"an unknown sequence: {text[at:at + 20]!r}")
            self.take(*match.groups())
            at = match.end()
        self.seen.append(list(self.lines))

    def take(self, count, letter, control, text):
        if letter == "A":
            up = int(count or 1)
            expect(up < self.rows and up <= self.row, f"{up} rows up from row {self.row}, of {self.rows}")
            self.row -= up
        elif letter == "K":
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif letter == "J":
            del self.lines[self.row + 1:]
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif control == "\r":
            self.column = 0
        elif control == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + text + line[self.column + len(text):]
            self.column += len(text)
            expect(self.column < self.columns, f"a line of {self.column} columns, of {self.columns}: {line!r}")


class Slow:
    """A server with files of one size, each of which comes in steps."""

    def __init__(self, names, size=2_000_000):
        self.names, self.size = names, size
        self.control = socket.create_server(("127.0.0.1", 0))
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-slow-")
        self.here = self.folder.name

    def url(self, path=""):
        return f"ftp://127.0.0.1:{self.control.getsockname()[1]}/{path}"

    def accept(self):
        while True:
            try:
                connection, _ = self.control.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def send_file(self, data):
        for _ in range(STEPS):
            data.sendall(b"x" * (self.size // STEPS))
            time.sleep(STEP_S)

    def send_names(self, data):
        for name in self.names:
            data.sendall(f"type=file;size={self.size};modify=20200101000000; {name}\r\n".encode())

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines, socket.create_server(("127.0.0.1", 0)) as listener:
            connection.sendall(b"220 hello\r\n")
            for line in lines:
                verb = line.split()[0].decode()
                said = {"USER": "230 in", "TYPE": "200 ok", "QUIT": "221 bye", "CWD": "250 ok",
                        "FEAT": "211-Features\r\n MLST type*;size*;modify*;\r\n SIZE\r\n211 End",
                        "EPSV": f"229 here (|||{listener.getsockname()[1]}|)", "SIZE": f"213 {self.size}",
                        "MDTM": "213 20200101000000"}
                if verb in ("RETR", "MLSD", "LIST"):
                    connection.sendall(b"150 here\r\n")
                    with listener.accept()[0] as data:
                        if verb == "RETR":
                            self.send_file(data)
                        elif verb == "MLSD":
                            self.send_names(data)
                    connection.sendall(b"226 done\r\n")
                else:
                    connection.sendall(said.get(verb, "500 no").encode() + b"\r\n")

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *reason):
        self.control.close()
        self.folder.cleanup()


def watch(place, rows, columns, *words, quiet_stdout=True):
    """Runs sluice on a terminal. Returns its screen and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    screen = Screen(rows, columns)
    with subprocess.Popen([program(), words[0], *engine_arguments(), *words[1:]], cwd=place.here, stdin=theirs,
                          stdout=subprocess.DEVNULL if quiet_stdout else theirs, stderr=theirs,
                          env=environment(HOME=place.here, TERM="xterm")) as run:
        os.close(theirs)
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                came = os.read(ours, 65536)
            except OSError:
                break
            if not came:
                break
            screen.put(came.decode("utf-8", "replace"))
        status = run.wait(TIMEOUT_S)
    os.close(ours)
    return screen, status


def bars(lines):
    return [line for line in lines if "[" in line and "%" in line]


@test
def a_get_has_a_bar_with_its_rate_and_the_time_left():
    with Slow(["big"]) as place:
        screen, status = watch(place, 24, 80, "get", place.url("big"))
        same("exit code", 0, status)
        shown = [bars(lines)[0] for lines in screen.seen if bars(lines)]
        expect(len(shown) >= 3, f"shown: {screen.seen}")
        expect(all(line.startswith("big") for line in shown), shown)
        expect(re.search(r"\[#+\.*\] +\d+ % +[\d.]+ [KM]iB +[\d.]+ [KM]iB/s +0:\d\d", shown[-1]), shown[-1])
        same("what is left", [""], screen.lines)


@test
def a_mirror_has_a_line_for_each_session_and_a_total():
    with Slow([f"f{number}" for number in range(6)]) as place:
        screen, status = watch(place, 24, 100, "mirror", "-j", "3", place.url("sub"), "down")
        same("exit code", 0, status)
        most = max(screen.seen, key=lambda lines: len(bars(lines)))
        expect(len(most) == 4 and re.match(r"\d files", most[-1]), most)
        expect(any(re.search(r"/s +0:\d\d$", lines[-1]) for lines in screen.seen if "files" in lines[-1]),
               f"no time is left: {screen.seen[-5:]}")
        same("what is left", [""], screen.lines)


@test
def few_rows_and_columns_are_enough():
    with Slow([f"ein-名前-{number}-" + "x" * 60 for number in range(6)]) as place:
        for rows, columns in ((4, 30), (2, 10), (1, 80), (3, 200)):
            screen, status = watch(place, rows, columns, "mirror", "-j", "6", place.url("sub"), f"down{rows}")
            same("exit code", 0, status)
            most = max(map(len, screen.seen))
            expect(most <= max(rows - 1, 1), f"{most} lines on {rows} rows")
            if rows == 4:
                expect(any("more" in line for lines in screen.seen for line in lines), "nobody knows of the others")


@test
def where_nobody_looks_nothing_is_drawn():
    with Slow(["big"]) as place:
        done = subprocess.run([program(), "get", *engine_arguments(), place.url("big")], cwd=place.here, check=True,
                              capture_output=True, timeout=TIMEOUT_S, env=environment(HOME=place.here, TERM="xterm"))
        expect(not set(b"\x1b\r") & set(done.stdout + done.stderr), done)
        screen, _ = watch(place, 24, 80, "get", "--no-resume", "--quiet", place.url("big"))
        same("with --quiet", [], screen.seen)


if __name__ == "__main__":
    main()
