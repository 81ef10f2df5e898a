#!/usr/bin/env python3
"""Uploads whose octets end too soon, or are no file under RFC 959 section 3: never 226 or 250 for a file
that is not the one that was sent, always a reply that tells why, and the session goes on."""

import os
import random
import socket
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same  # noqa: E402
from representation import (CONTROLLED_PAGE, DESCRIPTOR_PAGE, EOF, EOR, LAST_PAGE, MARKER, SIMPLE_PAGE,  # noqa: E402
                            Form, Malformed, block, from_pieces, join_pages, pack, page, to_pieces, unpack)
from representing import SEED, Representing, served, stored  # noqa: E402

CONTENT = b"\xffab\n\n    \0\0\0\0last"


def marks_its_end(form):
    return form.mode != "S" or form.structure in "RP"


def after_failure(session):
    """The data connection is closed (section 3.2), and the session works."""
    try:
        expect(session.data.recv(1) == b"", "an octet comes after the failure")
    except ConnectionResetError:
        pass
    session.close_data()
    form = Form("I", "F", "S")
    same("the next transfer", [b"x"], session.retr(form, "RETR one").pieces())


def upload(session, form, octets, ends=True):
    """The last reply to a STOR of these octets."""
    session.set(form)
    session.opened("STOR up")
    try:
        session.data.sendall(octets)
        if ends:
            session.data.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the server has seen enough
    return session.reply()


def file_or_none(octets, form):
    try:
        return from_pieces(unpack(octets, form).pieces(), form)
    except Malformed:
        return None


@served("--workers", "1")
def an_upload_that_is_cut_anywhere_is_never_complete(server, root):
    forms = [Form(kind, structure, mode) for kind in ("A N", "A C", "E N", "I", "L 36")
             for structure in "FRP" for mode in "SBCZ"]
    forms += [Form(kind, structure, "Z", keep=True) for kind, structure in (("A N", "F"), ("I", "R"), ("L 36", "P"))]
    for form in forms:
        if not marks_its_end(form) or (form.structure == "P" and form.text) or \
                (form.structure == "R" and form.bits == 36):
            continue
        octets = pack(to_pieces(CONTENT, form), form, random.Random(f"{SEED} {form}"))
        with Representing(server.port) as session:
            for count in range(len(octets) + 1):
                code = upload(session, form, octets[:count])
                about = f"{form}, {count} octets of {octets!r}: {code!r}"
                if code[0] == "2":
                    # In MODE C an end right behind the descriptor of the last string is an empty string.
                    bare = form.mode == "C" and octets[:count].endswith(bytes([0, EOF]))
                    expect(count == len(octets) or bare, about)
                    same(about, file_or_none(octets[:count], form), stored(root, "up"))
                else:
                    expect(code[:3] in ("426", "451") and len(code) > 8 and count < len(octets), about)
                    if form.structure != "P":
                        expect(CONTENT.startswith(stored(root, "up")), f"{about}: {stored(root, 'up')!r} is stored")
                session.close_data()
            same("the next transfer", [b"x"], session.retr(Form("I", "F", "S"), "RETR one").pieces())


def literal(*octets):
    return bytes([len(octets), *octets])


A, E, I, L = "A N", "E N", "I", "L 32"
DATA_PAGE = page(32, 0, b"data", SIMPLE_PAGE)
ZLIB = zlib.compress(b"content")


def paged(*pages, bits=32, mode="S"):
    """An upload of these pages and a last one, in a stream; or in a block that ends the file."""
    octets = join_pages(pages)
    return Form(f"L {bits}", "P", mode), block(EOF, octets) if mode == "B" else octets


def last(bits=32):
    return page(bits, 0, b"", LAST_PAGE)


def marked(text, mode="B"):
    """An upload that begins with a marker."""
    if mode == "B":
        return Form(I, "F", "B"), block(MARKER, text) + block(EOF, b"ab")
    return Form(I, "F", "C"), bytes([0, MARKER]) + literal(*text) + bytes([0, EOF]) + literal(1)


BROKEN = {
    "an unknown escape": [
        (Form(A, "R", "S"), b"ab\xff\x04\xff\x02"), (Form(I, "R", "S"), b"ab\xff\x00\xff\x02"),
        (Form(E, "R", "S"), b"\xff\xfe\xff\x02"), (Form(I, "R", "Z"), zlib.compress(b"\xff\x05\xff\x02"))],
    "a record with a line end": [
        (Form(A, "R", "S"), b"ab\r\ncd\xff\x03"), (Form(I, "R", "S"), b"ab\ncd\xff\x03"),
        (Form(E, "R", "S"), b"ab\x15cd\xff\x03"), (Form(I, "R", "B"), block(EOR | EOF, b"a\nb")),
        (Form(A, "R", "B"), block(0, b"a\r") + block(EOR | EOF, b"\nb")),
        (Form(A, "R", "C"), literal(13, 10) + bytes([0, EOR | EOF]) + literal(1))],
    "an end of record in STRU F": [
        (Form(A, "F", "B"), block(EOR | EOF, b"ab")), (Form(I, "F", "B"), block(EOR, b"ab") + block(EOF, b"")),
        (Form(I, "F", "C"), bytes([0, EOR | EOF]) + literal(1, 2)),
        (Form(L, "P", "B"), block(EOR | EOF, join_pages([last()])))],
    "an unknown descriptor": [
        (Form(I, "F", mode), prefix + octets) for bit in (1, 2, 4, 8) for mode, prefix, octets in
        (("B", b"", block(bit | EOF, b"ab")), ("C", b"\0", bytes([bit | EOF]) + literal(1, 2)))],
    "a marker that is too long": [marked(b"m" * 65), marked(b"m" * 60000), marked(b"m" * 127, "C")],
    "a marker that cannot be printed": [
        *(marked(text) for text in (b"a b", b"a\0", b"\x7f", b"\xe9", b"a\r\n226 ")), marked(b"a b", "C")],
    "a marker of fillers": [(Form(A, "F", "C"), bytes([0, MARKER, 0xC3]) + bytes([0, EOF]) + literal(1))],
    "an empty marker": [
        marked(b""), (Form(I, "F", "C"), bytes([0, MARKER, 0xC0])),
        (Form(I, "F", "C"), bytes([0, MARKER, 0, EOF]) + literal(1))],
    "bad zlib": [
        (Form(I, "F", "Z"), b"\x79" + ZLIB[1:]), (Form(I, "F", "Z"), ZLIB[:-1] + bytes([ZLIB[-1] ^ 1])),
        (Form(A, "F", "Z"), b"no zlib at all"), (Form(A, "F", "Z"), ZLIB[:2] + b"\x07" + ZLIB[3:])],
    "a page whose header is too short": [paged((3 << 96 | 1, 128), DATA_PAGE, last())],
    "a page whose header is too long": [
        paged(page(32, 0, b"data", SIMPLE_PAGE, (7,)), last()),
        paged((0xFFFFFFFF << 96 | 1 << 32 | 1, 128), mode="B")],
    "an access page without its field": [paged(page(32, 0, b"data", CONTROLLED_PAGE), last())],
    "a page of an unknown type": [
        paged(page(32, 0, b"data", 4), last()),
        (Form("L 4", "P", "C"), bytes([0, EOF]) + literal(0x40, 0x1F, 0x00))],
    "a page that is too long": [
        paged(page(32, 0, bytes(4 * 513), SIMPLE_PAGE), last()),
        paged(page(8, 0, bytes(129), SIMPLE_PAGE), last(8), bits=8)],
    "a page that lies beyond any file": [
        paged(page(64, (1 << 64) - 1, b"datadata", SIMPLE_PAGE), last(64), bits=64),
        paged(page(255, 1 << 200, b"datadata", SIMPLE_PAGE), last(255), bits=255)],
    "a last page with data": [paged(page(32, 0, b"data", LAST_PAGE))],
    "a last page with a longer header": [paged(page(32, 0, b"", LAST_PAGE, (1,)))],
    "a last page that is missing": [
        paged(DATA_PAGE, mode="B"), (Form(L, "P", "Z"), zlib.compress(join_pages([DATA_PAGE])))],
    "more behind the end": [
        (Form(I, "F", "Z"), ZLIB + ZLIB), (Form(I, "F", "Z"), ZLIB + b"x"), (Form(A, "R", "S"), b"ab\xff\x03c"),
        (Form(L, "P", "S"), join_pages([DATA_PAGE, last()]) + b"x")],
    "an end of file that is missing": [(Form(A, "R", "Z"), zlib.compress(b"ab\xff\x01"))],
}


@served("--workers", "1")
def what_is_no_file_is_refused_with_a_reason(server, root):
    problems = []
    for what, uploads in BROKEN.items():
        for form, octets in uploads:
            with Representing(server.port) as session:
                # The end of the connection is not what the server has to wait for.
                code = upload(session, form, octets, ends="missing" in what)
                wanted = "551" if what == "a page of an unknown type" else "451"
                if not code.startswith(wanted) or len(code) < 12:
                    problems.append(f"{what}, {form}, {octets[:60]!r} was answered {code!r}")
                    continue
                after_failure(session)
    expect(not problems, "\n  ".join(problems))


@served()
def a_last_string_that_is_late_is_waited_for(server, root):
    form = Form(I, "F", "C")
    with Representing(server.port) as session:
        session.set(form)
        session.opened("STOR up")
        session.data.sendall(literal(*b"ab") + bytes([0, EOF]))
        time.sleep(1.5)
        session.data.sendall(literal(*b"cd"))
        session.finish(form, "STOR up")
        same(str(form), b"abcd", stored(root, "up"))
        # What follows at once may be the next file's descriptor, and the last string was empty.
        session.opened("STOR up")
        session.data.sendall(literal(*b"ab") + bytes([0, EOF, 0, EOF]) + literal(*b"next"))
        session.finish(form, "STOR up")
        same(str(form), b"ab", stored(root, "up"))
        session.command("STOR next", "125")
        session.finish(form, "STOR next")
        same(str(form), b"next", stored(root, "next"))


@served()
def every_file_of_mode_c_ends_with_a_string(server, root):
    """So that a receiver knows the end without waiting for silence, or for the reply."""
    for name, content in (("empty", b""), ("records", b"\n\n"), ("more", b"a\n\n\nb\n\n")):
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
        for structure in "FR":
            form = Form(I, structure, "C")
            with Representing(server.port) as session:
                session.set(form)
                session.opened(f"RETR {name}")
                session.finish(form, f"RETR {name}")
                octets = session.data.recv(100)
                at = octets.rindex(0) + 1
                expect(octets[at] & EOF and len(octets) > at + 1, f"{form}, {name}: {octets!r}")
                same(str(form), content, file_or_none(octets, form))


@served()
def a_descriptor_page_of_another_system_is_passed_over(server, root):
    form = Form(L, "P", "S")
    for text in (b"", b"octets -1", b"octets", bytes(2048)):
        with Representing(server.port) as session:
            pages = [page(32, 0, text, DESCRIPTOR_PAGE), DATA_PAGE, last()]
            session.stor_octets(form, "STOR up", join_pages(pages))
            same(repr(text), b"data", stored(root, "up"))


@served()
def a_page_may_come_in_any_order_with_access_and_in_part(server, root):
    for mode in "SBCZ":
        form = Form(L, "P", mode)
        pages = [page(32, 2, b"third", SIMPLE_PAGE), page(32, 0, b"data" * 512, CONTROLLED_PAGE, (9,)),
                 page(32, 1, b"b" * 8, SIMPLE_PAGE), page(32, 7, b"", LAST_PAGE)]
        with Representing(server.port) as session:
            session.stor_octets(form, "STOR up", pack([join_pages(pages)], form, session.chance))
            same(str(form), b"data" * 512 + b"b" * 8 + bytes(2040) + b"third\0\0\0", stored(root, "up"))


if __name__ == "__main__":
    main()
