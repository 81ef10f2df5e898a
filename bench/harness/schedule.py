"""In which order rounds are measured, and for how long.

The rounds of one scenario are not all measured in a row: half of them first, of every scenario,
then the others, then more of what is still noisy. So what the machine does for some minutes is
part of every scenario's spread, as it would be of the next run's, and does not pass for a
difference between two runs.
"""
import time

ROUNDS_FIRST = 4
ROUNDS_MORE = 2  # one forwards and one backwards


def worst(runs, left_s):
    """Of the runs that want more and can have it within left_s, the one that has had least."""
    able = [run for run in runs if ROUNDS_MORE * run.plan.round_s <= left_s and run.wants_more()]
    return min(able, key=lambda run: (run.rounds_done * run.plan.round_s), default=None)


def measure(runs, end_s, now=time.monotonic):
    """Measures the planned rounds of all runs, and more of the noisy ones until end_s. Yields each
    run whenever it has as many rounds as were planned, or more than that."""
    for run in runs:
        run.rounds_more(min(ROUNDS_FIRST, run.plan.rounds))
        if run.rounds_done >= run.plan.rounds or run.skipped:
            yield run
    for run in runs:
        if run.rounds_done < run.plan.rounds and not run.skipped:
            run.rounds_more(run.plan.rounds - run.rounds_done)
            yield run
    again = []
    while (run := worst(runs, end_s - now())) is not None:
        run.rounds_more(ROUNDS_MORE)
        if run not in again:
            again.append(run)
    yield from again
