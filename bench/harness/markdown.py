"""A run as Markdown, for a file that stands in the tree: short tables, and where another server is
ahead it says so."""
from . import summary
from .metrics import figure, short_name, times


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
                    for row in rows]


def spread(each):
    if each["low"] == each["high"]:
        return figure(each["median"])
    return f"{figure(each['median'])} ({figure(each['low'])} – {figure(each['high'])})"


def bars(report):
    rows = []
    for scenario in report["scenarios"]:
        for bar in scenario["bars"]:
            value = summary.bar_figure(bar)
            if "low" in bar and bar["low"] != bar["high"]:
                value += f" ({figure(bar['low'])} – {figure(bar['high'])})"
            medians = times(bar["of_medians"]) if "of_medians" in bar else ""
            rows.append([scenario["name"], summary.bar_subject(bar), bar["bar"], value, medians,
                         summary.bar_spread(bar), bar["verdict"]])
    return table(["scenario", "what", "bar", "figure (quartiles)", "of the medians", "spread", ""],
                 rows) if rows else []


def behind(report):
    lines = [f"- {scenario}: {server} failed: {text}."
             for scenario, server, text in summary.failed(report)]
    lines += [f"- {scenario}: {short_name(against)} is ahead, {subject} is {text}."
              for scenario, text, against, subject in summary.standing(report, summary.BEHIND)]
    lines = lines or ["In no scenario's first figure is another server ahead."]
    even = [f"- {scenario}: beside {short_name(against)}, {subject} is {text}."
            for scenario, text, against, subject in summary.standing(report, summary.EVEN)]
    return [*lines, *(["", "As good, within the noise:", "", *even] if even else [])]


def scenario(each):
    metrics = each["metrics"]
    first = metrics[0]["name"]
    head = ["server", *(metric["label"] + (f", {metric['unit']}" if metric["unit"] else "")
                        for metric in metrics), f"{each['subject']} / it (spread)"]
    rows = []
    for server in each["servers"]:
        if server["without_figure"]:
            continue
        ratio = summary.ratio_of(each, first, server["name"])
        name = short_name(server["name"])
        rows.append([f"**{name}**" if server["name"] == each["subject"] else name,
                     *(spread(server["figures"][metric["name"]])
                       if metric["name"] in server["figures"] else "–" for metric in metrics),
                     summary.ratio_text(ratio) if ratio else ""])
    lines = [f"### {each['name']}", "", each["title"], ""]
    if each["text"]:
        lines += [each["text"], ""]
    if each["skipped"]:
        return lines + [f"Skipped: {each['skipped']}.", ""]
    if rows:
        lines += [*table(head, rows), ""]
    notes = [f"{short_name(server['name'])}: {server['without_figure']}."
             for server in each["servers"] if server["without_figure"]
             and not server["without_figure"].startswith("not among")]
    notes += [f"Noise: {note}." for note in each["noise"]]
    return lines + [f"- {note}" for note in notes] + ([""] if notes else [])


def document(report):
    lines = ["# Results", "", summary.sentence(report), "",
             "Written by `bench/run --results`; medians with quartiles in brackets; a ratio is that "
             "of the rounds' pairs, its spread the width of its 95 % interval, and NOISY where that "
             "is over 15 %. How it is measured stands in [README.md](README.md).", ""]
    lines += table(["", ""], summary.facts(report))
    lines += ["", "## Bars", "", *bars(report), "", "## Where sluiced is not ahead", "",
              *behind(report), ""]
    group = None
    for each in report["scenarios"]:
        if each["group"] != group:
            group = each["group"]
            lines += [f"## {group}", ""]
        lines += scenario(each)
    return "\n".join(lines).rstrip() + "\n"
