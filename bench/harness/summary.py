"""What all forms of a report say alike: the machine, who is ahead, and by how much."""
from .metrics import RATIOS, figure, metric, percent, short_name, times
from .verdict import failure_of

AHEAD, EVEN, BEHIND, FAILED = "ahead", "even", "behind", "failed"


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
    repeated = sum(each["repeated"] for each in report["scenarios"])
    measured = repeated + sum(len(server["rounds"]) for each in report["scenarios"]
                              for server in each["servers"])
    virtual = "" if machine["virtual"] in (None, "none") else f" (virtual: {machine['virtual']})"
    return [
        ("CPU", f"{machine['cpu']}, {machine['cpus']} CPUs{virtual}"),
        ("memory", f"{machine['memory_bytes'] / (1 << 30):.0f} GiB"),
        ("kernel", f"{machine['kernel']} {machine['architecture']}"),
        ("distribution", machine["distribution"] or "unknown"),
        ("congestion control", machine["congestion_control"]),
        ("autogroups of the scheduler", machine.get("autogroup") or "unknown"),
        ("date", machine["date"].replace("T", " ").replace("+00:00", " UTC")),
        ("commit", machine["commit"] or "unknown"),
        ("rounds", f"{rounds_text(report)}, interleaved" + " (quick)" * settings["quick"]),
        ("measured in", f"{seconds / 60:.1f} minutes"),
        ("measured again", f"{repeated} of {measured} times, as something else was busy"
         if repeated else "never"),
        ("versions", ", ".join(versions)),
    ]


def ratio_of(scenario, name, against):
    return next((each for each in scenario["ratios"]
                 if each["metric"] == name and each.get("against") == against), None)


def ratio_text(ratio):
    spread = percent(ratio["spread"]) or "one round"
    return f"{times(ratio['ratio'])} ({spread}{', NOISY' * ratio['noisy']})"


def without_figure(scenario):
    """{why there is none: names of servers}"""
    found = {}
    for server in scenario["servers"]:
        if server["without_figure"]:
            found.setdefault(server["without_figure"], []).append(server["name"])
    return found


def bar_spread(bar):
    """Of a bar that is held against a ratio; of a plain figure the quartiles say enough."""
    return percent(bar.get("spread")) if "against" in bar or bar["metric"] in RATIOS else ""


def bar_figure(bar):
    return bar.get("failure") or figure(bar.get("ratio"))


def bar_subject(bar):
    against = f" over that of {short_name(bar['against'])}" if "against" in bar else ""
    return metric(bar["metric"]).label + against


def times_better(scenario, role):
    """(times, low, high, against) of the subject's first figure against the best of a role; low
    and high are the interval's. None where no such ratio is stated."""
    first = scenario["metrics"][0]
    names = {each["name"] for each in scenario["servers"] if each["role"] == role}
    found = []
    for each in scenario["ratios"]:
        low, high = each["interval"] or [each["ratio"]] * 2
        if each["metric"] == first["name"] and each.get("against") in names \
                and each["ratio"] > 0 and low > 0:
            value = each["ratio"], low, high
            if first["better"] == "low":
                value = 1 / each["ratio"], 1 / high, 1 / low
            found.append((*value, each["against"]))
    return min(found, default=None)


def failures(scenario):
    """{server: what it failed at}, of those under test."""
    return {each["name"]: text for each in scenario["servers"]
            if each["role"] == "subject" and (text := failure_of(each["rounds"]))}


def edges(each):
    """Of a figure, those of its interval."""
    return each.get("interval") or [each["median"]] * 2


def ahead_of(scenario, role):
    """(AHEAD, EVEN, BEHIND or FAILED: how the subject's first figure stands to the best of a role,
    a text of that, the other server), or None. It is EVEN where 1 lies within the ratio's interval;
    where no ratio is stated, where the intervals of the two figures meet."""
    best = times_better(scenario, role)
    if best:
        better, low, high, against = best
        word = AHEAD if low > 1 else BEHIND if high < 1 else EVEN
        unsure = f" ({low:.2f} to {high:.2f})" if word == EVEN else ""
        return word, f"{better:.2f} times as good{unsure}", against
    first = scenario["metrics"][0]
    figures = {each["name"]: each["figures"][first["name"]] for each in scenario["servers"]
               if first["name"] in each["figures"]
               and (each["role"] == role or each["name"] == scenario["subject"])}
    own = figures.pop(scenario["subject"], None)
    failed = failures(scenario).get(scenario["subject"])
    if not figures or not first["better"] or not (own or failed):
        return None
    against = (min if first["better"] == "low" else max)(
        figures, key=lambda name: figures[name]["median"])
    if failed:
        return FAILED, failed, against
    other = figures[against]
    less, more = edges(own)[1] < edges(other)[0], edges(own)[0] > edges(other)[1]
    if first["better"] == "low":
        less, more = more, less
    return AHEAD if more else BEHIND if less else EVEN, \
        f"at {figure(own['median'])} beside its {figure(other['median'])}", against


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


def standing(report, word):
    """The scenarios whose first figure is AHEAD, EVEN, BEHIND or FAILED: (scenario, text, against,
    subject)."""
    found = []
    for scenario in report["scenarios"]:
        for role in ("peer", "http"):
            stands = ahead_of(scenario, role)
            if stands and stands[0] == word:
                found.append((scenario["name"], stands[1], stands[2], scenario["subject"]))
    return found


def failed(report):
    """(scenario, server, text) of all failures of what is under test, a bar or none."""
    return [(scenario["name"], name, text) for scenario in report["scenarios"]
            for name, text in failures(scenario).items()]


def unmet(report):
    """Whether a bar is not met, or what is under test failed. Of a bar with few rounds its verdict
    says so behind its word, and decides nothing."""
    return bool(failed(report)) or any(bar["verdict"] == "FAIL" for scenario in report["scenarios"]
                                       for bar in scenario["bars"])


def verdicts(report):
    """{PASS, FAIL, NOISY …: number of bars}, those of few rounds among them."""
    found = {}
    for scenario in report["scenarios"]:
        for bar in scenario["bars"]:
            word = bar["verdict"].partition(" (")[0]
            found[word] = found.get(word, 0) + 1
    return found


def ratios_noisy(report):
    """(how many stated ratios have a spread worth a word, how many there are)."""
    ratios = [each for scenario in report["scenarios"] for each in scenario["ratios"]]
    return sum(each["noisy"] for each in ratios), len(ratios)


def sentence(report):
    compared = [stands[0] for each in report["scenarios"] if (stands := ahead_of(each, "peer"))]
    failing = dict.fromkeys(name for name, _, _ in failed(report))
    bars = verdicts(report)
    skipped = sum(bool(each["skipped"]) for each in report["scenarios"])
    noisy, ratios = ratios_noisy(report)
    text = f"{len(report['scenarios'])} scenarios"
    if skipped:
        text += f", {skipped} of them skipped"
    if compared:
        text += (f"; in {compared.count(AHEAD)} of the {len(compared)} with an FTP peer sluice is "
                 "ahead of the best one")
    if EVEN in compared:
        text += f", in {compared.count(EVEN)} as good, within the noise"
    if failing:
        text += f"; sluice failed in {', '.join(failing)}"
    if bars:
        text += f"; {bars.get('PASS', 0)} of {sum(bars.values())} bars are met"
    if noisy:
        text += f"; {noisy} of {ratios} ratios are noisy"
    return text + ". Compare figures only inside this run: another machine has others."
