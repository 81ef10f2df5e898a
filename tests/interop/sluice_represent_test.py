#!/usr/bin/env python3
"""sluice(1) in each TYPE, STRU and MODE against a real sluiced: both directions, between two servers, data
connections that are kept, and restart markers after a cut."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
from pattern import pattern, same_files, write_pattern  # noqa: E402
from place import TIMEOUT_S, Place, program  # noqa: E402
from sluiced import engine_arguments, environment  # noqa: E402

TYPES = ("A", "A:T", "A:C", "E", "E:C", "I", "L1", "L8", "L36", "L255")
STRUCTURES = "FRP"
MODES = "SBCZ"
TEXT = b"".join(b"line %d %s\n" % (i, b" " * (i % 90) + b"xx" + b"=" * (i % 130)) for i in range(3000))
LARGE = 96 << 20


def bits(kind):
    return int(kind[1:]) if kind[0] == "L" else 8


def is_refused(kind, structure):
    """As represent.h has it: pages are of bits, and records of octets."""
    return (structure == "P" and (kind[0] in "AE" or bits(kind) < 4)) or (structure == "R" and bits(kind) != 8)


def combinations():
    return [(kind, structure, mode) for kind in TYPES for structure in STRUCTURES for mode in MODES
            if not is_refused(kind, structure)]


def arguments(kind, structure, mode):
    return [f"--type={kind}", f"--structure={structure}", f"--mode={mode}"]


def contents(kind, structure, mode):
    """Files that must come back as they were, whatever the combination does to them on the way."""
    if structure == "P" and bits(kind) == 8:  # 256 pages of 128 octets
        return {"empty": b"", "text": TEXT[:32000], "bytes": pattern(32001)}
    files = {"text": TEXT, "open": TEXT[:-1]}
    if mode != "C" or kind in ("A", "L36"):  # a last string that may be empty is waited for
        files["empty"] = b""
    if kind[-1] != "C":
        files["bytes"] = pattern(300_001) + b"\xff\x01\xff\xff\n\r\n\0\0"
    return files


def digest(content):
    return hashlib.sha256(content).hexdigest()


@test
def each_combination_brings_files_as_they_are_both_ways():
    with Place() as place:
        for kind, structure, mode in combinations():
            wanted = contents(kind, structure, mode)
            chosen = arguments(kind, structure, mode)
            for name, content in wanted.items():
                place.write_root(f"sub/{name}", content)
            place.run("get", "--no-resume", *chosen, *(place.url(f"sub/{name}") for name in wanted))
            for name, content in wanted.items():
                same(f"get {name} {chosen}", digest(content), digest(place.read(place.here, name)))
                os.unlink(os.path.join(place.root, "sub", name))
            place.run("put", "--no-resume", *chosen, *wanted, place.url("sub/"))
            for name, content in wanted.items():
                same(f"put {name} {chosen}", digest(content), digest(place.read(place.root, f"sub/{name}")))
            if structure != "P":
                said, _ = place.run("cat", *chosen, *(place.url(f"sub/{name}") for name in wanted))
                same(f"cat {chosen}", digest(b"".join(wanted.values())), digest(said))


@test
def each_mode_and_structure_lists():
    with Place() as place:
        for kind in ("A", "E", "I", "L8"):
            for structure in "FR":
                for mode in MODES:
                    chosen = arguments(kind, structure, mode)
                    said, _ = place.run("ls", *chosen, place.url())
                    same(f"ls {chosen}", b"big\nlines\nsub/\n", said)


@test
def records_that_a_file_cannot_hold_are_told():
    with Place() as place:
        place.write_root("text", TEXT)
        _, errors = place.run("get", "--structure=R", "--type=L36", place.url("text"), status=2)
        expect("records" in errors, errors)
        _, errors = place.run("cat", "--structure=P", place.url("text"), status=1)
        expect("seek" in errors, errors)


@test
def holes_stay_holes_in_pages():
    with Place() as place:
        path = os.path.join(place.root, "sparse")
        with open(path, "wb") as file:
            file.write(b"begin")
            file.seek(40 << 20)
            file.write(b"middle")
            file.truncate(64 << 20)
        for kind in ("L32", "L36"):
            for mode in MODES:
                place.run("get", "--no-resume", *arguments(kind, "P", mode), place.url("sparse"))
                place.run("put", "--no-resume", *arguments(kind, "P", mode), "sparse", place.url("sub/"))
                for folder, name in ((place.here, "sparse"), (place.root, "sub/sparse")):
                    got = os.stat(os.path.join(folder, name))
                    same(f"size of {name}, {kind} {mode}", 64 << 20, got.st_size)
                    expect(got.st_blocks * 512 < 1 << 20, f"{got.st_blocks} blocks of {name}, {kind} {mode}")
                    expect(same_files(os.path.join(folder, name), path), f"other bytes of {name}, {kind} {mode}")
                    os.unlink(os.path.join(folder, name))


@test
def one_data_connection_serves_many_files_in_mode_b_c_and_z():
    names = [f"f{i}" for i in range(20)]
    with Place() as place:
        for name in names:
            place.write_root(f"sub/{name}", name.encode() * 100)
        for mode, opened in (("S", 20), ("B", 1), ("C", 1), ("Z", 1)):
            _, errors = place.run("get", "-v", "--no-resume", f"--mode={mode}", *(place.url(f"sub/{name}") for name in names))
            same(f"EPSV of get, MODE {mode}", opened, errors.count("C: EPSV"))
            same(f"125, MODE {mode}", 20 - opened, errors.count("S: 125"))
            _, errors = place.run("put", "-v", "--no-resume", f"--mode={mode}", *names, place.url("sub/"))
            same(f"EPSV of put, MODE {mode}", opened, errors.count("C: EPSV"))
            for name in names:
                same(name, name.encode() * 100, place.read(place.root, f"sub/{name}"))


@test
def a_kept_connection_outlives_a_file_that_is_not_there():
    with Place() as place:
        _, errors = place.run("get", "-v", "--mode=B", "--no-resume", place.url("lines"), place.url("none"), place.url("big"),
                              status=1)
        same("EPSV", 1, errors.count("C: EPSV"))
        expect(place.read(place.here, "big") == place.read(place.root, "big"), "other bytes")


@test
def an_active_data_connection_is_kept_as_well():
    with Place() as place:
        for how in ("active", "default"):
            _, errors = place.run("get", "-v", "--mode=B", "--no-resume", f"--data={how}", place.url("lines"), place.url("big"))
            same(f"PORT, {how}", how == "active", "C: PORT" in errors)
            same(f"125, {how}", 1, errors.count("S: 125"))


def cut(place, restart, *words):
    """Runs sluice and kills it when it has kept its first markers."""
    deadline = time.monotonic() + TIMEOUT_S
    with subprocess.Popen([program(), words[0], *engine_arguments(), *words[1:]], cwd=place.here,
                          env=environment(HOME=place.here), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        while not os.path.exists(restart) and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        run.send_signal(signal.SIGKILL)
        _, errors = run.communicate()
    expect(os.path.exists(restart), f"it ended before it was cut: {errors}")


@test
def a_get_that_was_cut_goes_on_at_the_marker():
    with Place() as place:
        path = os.path.join(place.root, "large")
        write_pattern(path, LARGE)
        restart = os.path.join(place.here, ".large.restart.sluice")
        for chosen in (["--mode=B"], ["--mode=C"], ["--mode=B", "--type=A"], ["--mode=B", "--structure=R"],
                       ["--mode=C", "--type=E", "--structure=R"], ["--mode=B", "--structure=P", "--type=L36"]):
            cut(place, restart, "get", *chosen, place.url("large"))
            with open(restart, encoding="ascii") as file:
                offset = int(file.read().splitlines()[2])
            have = os.stat(os.path.join(place.here, "large")).st_size
            expect(0 < offset <= have < LARGE, f"{offset} of {have}, {chosen}")
            said, errors = place.run("get", "-v", *chosen, place.url("large"))
            expect(re.search(r"C: REST S[0-9a-f]{56}\n", errors), errors)
            expect(f"from byte {offset}" in errors, errors)
            expect(b" more" in said, said)
            expect(same_files(os.path.join(place.root, "large"), os.path.join(place.here, "large")), f"bytes, {chosen}")
            expect(not os.path.exists(restart), "the markers are left behind")
            os.unlink(os.path.join(place.here, "large"))


@test
def a_put_that_was_cut_goes_on_at_the_marker():
    with Place() as place:
        write_pattern(os.path.join(place.here, "large"), LARGE)
        restart = os.path.join(place.here, ".large.restart.sluice")
        for chosen in (["--mode=B"], ["--mode=C"], ["--mode=B", "--type=A"], ["--mode=B", "--structure=R"],
                       ["--mode=C", "--type=E", "--structure=R"], ["--mode=B", "--structure=P", "--type=L36"]):
            cut(place, restart, "put", *chosen, "large", place.url("sub/"))
            _, errors = place.run("put", "-v", *chosen, "large", place.url("sub/"))
            expect(re.search(r"C: REST S[0-9a-f]{56}\n", errors), errors)
            expect("S: 110 MARK S" in errors, errors)
            expect(same_files(os.path.join(place.here, "large"), os.path.join(place.root, "sub/large")), f"bytes, {chosen}")
            expect(not os.path.exists(restart), "the markers are left behind")
            os.unlink(os.path.join(place.root, "sub/large"))


@test
def markers_of_another_file_begin_anew():
    with Place() as place:
        path = os.path.join(place.root, "large")
        write_pattern(path, LARGE)
        restart = os.path.join(place.here, ".large.restart.sluice")
        cut(place, restart, "get", "--mode=B", place.url("large"))
        with open(path, "r+b") as file:
            file.write(b"changed")
        _, errors = place.run("get", "-v", "--mode=B", place.url("large"))
        expect("S: 554" in errors, errors)
        expect(same_files(os.path.join(place.root, "large"), os.path.join(place.here, "large")), "changed there")
        os.unlink(os.path.join(place.here, "large"))

        cut(place, restart, "get", "--mode=B", place.url("large"))
        os.rename(os.path.join(place.here, "large"), os.path.join(place.here, "old"))
        _, errors = place.run("get", "-v", "--mode=B", place.url("large"))
        expect("C: REST" not in errors, errors)
        expect(same_files(os.path.join(place.root, "large"), os.path.join(place.here, "large")), "another here")
        os.unlink(os.path.join(place.here, "large"))

        cut(place, restart, "get", "--mode=B", place.url("large"))
        os.truncate(os.path.join(place.here, "large"), 100)
        _, errors = place.run("get", "-v", "--mode=B", place.url("large"))
        expect("C: REST" not in errors, errors)
        expect(same_files(os.path.join(place.root, "large"), os.path.join(place.here, "large")), "cut here")
        os.unlink(os.path.join(place.here, "large"))

        cut(place, restart, "get", "--mode=B", place.url("large"))
        _, errors = place.run("get", "-v", "--mode=B", "--type=A", place.url("large"))
        expect("C: REST" not in errors, errors)
        expect(same_files(os.path.join(place.root, "large"), os.path.join(place.here, "large")), "another TYPE")


@test
def each_combination_goes_from_server_to_server():
    with Place() as one, Place() as other:
        for kind, structure, mode in combinations():
            wanted = contents(kind, structure, mode)
            chosen = arguments(kind, structure, mode)
            name = "bytes" if "bytes" in wanted else "text"
            one.write_root(name, wanted[name])
            one.run("copy", "--no-resume", *chosen, one.url(name), other.url("sub/"))
            same(f"there, {chosen}", digest(wanted[name]), digest(other.read(other.root, f"sub/{name}")))
            one.run("copy", "--no-resume", *chosen, other.url(f"sub/{name}"), one.url("sub/"))
            same(f"and back, {chosen}", digest(wanted[name]), digest(one.read(one.root, f"sub/{name}")))
            os.unlink(os.path.join(other.root, "sub", name))
            os.unlink(os.path.join(one.root, "sub", name))


@test
def compress_is_mode_z_where_the_server_has_it():
    with Place() as place:
        place.write_root("text", TEXT)
        said, errors = place.run("get", "-v", "--compress", "--json", place.url("text"))
        expect("C: MODE Z" in errors, errors)
        moved = int(re.search(rb'"event": ?"done".*?"bytes": ?(\d+)', said).group(1))
        expect(moved < len(TEXT) // 5, moved)
        same("text", TEXT, place.read(place.here, "text"))
        _, errors = place.run("ls", "-v", "-z", place.url())
        expect("C: MODE Z" in errors, errors)


@test
def a_mirror_uses_one_data_connection_for_its_files():
    with Place() as place:
        for i in range(30):
            place.write_root(f"sub/f{i}", b"%d" % i * 1000)
        for mode, most in (("S", 40), ("B", 5), ("C", 5), ("Z", 5)):
            folder = f"mirror-{mode}"
            _, errors = place.run("mirror", "-v", "--jobs=1", f"--mode={mode}", place.url("sub"), folder)
            expect(errors.count("C: EPSV") <= most, f"{errors.count('C: EPSV')} EPSV in MODE {mode}")
            _, errors = place.run("mirror", "-v", "--jobs=1", f"--mode={mode}", folder, place.url(f"up-{mode}"))
            expect(errors.count("C: EPSV") <= most, f"{errors.count('C: EPSV')} EPSV in MODE {mode}, up")
            for i in range(30):
                same(f"f{i}", b"%d" % i * 1000, place.read(place.root, f"up-{mode}/f{i}"))
        place.run("mirror", "--compress", place.url("sub"), "mirror-Z")
        same("f29", b"29" * 1000, place.read(place.here, "mirror-Z/f29"))


@test
def a_url_names_its_type():
    with Place() as place:
        said, _ = place.run("cat", place.url(";type=d"))
        same("a listing", b"big\nlines\nsub/\n", said)
        said, _ = place.run("get", place.url(";type=d"))
        same("get, too", b"big\nlines\nsub/\n", said)
        for letter, sent in (("a", "A"), ("i", "I"), ("e", "E")):
            said, errors = place.run("cat", "-v", place.url(f"lines;type={letter}"))
            expect(f"C: TYPE {sent}\n" in errors, errors)
            same(f"lines;type={letter}", b"one\ntwo\n", said)
        _, errors = place.run("cat", place.url("lines;type=x"), status=2)
        expect("none of a, i, d and e" in errors, errors)
        place.run("rm", place.url("lines;type=d"), status=2)


@test
def what_cannot_be_put_says_why():
    with Place() as place:
        with open(os.path.join(place.here, "long"), "wb") as file:
            file.truncate(1 << 20)
        _, errors = place.run("put", "--structure=P", "--type=L8", "long", place.url(""), status=1)
        expect("more pages than a logical byte can number" in errors, errors)
        with open(os.path.join(place.here, "a\nb"), "wb") as file:
            file.write(b"x")
        _, errors = place.run("put", "a\nb", place.url(""), status=1)
        expect("line end" in errors, errors)


@test
def options_that_mean_nothing_are_refused():
    with Place() as place:
        for words in (["--type=X"], ["--type=A:X"], ["--type=I:N"], ["--type=L"], ["--type=L0"], ["--type=L256"],
                      ["--type=L8x"], ["--type=AN"], ["--structure=X"], ["--structure=FF"], ["--mode=X"], ["--mode="],
                      ["--mode=B", "--compress"], ["--ascii", "--type=E"], ["--type=A", "--structure=P"],
                      ["--type=L3", "--structure=P"], ["--type=E", "--verify"], ["--ebcdic=nonsense"]):
            place.run("get", *words, place.url("lines"), status=2)
        same("files", [], os.listdir(place.here))


if __name__ == "__main__":
    main()
