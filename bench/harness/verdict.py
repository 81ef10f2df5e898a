"""Medians, quartiles, ratios with their intervals, and whether a bar is met.

A round measures all servers within seconds of each other, so what the machine did then it did to
all of them, and the rounds of two servers belong together in pairs. A ratio is that of the medians
of the two once what each pair has in common (its geometric mean) is taken out of both: the median
of the ratios of the pairs. Of synthetic rounds in which twice as much noise is common as is each
server's own, it strays two thirds as far as the ratio of the medians as they stand, for which
another run needs twice the rounds; that one is reported beside it.

In the interval the true value lies with 95 % probability. It is a pair of order statistics,
interpolated (Hettmansperger and Sheather 1986): how many of n rounds lie below the true median is
binomial, whatever their distribution is. Its width is the spread: of two runs of the same thing the
ratios differ by more than the wider spread about three times in a thousand.

A bar is NOISY, and decides nothing, where it lies within the interval. It is FAIL where the server
under test failed in any round, whatever it is about.
"""
import math
import statistics

ROUNDS_FOR_A_VERDICT = 7
SPREAD_WORTH_A_WORD = 0.15
SPREAD_LEAST = 0.03  # what a run has throughout, and another may not have, is in no round's noise
CERTAINTY = 0.95


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


def covered(count, edge):
    """The probability that the true median lies between the edge-th value from below and the
    edge-th from above, of so many."""
    return 1 - 2 * sum(math.comb(count, i) for i in range(edge)) / 2 ** count


def interval(values):
    """(low, high) of their median. Of five values and fewer it is their range, which is certain to
    less than 95 %."""
    ordered, count, edge = sorted(values), len(values), 1
    if covered(count, edge) < CERTAINTY:
        return ordered[0], ordered[-1]
    while covered(count, edge + 1) >= CERTAINTY:
        edge += 1
    outer, inner = covered(count, edge), covered(count, edge + 1)
    part = (outer - CERTAINTY) / (outer - inner)
    part = (count - edge) * part / (edge + (count - 2 * edge) * part)
    return tuple((1 - part) * a + part * b for a, b in
                 ((ordered[edge - 1], ordered[edge]), (ordered[-edge], ordered[-edge - 1])))


def failure_of(rounds):
    """What one server failed at in any of its rounds, or None."""
    return "; ".join(sorted({each["failure"] for each in rounds if each.get("failure")})) or None


def valid(rounds):
    """The rounds of one server, or none at all if any of them failed."""
    return [] if failure_of(rounds) else rounds


def values_of(rounds, metric):
    return [each[metric] for each in valid(rounds) if metric in each]


def pairs_of(own_rounds, other_rounds, metric):
    """Two lists: of the rounds that both servers have the metric of."""
    pairs = [(own[metric], other[metric]) for own, other in zip(valid(own_rounds),
                                                                 valid(other_rounds))
             if metric in own and metric in other]
    return [own for own, _ in pairs], [other for _, other in pairs]


def width(low, middle, high):
    """The distance of two edges, as a part of what lies between them."""
    return (high - low) / abs(middle) if middle else 0.0


def certainty(values):
    """Of their median: the interval, its width, and their number; of one nothing is known."""
    known = {"interval": None, "spread": None, "rounds": len(values)}
    if len(values) > 1:
        low, high = interval(values)
        wide = width(low, median(values), high)
        known.update(interval=[low, high], spread=max(wide, SPREAD_LEAST) if high else wide)
    return known


def figure(values):
    """What a report says of one figure over its rounds."""
    low, middle, high = quartiles(values)
    return {"median": middle, "low": low, "high": high, **certainty(values)}


def ratio_of_figure(values):
    """The same in the form of a ratio, of a figure that is one already."""
    found = figure(values)
    return {"ratio": found.pop("median"), **found}


def ratio_of_values(own, other):
    """The ratio of paired values, with quartiles, interval and spread, and that of the medians as
    they stand; None where there is none."""
    if not own or not all(other):
        return None
    return {**ratio_of_figure([a / b for a, b in zip(own, other)]),
            "of_medians": median(own) / median(other)}


def ratio(own_rounds, other_rounds, metric):
    return ratio_of_values(*pairs_of(own_rounds, other_rounds, metric))


def best_of(bar, results):
    """The name of the server that a bar is held to, or None."""
    medians = {name: median(values) for name in bar.against
               if (values := values_of(results.get(name, []), bar.metric))}
    return (min if bar.at_most is not None else max)(medians, key=medians.get, default=None)


def measured(bar, subject, results):
    """What a bar is held against: a dict as of ratio_of_values, and the server it is compared with;
    empty where something is missing."""
    own = results.get(subject, [])
    if not values_of(own, bar.metric):
        return {}
    if not bar.against:
        return ratio_of_figure(values_of(own, bar.metric))
    best = best_of(bar, results)
    found = best and ratio(own, results[best], bar.metric)
    return {"against": best, **found} if found else {}


def judge(bar, subject, results, rounds_needed=ROUNDS_FOR_A_VERDICT):
    """One line about one bar, as a dict. results: {server: [round, ...]}."""
    verdict = {"metric": bar.metric, "bar": bar.text(), "server": subject}
    found = measured(bar, subject, results)
    if not found:
        against = {"against": " ".join(bar.against)} if bar.against else {}
        failed = failure_of(results.get(subject, []))
        return {**verdict, **against, **({"failure": failed} if failed else {}),
                "verdict": "FAIL" if failed else "NO FIGURE"}
    low, high = found["interval"] or [found["ratio"]] * 2
    if bar.met(low) != bar.met(high):
        word = "NOISY"
    else:
        word = "PASS" if bar.met(found["ratio"]) else "FAIL"
    few = "" if found["rounds"] >= rounds_needed else f" ({found['rounds']} rounds)"
    return {**verdict, **found, "verdict": word + few}
