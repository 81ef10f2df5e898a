#!/usr/bin/env python3
"""Listings with patterns that cost much and match nothing, in a large folder: others have their turn
meanwhile, and who has given up is heard."""

import functools
import os
import select
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same, test  # noqa: E402
from client import command, log_in  # noqa: E402
from sluiced import Sluiced  # noqa: E402

NAMES = 20000
COSTLY = "*[" + "b" * 240 + "]"  # 241 comparisons at each place of a name: too many of all names
LISTINGS = 12                    # of one disk, more than it has operations in flight: DISK_OPERATIONS_MAX


@functools.cache
def root():
    """A folder with a large one of long names and a small one, for all tests."""
    memory = "/dev/shm"  # where files are made in no time
    folder = tempfile.TemporaryDirectory(prefix="sluice-slices-", dir=memory if os.access(memory, os.W_OK) else None)
    os.chmod(folder.name, 0o755)
    for name in "large", "small":
        os.mkdir(os.path.join(folder.name, name))
        os.chmod(os.path.join(folder.name, name), 0o777)
    large = os.open(os.path.join(folder.name, "large"), os.O_PATH)
    for number in range(NAMES):
        os.mknod(f"{number:0>230}", dir_fd=large)
    os.close(large)
    return folder


class Served(Sluiced):
    """A server of it with one worker, to which anonymous users may write."""

    def __init__(self):
        super().__init__(root().name, ["--anonymous-write"], workers=1)

    def log_in(self):
        return log_in("127.0.0.1", self.port)


def begin_list(control, line):
    """Returns the data connection."""
    _, port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.Data(wire.open_socket("127.0.0.1", port))
    command(control, line, "150")
    data.socket.settimeout(120)  # seconds of work, of a sanitizer more
    return data


def begin_stat(control):
    control.send(f"STAT large/{COSTLY}\r\n".encode())
    expect(control.read_line().startswith("212-"), "STAT of a pattern is refused")


def has_ended(controls):
    """Those to which something more was said."""
    return [control for control in controls if control.received] or select.select(
        [control.socket for control in controls], [], [], 0)[0]


@test
def others_change_names_while_costly_stats_go_on():
    with Served() as served:
        other = served.log_in()
        controls = [served.log_in() for _ in range(LISTINGS)]
        for control in controls:
            begin_stat(control)
        command(other, "MKD small/folder", "257")
        command(other, "RMD small/folder", "250")
        expect(not has_ended(controls), "others waited for the end of a STAT")
        for control in [other, *controls]:
            control.close()


@test
def others_list_and_store_while_costly_listings_go_on():
    with Served() as served:
        other = served.log_in()
        controls = [served.log_in() for _ in range(LISTINGS)]
        held = [begin_list(control, f"LIST large/{COSTLY}") for control in controls]
        data = begin_list(other, "NLST small")
        same("another listing", b"", data.read_all())
        expect(other.read_reply()[0].startswith("226"), "the other listing is not complete")
        data = begin_list(other, "STOR small/new")
        data.send(b"new")
        data.close()
        expect(other.read_reply()[0].startswith("226"), "the upload is not complete")
        command(other, "DELE small/new", "250")
        expect(not has_ended(controls), "others waited for the end of a listing")
        for control in [other, *controls]:
            control.close()
        for data in held:
            data.close()


@test
def abor_ends_a_costly_listing():
    with Served() as served:
        longer, control = served.log_in(), served.log_in()
        longer_data = begin_list(longer, f"NLST large/{COSTLY}")
        for line in "LIST", "NLST":
            data = begin_list(control, f"{line} large/{COSTLY}")
            control.send(b"NOOP\r\nABOR\r\n")
            codes = [control.read_reply()[0][:3] for _ in range(3)]
            same(f"replies to {line}, ABOR and NOOP", ["426", "226", "200"], codes)
            data.close()
            expect(not has_ended([longer]), "ABOR waited for the end of another listing")
        for connection in control, longer, longer_data:
            connection.close()


@test
def a_client_that_leaves_ends_its_costly_listing():
    with Served() as served:
        longer = served.log_in()
        begin_stat(longer)
        before = len(served.descriptors())
        for begin in begin_stat, lambda control: begin_list(control, f"LIST large/{COSTLY}"):
            control = served.log_in()
            data = begin(control)
            control.close()
            if data:
                data.close()
            expect(served.wait_for_descriptors(before) <= before, "the session stays")
        expect(not has_ended([longer]), "the end of a session waited for the end of another listing")
        longer.close()


@test
def a_listing_that_costs_too_much_is_451():
    with Served() as served:
        control = served.log_in()
        data = begin_list(control, f"LIST large/{COSTLY}")
        same("what it lists", b"", data.read_all(reset_allowed=True))
        reply = control.read_reply()[0]
        expect(reply.startswith("451 ") and "The pattern takes too long" in reply, f"it ended with {reply!r}")
        honest = "large/*[0-1]999[0-9]"  # of which many jobs have no line
        data = begin_list(control, f"NLST {honest}")
        same("names of an honest pattern", 20, data.read_all().count(b"\r\n"))
        expect(control.read_reply()[0].startswith("226"), "an honest pattern is not listed")
        control.send(f"STAT {honest}\r\n".encode())
        lines = control.read_reply()
        same("lines of its STAT", (20 + 2, "212 End"), (len(lines), lines[-1]))
        command(control, "QUIT", "221")


if __name__ == "__main__":
    main()
