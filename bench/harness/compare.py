"""Two reports: which ratios differ by more than their spread, and what became slower or faster
beyond the noise.

Absolute figures change with the machine's day, so what is compared is how sluiced stands to the
other servers of its run. Of two runs of the same commit every stated ratio has to be the same, up
to the wider of its two spreads. Between two commits the middle one of the changes against all
servers that both runs have is what became slower or faster, so that one server's bad day decides
nothing. Only where there is no ratio is the figure itself compared.
"""
import json
import statistics
import sys

from . import document, verdict
from .metrics import metric

OF_ONE_ROUND = 0.5  # whose spread nobody knows
ITSELF = "itself"


def ratios_of(scenario, name):
    """{other server, or ITSELF: ratio}"""
    return {each.get("against", ITSELF): each for each in scenario["ratios"]
            if each["metric"] == name}


def figure_of(scenario, name):
    """The figure of the server under test in the form of ratios_of, where there is one."""
    for server in scenario["servers"]:
        each = server["figures"].get(name)
        if server["name"] == scenario["subject"] and each:
            return {ITSELF: {"ratio": each["median"], "spread": each["spread"]}}
    return {}


def spread(each):
    return OF_ONE_ROUND if each["spread"] is None else each["spread"]


def metrics_stated(scenario):
    """The first, and those with a bar."""
    names = {scenario["metrics"][0]["name"], *(bar["metric"] for bar in scenario["bars"])} \
        if scenario["metrics"] else ()
    return [each for each in scenario["metrics"] if each["name"] in names and each["better"]]


def both(old, new):
    """Pairs of a scenario in both reports, if it was measured in the same way."""
    older = {(each["name"], each["turns"]): each for each in old["scenarios"]}
    return [(older[key], each) for each in new["scenarios"]
            if (key := (each["name"], each["turns"])) in older]


def incomparable(old, new):
    """Texts: scenarios that both reports have, and that one of them measured at a stretch."""
    turns = {each["name"]: each["turns"] for each in old["scenarios"]}
    return [f"{each['name']}: by turns in the {'new' if each['turns'] else 'old'} one alone"
            for each in new["scenarios"]
            if each["name"] in turns and turns[each["name"]] != each["turns"]]


def pair(scenario, label, against, a, b):
    return {"scenario": scenario["name"], "metric": label, "against": against,
            "old": a["ratio"], "new": b["ratio"],
            "difference": abs(b["ratio"] - a["ratio"]) / abs(a["ratio"] or 1),
            "known": None not in (a["spread"], b["spread"]), "spread": max(spread(a), spread(b))}


def bar_pairs(before, after):
    """Bars whose best reference or peer is another one now, so that no ratio has both runs'."""
    older = {(bar["metric"], bar["bar"], n): bar for n, bar in enumerate(before["bars"])}
    for n, bar in enumerate(after["bars"]):
        old = older.get((bar["metric"], bar["bar"], n))
        if old and "ratio" in old and "ratio" in bar and \
                old.get("against") != bar.get("against"):
            yield pair(after, metric(bar["metric"]).label,
                       f"{old['against']}, now of {bar['against']}", old, bar)


def ratio_pairs(old, new):
    """Dicts of scenario, metric, against, old, new, difference (a part of the old ratio),
    known (whether it is of more than one round) and the wider spread, of every ratio that both
    reports state; the widest apart first."""
    found = []
    for before, after in both(old, new):
        for each in metrics_stated(after):
            older, newer = (ratios_of(run, each["name"]) for run in (before, after))
            found += [pair(after, each["label"], against, older[against], newer[against])
                      for against in older.keys() & newer.keys()]
        found += bar_pairs(before, after)
    return sorted(found, key=lambda each: (each["spread"] - each["difference"], each["scenario"]))


def apart(pairs):
    return [each for each in pairs if each["difference"] > each["spread"]]


def wide(pairs):
    return [each for each in pairs
            if each["known"] and each["spread"] > verdict.SPREAD_WORTH_A_WORD]


def one_sided(old, new):
    """Texts: ratios that only one of the reports states."""
    def stated(report):
        return {(scenario["name"], each["metric"], each.get("against", ITSELF))
                for scenario in report["scenarios"] for each in scenario["ratios"]}
    found = stated(old), stated(new)
    return [f"{name}, {metric(key).label} over that of {against}: only in the "
            f"{'old' if (name, key, against) in found[0] else 'new'} one"
            for name, key, against in sorted(found[0] ^ found[1])]


def change(old, new, described):
    """(change, noise): by what factor the new run is worse, and how much of it may be chance.
    None where the runs have nothing to compare."""
    before, after = ratios_of(old, described["name"]), ratios_of(new, described["name"])
    if not before.keys() & after.keys():
        before, after = figure_of(old, described["name"]), figure_of(new, described["name"])
    pairs = [(before[each], after[each]) for each in before.keys() & after.keys()
             if before[each]["ratio"] > 0 and after[each]["ratio"] > 0]
    if not pairs:
        return None
    factor = statistics.median(b["ratio"] / a["ratio"] for a, b in pairs)
    noise = statistics.median(max(spread(a), spread(b)) for a, b in pairs)
    return (factor if described["better"] == "low" else 1 / factor), noise


def changes(old, new):
    """Dicts of scenario, metric, factor (above 1: worse) and noise, the worst first."""
    found = []
    for before, after in both(old, new):
        for described in metrics_stated(after):
            changed = change(before, after, described)
            if changed:
                found.append({"scenario": after["name"], "metric": described["label"],
                              "factor": changed[0], "noise": changed[1]})
    return sorted(found, key=lambda each: -each["factor"])


def same_commit(old, new):
    commits = [each["machine"]["commit"] for each in (old, new)]
    return commits[0] == commits[1] and commits[0] is not None and not commits[0].endswith("+")


def broken(old, new):
    """Texts: what had a figure and has none now."""
    def with_figures(report):
        return {each["name"] for each in report["scenarios"] for server in each["servers"]
                if server["name"] == each["subject"] and server["figures"]}
    measured = {each["name"] for each in new["scenarios"]}
    return [f"{name}: no figure any more"
            for name in sorted((with_figures(old) & measured) - with_figures(new))]


def read(path):
    """The report in a file; ends the program with a line and 2 where it is none."""
    try:
        with open(path) as file:
            report = json.load(file)
        if not isinstance(report, dict) or report.get("schema") != document.SCHEMA:
            raise ValueError(f"not a report of schema {document.SCHEMA}")
        return report
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        sys.exit(2)
