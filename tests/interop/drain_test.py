#!/usr/bin/env python3
"""SIGTERM: no new sessions, transfers in flight go on up to a limit, and a second one ends at once."""

import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same, test  # noqa: E402
from client import command, greet, log_in  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import Sluiced  # noqa: E402


class Folder(tempfile.TemporaryDirectory):
    def __enter__(self):
        os.chmod(self.name, 0o755)
        write_pattern(os.path.join(self.name, "big"), 1 << 26)
        write_pattern(os.path.join(self.name, "small"), 1000)
        return self.name


def on_second_worker(server):
    """A session of the second of two workers; the first one, which accepts all, is left empty."""
    first = log_in("127.0.0.1", server.port)
    second = log_in("127.0.0.1", server.port)
    second.send(b"STAT\r\n")
    expect(any(line.strip() == "Worker: 2 of 2" for line in second.read_reply()), "not on the second worker")
    command(first, "QUIT", "221")
    expect(first.at_end(), "the connection stays open after 221")
    return second


DRAIN_LIMIT_S = 60  # DRAIN_LIMIT_MS


def begin(control, line):
    """A transfer of which nothing is read. Returns the data connection."""
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.open_socket("127.0.0.1", port, receive_buffer=16384)
    command(control, line, "150")
    return data


def ends_at_once(server):
    """Sends the second SIGTERM."""
    pid = server.server_pid
    server.signal(signal.SIGTERM)
    server.process.wait(DRAIN_LIMIT_S / 2)
    expect(not os.path.exists(f"/proc/{pid}/exe"), "the server process still runs")
    server.release()


@test
def sigint_stops_like_sigterm():
    with Folder() as folder:
        server = Sluiced(folder).start()
        control = log_in("127.0.0.1", server.port)
        server.signal(signal.SIGINT)
        expect(control.read_reply()[0].startswith("421"), "no 421 after SIGINT")
        server.stop(signalled=True)


@test
def a_second_sigterm_ends_at_once():
    with Folder() as folder:
        write_pattern(os.path.join(folder, "big"), 1 << 26)
        server = Sluiced(folder).start()
        control = log_in("127.0.0.1", server.port)
        _, data_port = wire.passive_port(command(control, "EPSV", "229"))
        data = wire.open_socket("127.0.0.1", data_port, receive_buffer=16384)
        command(control, "RETR big", "150")
        idle = wire.Control("127.0.0.1", server.port)
        greet(idle)
        server.signal(signal.SIGTERM)
        expect(idle.read_reply()[0].startswith("421"), "no 421 for an idle session after SIGTERM")
        expect(server.process.poll() is None, "the first SIGTERM ended a transfer in flight")
        ends_at_once(server)
        data.close()


@test
def a_second_sigterm_is_heard_by_a_worker_without_sessions():
    with Folder() as folder:
        server = Sluiced(folder).start()
        control = on_second_worker(server)
        data = begin(control, "RETR big")
        server.signal(signal.SIGTERM)
        expect(server.notify.wait("STOPPING=1"), "SIGTERM is not heard")
        expect(server.process.poll() is None, "the first SIGTERM ended a transfer in flight")
        ends_at_once(server)
        control.close()
        data.close()


@test
def a_data_connection_is_accepted_while_draining():
    """The port is the first worker's, which has no session; the session is the second one's."""
    with Folder() as folder:
        server = Sluiced(folder, passive_ports=1).start()
        control = on_second_worker(server)
        _, port = wire.passive_port(command(control, "EPSV", "229"))
        command(control, "RETR small", "150")
        server.signal(signal.SIGTERM)
        time.sleep(0.5)
        data = wire.Data(wire.open_socket("127.0.0.1", port))
        same("small", pattern(1000), data.read_all())
        expect(control.read_reply()[0].startswith("226"), "no 226")
        expect(control.read_reply()[0].startswith("421"), "no 421 after the transfer")
        server.stop(signalled=True)


@test
def the_drain_limit_cuts_a_transfer_with_421():
    with Folder() as folder:
        server = Sluiced(folder, variables={"SLUICE_DRAIN_LIMIT_MS": "700"}).start()
        control = log_in("127.0.0.1", server.port)
        data = wire.Data(begin(control, "RETR big"))
        start = time.monotonic()
        server.signal(signal.SIGTERM)
        codes = [control.read_reply()[0][:3]]
        took = time.monotonic() - start
        expect(took > 0.6, f"the limit of 0.7 s came after {took:.1f} s")
        while control.received or control.fill("end of the control connection"):
            codes.append(control.read_reply()[0][:3])
        expect(codes == ["421"], f"at the limit came {codes}")
        expect(len(data.read_all(reset_allowed=True)) < 1 << 26, "the transfer was not cut")
        server.stop(signalled=True)


@test
def its_ports_are_free_when_it_has_ended():
    """Whoever starts it again at once gets them, though the kernel takes a ring down behind its end."""
    with Folder() as folder:
        server = Sluiced(folder)
        for _ in range(30):
            server.notify.lines.clear()
            server.start()
            control = log_in("127.0.0.1", server.port)
            command(control, "QUIT", "221")
            expect(control.at_end(), "the connection stays open after 221")
            server.signal(signal.SIGTERM)
            same("the exit status", 0, server.process.wait(DRAIN_LIMIT_S))
        server.release()


if __name__ == "__main__":
    main()
