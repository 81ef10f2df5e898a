"""Memory that stays with a virtual machine.

A page that a virtual machine uses for the first time costs its host's time as well, several times
what it costs to fill it, and that is told as CPU time of whoever comes first. Where the machine
gives free memory back to its host (free page reporting, a balloon), each time is the first. It
gives back large blocks alone, and takes small ones first: so of each mebibyte a page is kept.
"""
import os

MEBIBYTE = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")


def is_roomy(folder, mebibytes):
    """Whether so many have room in `folder`, in memory, and are a third of what is available."""
    with open("/proc/meminfo") as file:
        available = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    room = os.statvfs(folder)
    return available >> 10 >= 3 * mebibytes and room.f_bavail * room.f_frsize >= mebibytes * MEBIBYTE


def memory_hold(folder, mebibytes):
    """Has the host give so much memory for files in `folder`, in memory, and frees it but for a
    page of each mebibyte, which `folder` has as a file."""
    used = os.path.join(folder, "used")
    rest, page = os.urandom(MEBIBYTE - PAGE), os.urandom(PAGE)
    with open(os.path.join(folder, "held"), "wb", buffering=0) as held, \
            open(used, "wb", buffering=0) as file:
        for _ in range(mebibytes):
            file.write(rest)
            held.write(page)
    os.unlink(used)
