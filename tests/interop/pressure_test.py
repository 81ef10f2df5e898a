#!/usr/bin/env python3
"""Clients that ask for more than they wait for: nothing is lost, nothing stays behind."""

import os
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, test  # noqa: E402
from sluiced import Sluiced  # noqa: E402

LOGIN = b"USER anonymous\r\nPASS x\r\nTYPE I\r\n"


class Server:
    """A server with a folder of its own."""

    def __init__(self, *options, passive_ports=16):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-pressure-")
        self.root = os.path.join(self.folder.name, "root")
        os.mkdir(self.root)
        self.sluiced = Sluiced(self.root, list(options), passive_ports)

    def __enter__(self):
        self.sluiced.start()
        self.port = self.sluiced.port
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind:
                self.sluiced.abandon()
            else:
                self.sluiced.stop()
        finally:
            self.folder.cleanup()


def connect(server, window=None):
    control = socket.socket()
    if window:
        control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    control.settimeout(30)
    control.connect(("127.0.0.1", server.port))
    control.sendall(LOGIN)
    read_lines(control, 4)
    return control


def read_lines(control, count):
    received = b""
    while received.count(b"\n") < count:
        piece = control.recv(65536)
        expect(piece != b"", f"the connection ended after {received[-200:]!r}")
        received += piece
    return received


def still_serves(server):
    with connect(server) as control:
        control.sendall(b"NOOP\r\n")
        expect(read_lines(control, 1).startswith(b"200"), "no 200 to NOOP")


@test
def sixty_thousand_commands_read_late_have_all_their_replies():
    with Server() as server, connect(server) as control:
        commands = b"NOOP\r\n" * 60000
        control.setblocking(False)
        sent = received = 0
        begun = time.monotonic()
        while received < 60000 and time.monotonic() - begun < 120:
            try:
                sent += control.send(commands[sent:sent + 65536]) if sent < len(commands) else 0
            except BlockingIOError:
                pass
            if time.monotonic() - begun < 0.5:
                time.sleep(0.01)
                continue
            try:
                received += control.recv(65536).count(b"\n")
            except BlockingIOError:
                time.sleep(0.001)
        expect(received == 60000, f"{received} replies to 60000 commands")


@test
def transfers_given_up_one_after_the_other_do_no_harm():
    with Server() as server:
        with open(os.path.join(server.root, "a"), "wb") as file:
            file.write(b"a" * 1000)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        there = f"PORT 127,0,0,1,{port >> 8},{port & 255}\r\n".encode()
        for _ in range(20):
            with connect(server) as control:
                control.sendall(there + b"RETR a\r\nABOR\r\n" + there + b"RETR a\r\n")
                listener.settimeout(20)
                try:
                    listener.accept()[0].close()
                except socket.timeout:
                    pass
        sessions = [connect(server) for _ in range(16)]
        for control in sessions:
            control.settimeout(0.2)
            for _ in range(20):
                try:
                    control.sendall(b"RETR a\r\nABOR\r\n" * 146)
                except OSError:
                    break
        still_serves(server)
        for control in sessions:
            control.close()
        listener.close()
        still_serves(server)


@test
def a_status_that_nobody_reads_ends_with_its_client():
    with Server("--max-sessions-per-address", "8") as server:
        for number in range(8000):
            with open(os.path.join(server.root, f"a name of some length {number:06}"), "wb"):
                pass
        with connect(server):
            before = len(server.sluiced.descriptors())
        for _ in range(3):
            held = [connect(server, 4096) for _ in range(6)]
            for control in held:
                control.sendall(b"STAT /\r\n")
            time.sleep(0.3)
            for control in held:
                control.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                control.close()
            expect(server.sluiced.wait_for_descriptors(before) <= before, "the sessions stay")
        still_serves(server)


def unread_status(server, control):
    """Asks for more than the kernel takes; returns how many replies will have come in the end."""
    for number in range(300):
        with open(os.path.join(server.root, f"a name of some length {number:06}"), "wb"):
            pass
    control.sendall(b"STAT /\r\n" * 500)
    time.sleep(0.5)
    return 500


@test
def answers_behind_replies_that_are_read_late_arrive_whole():
    with Server() as server, connect(server, 4096) as control:
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = unread_status(server, control)
        answers = 1500
        for _ in range(answers):  # each a packet of its own, so that each is answered whole
            control.sendall(b"\xff\xfd\x7b" * 16)
            time.sleep(0.001)
        control.sendall(b"QUIT\r\n")
        received = bytearray()
        while piece := control.recv(1 << 20):
            received += piece
        text = received.replace(b"\xff\xfc\x7b", b"")
        expect(len(received) > len(text), "no answer to IAC DO")
        expect(text.endswith(b"221 Goodbye\r\n"), f"the end is {bytes(text[-100:])!r}")
        one = text[:text.index(b"212 End") + text[text.index(b"212 End"):].index(b"\n") + 1]
        expect(text.count(one) == replies and len(text) == len(one) * replies + len(b"221 Goodbye\r\n"),
               "the replies are not what was sent")


@test
def a_port_that_stays_taken_is_425_and_one_that_comes_free_is_granted():
    with Server(passive_ports=1) as server, connect(server) as first, connect(server) as second:
        first.sendall(b"EPSV\r\n")
        expect(read_lines(first, 1).startswith(b"229"), "the only port is not granted")
        second.sendall(b"EPSV\r\nNOOP\r\n")
        replies = read_lines(second, 2)
        expect(replies.startswith(b"425") and b"\n200" in replies, f"EPSV without a port: {replies!r}")
        second.sendall(b"EPSV\r\n")
        time.sleep(0.3)
        first.sendall(b"ABOR\r\n")
        expect(read_lines(first, 1).startswith(b"226"), "no 226 to ABOR")
        expect(read_lines(second, 1).startswith(b"229"), "the port that came free is not granted")


def take_passive(server, control):
    """EPSV, and a connection to the port it names, made and not looked at."""
    control.sendall(b"EPSV\r\n")
    port = int(read_lines(control, 1).split(b"|||")[1].split(b"|")[0])
    data = socket.create_connection(("127.0.0.1", port))
    data.settimeout(30)
    return data


@test
def a_connection_given_up_is_never_the_next_session_s():
    """A gives its port up while its connection waits to be accepted; B gets the same port."""
    with Server(passive_ports=1) as server:
        with open(os.path.join(server.root, "a"), "wb") as file:
            file.write(b"for B alone")
        for _ in range(100):
            with connect(server) as unused, connect(server) as first, connect(server) as other, \
                    connect(server) as second:
                stale = take_passive(server, first)
                first.sendall(b"ABOR\r\n")
                data = take_passive(server, second)
                second.sendall(b"RETR a\r\n")
                expect(data.recv(100) == b"for B alone", "B's bytes did not come to B")
                try:
                    expect(stale.recv(100) == b"", "B's bytes came to A")
                except ConnectionResetError:
                    pass
                data.close()
                stale.close()
                del unused, other


@test
def a_slow_reader_is_no_stalled_one():
    """It takes what it is sent, though the socket does not ask for more within the time limit."""
    with Server("--data-timeout", "2") as server, connect(server) as control:
        with open(os.path.join(server.root, "big"), "wb") as file:
            file.truncate(30_000_000)
        control.sendall(b"EPSV\r\n")
        port = int(read_lines(control, 1).split(b"|||")[1].split(b"|")[0])
        data = socket.socket()
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        data.connect(("127.0.0.1", port))
        control.sendall(b"RETR big\r\n")
        read_lines(control, 1)
        for _ in range(70):  # seven seconds, 100 KB each
            data.settimeout(5)
            expect(data.recv(10000) != b"", "the download was ended")
            time.sleep(0.1)
        control.settimeout(0.05)
        try:
            fail = control.recv(100)
        except socket.timeout:
            fail = b""
        expect(fail == b"", f"the server said {fail!r}")
        data.close()


@test
def commands_before_a_half_close_are_answered():
    with Server() as server:
        for _ in range(20):
            control = socket.create_connection(("127.0.0.1", server.port))
            control.settimeout(30)
            control.sendall(b"USER anonymous\r\nPASS x\r\nPWD\r\nSYST\r\n")
            control.shutdown(socket.SHUT_WR)
            received = b""
            while piece := control.recv(65536):
                received += piece
            codes = [line[:3] for line in received.splitlines()]
            expect(codes == [b"220", b"331", b"230", b"257", b"215"], f"replies {received!r}")
            control.close()


@test
def so_are_many_and_those_behind_telnet_options_beside_other_sessions():
    wanted = ((b"NOOP\r\n" * 3000, b"200 ", 3000), (b"FEAT\r\n" * 30, b"211 ", 30),
              (b"NOOP\r\n\xff\xfd\x55NOOP\r\nNOOP\r\n\xff\xfd\x54NOOP\r\n", b"200 ", 4))
    with Server("--workers", "1") as server:
        for commands, code, count in wanted:
            controls = [connect(server) for _ in range(8)]
            for control in controls:  # at one time, so that their replies take turns
                control.sendall(commands)
                control.shutdown(socket.SHUT_WR)
            for control in controls:
                control.settimeout(30)
                received = b""
                while piece := control.recv(65536):
                    received += piece
                got = received.count(code)
                expect(got == count, f"{got} replies {code} to {count} commands: ...{received[-200:]!r}")
                control.close()


if __name__ == "__main__":
    main()
