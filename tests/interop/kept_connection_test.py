#!/usr/bin/env python3
"""A data connection that stays from one file to the next in MODE B and C (RFC 959 sections 3.3, 3.4):
250 is true, 226 is true, and what is sent ahead is not lost."""

import os
import random
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same  # noqa: E402
from representation import Form, from_pieces, pack, to_pieces, unpack  # noqa: E402
from representing import FILES, Arriving, Representing, same_content, served, stored  # noqa: E402

KEEPING = [Form(kind, structure, mode) for kind in ("A N", "E N", "I") for structure in "FR" for mode in "BC"]


class Most(random.Random):
    """Chooses what makes most of a file with fewest octets."""

    def random(self):
        return 0.5

    def choice(self, choices):
        return max(choices) if isinstance(max(choices), int) and max(choices) > 9 else choices[-1]


def is_closed(sock):
    """Whether the server closes the connection, without another octet."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


@served()
def one_connection_takes_many_files_both_ways(server, root):
    for form in KEEPING:
        with Representing(server.port) as session:
            for name in FILES:
                same_content(f"{form}, {name}", FILES[name], session.get(form, name))
                first = session.data
                session.put(form, "up", FILES[name])
                same_content(f"{form}, {name}, stored", FILES[name], stored(root, "up"))
                expect(session.data is first, f"{form}: another connection")
            lines_of(session, form, "NLST")
            lines_of(session, form, "LIST")
            same_content(f"{form}, after LIST", FILES["text"], session.get(form, "text"))
            expect(session.data is first, f"{form}: another connection")
            session.command("QUIT", "221")
            expect(is_closed(session.data), f"{form}: QUIT left the data connection open")


@served()
def the_combination_may_change_between_two_files(server, root):
    chance = random.Random(7)
    with Representing(server.port) as session:
        for _ in range(60):
            form = chance.choice(KEEPING)
            name = chance.choice(list(FILES))
            if chance.random() < 0.5:
                same_content(f"{form}, {name}", FILES[name], session.get(form, name))
            else:
                session.put(form, "up", FILES[name])
                same_content(f"{form}, {name}, stored", FILES[name], stored(root, "up"))


@served()
def two_uploads_may_come_back_to_back(server, root):
    for form in KEEPING:
        with Representing(server.port) as session:
            session.set(form)
            names = list(FILES)
            data = b"".join(pack(to_pieces(FILES[name], form), form, session.chance) for name in names)
            session.connect()
            session.send("\r\n".join(f"STOR up-{name}" for name in names))
            session.data.sendall(data)
            for number, name in enumerate(names):
                session.expect_reply("125" if number else "150", f"{form}, {name}")
                session.expect_reply("250", f"{form}, {name}")
                same_content(f"{form}, {name}", FILES[name], stored(root, f"up-{name}"))


@served()
def an_upload_may_come_ahead_of_its_command(server, root):
    for form in KEEPING:
        with Representing(server.port) as session:
            session.put(form, "first", b"one\n")
            session.data.sendall(pack(to_pieces(b"two\n", form), form, session.chance))
            session.command("NOOP", "200")
            session.command("STOR second", "125")
            session.expect_reply("250", "STOR second")
            same(str(form), b"two\n", stored(root, "second"))
            # What the client sends while it receives waits for the next STOR too.
            session.data.sendall(pack(to_pieces(b"three\n", form), form, session.chance))
            same_content(str(form), FILES["text"], session.get(form, "text"))
            session.command("STOR third", "125")
            session.expect_reply("250", "STOR third")
            same(str(form), b"three\n", stored(root, "third"))


def lines_of(session, form, command):
    """A listing as lines: in STRU R its records, otherwise what CR LF or NL ends. It is text under any
    TYPE (RFC 1123 section 4.1.2.7), the filler of MODE C too."""
    session.set(form)
    form = Form("E N" if form.letter == "E" else "A N", form.structure, form.mode)
    session.opened(command)
    pieces = session.unpack(form).pieces()
    session.finish(form, f"{form}, {command}")
    if form.structure == "F":
        end = b"\x15" if form.letter == "E" else b"\r\n"
        expect(pieces[0].endswith(end), f"{form}, {command}: no line end at the end")
    return from_pieces(pieces, form).decode().splitlines()


@served()
def listings_are_text_in_every_mode_and_structure(server, root):
    for kind in ("A N", "A C", "E N", "E C", "I", "L 8", "L 36"):
        for structure in "FR":
            with Representing(server.port) as session:
                for mode in "BCZS":
                    form = Form(kind, structure, mode)
                    same(f"{form}, NLST", sorted(FILES), sorted(lines_of(session, form, "NLST")))
                    listed = [line.split()[8] for line in lines_of(session, form, "LIST")]
                    same(f"{form}, LIST", sorted(FILES), sorted(listed))


@served()
def mlsd_is_a_stream_that_ends_with_its_connection(server, root):
    def names(octets):
        return sorted(re.findall(rb"type=file;\S* ([^\r\n]*)\r\n", octets))

    wanted = sorted(name.encode() for name in FILES)
    for kind in ("A N", "E N", "I"):
        for structure in "FR":
            with Representing(server.port) as session:
                for mode in "BCZS":
                    form = Form(kind, structure, mode)
                    if mode in "BC":
                        session.get(form, "text")
                    session.set(form)
                    session.opened("MLSD")
                    plain = Form("I", "F", "Z" if mode == "Z" else "S")
                    octets = unpack(session.octets.rest(), plain).pieces()[0]
                    session.finish(plain, f"{form}, MLSD")
                    same(f"{form}, MLSD", wanted, names(octets))


@served()
def mode_s_closes_a_connection_that_was_kept(server, root):
    for mode in "BC":
        for next_mode in "SZ":
            with Representing(server.port) as session:
                session.get(Form("I", "F", mode), "text")
                same_content(next_mode, FILES["random"], session.get(Form("I", "F", next_mode), "random"))
                session.get(Form("I", "F", mode), "text")
                session.put(Form("I", "F", next_mode), "up", FILES["random"])
                same_content(next_mode, FILES["random"], stored(root, "up"))


@served()
def a_new_port_closes_a_connection_that_was_kept(server, root):
    for line, code in (("PASV", "227"), ("EPSV", "229"), ("PORT 127,0,0,1,200,1", "200"),
                       ("EPRT |1|127.0.0.1|51201|", "200"), ("ABOR", "226"), ("REIN", "220")):
        for mode in "BC":
            form = Form("I", "F", mode)
            with Representing(server.port) as session:
                session.put(form, "up", b"content")
                session.command(line, code)
                expect(is_closed(session.data), f"{line} left the data connection open")


@served()
def a_kept_connection_may_be_closed_by_the_client(server, root):
    for mode in "BC":
        for reset in (False, True):
            form = Form("I", "F", mode)
            with Representing(server.port) as session:
                for line in ("RETR text", "STOR up", "LIST"):
                    session.get(form, "one")
                    if reset:
                        wire.linger_zero(session.data)
                    session.close_data()
                    with open(os.path.join(root, "up"), "wb") as file:
                        file.write(b"old")
                    session.send(line)
                    first = session.reply()
                    if first[0] == "1":
                        first = session.reply()
                    expect(first[:3] in ("425", "426"), f"{line} on a connection that is gone: {first!r}")
                    same(f"{form}, {line}: the old file", b"old", stored(root, "up"))
                    session.command("NOOP", "200")
                    same_content(str(form), FILES["text"], session.get(form, "text"))
                    session.close_data()


@served()
def a_connection_that_the_server_made_stays_too(server, root):
    for mode in "BC":
        form = Form("I", "F", mode)
        with Representing(server.port) as session:
            session.set(form)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(wire.REPLY_TIMEOUT_S)
                port = listener.getsockname()[1]
                session.command(f"PORT 127,0,0,1,{port >> 8},{port & 255}", "200")
                session.send("RETR one")
                session.expect_reply("150", "RETR one")
                session.data = listener.accept()[0]
            session.data.settimeout(wire.REPLY_TIMEOUT_S)
            session.octets = Arriving(session.data, session.control)
            same(str(form), [b"x"], session.unpack(form).pieces())
            session.finish(form, "RETR one")
            for name in FILES:
                same_content(f"{form}, {name}", FILES[name], session.get(form, name))
                session.put(form, "up", FILES[name])
                same_content(f"{form}, {name}, stored", FILES[name], stored(root, "up"))


@served()
def a_little_that_becomes_much_is_stored_without_more_to_come(server, root):
    contents = (b"\xff" * 700_000, bytes(700_000), b" " * 700_000 + b"\n")
    for kind in ("I", "A N"):
        for structure in "FR":
            for mode in "BCZ":
                form = Form(kind, structure, mode)
                with Representing(server.port, chance=Most()) as session:
                    for content in contents:
                        session.set(form)
                        session.opened("STOR up")
                        session.data.sendall(pack(to_pieces(content, form), form, session.chance))
                        session.finish(form, f"{form}, {content[:3]!r}")
                        same_content(f"{form}, {content[:3]!r}", content, stored(root, "up"))


def stalled(session, form):
    """A download of more than the kernel keeps, of which some octets have come."""
    session.set(form)
    session.opened("RETR huge")
    session.octets.read(1000)


@served()
def abor_ends_a_transfer_and_its_connection(server, root):
    with open(os.path.join(root, "huge"), "wb") as file:
        file.write(os.urandom(1 << 20) * 40)
    for form in (Form("I", "F", "B"), Form("A N", "R", "C"), Form("E N", "R", "S"), Form("L 32", "P", "B")):
        with Representing(server.port) as session:
            stalled(session, form)
            session.send("ABOR")
            session.expect_reply("426", "ABOR")
            session.expect_reply("226", "ABOR")
            session.octets.rest()
            session.close_data()
            same_content(str(form), FILES["text"], session.get(Form("I", "F", form.mode), "text"))
            session.set(form)
            session.close_data()
            session.opened("STOR up")
            session.data.sendall(pack(to_pieces(b"begun\n", form), form, session.chance)[:-1])
            session.send("ABOR")
            session.expect_reply("426", "ABOR")
            session.expect_reply("226", "ABOR")
            expect(is_closed(session.data), "ABOR left the data connection open")
            session.close_data()
            same_content(str(form), FILES["text"], session.get(Form("I", "F", form.mode), "text"))


@served()
def stat_is_answered_in_the_middle_of_a_block(server, root):
    content = os.urandom(1 << 20) * 12
    with open(os.path.join(root, "huge"), "wb") as file:
        file.write(content)
    for form in (Form("I", "F", "B"), Form("L 36", "P", "C")):
        with Representing(server.port) as session:
            session.set(form)
            session.opened("RETR huge")
            session.octets.peek()
            session.send("STAT")
            lines = session.control.read_reply()
            expect(lines[0].startswith("211") and re.search(r"[0-9]{5}", " ".join(lines)), f"{form}: {lines!r}")
            got = session.unpack(form).pieces()
            session.finish(form, "RETR huge")
            expect(from_pieces(got, form) == content, f"{form}: other octets")
            session.send("STAT")
            lines = " ".join(session.control.read_reply())
            for word in (f"TYPE: {form.kind}", f"STRU: {form.structure}", f"MODE: {form.mode}"):
                expect(word in lines, f"{form}, STAT: {lines!r}")


@served()
def a_refused_transfer_leaves_a_kept_connection_open(server, root):
    for mode in "BC":
        form = Form("I", "F", mode)
        with Representing(server.port) as session:
            session.get(form, "text")
            kept = session.data
            session.refused(form, "RETR nothing", "550")
            session.refused(form, "STOR nothing/up", "55")
            session.refused(Form("A N", "P", mode), "RETR text", "504")
            same_content(str(form), FILES["text"], session.get(form, "text"))
            expect(session.data is kept, "another connection")


if __name__ == "__main__":
    main()
