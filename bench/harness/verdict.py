"""Medians, quartiles, ratios, and whether a bar is met.

A bar compares the medians of interleaved rounds. It is NOISY, and decides nothing, where
the bar lies between the quartiles of the ratios of the single rounds.
"""
import statistics

ROUNDS_FOR_A_VERDICT = 7


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


def values_of(rounds, metric):
    """The metric's values of one server, or none at all if any round of it failed."""
    if any(each.get("failure") for each in rounds):
        return []
    return [each[metric] for each in rounds if metric in each]


def spread(low, middle, high):
    """The distance of the quartiles, as a part of the median."""
    return (high - low) / abs(middle) if middle else 0.0


def ratio(own_rounds, other_rounds, metric):
    """Ratio of the medians, and the quartiles of the ratios of the single rounds; None where
    there is none."""
    own, other = values_of(own_rounds, metric), values_of(other_rounds, metric)
    ratios = [a / b for a, b in zip(own, other) if b]
    if not ratios or not statistics.median(other):
        return None
    middle = statistics.median(own) / statistics.median(other)
    low, _, high = quartiles(ratios)
    return {"ratio": middle, "low": low, "high": high, "spread": spread(low, middle, high)}


def judge(bar, subject, results, rounds_needed=ROUNDS_FOR_A_VERDICT):
    """One line about one bar, as a dict. results: {server: [round, ...]}."""
    verdict = {"metric": bar.metric, "bar": bar.text(), "server": subject}
    own = values_of(results.get(subject, []), bar.metric)
    if not own:
        return dict(verdict, verdict="NO FIGURE")
    if not bar.against:
        ratios, value = own, statistics.median(own)
    else:
        others = {name: values_of(results.get(name, []), bar.metric) for name in bar.against}
        medians = {name: statistics.median(each) for name, each in others.items() if each}
        if not medians:
            return dict(verdict, verdict="NO FIGURE", against=" ".join(bar.against))
        best = (min if bar.at_most is not None else max)(medians, key=medians.get)
        ratios = [a / b for a, b in zip(own, others[best]) if b]
        value = statistics.median(own) / medians[best] if medians[best] else float("inf")
        verdict["against"] = best
    low, _, high = quartiles(ratios)
    verdict.update(ratio=value, low=low, high=high, rounds=len(own))
    if low is not None and low < bar.bound < high:
        word = "NOISY"
    else:
        word = "PASS" if bar.met(value) else "FAIL"
    few = "" if len(own) >= rounds_needed else f" ({len(own)} rounds)"
    return dict(verdict, verdict=word + few)
