"""A tree of 1,000 files with the names that real clients stumble over, and one file of 1 GiB."""

import hashlib
import os
import random
import tempfile

FOLDERS = ["plain", "with space", "ünï cödé 日本", "it's quoted", "-dash", "deep/er/still", "x.y", "A", "a b/c d", "z"]
NAMES = ["plain{}", "with space {}", "naïve 日本 {}.txt", "it's {}", 'a "quoted" {}', "-dash{}", "--{}",
         "{}.tar.gz", "UPPER{}", "under_score-{}"]
BIG_BYTES = 1 << 30
PIECE = 1 << 24


def make(folder, files=1000):
    """Makes the tree; every tenth file is empty. Returns relative path -> sha256."""
    numbers = random.Random(959)
    digests = {}
    for number in range(files):
        directory = FOLDERS[number % len(FOLDERS)]
        name = NAMES[number // len(FOLDERS) % len(NAMES)].format(number)
        os.makedirs(os.path.join(folder, directory), exist_ok=True)
        size = 0 if number % 10 == number // 100 else int(2 ** numbers.uniform(0, 15))
        data = numbers.randbytes(size)
        with open(os.path.join(folder, directory, name), "wb") as file:
            file.write(data)
        digests[f"{directory}/{name}"] = hashlib.sha256(data).hexdigest()
    return digests


def digests(folder):
    """Relative path -> sha256 of what is there."""
    result = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                result[os.path.relpath(path, folder)] = hashlib.file_digest(file, "sha256").hexdigest()
    return result


def make_big(path, size=BIG_BYTES):
    """Random bytes, each piece marked with its number, every eighth a hole."""
    piece = bytearray(random.Random(114).randbytes(PIECE))
    with open(path, "wb") as file:
        for number in range(size // PIECE):
            piece[0:8] = number.to_bytes(8, "big")
            if number % 8 == 7:
                file.seek(PIECE, os.SEEK_CUR)
            else:
                file.write(piece)
        file.truncate(size)


def scratch():
    """A new folder with room for some gigabytes: in memory if there is enough."""
    room = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    enough = room and room.f_bavail * room.f_frsize > 6 * BIG_BYTES and "TMPDIR" not in os.environ
    return tempfile.TemporaryDirectory(prefix="sluice-interop-", dir="/dev/shm" if enough else None)


def compare(wanted, got):
    """None, or how the digests `got` differ from `wanted`."""
    missing = sorted(set(wanted) - set(got))
    extra = sorted(set(got) - set(wanted))
    wrong = sorted(path for path in set(got) & set(wanted) if wanted[path] != got[path])
    if not (missing or extra or wrong):
        return None
    return f"{len(missing)} missing {missing[:3]}, {len(extra)} extra {extra[:3]}, {len(wrong)} wrong {wrong[:3]}"
