"""A session whose files go through representation.py: TYPE, STRU and MODE as a test wants them, and a
data connection that stays as long as the server's replies say so (RFC 959 section 3.3)."""

import functools
import os
import random
import select
import socket
import tempfile

import wire
from checks import expect, same, test
from client import greet
from representation import (Malformed, Unpacked, from_pieces, pack, to_pieces, unpack_blocks, unpack_compressed,
                            unpack_deflated, unpack_one_deflated, unpack_stream)
from sluiced import Failure, Sluiced

SEED = int(os.environ.get("SLUICE_TEST_SEED") or random.randrange(1 << 32))
PIECE_BYTES = 1 << 18


def long_text():
    """300 KB of lines, some of them long, some of nothing but one character."""
    chance = random.Random("text")
    lines = []
    while sum(map(len, lines)) < 300_000:
        piece = chance.choice((b"", b"\f", b" ", b"\0", b"word ", b"\xff", b"0+1", bytes(range(11, 256)), b"@", b"\r"))
        lines.append(piece * chance.choice((0, 1, 2, 3, 63, 64, 65, 127, 128, 129, 1000)) + b"\n")
    return b"".join(lines)


FILES = {
    "empty": b"",
    "one": b"x",
    "line-end": b"\n",
    "no-line-end": b"first\nlast",
    "line-ends": b"\n\n\n\n\n",
    "ones": b"\xff\n\xff\xff\n\n\xff\x01\xff\x02\xff\x03\xff",
    "runs": b" " * 200 + b"\n" + b"@" * 64 + b"\0" * 63 + b"\0\n" + b"aa  \0\0@@" * 3 + b"\n",
    "controls": b"one\r\ntwo\r\rthree\n\rfour\f\n\ffive\n\n\f\n0\n1\n+\n \n\x0b\x85\x15\x25\r",
    "random": random.Random("octets").randbytes(30_001),
    "text": long_text(),
}


def served(*options):
    """A test that is given a server of its own, with FILES in it, and the folder."""

    def register(function):
        @test
        @functools.wraps(function)
        def run():
            with tempfile.TemporaryDirectory(prefix="sluice-representation-") as root:
                os.chmod(root, 0o777)
                for name, content in FILES.items():
                    with open(os.path.join(root, name), "wb") as file:
                        file.write(content)
                try:
                    with Sluiced(root, ["--anonymous-write", *options]) as server:
                        function(server, root)
                except Exception:
                    print(f"the same choices again: SLUICE_TEST_SEED={SEED}")
                    raise

        return run

    return register


def stored(root, name):
    with open(os.path.join(root, name), "rb") as file:
        return file.read()


class Arriving:
    """The octets of a data connection (see representation.Octets)."""

    def __init__(self, sock, control):
        self.socket = sock
        self.control = control
        self.buffer = bytearray()
        self.at = 0
        self.count = 0  # octets read in all
        self.ended = False

    def fill(self):
        """False at the end of the connection."""
        try:
            more = self.socket.recv(PIECE_BYTES)
        except socket.timeout:
            raise Failure(f"the data connection is silent after {self.count} octets") from None
        except ConnectionResetError:
            more = b""
        if self.at > PIECE_BYTES:
            del self.buffer[:self.at]
            self.at = 0
        self.buffer += more
        self.ended = not more
        return bool(more)

    def read(self, count):
        while len(self.buffer) - self.at < count:
            if not self.fill():
                raise Malformed("the connection ends before the file does")
        self.at += count
        self.count += count
        return bytes(self.buffer[self.at - count:self.at])

    def peek(self):
        while self.at == len(self.buffer):
            if not self.fill():
                raise Malformed("the connection ends before the file does")
        return self.buffer[self.at]

    def more(self):
        """Whether an octet comes before the reply that ends the transfer."""
        if self.at < len(self.buffer):
            return True
        either = [self.socket, self.control.socket]
        if not self.control.received and not select.select(either, [], [], wire.REPLY_TIMEOUT_S)[0]:
            raise Failure("neither an octet nor a reply comes")
        return bool(select.select([self.socket], [], [], 0)[0]) and self.fill()

    def some(self):
        self.peek()
        return self.read(len(self.buffer) - self.at)

    def give_back(self, count):
        self.at -= count
        self.count -= count

    def rest(self):
        while self.fill():
            pass
        self.count += len(self.buffer) - self.at
        result = bytes(self.buffer[self.at:])
        self.at = len(self.buffer)
        return result


class Representing:
    """A session, logged in."""

    def __init__(self, port, address="127.0.0.1", chance=None):
        self.control = wire.Control(address, port)
        self.address = address
        self.chance = chance or random.Random(SEED)
        self.data = None     # a connection, kept or new
        self.octets = None   # of that connection
        self.kept = False    # since the server has said 250
        self.state = {"TYPE": "A N", "STRU": "F", "MODE": "S", "OPTS MODE Z KEEP": "OFF"}
        greet(self.control)
        self.command("USER anonymous", "331")
        self.command("PASS guest@", "230")

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.close_data()
        self.control.close()

    def send(self, line):
        self.control.send(line.encode("latin-1") + b"\r\n")

    def reply(self):
        return self.control.read_reply()[0]

    def expect_reply(self, code, about):
        line = self.reply()
        expect(line.startswith(code) and len(line) > 4, f"{about} was answered {line!r}, not {code}")
        return line

    def command(self, line, code):
        self.send(line)
        return self.expect_reply(code, line)

    def set(self, form):
        wanted = {"TYPE": form.kind, "STRU": form.structure, "MODE": form.mode}
        if form.mode == "Z":
            wanted["OPTS MODE Z KEEP"] = "ON" if form.keeps else "OFF"
        for verb, argument in wanted.items():
            if self.state[verb] != argument:
                self.command(f"{verb} {argument}", "200")
                self.state[verb] = argument

    def close_data(self):
        if self.data:
            self.data.close()
        self.data = self.octets = None
        self.kept = False

    def connect(self):
        """A data connection for the next transfer: the kept one, or a new one."""
        if not self.data:
            _, port = wire.passive_port(self.command("EPSV", "229"))
            self.data = wire.open_socket(self.address, port)
            self.data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.octets = Arriving(self.data, self.control)

    def begin(self, line):
        """The first reply, which is 125 on a connection that is there already, or a refusal."""
        self.connect()
        self.send(line)
        first = self.reply()
        if first[0] == "1":
            expect(first.startswith("125" if self.kept else "150"), f"{line}: {first!r}, kept: {self.kept}")
        return first

    def opened(self, line):
        first = self.begin(line)
        expect(first[0] == "1", f"{self.state}, {line} was answered {first!r}")

    def finish(self, form, about):
        """The last reply: 250, and the connection stays, where the end of a file is marked."""
        line = self.reply()
        marks = []
        while line.startswith("110"):
            marks.append(line)
            line = self.reply()
        expect(line.startswith("250" if form.keeps else "226"), f"{about}: {line!r}")
        self.kept = form.keeps
        if not form.keeps:
            expect(self.octets.ended or self.octets.rest() == b"", f"{about}: more after {line!r}")
            self.close_data()
        return marks

    def unpack(self, form):
        if form.mode == "B":
            return unpack_blocks(self.octets, form)
        if form.mode == "C":
            return unpack_compressed(self.octets, form)
        result = Unpacked(form)
        if form.keeps:
            pieces = unpack_one_deflated(self.octets, form)
        else:
            pieces = (unpack_deflated if form.mode == "Z" else unpack_stream)(self.octets.rest(), form)
        result.ended, result.parts = pieces[:-1], pieces[-1:]
        return result

    def retr(self, form, line):
        """The pieces and markers of one file or listing."""
        self.set(form)
        self.opened(line)
        try:
            result = self.unpack(form)
        except Malformed as problem:
            raise Failure(f"{form}, {line}: {problem}") from None
        self.finish(form, f"{form}, {line}")
        return result

    def get(self, form, name):
        return from_pieces(self.retr(form, f"RETR {name}").pieces(), form)

    def send_data(self, data):
        """As it is, or, of a short file, sometimes each octet for itself."""
        if len(data) < 100 and self.chance.random() < 0.3:
            for octet in data:
                self.data.sendall(bytes([octet]))
        else:
            self.data.sendall(data)

    def stor_octets(self, form, line, data):
        """Returns the 110 replies."""
        self.set(form)
        self.opened(line)
        self.send_data(data)
        if not form.keeps:
            self.data.shutdown(socket.SHUT_WR)
        return self.finish(form, f"{form}, {line}")

    def put(self, form, name, content, markers=None):
        return self.stor_octets(form, f"STOR {name}", pack(to_pieces(content, form), form, self.chance, markers))

    def refused(self, form, line, code):
        """A transfer that the server refuses before a 150, with a reason."""
        self.set(form)
        first = self.begin(line)
        expect(first.startswith(code) and len(first) > 8, f"{form}, {line} was answered {first!r}, not {code}")
        return first


def same_content(about, wanted, got):
    if wanted != got:
        at = next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
        same(f"{about}: {len(got)} octets of {len(wanted)}, octet {at}", wanted[at:at + 20], got[at:at + 20])
