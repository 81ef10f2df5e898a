#!/usr/bin/env python3
"""A data connection that stays from one file to the next in MODE B and C (RFC 959 sections 3.3, 3.4), and
in MODE Z after OPTS MODE Z KEEP ON: 250 is true, 226 is true, and what is sent ahead is not lost."""

import os
import random
import re
import select
import socket
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same  # noqa: E402
from representation import Form, from_pieces, pack, to_pieces, unpack  # noqa: E402
from representing import FILES, Arriving, Representing, same_content, served, stored  # noqa: E402

KEEPING = [Form(kind, structure, mode, keep=mode == "Z")
           for kind in ("A N", "E N", "I") for structure in "FR" for mode in "BCZ"]
PLAIN = [form for form in KEEPING if form.kind == "I" and form.structure == "F"]
DEFLATED = PLAIN[-1]


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
    form = Form("E N" if form.letter == "E" else "A N", form.structure, form.mode, form.mode == "Z" and form.keeps)
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
                for mode in "BCKZS":
                    form = Form(kind, structure, "Z", keep=True) if mode == "K" else Form(kind, structure, mode)
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
                    session.set(Form(kind, structure, "Z", keep=True))
                    for _ in range(2):  # the second time from memory
                        session.opened("MLSD")
                        same(f"{form}, MLSD, kept", wanted, names(session.unpack(DEFLATED).pieces()[0]))
                        session.finish(DEFLATED, f"{form}, MLSD, kept")
                    session.close_data()


@served()
def mode_s_closes_a_connection_that_was_kept(server, root):
    for form in PLAIN:
        for next_mode in "SZ":
            with Representing(server.port) as session:
                session.get(form, "text")
                same_content(next_mode, FILES["random"], session.get(Form("I", "F", next_mode), "random"))
                session.get(form, "text")
                session.put(Form("I", "F", next_mode), "up", FILES["random"])
                same_content(next_mode, FILES["random"], stored(root, "up"))


@served()
def a_new_port_closes_a_connection_that_was_kept(server, root):
    for line, code in (("PASV", "227"), ("EPSV", "229"), ("PORT 127,0,0,1,200,1", "200"),
                       ("EPRT |1|127.0.0.1|51201|", "200"), ("ABOR", "226"), ("REIN", "220")):
        for form in PLAIN:
            with Representing(server.port) as session:
                session.put(form, "up", b"content")
                session.command(line, code)
                expect(is_closed(session.data), f"{line} left the data connection open")


@served()
def a_kept_connection_may_be_closed_by_the_client(server, root):
    for form in PLAIN:
        for reset in (False, True):
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
    for form in PLAIN:
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
            for mode in "BCKZ":
                form = Form(kind, structure, "Z", keep=True) if mode == "K" else Form(kind, structure, mode)
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
    for form in (Form("I", "F", "B"), Form("A N", "R", "C"), Form("E N", "R", "S"), Form("L 32", "P", "B"), DEFLATED,
                 Form("L 36", "P", "Z", keep=True)):
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
    for form in PLAIN:
        with Representing(server.port) as session:
            session.get(form, "text")
            kept = session.data
            session.refused(form, "RETR nothing", "550")
            session.refused(form, "STOR nothing/up", "55")
            session.refused(Form("A N", "P", form.mode, form.keeps), "RETR text", "504")
            same_content(str(form), FILES["text"], session.get(form, "text"))
            expect(session.data is kept, "another connection")


@served()
def in_mode_z_the_connection_stays_only_if_the_client_says_so(server, root):
    closing = Form("I", "F", "Z")
    with Representing(server.port) as session:
        session.command("FEAT", "211")
        for form in (closing, DEFLATED, closing, DEFLATED, DEFLATED):
            same_content(str(form), FILES["text"], session.get(form, "text"))
            session.put(form, "up", FILES["random"])
            same_content(str(form), FILES["random"], stored(root, "up"))
        session.command("REIN", "220")
        session.command("USER anonymous", "331")
        session.command("PASS guest@", "230")
        session.state.update({"TYPE": "A N", "MODE": "S", "OPTS MODE Z KEEP": "OFF"})
        session.close_data()
        same_content("after REIN", FILES["text"], session.get(closing, "text"))


@served()
def what_follows_a_zlib_stream_is_the_next_file(server, root):
    """So it is no file if it is no zlib stream, and that is said of the file that it would be."""
    good = zlib.compress(b"good")
    damaged = good[:-1] + bytes([good[-1] ^ 1])
    for bad in (b"no zlib at all", damaged, good[:2] + b"\xff" * 20):
        with Representing(server.port) as session:
            session.set(DEFLATED)
            session.opened("STOR first")
            session.data.sendall(good + bad)
            session.expect_reply("250", "STOR first")
            same("first", b"good", stored(root, "first"))
            session.command("STOR second", "125")
            session.expect_reply("451", f"STOR of {bad!r}")
            expect(is_closed(session.data), "a connection on which nobody knows where a file begins stays open")
            session.close_data()
            session.put(DEFLATED, "third", b"good")
            same("third", b"good", stored(root, "third"))


@served()
def a_zlib_stream_that_ends_early_is_no_file(server, root):
    whole = zlib.compress(FILES["random"])
    for front in (b"", zlib.compress(b"")):
        for count in (0, 1, 2, 100, len(whole) - 4, len(whole) - 1):
            with Representing(server.port) as session:
                session.set(DEFLATED)
                session.opened("STOR first")
                session.data.sendall(front + whole[:count])
                session.data.shutdown(socket.SHUT_WR)
                if front:
                    session.expect_reply("250", "an empty file")
                    same("empty", b"", stored(root, "first"))
                    session.send("STOR second")
                    expect(session.reply()[0] == "1", "STOR second was refused")
                # Of a connection that has ended between two files nothing is left.
                session.expect_reply("425" if front and count == 0 else "426", f"{count} octets of {len(whole)}")


@served()
def a_zlib_stream_may_come_octet_by_octet(server, root):
    files = [b"", b"x", b"some words, and some words"]
    with Representing(server.port) as session:
        session.set(DEFLATED)
        for number, content in enumerate(files):
            session.opened("STOR up")
            for octet in zlib.compress(content):
                session.data.sendall(bytes([octet]))
                time.sleep(0.001)
            session.finish(DEFLATED, f"file {number}")
            same(f"file {number}", content, stored(root, "up"))


@served()
def rest_counts_octets_on_a_kept_connection_of_mode_z(server, root):
    content = FILES["text"]
    with Representing(server.port) as session:
        for offset in (0, 1, 100_000, len(content) - 1, len(content)):
            session.set(DEFLATED)
            session.command(f"REST {offset}", "350")
            same_content(f"from {offset}", content[offset:], session.get(DEFLATED, "text"))
            session.put(DEFLATED, "up", content[:offset])
            session.command(f"REST {offset}", "350")
            session.put(DEFLATED, "up", content[offset:])
            same_content(f"stored from {offset}", content, stored(root, "up"))
        session.command(f"REST {len(content) + 1}", "350")
        session.refused(DEFLATED, "RETR text", "554")


@served("--workers", "1")
def a_bomb_is_inflated_piece_by_piece(server, root):
    """300 MB of zeros in 300 KB: the rest of the server has its turns meanwhile, and what comes behind them
    is the next file."""
    stream = zlib.compressobj(9)
    bomb = b"".join(stream.compress(bytes(1 << 20)) for _ in range(300)) + stream.flush()
    with Representing(server.port) as session, Representing(server.port) as other:
        session.set(DEFLATED)
        session.opened("STOR bomb")
        session.data.sendall(bomb + zlib.compress(b"next"))
        turns, ready = 0, []
        while not ready:
            other.command("NOOP", "200")
            turns += 1
            ready = select.select([session.control.socket], [], [], 0)[0]
        session.expect_reply("250", "STOR bomb")
        same("size", 300 << 20, os.stat(os.path.join(root, "bomb")).st_size)
        session.command("STOR next", "125")
        session.expect_reply("250", "STOR next")
        same("next", b"next", stored(root, "next"))
        expect(turns > 10, f"others had {turns} turns meanwhile")


def copy_between(sender, receiver, forms, name, preliminary):
    for session, form, line in ((sender, forms[0], f"RETR {name}"), (receiver, forms[1], "STOR up")):
        session.set(form)
        session.send(line)
    for session, form in ((sender, forms[0]), (receiver, forms[1])):
        session.expect_reply(preliminary, f"{form}, {name}")
        session.expect_reply("250" if form.keeps else "226", f"{form}, {name}")


@served("--fxp", "on")
def two_servers_keep_the_connection_between_them_in_mode_z(server, root):
    with Representing(server.port) as sender, Representing(server.port) as receiver:
        passive = receiver.command("PASV", "227").partition("(")[2].partition(")")[0]
        sender.command(f"PORT {passive}", "200")
        for number, name in enumerate(list(FILES) * 2):
            copy_between(sender, receiver, (DEFLATED, DEFLATED), name, "125" if number else "150")
            same_content(name, FILES[name], stored(root, "up"))


@served("--fxp", "on")
def a_server_that_keeps_may_copy_with_one_that_does_not(server, root):
    closing = Form("I", "F", "Z")
    for forms in ((DEFLATED, closing), (closing, DEFLATED)):
        with Representing(server.port) as sender, Representing(server.port) as receiver:
            for name in FILES:
                passive = receiver.command("PASV", "227").partition("(")[2].partition(")")[0]
                sender.command(f"PORT {passive}", "200")
                copy_between(sender, receiver, forms, name, "150")
                same_content(name, FILES[name], stored(root, "up"))


if __name__ == "__main__":
    main()
