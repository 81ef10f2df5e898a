#!/usr/bin/env python3
"""Every combination of TYPE, STRU and MODE that RFC 959 knows, both ways, against encoders and decoders
that were written from its text: what comes is the file, or the combination is refused with 504.

SLUICE_TEST_SEED chooses how files are cut into blocks and strings; a failure tells which it was.
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import main, same  # noqa: E402
from representation import Form, from_pages, page_bits, to_pieces  # noqa: E402
from representing import FILES, SEED, Representing, same_content, served, stored  # noqa: E402

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


@served()
def every_combination_of_type_a_is_right_or_refused(server, root):
    walk(server, root, [kind for kind in KINDS if kind[0] == "A"])


@served()
def every_combination_of_type_e_is_right_or_refused(server, root):
    walk(server, root, [kind for kind in KINDS if kind[0] == "E"])


@served()
def every_combination_of_type_i_and_l_is_right_or_refused(server, root):
    walk(server, root, [kind for kind in KINDS if kind[0] in "IL"])


if __name__ == "__main__":
    main()
