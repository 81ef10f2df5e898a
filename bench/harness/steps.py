"""Measurements that take turns, each for a few hundredths of a second.

What other guests of a machine do to it comes and goes within milliseconds as within minutes, and
doubles what a byte costs while it lasts. Two servers that are measured for half a second each, one
after the other, differ by whatever that was; of two that take turns every few hundredths of a
second, both have had the same of it.

A measurement is a generator: it prepares what it takes (a server, sessions, full buffers), has all
of that stand still, and yields; each time that it is resumed it goes on for TURN_S and yields again,
until it returns its result. What stands still is stopped by a signal, the load generator at the
same moment as its server: connections, buffers and caches are as they were when it goes on.
"""
import contextlib
import time

from . import accounting

TURN_S = 0.05


def whole(steps):
    """The result of a measurement that shares its time with nobody."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def interleaved(measurements):
    """{name: generator} -> {name: result}. Forwards and backwards by turns, so that none always
    follows the same one."""
    results, waiting = {}, list(measurements)
    with contextlib.ExitStack() as all_end:
        for each in measurements.values():
            all_end.callback(each.close)
        while waiting:
            for name in list(waiting):
                try:
                    next(measurements[name])
                except StopIteration as end:
                    results[name] = end.value
                    waiting.remove(name)
            waiting.reverse()
        return results


class Together:
    """A client beside which others run: they stand still when it does."""

    def __init__(self, client, *others):
        self.client, self.all = client, (client, *others)
        self.poll = client.poll

    def halt(self):
        for each in self.all:
            each.halt()

    def resume(self):
        for each in reversed(self.all):
            each.resume()


def halt(client, server):
    client.halt()
    server.halt()


def resume(client, server):
    server.resume()
    client.resume()


def awaited(client, server, limit_s, turn_s):
    """What client.poll returns at last, or None where it returns nothing within limit_s, and how
    long the machine was busy meanwhile. The steps of both, who stand still at the beginning and at
    the end; turn_s None: one step, and they never do."""
    busy = spent_s = 0
    while True:
        busy_before, began = accounting.machine_busy_s(), time.monotonic()
        if turn_s:
            resume(client, server)
        result = client.poll(turn_s or limit_s)
        if turn_s:
            halt(client, server)
        spent_s += time.monotonic() - began
        busy += accounting.machine_busy_s() - busy_before
        if result is not None or spent_s >= limit_s:
            return result, busy
        yield
