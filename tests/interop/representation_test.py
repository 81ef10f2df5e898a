#!/usr/bin/env python3
"""Every combination of TYPE, STRU and MODE that RFC 959 knows, both ways, against encoders and decoders
that were written from its text: what comes is the file, or the combination is refused with 504.

SLUICE_TEST_SEED chooses how files are cut into blocks and strings; a failure tells which it was.
"""

import os
import random
import re
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
from representation import Form, from_pages, pack, page_bits, to_pieces  # noqa: E402
from representing import FILES, SEED, Representing, same_content, served, stored  # noqa: E402
from sluiced import Failure, Sluiced  # noqa: E402

TEXT_KINDS = ("A N", "A T", "A C", "E N", "E T", "E C")
LOCAL_BITS = (1, 3, 4, 5, 7, 9, 16, 31, 32, 36, 64, 255)
KINDS = TEXT_KINDS + ("I", "L 8") + tuple(f"L {bits}" for bits in LOCAL_BITS)


OF_ANY_BITS = ("empty", "ones", "random")  # with STRU F the number of TYPE L is of no consequence
LONG_BITS = (8, 31, 36)


def means_nothing(form):
    return (form.structure == "P" and (form.text or form.bits < 4)) or \
        (form.structure == "R" and form.letter == "L" and form.bits != 8)


def too_many_pages(form, content):
    return form.structure == "P" and 8 * len(content) > page_bits(form.bits) << form.bits


def files_of(form):
    """All, or, where TYPE L makes many combinations of little difference, some."""
    if form.structure == "F" and form.bits != 8:
        return OF_ANY_BITS
    return [name for name in FILES if name != "text" or form.bits in LONG_BITS]


def walk(server, root, kinds):
    for kind in kinds:
        for structure in "FRP":
            for mode in "SBCZ":
                form = Form(kind, structure, mode)
                # One session for each: what is left behind by one combination is another test's.
                with Representing(server.port, chance=random.Random(f"{SEED} {form}")) as session:
                    for name in files_of(form):
                        one_file(session, root, form, name, FILES[name])
                    session.close_data()
                    session.command("NOOP", "200")


def one_file(session, root, form, name, content):
    if means_nothing(form) or too_many_pages(form, content):
        session.refused(form, f"RETR {name}", "504")
        if means_nothing(form):
            session.refused(form, "STOR up", "504")
        return
    about = f"{form}, {name}"
    got = session.retr(form, f"RETR {name}").pieces()
    if form.structure == "P":
        content_got, indexes = from_pages(got[0], form.bits)
        same_content(about, content, content_got)
        same(about, sorted(indexes), indexes)
    else:
        for number, (wanted_piece, piece) in enumerate(zip(to_pieces(content, form), got)):
            same_content(f"{about}, piece {number}", wanted_piece, piece)
        same(about, len(to_pieces(content, form)), len(got))
    session.put(form, "up", content)
    same_content(f"{about}, stored", content, stored(root, "up"))


def octets_read(server):
    with open(f"/proc/{server.server_pid}/io", encoding="ascii") as file:
        return int(re.search(r"rchar: (\d+)", file.read()).group(1))


@served()
def size_is_counted_once(server, root):
    for name in ("counted", "other"):
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"line\n" * 400_000)
    time.sleep(0.1)  # a change from now on has another time
    with Representing(server.port) as session:
        for form, size in (("A N", 2_400_000), ("A C", None)):
            session.command(f"TYPE {form}", "200")
            first = session.command("SIZE counted", "213")
            same(f"SIZE in TYPE {form}", size or int(first.split()[1]), int(first.split()[1]))
            before = octets_read(server)
            same("SIZE again", first, session.command("SIZE counted", "213"))
            expect(octets_read(server) - before < 100_000, "the file is read again")
        with open(os.path.join(root, "counted"), "ab") as file:
            file.write(b"\n")
        session.command("TYPE A", "200")
        same("SIZE of a longer file", "213 2400002", session.command("SIZE counted", "213"))


@served()
def a_restart_far_beyond_what_is_not_counted_is_554(server, root):
    """A file of that size is not counted first; but no conversion makes four octets of each."""
    size = 300 << 20
    with open(os.path.join(root, "large"), "wb") as file:
        file.truncate(size)
    with Representing(server.port) as session:
        session.command("TYPE A", "200")
        session.command(f"REST {4 * size + 4}", "350")
        session.command("EPSV", "229")
        session.command("RETR large", "554")
        expect("MODE S" in session.command("SIZE large", "550"), "no way out is told")
        session.command("TYPE I", "200")
        same("SIZE", f"213 {size}", session.command("SIZE large", "213"))
    os.unlink(os.path.join(root, "large"))


@served()
def size_in_blocks_of_a_large_file_is_not_counted(server, root):
    """It has three octets more for each block, and markers."""
    with open(os.path.join(root, "large"), "wb") as file:
        file.truncate(300 << 20)
    with Representing(server.port) as session:
        form = Form("I", "F", "B")
        session.set(form)
        before = octets_read(server)
        size = int(session.command("SIZE large", "213").split()[1])
        expect(octets_read(server) - before < 1_000_000, "the file is read")
        buffers, rest = divmod(300 << 20, 163840)  # of which each is three blocks; a marker behind 26 of them
        same("SIZE large", (300 << 20) + 9 * (buffers + (rest > 0)) + buffers // 26 * (3 + 57), size)
        session.command("STRU P", "200")
        session.command("TYPE L 32", "200")
        before = octets_read(server)
        session.command("SIZE large", "213")
        expect(octets_read(server) - before < 1_000_000, "the hole is read")
    os.unlink(os.path.join(root, "large"))


@served()
def every_combination_of_type_a_is_right_or_refused(server, root):
    walk(server, root, [kind for kind in KINDS if kind[0] == "A"])


@served()
def every_combination_of_type_e_is_right_or_refused(server, root):
    walk(server, root, [kind for kind in KINDS if kind[0] == "E"])


@served()
def every_combination_of_type_i_and_l_is_right_or_refused(server, root):
    walk(server, root, [kind for kind in KINDS if kind[0] in "IL"])


@served()
def a_file_that_lies_in_a_hole_keeps_its_size(server, root):
    for kind in ("L 4", "L 5", "L 7", "I", "L 31"):
        form = Form(kind, "P", "S")
        for size in (1, 3, 4, 5, 31, 56):
            with open(os.path.join(root, "hole"), "wb") as file:
                file.truncate(size)
            with Representing(server.port) as session:
                session.stor_octets(form, "STOR back", octets_of(session, form, "hole"))
            same(f"{form}, the size of {size} octets in a hole", size, os.path.getsize(os.path.join(root, "back")))


def octets_of(session, form, name, restart=None):
    """The octets of one RETR, inflated if they were deflated, perhaps after a REST."""
    session.set(form)
    session.connect()
    if restart is not None:
        session.command(f"REST {restart}", "350")
    session.opened(f"RETR {name}")
    if form.mode in "BC":
        session.unpack(form)
        octets = bytes(session.octets.count)
    else:
        octets = session.octets.rest()
        octets = zlib.decompress(octets) if form.mode == "Z" else octets
    session.finish(form, f"{form}, {name}")
    session.close_data()
    return octets


def size_or_none(session, form, name):
    session.set(form)
    session.send(f"SIZE {name}")
    line = session.reply()
    refused = line.startswith(("550", "504")) and len(line) > 8
    expect(line.startswith("213 ") or refused, f"{form}, SIZE {name}: {line!r}")
    return int(line[4:]) if line.startswith("213") else None


@served()
def size_is_the_octets_of_the_transfer_in_every_combination(server, root):
    told = 0
    for kind in ("A N", "A T", "A C", "E N", "E C", "I", "L 8", "L 36", "L 7"):
        for structure in "FRP":
            for mode in "SBCZ":
                form = Form(kind, structure, mode)
                with Representing(server.port) as session:
                    for name in FILES:
                        size = size_or_none(session, form, name)
                        if means_nothing(form):
                            expect(size is None, f"{form}: SIZE of what cannot be sent")
                        elif size is not None:
                            told += 1
                            same(f"{form}, {name}, SIZE", len(octets_of(session, form, name)), size)
                        elif not too_many_pages(form, FILES[name]):
                            raise Failure(f"{form}, {name}: SIZE is refused")
    print(f"        SIZE told {told} times")


@served()
def rest_leaves_out_so_many_octets_in_every_combination(server, root):
    chance = random.Random(SEED)
    for kind in ("A N", "A C", "E N", "E C", "I", "L 8", "L 36", "L 7"):
        for structure in "FRP":
            for mode in "SZ":
                form = Form(kind, structure, mode)
                if means_nothing(form):
                    continue
                with Representing(server.port) as session:
                    if structure == "P":
                        session.set(form)
                        session.command("REST 1", "350")
                        session.refused(form, "RETR controls", "554")
                        continue
                    for name in ("controls", "ones", "text"):
                        whole = octets_of(session, form, name)
                        for at in (0, 1, 2, len(whole) - 1, len(whole), chance.randrange(len(whole))):
                            same_content(f"{form}, {name}, REST {at}", whole[at:], octets_of(session, form, name, at))
                        for at in (len(whole) + 1, len(whole) + 1000, 1 << 40):
                            session.command(f"REST {at}", "350")
                            session.refused(form, f"RETR {name}", "554")


@served()
def rest_goes_on_with_an_upload_where_octets_are_the_files(server, root):
    content = FILES["text"]
    for kind in ("I", "L 8", "L 36", "E N", "A N", "A C", "E C"):
        for structure in "FRP":
            for mode in "SZ":
                form = Form(kind, structure, mode)
                if means_nothing(form):
                    continue
                with Representing(server.port) as session:
                    session.set(form)
                    session.command("REST 1000", "350")
                    if structure != "F" or kind in ("A N", "A C", "E C"):
                        session.refused(form, "STOR up", "554")
                        continue
                    with open(os.path.join(root, "up"), "wb") as file:
                        file.write(content[:1500])
                    whole = to_pieces(content, form)[0]
                    session.stor_octets(form, "STOR up", pack([whole[1000:]], form, session.chance))
                    same_content(str(form), content, stored(root, "up"))


def sparse(path, size, pieces):
    with open(path, "wb") as file:
        for at, piece in pieces:
            file.seek(at)
            file.write(piece)
        file.truncate(size)
    return stored(os.path.dirname(path), os.path.basename(path))


def blocks(root, name):
    return os.stat(os.path.join(root, name)).st_blocks * 512


HOLEY = {
    "hole in the middle": (5 << 20, [(0, b"x" * 5000), (1 << 20, b"y" * 4096), ((3 << 20) + 777, b"z" * 10_000),
                                     ((5 << 20) - 10, b"1234567890")]),
    "hole at the end": ((5 << 20) + 123, [(0, b"x" * 5000), (4096 * 300, b"y" * 9000)]),
    "hole at the beginning": (3 << 20, [((3 << 20) - 8192, b"x" * 8192)]),
    "nothing but a hole": (1 << 20, []),
    "zeros that are no hole": (3 << 20, [(0, bytes(65536)), (2 << 20, bytes(4096)), ((3 << 20) - 4096, b"x" * 4096)]),
}


@served()
def holes_are_not_sent_and_come_back_as_holes(server, root):
    for what, (size, pieces) in HOLEY.items():
        content = sparse(os.path.join(root, "holey"), size, pieces)
        filled = sum(len(piece) for _, piece in pieces)
        expect(blocks(root, "holey") <= filled + 8192 * (len(pieces) + 1), "this file system makes no holes")
        for kind in ("L 32", "L 36", "L 64"):
            for mode in "SBCZ":
                form = Form(kind, "P", mode)
                about = f"{form}, {what}"
                with Representing(server.port) as session:
                    octets = session.retr(form, "RETR holey").pieces()[0]
                    got, _ = from_pages(octets, form.bits)
                    same_content(about, content, got)
                    # Of each piece of data: its blocks, a page before and one after, and headers.
                    most = (filled + len(pieces) * (8192 + 2 * page_bits(form.bits) // 8)) * 1.1 + 200
                    expect(len(octets) < most, f"{about}: {len(octets)} octets were sent, and {filled} are in the file")
                    session.stor_octets(form, "STOR up", pack([octets], form, session.chance))
                same_content(f"{about}, stored", content, stored(root, "up"))
                more = 0 if kind == "L 32" else 8192 * len(pieces)  # pages that are not whole blocks
                expect(blocks(root, "up") <= blocks(root, "holey") + more,
                       f"{about}: {blocks(root, 'up')} octets of disk for {blocks(root, 'holey')}")


@served()
def an_upload_by_pages_replaces_all_that_was_there(server, root):
    form = Form("L 32", "P", "B")
    content = sparse(os.path.join(root, "holey"), *HOLEY["hole at the end"])
    with Representing(server.port) as session:
        octets = session.retr(form, "RETR holey").pieces()[0]
        with open(os.path.join(root, "up"), "wb") as file:
            file.write(b"old" * 3_000_000)
        session.stor_octets(form, "STOR up", pack([octets], form, session.chance))
        same_content(str(form), content, stored(root, "up"))
        expect(blocks(root, "up") <= blocks(root, "holey"), "the old file's blocks are still there")


def between(sender, receiver, form, name, listens):
    """One file from the one to the other, on a connection that the one of listens waits for."""
    connects = receiver if listens is sender else sender
    for session in (sender, receiver):
        session.set(form)
    passive = listens.command("PASV", "227").partition("(")[2].partition(")")[0]
    connects.command(f"PORT {passive}", "200")
    sender.send(f"RETR {name}")
    receiver.send("STOR up")
    for session in (sender, receiver):
        session.expect_reply("150", f"{form}, {name}")
    for session in (receiver, sender):
        line = session.reply()
        while line.startswith("110"):
            line = session.reply()
        expect(line.startswith("250" if form.keeps else "226"), f"{form}, {name}: {line!r}")


@served("--fxp", "on")
def files_go_from_server_to_server_in_every_combination_and_either_listens(server, root):
    for kind in TEXT_KINDS + ("I", "L 8", "L 36", "L 7"):
        for structure in "FRP":
            for mode in "SBCZ":
                form = Form(kind, structure, mode)
                if means_nothing(form):
                    continue
                with Representing(server.port) as sender, Representing(server.port) as receiver:
                    for number, name in enumerate(("no-line-end", "ones", "runs", "controls", "random", "empty")):
                        if too_many_pages(form, FILES[name]):
                            continue
                        between(sender, receiver, form, name, (sender, receiver)[number % 2])
                        same_content(f"{form}, {name}", FILES[name], stored(root, "up"))


# The ISO 8859 part of the files, and Python's name of the same EBCDIC page.
CODE_PAGES = {"037": ("iso8859-1", "cp037"), "273": ("iso8859-1", "cp273"), "500": ("iso8859-1", "cp500"),
              "1140": ("iso8859-15", "cp1140"),
              "875": ("iso8859-7", "cp875")}


def characters_of(text_code, page):
    """(octet of the file, octet of the page) of each printable character that both have."""
    for octet in [*range(0x20, 0x7f), *range(0xa0, 0x100)]:
        try:
            yield octet, bytes([octet]).decode(text_code).encode(page)[0]
        except UnicodeError:
            pass


@test
def type_e_is_in_the_code_page_of_the_operator():
    for number, (text_code, page) in CODE_PAGES.items():
        characters = list(characters_of(text_code, page))
        here = bytes(octet for octet, _ in characters) + b"\n"
        there = bytes(octet for _, octet in characters) + b"\x15"
        expect(len(here) > 100, f"{page} has {len(here)} characters")
        with tempfile.TemporaryDirectory(prefix="sluice-page-") as root:
            os.chmod(root, 0o777)
            with open(os.path.join(root, "text"), "wb") as file:
                file.write(here)
            with Sluiced(root, ["--anonymous-write", f"--ebcdic={number}"]) as server, \
                    Representing(server.port) as session:
                form = Form("E N")
                same_content(f"page {number}, sent", there, octets_of(session, form, "text"))
                session.stor_octets(form, "STOR up", there)
                same_content(f"page {number}, stored", here, stored(root, "up"))


if __name__ == "__main__":
    main()
