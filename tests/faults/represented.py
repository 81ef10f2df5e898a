"""Transfers whose octets are not the file's own: text, records, pages, blocks, compressed and deflated,
as dialogues in which each call may fail, and onto a disk that is full."""

import os
import random
import socket

from checks import expect
from pattern import pattern
from representation import Form, Malformed, from_pieces, pack, to_pieces, unpack
from sluiced import Failure

CONTENT = b"".join(pattern(100, i)[i % 90:] + b"\r\n" * (i % 3) + b"\n\xff" for i in range(700))
FORMS = (Form("A N", "R", "S"), Form("I", "F", "B"), Form("E C", "F", "C"), Form("L 32", "P", "B"),
         Form("A N", "F", "Z"), Form("I", "F", "Z", keep=True))


def section_represented(place, session):
    for form in FORMS:
        if any(session.command(line) != "200" for line in parameters(form)):
            return
        upload(place, session, form)
        download(place, session, form)
        session.command("SIZE up")
        place.remove("up")
    session.command("OPTS MODE Z KEEP OFF")
    session.command("MODE S")


def parameters(form):
    return [f"TYPE {form.kind}", f"STRU {form.structure}", f"MODE {form.mode}",
            f"OPTS MODE Z KEEP {'ON' if form.mode == 'Z' and form.keeps else 'OFF'}"]


def final(session):
    """The code of the reply that ends a transfer; markers may be answered before it."""
    code = session.reply()[0][:3]
    while code == "110":
        code = session.reply()[0][:3]
    return code


def upload(place, session, form, name="up", content=CONTENT):
    """With 226 or 250 the file is what was sent. Returns the code."""
    data = session.passive()
    if data is None:
        return None
    try:
        code = session.begin(f"STOR {name}")
        if code[0] != "1":
            return code
        pieces = to_pieces(content, form)
        markers = {(0, 10): b"here"} if form.mode in "BC" else {}
        try:
            data.socket.sendall(pack(pieces, form, random.Random(3), markers))
            if not form.keeps:
                data.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        code = final(session)
    finally:
        data.close()
    expect(code[0] in "245", f"{form}, STOR ended with {code}")
    if code[0] == "2":
        with open(place.path(name), "rb") as file:
            expect(file.read() == content, f"{form}, STOR: {code}, and other octets in the file")
    return code


def download(place, session, form):
    data = session.passive()
    if data is None or not os.path.exists(place.path("up")):
        return
    with open(place.path("up"), "rb") as file:
        content = file.read()
    try:
        if session.begin("RETR up")[0] != "1":
            return
        code = final(session)  # the kernel has room for all of it
        octets = b""
        data.socket.setblocking(False)
        try:
            while more := data.socket.recv(1 << 20):
                octets += more
        except OSError:
            pass
    finally:
        data.close()
    if code[0] == "2":
        try:
            got = from_pieces(unpack(octets, form).pieces(), form)
        except Malformed as problem:
            raise Failure(f"{form}, RETR: {code}, and {problem}") from None
        expect(got == content, f"{form}, RETR: {code}, and other octets")


def fill(place, form):
    """An upload onto a full disk: 452 or the like, what was kept is a front of it, and both the next
    upload and the session are as ever. Pages may leave holes, and keep what they like."""
    content = b"".join(b"%06d\n" % i * 9 for i in range(50_000))
    with place.logged_in() as session:
        for line in parameters(form):
            expect(session.command(line) == "200", f"{form}: {line} is refused")
        for again in range(2):
            code = upload(place, session, form, "small-disk/a", content)
            expect(code in ("452", "552"), f"{form}, on a full disk: {code}")
            with open(place.path("small-disk/a"), "rb") as file:
                kept = file.read()
            expect(len(kept) > 300_000, f"{form}: only {len(kept)} bytes were kept")
            expect(form.structure == "P" or content.startswith(kept), f"{form}: other octets were kept")
            expect(session.command("DELE small-disk/a") == "250", "DELE on a full disk")
            code = upload(place, session, form, "small-disk/b")
            expect(code in ("226", "250"), f"{form}, after a full disk: {code}")
            expect(session.command("DELE small-disk/b") == "250", "DELE")
        session.quit()
