"""What all forms of a report say alike: the machine, who is ahead, and by how much."""
from .metrics import metric, percent

NO_LESS = 0.99  # times as good: nobody is ahead by less than this leaves


def rounds_text(report):
    """Of the scenarios, the fewest and the most."""
    found = sorted({each["rounds"] for each in report["scenarios"] if each["rounds"]})
    return f"{found[0]} to {found[-1]}" if len(found) > 1 else "".join(map(str, found)) or "none"


def facts(report):
    """Pairs of what and its value."""
    machine, settings = report["machine"], report["settings"]
    versions = sorted({f"{server['name'].split(':')[0]} {server['version']}"
                       for scenario in report["scenarios"] for server in scenario["servers"]
                       if server["version"]})
    seconds = sum(each["took_s"] for each in report["scenarios"])
    virtual = "" if machine["virtual"] in (None, "none") else f" (virtual: {machine['virtual']})"
    return [
        ("CPU", f"{machine['cpu']}, {machine['cpus']} CPUs{virtual}"),
        ("memory", f"{machine['memory_bytes'] / (1 << 30):.0f} GiB"),
        ("kernel", f"{machine['kernel']} {machine['architecture']}"),
        ("distribution", machine["distribution"] or "unknown"),
        ("congestion control", machine["congestion_control"]),
        ("date", machine["date"].replace("T", " ").replace("+00:00", " UTC")),
        ("commit", machine["commit"] or "unknown"),
        ("rounds", f"{rounds_text(report)}, interleaved" + " (quick)" * settings["quick"]),
        ("measured in", f"{seconds / 60:.1f} minutes"),
        ("versions", ", ".join(versions)),
    ]


def ratio_of(scenario, name, against):
    return next((each for each in scenario["ratios"]
                 if each["metric"] == name and each["against"] == against), None)


def ratio_text(ratio):
    return f"{ratio['ratio']:.3f} ({percent(ratio['spread']) or 'one round'})"


def bar_subject(bar):
    against = f" over that of {bar['against']}" if "against" in bar else ""
    return metric(bar["metric"]).label + against


def times_better(scenario, role):
    """(times, low, high, against) of the subject's first figure against the best of a role; low
    and high are the interval's."""
    first = scenario["metrics"][0]
    names = {each["name"] for each in scenario["servers"] if each["role"] == role}
    found = []
    for each in scenario["ratios"]:
        low, high = each["interval"] or [each["ratio"]] * 2
        if each["metric"] == first["name"] and each["against"] in names and each["ratio"] > 0 \
                and low > 0:
            value = each["ratio"], low, high
            if first["better"] == "low":
                value = 1 / each["ratio"], 1 / high, 1 / low
            found.append((*value, each["against"]))
    return min(found, default=None)


def glance(report):
    rows = []
    for scenario in report["scenarios"]:
        row = {"name": scenario["name"]}
        for role in ("peer", "http", "reference"):
            best = times_better(scenario, role)
            if best:
                row[role] = best
        if len(row) > 1:
            rows.append(row)
    return rows


def lost(report):
    """The scenarios in whose first figure another server is ahead: (scenario, times, against,
    subject)."""
    found = []
    for scenario in report["scenarios"]:
        for role in ("peer", "http"):
            best = times_better(scenario, role)
            if best and best[0] < NO_LESS:
                found.append((scenario["name"], best[0], best[3], scenario["subject"]))
    return found


def sentence(report):
    compared = [each for each in glance(report) if "peer" in each]
    ahead = sum(each["peer"][0] >= NO_LESS for each in compared)
    bars = [bar["verdict"] for each in report["scenarios"] for bar in each["bars"]]
    met = sum(each.startswith("PASS") for each in bars)
    skipped = sum(bool(each["skipped"]) for each in report["scenarios"])
    noisy = sum(each["noisy"] for each in report["scenarios"])
    text = f"{len(report['scenarios'])} scenarios"
    if skipped:
        text += f", {skipped} of them skipped"
    if compared:
        text += (f"; in {ahead} of the {len(compared)} with an FTP peer sluice is ahead of the "
                 "best one")
    if bars:
        text += f"; {met} of {len(bars)} bars are met"
    if noisy:
        text += f"; {noisy} are noisy"
    return text + ". Compare figures only inside this run: another machine has others."
