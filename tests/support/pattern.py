"""Bytes that tell where they are: content for files large enough that a wrong offset, a hole or a
repeated window must show. No window of 251 bytes or more repeats before 61 KiB, and none is all zero."""

import filecmp
import functools
import os

BLOCK = b"".join(bytes((i * step) % 251 for i in range(251)) for step in range(1, 251))


KEPT_BYTES = 1 << 23


@functools.lru_cache(maxsize=1)
def front():
    return (BLOCK * (KEPT_BYTES // len(BLOCK) + 1))[:KEPT_BYTES]


def pattern(size, start=0):
    """The bytes [start .. size) of the pattern."""
    if start >= size:
        return b""
    if size <= KEPT_BYTES:
        return front()[start:size] if size > len(BLOCK) else BLOCK[start:size]
    skip = start % len(BLOCK)
    count = size - start
    return (BLOCK * ((skip + count) // len(BLOCK) + 1))[skip:skip + count]


def write_pattern(path, size):
    whole = memoryview(front())[:KEPT_BYTES // len(BLOCK) * len(BLOCK)]
    with open(path, "wb") as file:
        for start in range(0, size, len(whole)):
            file.write(whole[:size - start])


def same_files(one, other):
    """Piece by piece: memory that is new for a large file costs more than to read it."""
    return filecmp.cmp(one, other, shallow=False)


def write_large(path, size=100_000_000):
    """So that there is time to cut its transfer: mostly a hole."""
    write_pattern(path, 5_000_000)
    os.truncate(path, size - 1_000_000)
    with open(path, "ab") as file:
        file.write(pattern(1_000_000))
