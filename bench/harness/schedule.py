"""In which order rounds are measured, and for how long.

The rounds of one scenario are not all measured in a row: half of them first, of every scenario,
then the others, then more of what is noisy. So what the machine does for some minutes is part of
every scenario's spread, as it would be of the next run's, and does not pass for a difference
between two runs.

What time is left goes to as many scenarios as it can bring to a spread worth no word: those that
need the least for that, by turns.
"""
import time

ROUNDS_FIRST = 4
ROUNDS_MORE = 2  # one forwards and one backwards


def promising(runs, left_s):
    """The runs that want more rounds and that left_s is enough for, the cheapest first; of the
    others the cheapest one where there is no such run."""
    needed = sorted(((max(wanted, ROUNDS_MORE) * run.round_s(), i)
                     for i, run in enumerate(runs) if (wanted := run.rounds_wanted())))
    found = []
    for seconds, i in needed:
        if seconds > left_s and (found or ROUNDS_MORE * runs[i].round_s() > left_s):
            continue
        found.append(runs[i])
        left_s -= seconds
    return found


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
    turns, again = 0, {}  # each run's last turn
    while found := promising(runs, end_s - now()):
        run = min(found, key=lambda each: again.get(each, -1))
        run.rounds_more(ROUNDS_MORE)
        turns += 1
        again[run] = turns
    yield from again
