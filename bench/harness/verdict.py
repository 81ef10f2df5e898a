"""Medians, quartiles, ratios with their intervals, and whether a bar is met.

A round measures all servers within seconds of each other, so rounds are what chance deals out,
and the rounds of two servers belong together in pairs. How far a ratio of two medians may be off
is found by the bootstrap: rounds are drawn again from those measured, as many, with repetition, a
pair always as a pair; the ratio is calculated anew; what is left of RESAMPLES such ratios without
the outermost 2.5 % at either end is the interval, in which the true ratio lies with 95 %
probability. Its width is the spread: of two runs of the same thing the ratios differ by more than
the wider spread about once in a hundred times. A figure's interval is found in the same way.

A bar is NOISY, and decides nothing, where it lies within the interval.
"""
import functools
import random
import statistics

ROUNDS_FOR_A_VERDICT = 7
SPREAD_WORTH_A_WORD = 0.15
RESAMPLES = 1000
TAIL = 0.025  # of the resamples, at either end of the interval


class Bar:
    """`metric` of the server under test, over the same of the best of `against` (names; none:
    the figure itself), is at most or at least `bound`."""

    def __init__(self, metric, against=(), at_most=None, at_least=None):
        self.metric, self.against = metric, [against] if isinstance(against, str) else against
        self.at_most, self.at_least = at_most, at_least

    def met(self, value):
        return value <= self.at_most if self.at_most is not None else value >= self.at_least

    @property
    def bound(self):
        return self.at_most if self.at_most is not None else self.at_least

    def text(self):
        return ("at most " if self.at_most is not None else "at least ") + f"{self.bound:g}"


def quartiles(values):
    if len(values) < 2:
        return (values[0],) * 3 if values else (None,) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def median(values):
    """That of the statistics module, which takes three times as long."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


@functools.lru_cache(maxsize=None)
def resamples(count):
    """RESAMPLES draws of `count` out of `count` rounds; always the same, so that a report can be
    made again from its rounds."""
    draw = random.Random(count)
    return [draw.choices(range(count), k=count) for _ in range(RESAMPLES)]


def interval(own, other=None):
    """(low, high) of the median of own, or of its ratio to the median of other, whose rounds are
    paired with own's."""
    found = []
    for rounds in resamples(len(own)):
        value = median([own[i] for i in rounds])
        below = median([other[i] for i in rounds]) if other else 1
        if below:
            found.append(value / below)
    found.sort()
    outside = int(TAIL * len(found))
    return found[outside], found[-1 - outside]


def values_of(rounds, metric):
    """The metric's values of one server, or none at all if any round of it failed."""
    if any(each.get("failure") for each in rounds):
        return []
    return [each[metric] for each in rounds if metric in each]


def width(low, middle, high):
    """The distance of two edges, as a part of what lies between them."""
    return (high - low) / abs(middle) if middle else 0.0


def certainty(middle, own, other=None):
    """The interval, its width, and the number of rounds; of a single round nothing is known."""
    known = {"interval": None, "spread": None, "rounds": len(own)}
    if len(own) > 1:
        low, high = interval(own, other)
        known.update(interval=[low, high], spread=width(low, middle, high))
    return known


def figure(values):
    """What a report says of one figure over its rounds."""
    low, middle, high = quartiles(values)
    return {"median": middle, "low": low, "high": high, **certainty(middle, values)}


def ratio_of_values(own, other):
    """Ratio of the medians, the quartiles of the ratios of the single rounds, the interval and its
    width; None where there is none."""
    pairs = list(zip(own, other))
    if not pairs or not median([below for _, below in pairs]):
        return None
    own, other = map(list, zip(*pairs))
    middle = median(own) / median(other)
    low, _, high = quartiles([a / b for a, b in pairs if b])
    return {"ratio": middle, "low": low, "high": high, **certainty(middle, own, other)}


def ratio(own_rounds, other_rounds, metric):
    return ratio_of_values(values_of(own_rounds, metric), values_of(other_rounds, metric))


def best_of(bar, results):
    """(name, values) of the server that a bar is held to, or None."""
    others = {name: values_of(results.get(name, []), bar.metric) for name in bar.against}
    medians = {name: median(each) for name, each in others.items() if each}
    if not medians:
        return None
    name = (min if bar.at_most is not None else max)(medians, key=medians.get)
    return name, others[name]


def measured(bar, subject, results):
    """What a bar is held against: a dict with ratio, low, high, interval, spread and rounds, and
    the server it is compared with; empty where something is missing."""
    own = values_of(results.get(subject, []), bar.metric)
    if not own:
        return {}
    if not bar.against:
        found = figure(own)
        return {"ratio": found.pop("median"), **found}
    best = best_of(bar, results)
    found = best and ratio_of_values(own, best[1])
    return {"against": best[0], **found} if found else {}


def judge(bar, subject, results, rounds_needed=ROUNDS_FOR_A_VERDICT):
    """One line about one bar, as a dict. results: {server: [round, ...]}."""
    verdict = {"metric": bar.metric, "bar": bar.text(), "server": subject}
    found = measured(bar, subject, results)
    if not found:
        against = {"against": " ".join(bar.against)} if bar.against else {}
        return {**verdict, **against, "verdict": "NO FIGURE"}
    low, high = found["interval"] or [found["ratio"]] * 2
    if bar.met(low) != bar.met(high):
        word = "NOISY"
    else:
        word = "PASS" if bar.met(found["ratio"]) else "FAIL"
    few = "" if found["rounds"] >= rounds_needed else f" ({found['rounds']} rounds)"
    return {**verdict, **found, "verdict": word + few}
