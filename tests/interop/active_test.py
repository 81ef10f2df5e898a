#!/usr/bin/env python3
"""Active data connections whose two ports are not free: another connection has them, or had them a moment ago."""

import contextlib
import os
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same, test, wait_until  # noqa: E402
from client import command, log_in  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import Failure, Sluiced  # noqa: E402

LARGE = 50_000_000  # more than the buffers of a connection take
TAKEN = "425 No data connection: an earlier connection between the same two ports is not over"


class Served(tempfile.TemporaryDirectory):
    """A folder, and a server of it."""

    def __init__(self, *options):
        super().__init__(prefix="sluice-active-")
        self.options = list(options)

    def __enter__(self):
        os.chmod(self.name, 0o755)
        write_pattern(os.path.join(self.name, "small"), 1000)
        with open(os.path.join(self.name, "large"), "wb") as file:
            file.truncate(LARGE)
        self.server = Sluiced(self.name, self.options).start()
        self.port = self.server.port
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.server.abandon()
        else:
            self.server.stop()
        self.cleanup()


def listener(port=0):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    sock.settimeout(wire.REPLY_TIMEOUT_S)
    return sock


def name_port(control, listening):
    port = listening.getsockname()[1]
    command(control, f"PORT 127,0,0,1,{port >> 8},{port & 255}", "200")


def retrieve(control, listening):
    command(control, "RETR small", "150")
    with listening.accept()[0] as data:
        content = b""
        while piece := data.recv(65536):
            content += piece
    reply = control.read_reply()[0]
    expect(reply.startswith("226"), f"RETR ended with {reply!r}")
    same("small", pattern(1000), content)


@test
def a_client_may_stay_with_its_port():
    with Served() as served, listener() as listening:
        control = log_in("127.0.0.1", served.port)
        for _ in range(3):
            name_port(control, listening)
            retrieve(control, listening)
        control.close()


@test
def the_default_port_serves_one_file_after_the_other():
    with Served() as served:
        control = log_in("127.0.0.1", served.port)
        with listener(control.socket.getsockname()[1]) as listening:
            for _ in range(3):
                retrieve(control, listening)
        control.close()


class Stalled:
    """A download through the only connection that the two ports can have."""

    def __init__(self, port, listening):
        self.control = log_in("127.0.0.1", port)
        name_port(self.control, listening)
        command(self.control, "RETR large", "150")
        self.data = listening.accept()[0]

    def end(self):
        left = LARGE
        while piece := self.data.recv(1 << 20):
            left -= len(piece)
        self.data.close()
        same("what was not received", 0, left)
        expect(self.control.read_reply()[0].startswith("226"), "the other download did not end well")
        self.control.close()


@test
def it_waits_until_the_other_connection_is_over():
    with Served() as served, listener() as listening:
        control = log_in("127.0.0.1", served.port)
        stalled = Stalled(served.port, listening)
        name_port(control, listening)
        command(control, "RETR small", "150")
        listening.settimeout(0.7)
        try:
            listening.accept()
            raise AssertionError("there is a second connection between the two ports")
        except socket.timeout:
            listening.settimeout(wire.REPLY_TIMEOUT_S)
        control.send(b"STAT\r\n")
        status = control.read_reply()
        expect(status[0].startswith("211"), f"STAT is answered by {status!r}")
        stalled.end()
        with listening.accept()[0] as data:
            same("small", pattern(1000), data.recv(2000, socket.MSG_WAITALL))
        expect(control.read_reply()[0].startswith("226"), "no 226")
        control.close()


def takes_another(port):
    control = wire.Control("127.0.0.1", port)
    greeting = control.read_reply()[0]
    control.close()
    return greeting.startswith("220")


@test
def while_it_waits_abor_and_the_clients_end_are_heard():
    with Served("--max-sessions", "2") as served, listener() as listening:
        stalled = Stalled(served.port, listening)
        control = log_in("127.0.0.1", served.port)
        name_port(control, listening)
        command(control, "RETR small", "150")
        control.send(b"ABOR\r\n")
        codes = [control.read_reply()[0][:3] for _ in range(2)]
        same("the answers", ["426", "226"], codes)
        command(control, "RETR small", "150")
        control.close()
        wait_until(lambda: takes_another(served.port), "the session of a client that left keeps its place", 10)
        stalled.end()


@test
def after_the_time_for_a_data_connection_it_is_425():
    with Served("--data-timeout", "1") as served, listener() as listening:
        stalled = Stalled(served.port, listening)
        control = log_in("127.0.0.1", served.port)
        name_port(control, listening)
        began = time.monotonic()
        command(control, "RETR small", "150")
        while time.monotonic() - began < 0.8:  # the other one moves on, so that its time does not end
            stalled.data.recv(4 << 20)
            time.sleep(0.1)
        reply = control.read_reply()[0]
        expect(reply.startswith(TAKEN), f"RETR ended with {reply!r}")
        stalled.data.close()
        stalled.control.close()
        command(control, "NOOP", "200")
        control.close()


@contextlib.contextmanager
def held():
    """A server, and a socket on its data port: without SO_REUSEADDR, so that the server cannot bind it as well,
    and therefore on a port on which no connection of an earlier test lingers."""
    for _ in range(50):
        with Served() as served, socket.socket() as holder:
            try:
                holder.bind(("127.0.0.1", served.port - 1))
            except OSError:
                continue
            yield served, holder
            return
    raise Failure("connections linger on all ports")


@test
def a_port_that_another_program_holds_is_waited_for():
    with held() as (served, holder), listener() as listening:
        control = log_in("127.0.0.1", served.port)
        name_port(control, listening)
        command(control, "RETR small", "150")
        time.sleep(0.5)
        holder.close()
        with listening.accept()[0] as data:
            same("small", pattern(1000), data.recv(2000, socket.MSG_WAITALL))
        expect(control.read_reply()[0].startswith("226"), "no 226")
        control.close()


@test
def a_port_that_stays_another_programs_is_425_after_a_moment():
    with held() as (served, holder), listener() as listening:
        holder.listen()
        control = log_in("127.0.0.1", served.port)
        name_port(control, listening)
        began = time.monotonic()
        command(control, "RETR small", "150")
        reply = control.read_reply()[0]
        expect(reply.startswith("425") and "own data port" in reply, f"RETR ended with {reply!r}")
        expect(time.monotonic() - began < 10, "that took long")
        control.close()


if __name__ == "__main__":
    main()
