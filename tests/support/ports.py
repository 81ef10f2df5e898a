"""Port ranges for servers under test.

Several runners may work at once, on one machine. Each server gets a slot of 32 ports that no other
runner uses: the slot's lock file stays locked until the slot is given back, or its runner ends.
All slots lie below the range from which the kernel takes ports of its own accord.
"""

import fcntl
import os
import random
import socket
import tempfile

FIRST_PORT = 10240
SLOT_PORTS = 32
SLOTS = 640


class Slot:
    """control is the port L, with L-1 kept free for it; passive are the remaining ports."""

    def __init__(self, lock, first):
        self.lock = lock
        self.control = first + 1
        self.passive = range(first + 2, first + SLOT_PORTS)

    def give(self):
        os.close(self.lock)


def is_free(port):
    families = [(socket.AF_INET, "0.0.0.0")]
    if have_ipv6():
        families.append((socket.AF_INET6, "::"))
    for family, address in families:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def have_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def have_global_ipv6():
    """Whether an interface has an IPv6 address of global scope: lftp looks for one first."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as addresses:
            return any(line.split()[3] == "00" for line in addresses)
    except OSError:
        return False


def take():
    folder = os.path.join(tempfile.gettempdir(), f"sluice-test-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    for number in random.sample(range(SLOTS), SLOTS):
        lock = os.open(os.path.join(folder, str(number)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        first = FIRST_PORT + number * SLOT_PORTS
        if all(is_free(port) for port in range(first, first + SLOT_PORTS)):
            return Slot(lock, first)
        os.close(lock)
    raise RuntimeError("no 32 free ports in a row between 10240 and 30719")
