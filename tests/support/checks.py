"""A test is a function marked @test; its name is the sentence it proves. main() runs them all, or
those whose name contains one of the words on the command line, and counts; with --part K/N, only
every N-th of them, from the K-th on."""

import shutil
import sys
import time
import traceback

from sluiced import Failure

tests = []


class Skipped(Exception):
    """Raised with the name of what is missing."""


def test(function):
    tests.append(function)
    return function


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skipped(f"{program} is not installed")
    return path


def expect(condition, message):
    if not condition:
        raise Failure(message)


def same(name, expected, got):
    if expected != got:
        raise Failure(f"{name}\n  expected: {expected!r}\n  got:      {got!r}")


def wait_until(condition, message, timeout_s=30):
    """Waits until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        expect(time.monotonic() < deadline, f"{message} within {timeout_s} s")
        time.sleep(0.005)
    return found


def line_of(failure):
    """The line of the test, and not of what it calls."""
    file = sys.argv[0].rpartition("/")[2]
    frames = reversed(traceback.extract_tb(failure.__traceback__))
    return next((frame.lineno for frame in frames if frame.filename.endswith(file)), "?")


def run_one(function):
    start = time.monotonic()
    name = f"{sys.argv[0].rpartition('/')[2]} {function.__name__}"
    try:
        function()
    except Skipped as reason:
        print(f"SKIPPED {name}: {reason}", flush=True)
        return "skipped"
    except Failure as failure:
        print(f"FAILED  {name} (line {line_of(failure)})\n  {failure}", flush=True)
        return "failed"
    except Exception:
        print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
        return "failed"
    print(f"passed  {name} ({time.monotonic() - start:.1f} s)", flush=True)
    return "passed"


def main():
    words = sys.argv[1:]
    part, of = 1, 1
    if words[:1] == ["--part"]:
        part, of = (int(number) for number in words[1].split("/"))
        words = words[2:]
    chosen = [t for t in tests if not words or any(word in t.__name__ for word in words)][part - 1::of]
    results = [run_one(function) for function in chosen]
    summary = f"{results.count('passed')} passed, {results.count('failed')} failed"
    if "skipped" in results:
        summary += f", {results.count('skipped')} skipped"
    print(summary)
    sys.exit(1 if "failed" in results else 0)
