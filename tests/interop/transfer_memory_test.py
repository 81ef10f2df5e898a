#!/usr/bin/env python3
"""Clients that stall in transfers through buffers: what they hold together is bounded (--transfer-memory), the
next one is told so before anything moves, what needs no buffer goes on, and all is given back."""

import contextlib
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same, test, wait_until  # noqa: E402
from client import command, log_in  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import Sluiced  # noqa: E402

MEMORY = 16 << 20
FILE_BYTES = 2 * 262144  # that a file in TYPE A takes
STALLED = MEMORY // FILE_BYTES
ADDRESSES = [f"127.0.0.{host}" for host in range(2, 6)]  # each may have a quarter
REFUSAL = "450 Other transfers hold the memory for this; try again later, or move files by TYPE I and MODE S"


class Served(contextlib.ExitStack):
    """A server with one worker and little memory for transfers, of a folder to which everybody may write."""

    def __init__(self, *options):
        super().__init__()
        self.options = options

    def __enter__(self):
        super().__enter__()
        self.root = self.enter_context(tempfile.TemporaryDirectory(prefix="sluice-memory-"))
        os.chmod(self.root, 0o777)
        write_pattern(self.path("small"), 1000)
        with open(self.path("big"), "wb") as file:  # more than sockets hold
            file.truncate(64 << 20)
        os.mkdir(self.path("folder"))
        write_pattern(self.path("folder/one"), 10)
        os.mkdir(self.path("kept"))
        write_pattern(self.path("kept/one"), 10)
        options = ["--anonymous-write", "--workers", "1", f"--transfer-memory={MEMORY >> 20}M", *self.options]
        self.server = self.enter_context(Sluiced(self.root, options))
        self.observer = self.session()
        return self

    def path(self, name):
        return os.path.join(self.root, name)

    def session(self, source=None):
        control = log_in("127.0.0.1", self.server.port, source)
        self.callback(control.close)
        return control

    def status(self, pattern):
        """What a line of STAT says, as numbers."""
        self.observer.send(b"STAT\r\n")
        return [int(number) for number in re.search(pattern, "\n".join(self.observer.read_reply())).groups()]

    def taken(self):
        """What the worker says of its memory."""
        taken, most = self.status(r"Memory for transfers: (\d+) of (\d+) bytes")
        same("the worker's part", MEMORY, most)
        return taken

    def await_taken(self, wanted, when):
        wait_until(lambda: self.taken() == wanted, f"{when}: {self.taken()} bytes are taken, not {wanted}")

    def files(self):
        """What the server holds open; the connection to a passive port may be among it, or not yet."""
        return [link for link in self.server.descriptors() if link != "socket:[N]"]

    def data(self, control):
        port = wire.passive_port(command(control, "EPSV", "229"))[1]
        source = control.socket.getsockname()[0]
        data = wire.Data(wire.open_socket("127.0.0.1", port, source, receive_buffer=4096))
        self.callback(data.close)
        return data

    def stall(self, source):
        """A session whose download in TYPE A nobody reads, and its data connection."""
        control = self.session(source)
        data = self.data(control)
        command(control, "TYPE A", "200")
        command(control, "RETR big", "150")
        return control, data

    def stall_all(self):
        return [self.stall(ADDRESSES[number % 4]) for number in range(STALLED)]

    def transfers(self, control, line, content=None):
        """All that comes of a transfer that succeeds; content is sent."""
        data = self.data(control)
        command(control, line, "150")
        got = b""
        if content is None:
            got = data.read_all()
        else:
            data.send(content)
            data.close()
        reply = control.read_reply()[0]
        expect(reply[:3] in ("226", "250"), f"{line!r} ended with {reply!r}")
        return got

    def keep_listing(self):
        """NLST of kept, until it comes from memory: not before a tick of the clock has gone by since it was made."""
        def is_kept():
            self.transfers(self.observer, "NLST kept")
            return self.status(r"Listings: (\d+) of") != [0]
        wait_until(is_kept, "the listing is not kept")


@test
def one_download_too_many_is_450_until_another_ends():
    with Served() as served:
        stalled = served.stall_all()
        same("what they take", MEMORY, served.taken())
        late = served.session()
        command(late, "TYPE A", "200")
        data = served.data(late)
        for _ in range(3):
            command(late, "RETR big", REFUSAL + ": /big")
        command(late, "LANG DE", "200")
        command(late, "RETR big", "450 Andere")
        command(late, "LANG EN", "200")
        same("what they take", MEMORY, served.taken())
        command(late, "NOOP", "200")
        stalled[0][1].close()
        expect(stalled[0][0].read_reply()[0].startswith("426"), "no 426 to who has gone")
        served.await_taken(MEMORY - FILE_BYTES, "one has gone")
        command(late, "RETR small", "150")  # the port of that EPSV is still good
        same("small", pattern(1000).replace(b"\n", b"\r\n"), data.read_all())
        expect(late.read_reply()[0].startswith("226"), "no 226")
        # Those that have their buffers go on, to the last octet.
        same("a stalled one", bytes(64 << 20), stalled[1][1].read_all())
        expect(stalled[1][0].read_reply()[0].startswith("226"), "no 226 to who has stalled")
        for control, other in stalled:
            other.close()
            control.close()
        served.await_taken(0, "all have gone")
        served.transfers(late, "RETR small")
        lines = [line for line in served.server.log().splitlines() if "--transfer-memory" in line]
        expect(len(lines) == 1 and "transfers refused (450): 1;" in lines[0], f"the log says {lines}")


@test
def one_address_has_half_and_leaves_the_rest():
    with Served() as served:
        greedy = [served.stall(ADDRESSES[0]) for _ in range(STALLED // 2)]
        late = served.session(ADDRESSES[0])
        served.data(late)
        for line in ("LIST folder", "STAT folder"):
            command(late, line, "450 Transfers of your address hold its part of the memory")
        served.transfers(served.observer, "LIST folder")
        others = [served.stall(ADDRESSES[1]) for _ in range(STALLED // 4)]  # a quarter, and no more than that
        command(served.session(ADDRESSES[1]), "LIST kept", "450 Transfers of your address hold")
        served.transfers(served.observer, "LIST folder")
        for control, data in others + greedy[:1]:
            data.close()
            expect(control.read_reply()[0].startswith("426"), "no 426 to who has gone")
        served.transfers(late, "LIST folder")


@test
def what_needs_no_buffer_goes_on():
    with Served() as served:
        served.keep_listing()
        served.stall_all()
        control = served.session()
        same("small", pattern(1000), served.transfers(control, "RETR small"))
        same("big", bytes(64 << 20), served.transfers(control, "RETR big"))
        served.transfers(control, "STOR up", pattern(300000))
        with open(served.path("up"), "rb") as file:
            same("up", pattern(300000), file.read())
        same("a listing that is kept", b"kept/one\r\n", served.transfers(control, "NLST kept"))
        command(control, "MLST small", "250")
        command(control, "HASH small", "213")
        command(control, "TYPE A", "200")
        command(control, "SIZE small", "213")
        command(control, "TYPE I", "200")
        command(control, "MODE B", "200")  # one block, and the file within the kernel
        data = served.data(control)
        command(control, "RETR small", "150")
        same("a block", b"\x40\x03\xe8" + pattern(1000), data.read(1003))
        expect(control.read_reply()[0].startswith("250"), "no 250")
        same("what is taken", MEMORY, served.taken())


@test
def all_that_needs_a_buffer_is_refused_and_leaves_nothing_behind():
    with Served() as served:
        served.keep_listing()
        served.stall_all()
        control = served.session()
        before = sorted(os.listdir(served.root))
        served.data(control)
        files = served.files()
        for line in ("LIST folder", "NLST folder", "MLSD folder", "LIST small", "NLST small", "LIST f*", "STAT folder",
                     "SITE INDEX folder"):
            command(control, line, REFUSAL)
        for settings in (("TYPE A",), ("MODE B",), ("MODE C",), ("MODE Z",), ("STRU R",), ("TYPE L 32", "STRU P")):
            for setting in settings:
                command(control, setting, "200")
            command(control, "RETR big", REFUSAL)
            command(control, "STOR small", REFUSAL)
            command(control, "APPE small", REFUSAL)
            command(control, "STOU", REFUSAL)
            if settings[0][:4] == "MODE":
                command(control, "NLST kept", REFUSAL)
            for back in ("TYPE I", "MODE S", "STRU F"):
                command(control, back, "200")
        same("the folder", before, sorted(os.listdir(served.root)))
        with open(served.path("small"), "rb") as file:
            same("small", pattern(1000), file.read())
        same("what is taken", MEMORY, served.taken())
        same("open files", files, served.files())
        write_pattern(served.path("kept/two"), 10)  # drops what is kept, if nobody has it any more
        command(control, "NLST kept", REFUSAL)
        same("what is kept", [0, 0], served.status(r"Listings kept: (\d+), (\d+) bytes"))
        same("the port of the EPSV", pattern(1000), served.transfers(control, "RETR small"))


@test
def what_a_transfer_took_is_given_back_whenever_it_ends():
    transfers = [(setting, line) for setting in ("TYPE A", "MODE B", "MODE C", "MODE Z", "STRU R")
                 for line in ("RETR big", "STOR up", "LIST folder", "MLSD folder", "NLST small", "SITE INDEX")]
    with Served("--listing-cache", "off") as served:
        for setting, line in transfers:
            control = served.session()
            command(control, setting, "200")
            what = f"{setting}, {line}"

            command(control, "EPSV", "229")  # and nobody connects
            command(control, line, "150")
            expect(served.taken() > 0, f"{what} takes nothing")
            command(control, "ABOR", "426")
            expect(control.read_reply()[0].startswith("226"), f"no 226 after {what}")
            served.await_taken(0, f"{what}, aborted before it began")

            data = served.data(control)
            command(control, line, "150")
            data.reset()
            expect(control.read_reply()[0][0] in "24", f"no reply to {what}")  # a short one may be through
            served.await_taken(0, f"{what}, reset")

            data = served.data(control)
            command(control, line, "150")
            control.send(b"ABOR\r\n")
            expect(control.read_reply()[0][0] in "24", f"no reply to {what}")
            expect(control.read_reply()[0].startswith("226"), f"no 226 after {what}")
            data.close()
            served.await_taken(0, f"{what}, aborted")

            served.data(control)
            command(control, line, "150")
            control.close()
            served.await_taken(0, f"{what}, left")


@test
def a_status_that_nobody_reads_gives_back_what_it_took():
    with Served() as served:
        for number in range(3000):
            with open(served.path(f"folder/a name of some length {number:06}"), "wb"):
                pass
        control = wire.open_socket("127.0.0.1", served.server.port, receive_buffer=4096)
        control.sendall(b"USER anonymous\r\nPASS x\r\n" + b"STAT folder\r\n" * 16)
        wait_until(lambda: served.taken() > 0, "STAT takes nothing")
        control.close()
        served.await_taken(0, "the client of STAT has gone")


def blocks(content):
    """A file in MODE B."""
    pieces = [content[at:at + 65535] for at in range(0, len(content), 65535)]
    return b"".join(bytes([0x40 if piece is pieces[-1] else 0]) + len(piece).to_bytes(2, "big") + piece
                    for piece in pieces)


def ahead(served, later):
    """A session in MODE B that has sent a file, and with it what is to be the beginning of the next: later."""
    control = served.session()
    command(control, "MODE B", "200")
    data = served.data(control)
    data.send(blocks(b"first") + later)
    command(control, "STOR first", "150")
    expect(control.read_reply()[0].startswith("250"), "no 250")
    return control, data


@test
def what_comes_ahead_of_an_upload_is_counted_between_the_two():
    second = blocks(pattern(20000))
    with Served() as served:
        control, data = ahead(served, second)
        same("what is taken", len(second), served.taken())
        command(control, "STOR second", "125")
        expect(control.read_reply()[0].startswith("250"), "no 250")
        served.await_taken(0, "the second file has come")
        with open(served.path("second"), "rb") as file:
            same("second", pattern(20000), file.read())

        control, data = ahead(served, second[:30])
        command(control, "RETR small", "125")  # one block: it needs no buffer, and what came ahead stays
        same("a block", b"\x40\x03\xe8" + pattern(1000), data.read(1003))
        expect(control.read_reply()[0].startswith("250"), "no 250")
        same("what is taken", 30, served.taken())
        command(control, "EPSV", "229")
        same("what is taken after another EPSV", 0, served.taken())

        control, data = ahead(served, second[:30])
        same("what is taken", 30, served.taken())
        control.close()
        served.await_taken(0, "the session has ended")


@test
def what_comes_ahead_of_an_upload_that_is_refused_becomes_no_other_file():
    """Whether it came with the end of the file before, or after that."""
    refusals = (("STOR folder", "553"), ("STOR", "501"), ("STOR folder/one/two", "553"), ("STOR a\0b", "501"),
                ("STOR " + 5000 * "x", "500"))
    with Served() as served:
        for refused, code in refusals:
            for early in (True, False):
                lost = blocks(b"of the one that is refused")
                control, data = ahead(served, lost if early else b"")
                if not early:
                    data.send(lost)
                command(control, refused, code)
                control.send(b"STOR third\r\n")
                reply = control.read_reply()[0]
                expect(not reply.startswith("125"), f"{reply!r} after {refused[:20]!r}")
                control.send(b"ABOR\r\n")
                data.close()
                control.close()
                wait_until(lambda: served.taken() == 0, "memory stays taken")
        expect(not os.path.exists(served.path("third")) or os.path.getsize(served.path("third")) == 0, "third is stored")


@test
def a_refused_upload_ends_no_connection_on_which_nothing_came():
    with Served() as served:
        control, data = ahead(served, b"")
        command(control, "STOR folder", "553")
        command(control, "STOR third", "125")
        data.send(blocks(b"third") + blocks(b"fourth"))
        expect(control.read_reply()[0].startswith("250"), "no 250")
        command(control, "STOR fourth", "125")  # which is no doubtful one any more
        expect(control.read_reply()[0].startswith("250"), "no 250")
        with open(served.path("fourth"), "rb") as file:
            same("fourth", b"fourth", file.read())


if __name__ == "__main__":
    main()
