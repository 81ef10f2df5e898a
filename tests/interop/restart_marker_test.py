#!/usr/bin/env python3
"""Restart markers of MODE B and C (RFC 959 section 3.5, RFC 1123 section 4.1.3.4): what was cut goes on
from each of them to the same octets, and from nothing else."""

import os
import random
import re
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
from representation import Form, block, from_pieces, join, join_pages, pack, page, to_pieces  # noqa: E402
from representing import FILES, Representing, same_content, served, stored  # noqa: E402
from sluiced import Sluiced  # noqa: E402

EVERY = 4 << 20
BIG = 20 << 20


def big_text(size, seed="big"):
    """Lines with a CR here and there, and, every 4 MiB, an end of line on the border of a marker."""
    chance = random.Random(seed)
    ends = (b"\n", b"\r\n", b"\n\n", b"\n\f", b"\r", b"\xff\n")
    lines = b"".join(b"%d " % i + chance.randbytes(40).hex().encode() + chance.choice(ends) for i in range(1500))
    content = bytearray(lines * (size // len(lines) + 1))[:size]
    for at in range(EVERY, size, EVERY):
        content[at - 2:at + 2] = (b"\r\n\n\n", b"a\r\nb", b"\n\n\f\r", b"\n\r\nb")[at // EVERY % 4]
    return bytes(content)


def write(root, name, content):
    with open(os.path.join(root, name), "wb") as file:
        file.write(content)


def restarted(session, form, marker, name):
    session.set(form)
    session.command(f"REST {marker}", "350")
    return session.retr(form, f"RETR {name}").pieces()


def goes_on(form, whole, joined, marker):
    """Pages may be described once more; everything else is the same, octet for octet."""
    if form.structure == "P":
        whole, joined = [from_pieces(whole, form)], [from_pieces(joined, form)]
    for number, (wanted, piece) in enumerate(zip(whole, joined)):
        if wanted != piece:
            same_content(f"{form}, piece {number}, after {marker}", wanted, piece)
    same(f"{form}: number of pieces after {marker}", len(whole), len(joined))


@served()
def a_download_goes_on_from_every_marker(server, root):
    contents = {"big": big_text(BIG), "less": big_text(9 << 20)}
    for name, content in contents.items():
        write(root, name, content)
    for name, kind, structure, mode in (
            ("big", "A N", "F", "B"), ("big", "I", "F", "C"), ("less", "A C", "F", "C"), ("less", "A N", "R", "B"),
            ("less", "E N", "R", "C"), ("less", "E C", "F", "B"), ("less", "I", "R", "C"), ("less", "L 36", "P", "B"),
            ("less", "L 31", "P", "C")):
        form = Form(kind, structure, mode)
        with Representing(server.port) as session:
            result = session.retr(form, f"RETR {name}")
            whole = result.pieces()
            same_content(str(form), contents[name], from_pieces(whole, form))
            # Pages of 31 bits seldom end where octets do, and nothing can be marked elsewhere.
            wanted = {"big": 4, "less": 2}[name]
            expect(kind == "L 31" or len(result.markers) == wanted, f"{form}: {len(result.markers)} markers")
            texts = [text for text, _ in result.markers]
            same(f"{form}: different markers", len(texts), len(set(texts)))
            for text, front in result.markers:
                goes_on(form, whole, join(front, restarted(session, form, text, name)), text)
            if texts:  # a marker says nothing about MODE
                other = form.with_mode("C" if mode == "B" else "B")
                rest = restarted(session, other, texts[-1], name)
                goes_on(form, whole, join(result.markers[-1][1], rest), f"{texts[-1]} in MODE {other.mode}")


@served()
def size_counts_the_markers_too(server, root):
    write(root, "big", big_text(9 << 20))
    for kind, structure, mode in (("I", "F", "B"), ("I", "F", "C"), ("A N", "R", "B"), ("E C", "F", "C"),
                                  ("L 36", "F", "B")):
        form = Form(kind, structure, mode)
        with Representing(server.port) as session:
            session.set(form)
            size = int(session.command("SIZE big", "213")[4:])
            for cold in (False, True):
                if cold:
                    with open(os.path.join(root, "big"), "rb") as file:
                        os.fsync(file.fileno())
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                session.retr(form, "RETR big")
                same(f"{form}, SIZE, cold: {cold}", session.octets.count, size)
                session.close_data()


@served()
def a_marker_that_is_not_the_files_is_554_and_of_another_type_555(server, root):
    content = big_text(5 << 20)
    for name in ("big", "other"):
        write(root, name, content)
    form = Form("A N", "F", "B")
    with Representing(server.port) as session:
        (text, front), = session.retr(form, "RETR big").markers
        whole = to_pieces(content, form)

        def refused(form, marker, line, code):
            session.set(form)
            session.command(f"REST {marker}", "350")
            session.refused(form, line, code)

        changed = "0" if text[-1] != "0" else "1"
        for place in range(1, len(text), 7):
            forged = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1:]
            refused(form, forged, "RETR big", "554")
        for forged in (text[:-1] + changed, text[:-1], text + "0", text.upper(), "S", "x" * 60, "100", "~"):
            refused(form, forged, "RETR big", "554")
        refused(form, text, "RETR other", "554")
        refused(form, text, "STOR big", "554")
        refused(form, text, "STOR new", "554")
        expect(not os.path.exists(os.path.join(root, "new")), "a file was made")
        same_content("a refused STOR", content, stored(root, "big"))
        for other in (Form("I", "F", "B"), Form("E N", "F", "B"), Form("A C", "F", "B"), Form("A N", "R", "B"),
                      Form("L 8", "F", "C"), Form("I", "R", "C")):
            refused(other, text, "RETR big", "555")
        for mode in "SZ":  # where REST takes a number
            session.set(form.with_mode(mode))
            session.command(f"REST {text}", "501")
        # It is still good, once, and then forgotten.
        expect(join(front, restarted(session, form, text, "big")) == whole, "other octets")
        expect(session.retr(form, "RETR big").pieces() == whole, "the marker was not forgotten")
        session.command(f"REST {text}", "350")
        session.command("NOOP", "200")
        expect(session.retr(form, "RETR big").pieces() == whole, "NOOP did not forget the marker")
        # The file changes: in its octets (with its old time, too), then in its length, then it is another file of that name.
        (text, _), = session.retr(form, "RETR big").markers
        before = os.stat(os.path.join(root, "big"))
        time.sleep(0.05)
        write(root, "big", content[:-1] + b"?")
        os.utime(os.path.join(root, "big"), ns=(before.st_atime_ns, before.st_mtime_ns))
        refused(form, text, "RETR big", "554")
        write(root, "big", content[:-1] + b"!")
        refused(form, text, "RETR big", "554")
        write(root, "big", content + b"!")
        refused(form, text, "RETR big", "554")
        os.rename(os.path.join(root, "other"), os.path.join(root, "big"))
        refused(form, text, "RETR big", "554")


def mark_of(line, theirs):
    """rrrr of `110 MARK ssss = rrrr`, exactly (RFC 959 section 4.2)."""
    match = re.fullmatch(r"110 MARK (\S+) = (\S+)", line)
    expect(match and match.group(1) == theirs, f"{line!r} is no 110 of {theirs}")
    return match.group(2)


FORMS = [Form(kind, structure, mode)
         for kind in ("A N", "A C", "E N", "E C", "I") for structure in "FR" for mode in "BC"]


@served()
def an_upload_goes_on_from_the_servers_marker_after_a_cut(server, root):
    content = b"one\r\ntwo\n\n\nthree\n\ffour\rfive\n" + FILES["text"][:50_000] + b"last"
    for form in FORMS:
        with Representing(server.port) as session:
            pieces = to_pieces(content, form)
            # Markers at every place of the first few octets, and two far ones.
            places = [(number, at) for number, piece in enumerate(pieces) for at in range(len(piece) + 1)][:40]
            if form.structure == "R":
                places.append((len(pieces) - 1, 1))
            markers = {place: b"m%d" % i for i, place in enumerate(places)}
            marks = session.stor_octets(form, "STOR up", pack(pieces, form, session.chance, markers))
            same_content(str(form), content, stored(root, "up"))
            same(f"{form}: number of 110s", len(places), len(marks))
            # From the last one to the first: what is sent from one on is no longer what later ones are of.
            for i, (number, at) in reversed(list(enumerate(places))):
                ours = mark_of(marks[i], f"m{i}")
                if i % 3 and i < len(places) - 2:
                    continue
                rest = [pieces[number][at:]] + pieces[number + 1:]
                session.set(form)
                session.command(f"REST {ours}", "350")
                session.stor_octets(form, "STOR up", pack(rest, form, session.chance))
                same_content(f"{form}, from marker {i} at {number}, {at}", content, stored(root, "up"))


@served()
def the_110_comes_before_the_end_of_the_upload(server, root):
    content = b"one\r\r\ntwo\nthree\nfour"
    for form in (Form("A N", "F", "B"), Form("A N", "F", "C"), Form("I", "R", "B"), Form("E N", "F", "C")):
        pieces = to_pieces(content, form)
        flat = len(pieces[0]) if form.structure == "F" else 0
        for at in range(1, flat) if flat else (2,):
            with Representing(server.port) as session:
                session.set(form)
                session.opened("STOR up")
                octets = pack([pieces[0][:at]], form, random.Random(1), {(0, at): b"here"})
                marker = {"B": bytes([16, 0, 4]), "C": bytes([0, 16, 4])}[form.mode] + b"here"
                session.data.sendall(octets[:octets.index(marker) + len(marker)])
                ours = mark_of(session.reply(), "here")
                session.close_data()
                line = session.reply()
                expect(line[:3] in ("426", "451"), f"{form}: {line!r} after a cut")
                session.command(f"REST {ours}", "350")
                session.stor_octets(form, "STOR up", pack([pieces[0][at:]] + pieces[1:], form, session.chance))
                same_content(f"{form}, {at}", content, stored(root, "up"))


@served()
def an_appe_goes_on_from_a_marker_before_everything(server, root):
    """It is no new APPE then, behind what came."""
    form = Form("I", "F", "B")
    with Representing(server.port) as session:
        session.set(form)
        session.opened("APPE up")
        session.data.sendall(block(16, b"here") + block(0, b"begun, and cut"))
        ours = mark_of(session.reply(), "here")
        session.close_data()
        session.expect_reply("426", "a cut upload")
        session.command(f"REST {ours}", "350")
        session.stor_octets(form, "APPE up", block(64, b"the whole"))
        same_content("APPE from the beginning", b"the whole", stored(root, "up"))


@served()
def pages_go_on_where_page_0_was(server, root):
    """Behind the old end of the file with APPE, in which case a marker's place is not counted from it."""
    form = Form("L 32", "P", "B")
    old = b"old" * 1000
    for line, front in (("APPE up", old), ("STOR up", b"")):
        # Page 2 first, then, behind the marker, those before it.
        first = join_pages([page(32, 2, b"c" * 2048, 1)])
        rest = join_pages([page(32, 0, b"a" * 2048, 1), page(32, 1, b"b" * 2048, 1), page(32, 0, b"", 0)])
        write(root, "up", old)
        with Representing(server.port) as session:
            session.set(form)
            session.opened(line)
            session.data.sendall(block(0, first) + block(16, b"here"))
            ours = mark_of(session.reply(), "here")
            session.close_data()
            session.expect_reply("426", "a cut upload")
            session.command(f"REST {ours}", "350")
            session.stor_octets(form, "STOR up", block(64, rest))
            same_content(line, front + b"a" * 2048 + b"b" * 2048 + b"c" * 2048, stored(root, "up"))


def pages_behind_the_marker_stay(server, root):
    """A marker's place in the file is no end of it: pages come in any order."""
    form = Form("L 32", "P", "B")
    first = join_pages([page(32, 2, b"c" * 2048, 1), page(32, 0, b"a" * 2048, 1)])
    rest = join_pages([page(32, 1, b"b" * 2048, 1), page(32, 0, b"", 0)])
    whole = b"a" * 2048 + b"b" * 2048 + b"c" * 2048
    with Representing(server.port) as session:
        session.set(form)
        session.opened("STOR up")
        session.data.sendall(block(0, first) + block(16, b"here"))
        ours = mark_of(session.reply(), "here")
        session.close_data()
        session.expect_reply("426", "a cut upload")
        session.command(f"REST {ours}", "350")
        session.stor_octets(form, "STOR up", block(64, rest))
        same_content("STOR up", whole, stored(root, "up"))


served()(pages_behind_the_marker_stay)


@served("--uploads=atomic")
def pages_behind_the_marker_stay_in_an_atomic_upload(server, root):
    pages_behind_the_marker_stay(server, root)


@served("--workers", "1")
def a_flood_of_markers_holds_up_nobody(server, root):
    for form, markers in ((Form("I", "F", "B"), block(16, b"m") * 100_000), (Form("I", "F", "C"), b"\0\x10\1m" * 100_000)):
        with Representing(server.port) as flooding, Representing(server.port) as other:
            flooding.set(form)
            flooding.opened("STOR up")
            flooding.data.settimeout(0.01)
            times, until = [], time.monotonic() + 2
            while time.monotonic() < until:
                try:
                    flooding.data.send(markers)
                except TimeoutError:
                    pass
                begun = time.monotonic()
                other.command("NOOP", "200")
                times.append(time.monotonic() - begun)
            # Not the slowest of them, which a busy machine may have held up.
            took = statistics.median(times)
            expect(took < 0.25, f"{form}: NOOP took {took:.2f} s")


@served()
def a_marker_of_an_upload_is_that_files_alone(server, root):
    form = Form("I", "F", "B")
    with Representing(server.port) as session:
        marks = session.stor_octets(form, "STOR up", pack([b"content"], form, session.chance, {(0, 3): b"m"}))
        ours = mark_of(marks[0], "m")
        session.put(form, "else", b"content")
        for line, code in (("STOR else", "554"), ("RETR up", "554"), ("STOU", "554")):
            session.command(f"REST {ours}", "350")
            session.refused(form, line, code)
        session.set(Form("I", "R", "B"))
        session.command(f"REST {ours}", "350")
        session.refused(Form("I", "R", "B"), "STOR up", "555")
        # A file that has become shorter than the marker's place has lost what went before it.
        write(root, "up", b"")
        session.set(form)
        session.command(f"REST {ours}", "350")
        session.refused(form, "STOR up", "554")
        write(root, "up", b"CONtent")
        session.command(f"REST {ours}", "350")
        session.refused(form, "APPE up", "554")
        marks = session.stor_octets(form, "STOR up", pack([b"conTENT"], form, session.chance, {(0, 3): b"m"}))
        session.command(f"REST {mark_of(marks[0], 'm')}", "350")
        session.stor_octets(form, "APPE up", pack([b"tent"], form, session.chance))
        same("APPE after REST is STOR", b"content", stored(root, "up"))


def cut_upload(session, form, line, content, at):
    """An upload that is cut behind a marker; returns the server's."""
    session.set(form)
    session.opened(line)
    session.data.sendall(pack([content[:at]], form, random.Random(1), {(0, at): b"m"})[:-1])
    ours = mark_of(session.reply(), "m")
    session.close_data()
    session.expect_reply("426", "a cut upload")
    return ours


def in_every_place(function):
    """A test on disks with and without extended attributes, in place and atomic."""
    for name, options in (("in_place", ()), ("atomic", ("--uploads", "atomic"))):
        def run(server, root):
            function(server, root)

        run.__name__ = f"{function.__name__}_{name}"
        served(*options)(run)
    return function


@in_every_place
def a_marker_of_an_upload_is_outdated_once_the_file_is_stored_anew(server, root):
    form, other = Form("I", "F", "B"), Form("I", "F", "S")
    old, new = b"old content, " * 1000, b"NEW CONTENT, " * 1000
    with Representing(server.port) as session:
        def anew_by_stor():
            session.put(other, "up", new)

        def anew_by_stor_of_mode_b():
            session.put(form, "up", new)

        def anew_with_markers():
            session.put(form, "up", new, {(0, 3000): b"m"})

        def anew_and_cut():
            cut_upload(session, form, "STOR up", new, 3000)

        def from_a_number_on():
            session.set(other)
            session.command("REST 100", "350")
            session.put(other, "up", new[100:])

        def a_range():
            session.set(other)
            session.command("RANG 100 199", "350")
            session.put(other, "up", new[100:200])

        def by_somebody_else():
            write(root, "up", new)

        for change in (anew_by_stor, anew_by_stor_of_mode_b, anew_with_markers, anew_and_cut, from_a_number_on,
                       a_range, by_somebody_else):
            if os.path.exists(os.path.join(root, "up")):
                os.unlink(os.path.join(root, "up"))
            ours = cut_upload(session, form, "STOR up", old, 2000)
            change()
            session.set(form)
            session.command(f"REST {ours}", "350")
            session.refused(form, "STOR up", "554")


@in_every_place
def a_marker_behind_the_place_where_an_upload_began_again_is_outdated(server, root):
    form = Form("I", "F", "B")
    old, new = b"old content, " * 1000, b"NEW CONTENT, " * 1000
    with Representing(server.port) as session:
        session.set(form)
        session.opened("STOR up")
        session.data.sendall(pack([old[:9000]], form, random.Random(1), {(0, 1000): b"early", (0, 9000): b"late"})[:-1])
        early, late = mark_of(session.reply(), "early"), mark_of(session.reply(), "late")
        session.close_data()
        session.expect_reply("426", "a cut upload")
        session.command(f"REST {early}", "350")
        session.opened("STOR up")
        session.data.sendall(pack([new[1000:2000]], form, random.Random(1))[:-1])
        session.close_data()
        session.expect_reply("426", "a cut upload")
        session.command(f"REST {late}", "350")
        session.refused(form, "STOR up", "554")
        session.command(f"REST {early}", "350")
        session.stor_octets(form, "STOR up", pack([old[1000:]], form, session.chance))
        same_content("from the earlier one", old, stored(root, "up"))


@served("--uploads", "atomic")
def an_atomic_upload_goes_on_from_a_marker(server, root):
    form = Form("A N", "F", "B")
    content = big_text(300_000)
    piece, = to_pieces(content, form)
    with Representing(server.port) as session:
        session.set(form)
        session.opened("STOR up")
        octets = pack([piece[:200_000]], form, session.chance, {(0, 100_001): b"here"})
        session.data.sendall(octets[:-4])
        ours = mark_of(session.reply(), "here")
        session.close_data()
        expect(session.reply()[:3] in ("426", "451"), "a cut upload is complete")
        session.command(f"REST {ours}", "350")
        session.stor_octets(form, "STOR up", pack([piece[100_001:]], form, session.chance))
        same_content(str(form), content, stored(root, "up"))


BLOCKS = Form("I", "F", "B")
CONTENT = b"content, " * 1000


class Place:
    """A folder to serve and one for the server's state, with servers that come and go."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-markers-")
        self.root, self.state = (os.path.join(self.folder.name, name) for name in ("root", "state"))
        for name in (self.root, self.state):
            os.mkdir(name)
            os.chmod(name, 0o777)
        return self

    def __exit__(self, *reason):
        self.folder.cleanup()

    def key(self):
        return os.path.join(self.state, "marker-key")

    def server(self, state=True):
        return Sluiced(self.root, ["--anonymous-write"], variables={"STATE_DIRECTORY": self.state} if state else {})

    def markers(self, session):
        """One of an upload that was cut, and one of a download."""
        if not os.path.exists(os.path.join(self.root, "big")):
            write(self.root, "big", big_text(5 << 20))
        (text, _), = session.retr(BLOCKS, "RETR big").markers
        session.close_data()
        return cut_upload(session, BLOCKS, "STOR up", CONTENT, 2000), text


def are_good(session, markers, good):
    up, down = markers
    session.set(BLOCKS)
    for marker, line in ((down, "RETR big"), (up, "STOR up")):
        session.command(f"REST {marker}", "350")
        if not good:
            session.refused(BLOCKS, line, "554")
        elif line == "RETR big":
            session.retr(BLOCKS, line)
        else:
            session.stor_octets(BLOCKS, line, pack([CONTENT[2000:]], BLOCKS, session.chance))


@test
def markers_outlive_the_server_where_their_key_is_kept():
    with Place() as place:
        with place.server() as server, Representing(server.port) as session:
            markers = place.markers(session)
            same("mode of the key", 0o600, os.stat(place.key()).st_mode & 0o7777)
            same("files of the state", ["marker-key"], os.listdir(place.state))
        with place.server() as server, Representing(server.port) as session:
            are_good(session, markers, True)
            same_content("gone on with", CONTENT, stored(place.root, "up"))


@test
def without_a_place_for_the_key_markers_are_of_one_server():
    with Place() as place:
        with place.server(state=False) as server, Representing(server.port) as session:
            markers = place.markers(session)
            with place.server(state=False) as other, Representing(other.port) as stranger:
                are_good(stranger, markers, False)
            are_good(session, markers, True)
        with place.server(state=False) as server, Representing(server.port) as session:
            are_good(session, markers, False)


@test
def a_server_process_that_dies_takes_no_marker_with_it():
    with Place() as place:
        with place.server(state=False) as server:
            with Representing(server.port) as session:
                markers = place.markers(session)
                # And an upload that is under way.
                session.opened("STOR open")
                session.data.sendall(pack([CONTENT[:2000]], BLOCKS, random.Random(1), {(0, 2000): b"m"})[:-1])
                ours = mark_of(session.reply(), "m")
                os.kill(server.server_pid, signal.SIGKILL)
            deadline = time.monotonic() + 20
            while server.log().count("engine:") < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            with Representing(server.port) as session:
                are_good(session, markers, True)
                session.command(f"REST {ours}", "350")
                session.stor_octets(BLOCKS, "STOR open", pack([CONTENT[2000:]], BLOCKS, session.chance))
                same_content("gone on with", CONTENT, stored(place.root, "open"))
            server.find_server_process()


@test
def a_key_that_others_may_know_is_replaced():
    def spoil_mode(path):
        os.chmod(path, 0o640)

    def spoil_length(path):
        with open(path, "ab") as file:
            file.write(b"x")

    def spoil_kind(path):
        os.rename(path, path + ".moved")
        os.symlink(path + ".moved", path)

    for spoil in (spoil_mode, spoil_length, spoil_kind):
        with Place() as place:
            with place.server() as server, Representing(server.port) as session:
                markers = place.markers(session)
            old = stored(place.state, "marker-key")
            spoil(place.key())
            with place.server() as server, Representing(server.port) as session:
                are_good(session, markers, False)
                expect("key of restart markers" in server.log(), f"{spoil.__name__}: no word of it")
            expect(stored(place.state, "marker-key") != old, f"{spoil.__name__}: the same key")
            same("mode of the key", (0o600, True), (os.stat(place.key()).st_mode & 0o7777, not os.path.islink(place.key())))


@test
def a_key_that_cannot_be_kept_is_said():
    with Place() as place:
        os.rmdir(place.state)
        with place.server() as server, Representing(server.port) as session:
            are_good(session, place.markers(session), True)
            expect("cannot be kept" in server.log(), server.log())


def begin_between(sender, receiver, form, name):
    """RETR to the one and STOR to the other, on a connection between them."""
    for session in (sender, receiver):
        session.set(form)
    sender.send(f"RETR {name}")
    receiver.send("STOR up")


@served("--fxp", "on")
def a_server_sends_to_another_and_goes_on_from_their_markers(server, root):
    content = big_text(10 << 20)
    write(root, "big", content)
    for form in (Form("A N", "R", "B"), Form("A C", "F", "C"), Form("I", "F", "C"), Form("L 32", "P", "B")):
        with Representing(server.port) as sender, Representing(server.port) as receiver:
            passive = receiver.command("PASV", "227").partition("(")[2].partition(")")[0]
            sender.command(f"PORT {passive}", "200")
            for number, name in enumerate(["big"] + list(FILES)):
                begin_between(sender, receiver, form, name)
                for session in (sender, receiver):
                    session.expect_reply("125" if number else "150", f"{form}, {name}")
                line, marks = receiver.reply(), []
                while line.startswith("110"):
                    marks.append(re.fullmatch(r"110 MARK (\S+) = (\S+)", line).groups())
                    line = receiver.reply()
                expect(line.startswith("250"), f"{form}, {name}: {line!r}")
                sender.expect_reply("250", f"{form}, {name}")
                wanted = content if name == "big" else FILES[name]
                same_content(f"{form}, {name}", wanted, stored(root, "up"))
                if name != "big":
                    continue
                expect(len(marks) == 2, f"{form}: {len(marks)} markers were answered")
                for theirs, ours in marks:
                    sender.command(f"REST {theirs}", "350")
                    receiver.command(f"REST {ours}", "350")
                    begin_between(sender, receiver, form, name)
                    for session in (sender, receiver):
                        session.expect_reply("125", f"{form}, {name}")
                    line = receiver.reply()
                    while line.startswith("110"):
                        line = receiver.reply()
                    expect(line.startswith("250"), f"{form}, {name}: {line!r}")
                    sender.expect_reply("250", f"{form}, {name}")
                    same_content(f"{form}, {name}, restarted", content, stored(root, "up"))


if __name__ == "__main__":
    main()
