#!/usr/bin/env python3
"""Who gets the connections that come to a passive port: the session that has reserved it, and nobody else."""

import contextlib
import os
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same, test  # noqa: E402
from client import command, log_in  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import Sluiced  # noqa: E402

CONTENT = pattern(1000)
ROUNDS = 20
CLIENTS = 6


@contextlib.contextmanager
def served(*options):
    """A server with one passive port, of a folder with one file."""
    with tempfile.TemporaryDirectory(prefix="sluice-port-") as folder:
        os.chmod(folder, 0o755)
        write_pattern(os.path.join(folder, "small"), len(CONTENT))
        with Sluiced(folder, options, 1) as server:
            yield server


def connect(port, source="127.0.0.1", server="127.0.0.1"):
    return socket.create_connection((server, port), 10, (source, 0))


def come_unasked(port, source):
    """A connection that nobody has asked for, and that the server may reset before it is made; None then."""
    try:
        return connect(port, source)
    except ConnectionResetError:
        return None


def reserve(control):
    return wire.passive_port(command(control, "EPSV", "229"))[1]


def read_whole(sock):
    """What comes on a connection until its end; of one that is reset as well."""
    found = b""
    try:
        while block := sock.recv(1 << 16):
            found += block
    except ConnectionResetError:
        pass
    sock.close()
    return found


def fetch_on(control, data):
    command(control, "RETR small", "150")
    found = read_whole(data)
    reply = control.read_reply()[0]
    expect(reply.startswith("226"), f"RETR ended with {reply!r}")
    expect(found == CONTENT, f"RETR small brought {len(found)} bytes")


@test
def what_came_before_the_port_was_reserved_is_nobodys():
    """By the same client, too; the first of two is what the server looks at, and then it makes a pause."""
    for fxp, source in (("off", "127.0.0.1"), ("on", "127.0.0.9")):
        with served("--workers", "1", f"--fxp={fxp}") as server:
            control = log_in("127.0.0.1", server.port)
            port = reserve(control)
            connect(port).close()
            for _ in range(ROUNDS):
                strangers = [come_unasked(port, source)]
                time.sleep(0.005)
                strangers.append(come_unasked(port, source))
                reserve(control)
                fetch_on(control, connect(port))
                for each in filter(None, strangers):
                    same("what strangers get", b"", read_whole(each))


@test
def a_connection_of_an_earlier_reservation_is_not_the_next_ones():
    """Each client reserves the port twice, and connects twice, beside others that do the same."""
    failures = []

    def client(server, number):
        host = f"127.0.0.{number + 10}"
        try:
            control = wire.Control("127.0.0.1", server.port, source=host)
            control.read_reply()
            command(control, "USER anonymous", "331")
            command(control, "PASS x", "230")
            command(control, "TYPE I", "200")
            for _ in range(ROUNDS * 5):
                earlier = connect(reserve(control), host)
                fetch_on(control, connect(reserve(control), host))
                same("what comes to the earlier one", b"", read_whole(earlier))
            control.close()
        except Exception as error:  # pylint: disable=broad-except
            failures.append(f"{host}: {error}")

    for workers in ("1", "4"):
        with served("--workers", workers) as server:
            threads = [threading.Thread(target=client, args=(server, number)) for number in range(CLIENTS)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            same(f"failures with {workers} workers", [], failures)


if __name__ == "__main__":
    main()
