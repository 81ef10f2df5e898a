"""A scenario as a table for the terminal: medians with their quartiles, and in the last
column how the server under test compares in the first metric."""
from .metrics import figure, percent


def cell(figures, name):
    each = figures.get(name)
    if not each:
        return "-"
    if each["rounds"] < 2 or each["low"] == each["high"]:
        return figure(each["median"])
    return f"{figure(each['median'])} [{figure(each['low'])}, {figure(each['high'])}]"


def table(rows):
    """Lines of the rows' cells, each column as wide as its widest; the first is to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                             for i, (text, width) in enumerate(zip(row, widths))).rstrip()
            for row in rows]


def ratio_text(each):
    if each["rounds"] < 2:
        return f"{each['ratio']:.3f}"
    return f"{each['ratio']:.3f} [{each['low']:.3f}, {each['high']:.3f}] {percent(each['spread'])}"


def server_rows(scenario):
    metrics = scenario["metrics"]
    first = metrics[0]["name"]
    rows = [["", *(each["label"] + (f", {each['unit']}" if each["unit"] else "")
                   for each in metrics), f"{scenario['subject']} / it"]]
    for server in scenario["servers"]:
        if server["without_figure"]:
            continue
        ratio = next((each for each in scenario["ratios"]
                      if each["metric"] == first and each["against"] == server["name"]), None)
        rows.append([server["name"], *(cell(server["figures"], each["name"]) for each in metrics),
                     ratio_text(ratio) if ratio else ""])
    return rows


def bar_line(each):
    against = f" / {each['against']}" if "against" in each else ""
    ratio = ratio_text(each) if "ratio" in each else ""
    return f"  {each['verdict']:9} {each['metric']}{against}: {ratio}  bar: {each['bar']}"


def scenario_lines(scenario):
    noisy = " NOISY" if scenario["noisy"] else ""
    lines = ["", f"{scenario['name']}:{noisy} {scenario['title']}"]
    if scenario["skipped"]:
        return lines + [f"  skipped: {scenario['skipped']}"]
    lines += table(server_rows(scenario))
    for server in scenario["servers"]:
        if server["without_figure"]:
            lines.append(f"  {server['name']}: {server['without_figure']}")
    lines += [bar_line(each) for each in scenario["bars"]]
    return lines + [f"  noise: {each}" for each in scenario["noise"]]
