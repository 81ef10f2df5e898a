"""The server's table of faults (see faulty_calls.c), from the test's side."""

import errno
import mmap
import os
import struct

ENTRY = struct.Struct("24sIIIiQ")
ACTIONS = {"short": 2, "late": 3}


class FaultTable:
    def __init__(self, path):
        self.path = path
        with open(path, "wb"):
            pass
        os.chmod(path, 0o666)
        self.memory = None
        self.places = {}

    def map(self):
        """Once the server has made it."""
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        for place in range(0, len(self.memory), ENTRY.size):
            name = ENTRY.unpack_from(self.memory, place)[0].rstrip(b"\0").decode()
            self.places[name] = place

    def clear(self):
        for place in self.places.values():
            struct.pack_into("IIIiQ", self.memory, place + 24, 0, 0, 0, 0, 0)

    def arm(self, kind, number, what):
        """what: an errno name, "short" or "late". Clears everything else."""
        self.clear()
        place = self.places[kind]
        error = 0 if what in ACTIONS else -getattr(errno, what)
        struct.pack_into("IIIi", self.memory, place + 24, 0, 0, ACTIONS.get(what, 1), error)
        struct.pack_into("I", self.memory, place + 28, number)

    def counts(self):
        return {name: ENTRY.unpack_from(self.memory, place)[1] for name, place in self.places.items()}

    def ring_bytes(self):
        """What ring operations have moved into memory or out of it, by kind."""
        entries = {name: ENTRY.unpack_from(self.memory, place)[5] for name, place in self.places.items()}
        return {name: count for name, count in entries.items() if count}

    def close(self):
        if self.memory:
            self.memory.close()
