"""Two reports: what became slower or faster beyond the noise.

Absolute figures change with the machine's day, so what is compared is how sluiced stands to the
other servers of its run: for each figure the middle one of the changes against all servers that
both runs have. Only where there is no other server is the figure itself compared. A change
counts when it is larger than the spread of either run, which is the width of the ratio's interval
(see verdict.py), and than SMALLEST in any case.
"""
import json
import statistics
import sys

from . import document

SMALLEST = 0.03
OF_ONE_ROUND = 0.5  # whose spread nobody knows


def ratios_of(scenario, name):
    return {each["against"]: each for each in scenario["ratios"] if each["metric"] == name}


def figure_of(scenario, name):
    """{server under test: figure} in the form of ratios_of, where there is such a figure."""
    for server in scenario["servers"]:
        each = server["figures"].get(name)
        if server["name"] == scenario["subject"] and each:
            return {"itself": {"ratio": each["median"], "spread": each["spread"]}}
    return {}


def spread(each):
    return OF_ONE_ROUND if each["spread"] is None else each["spread"]


def change(old, new, metric):
    """(change, noise): by what factor the new run is worse, and how much of it may be chance.
    None where the runs have nothing to compare."""
    before, after = ratios_of(old, metric["name"]), ratios_of(new, metric["name"])
    common = before.keys() & after.keys()
    if not common:
        before, after = figure_of(old, metric["name"]), figure_of(new, metric["name"])
        common = before.keys() & after.keys()
    pairs = [(before[each], after[each]) for each in common
             if before[each]["ratio"] > 0 and after[each]["ratio"] > 0]
    if not pairs:
        return None
    factor = statistics.median(b["ratio"] / a["ratio"] for a, b in pairs)
    noise = statistics.median(max(spread(a), spread(b), SMALLEST) for a, b in pairs)
    return (factor if metric["better"] == "low" else 1 / factor), noise


def changes(old, new):
    """Dicts of scenario, metric, factor (above 1: worse) and noise, the worst first."""
    older = {each["name"]: each for each in old["scenarios"]}
    found = []
    for scenario in new["scenarios"]:
        for metric in scenario["metrics"]:
            if metric["better"] and scenario["name"] in older:
                both = change(older[scenario["name"]], scenario, metric)
                if both:
                    found.append({"scenario": scenario["name"], "metric": metric["label"],
                                  "factor": both[0], "noise": both[1]})
    return sorted(found, key=lambda each: -each["factor"])


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
