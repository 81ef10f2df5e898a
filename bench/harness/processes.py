"""Processes that are made to stand still and go on again, with all their children."""
import ctypes
import os
import select
import signal
import time

from . import accounting

PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None)


def die_with_parent():
    """For a new process, before it executes: one that stands still would outlive a benchmark that
    is killed, for ever."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def readable(file, timeout_s):
    """Whether it can be read within that time. Not select(2): a process of each session and a
    descriptor of each process make numbers that it cannot take."""
    waited = select.poll()
    waited.register(file, select.POLLIN)
    return bool(waited.poll(timeout_s * 1000))


class Tree:
    """The process pid and its descendants, or (below) the descendants alone. A process is held by a
    descriptor: its number may be another one's as soon as it has gone."""

    def __init__(self, pid, below=False):
        self.pid, self.below, self.handles = pid, below, {}

    def _signal(self, number):
        """To all that are known."""
        for pid, handle in list(self.handles.items()):
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                os.close(self.handles.pop(pid))

    def _unknown(self):
        return [pid for pid in accounting.tree(self.pid)
                if pid not in self.handles and not (self.below and pid == self.pid)]

    def halt(self):
        """Those that are known at once, then those that are new: a parent stands still before its
        children are looked for once more. Returns when the known ones were stopped."""
        self._signal(signal.SIGSTOP)
        halted_s = time.monotonic()
        while pids := self._unknown():
            for pid in pids:
                try:
                    self.handles[pid] = os.pidfd_open(pid)
                except ProcessLookupError:
                    pass
            self._signal(signal.SIGSTOP)
        return halted_s

    def resume(self):
        self._signal(signal.SIGCONT)

    def close(self):
        """They go on."""
        self.resume()
        while self.handles:
            os.close(self.handles.popitem()[1])
