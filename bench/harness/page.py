"""A run as one HTML page that needs nothing else: no script, no network, light or dark as the
reader's system is."""
import html

from . import charts, summary
from .metrics import figure, percent, short_name, times

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbf9; --card: #fff; --ink: #1d2327; --soft: #5c666d; --rule: #e3e5e3;
  --subject: #0b7285; --peer: #a9b3ba; --bare: #d8c9a8; --http: #b9a5d6;
  --good: #2b7a3d; --bad: #b3372c; --unsure: #96690a; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181b; --card: #1b2125; --ink: #e4e8ea; --soft: #98a4ab; --rule: #2d353a;
  --subject: #3bc0d3; --peer: #66737b; --bare: #6b5f43; --http: #77639b;
  --good: #6ccb80; --bad: #f0857a; --unsure: #e0b050; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 40px 20px 80px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3em; letter-spacing: -.02em; }
h2 { font-size: 1.35rem; margin: 2.4em 0 .6em; letter-spacing: -.01em; }
h3 { font-size: 1.05rem; margin: 0 0 .1em; }
p { margin: .4em 0; } a { color: var(--subject); }
.soft, figcaption { color: var(--soft); } .lead { font-size: 1.1rem; max-width: 44em; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 18px 0; padding: 0; }
.facts div { min-width: 9em; } .facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; }
nav { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 18px 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 20px 22px; margin: 16px 0; }
.scroll { overflow-x: auto; } figure { margin: 12px 0 4px; } figcaption { font-size: .88rem; }
svg { display: block; width: 100%; min-width: 620px; height: auto; font-size: 13px; }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums; white-space: pre; }
svg .tick { fill: var(--soft); font-size: 11px; } svg .value { fill: var(--soft); }
svg .name.subject { font-weight: 650; fill: var(--subject); }
svg .name.reference { fill: var(--soft); }
svg .grid { stroke: var(--rule); } svg .one { stroke: var(--soft); stroke-width: 1.5; }
svg .bar.subject { fill: var(--subject); } svg .bar.peer { fill: var(--peer); }
svg .bar.reference { fill: var(--bare); }
svg .whisker { stroke: var(--ink); stroke-width: 1.3; opacity: .75; }
svg .dot { stroke-width: 3; } svg line.dot { opacity: .5; }
svg .dot.peer.better { fill: var(--good); stroke: var(--good); }
svg .dot.peer.worse { fill: var(--bad); stroke: var(--bad); }
svg .bar.http { fill: var(--http); } svg .dot.http { fill: var(--http); stroke: var(--http); }
svg .dot.reference { fill: var(--card); stroke: var(--soft); stroke-width: 2; }
svg .dot.peer.even { fill: var(--peer); stroke: var(--peer); }
svg a .name { fill: var(--subject); }
table { border-collapse: collapse; width: 100%; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 500; color: var(--soft); vertical-align: bottom; }
td { text-align: right; white-space: nowrap; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody tr:last-child > * { border-bottom: 0; } tr.subject > * { font-weight: 600; }
tbody th { color: var(--ink); font-weight: 400; white-space: nowrap; vertical-align: middle; }
tbody th small { color: var(--soft); font-weight: 400; display: block; font-size: .85em; }
.note { font-size: .85rem; } h3 a { color: inherit; text-decoration: none; }
td small { color: var(--soft); font-weight: 400; display: block; font-size: .85em; }
caption { text-align: left; color: var(--soft); padding-bottom: 4px; }
.asked td { padding-top: 3px; padding-bottom: 3px; } .asked td small { display: inline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px;
  margin: 22px 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 10px 14px; } .tiles b { display: block; font-size: 1.7rem; line-height: 1.25; }
.tiles span { color: var(--soft); font-size: .85rem; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--subject); outline-offset: 2px; }
@media (max-width: 600px) { main { padding: 20px 12px 60px; } .card { padding: 14px 12px; }
  h1 { font-size: 1.6rem; } .asked td.text { min-width: 12em; } }
@media print { :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc;
    --subject: #0b7285; --peer: #a9b3ba; --bare: #d8c9a8; --http: #b9a5d6;
    --good: #2b7a3d; --bad: #b3372c; --unsure: #96690a; color-scheme: light; }
  body { font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; } nav { display: none; } svg { min-width: 0; }
  .card, figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } a { color: inherit; text-decoration: none; } }
td.text { text-align: left; white-space: normal; } .asked th:nth-child(-n+3) { text-align: left; }
details { margin-top: 10px; } summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
.verdict { font-weight: 650; font-size: .8rem; letter-spacing: .03em; white-space: nowrap; }
.PASS { color: var(--good); } .FAIL { color: var(--bad); } .NOISY, .NO { color: var(--unsure); }
.SKIPPED { color: var(--soft); }
.noise { color: var(--unsure); font-size: .88rem; margin: 8px 0 0; padding-left: 1.2em; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; }
"""


def escape(value):
    return html.escape(str(value))


def tag(name, content, **attributes):
    text = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
                   for key, value in attributes.items())
    return f"<{name}{text}>{content}</{name}>"


def table(head, rows, name, caption=""):
    """rows: (class of the row, cells already HTML)."""
    top = tag("tr", "".join(tag("th", escape(each), scope="col") for each in head))
    lines = [tag("tr", "".join(cells), class_=kind) if kind else tag("tr", "".join(cells))
             for kind, cells in rows]
    content = tag("caption", escape(caption)) * bool(caption) + tag("thead", top) + \
        tag("tbody", "".join(lines))
    # What may have to be scrolled must be reached by keyboard, and say what it is.
    return tag("div", tag("table", content), class_="scroll", tabindex="0", role="region",
               aria_label=caption or name)


def verdict(word):
    return tag("span", escape(word), class_="verdict " + word.split()[0])


def facts(report):
    pairs = summary.facts(report)
    return tag("dl", "".join(tag("div", tag("dt", escape(name)) + tag("dd", escape(value)))
                             for name, value in pairs), class_="facts")


def tiles(report):
    """What the bars came to, in figures that can be read from afar."""
    bars = summary.verdicts(report)
    words = (("PASS", "bars met"), ("FAIL", "bars not met"), ("NOISY", "bars undecided: noise"),
             ("NO FIGURE", "bars without a figure"), ("SKIPPED", "bars skipped"))
    found = [(word.split()[0], str(bars[word]), text) for word, text in words if bars.get(word)]
    noisy, ratios = summary.ratios_noisy(report)
    if ratios:
        found.append(("NOISY" if noisy else "PASS", f"{noisy} of {ratios}",
                      "ratios are noisy"))
    return tag("ul", "".join(tag("li", tag("b", number, class_=word) + tag("span", text))
                             for word, number, text in found), class_="tiles")


def bars_table(report):
    rows = []
    for scenario in report["scenarios"]:
        for bar in scenario["bars"]:
            low = f" <small>({figure(bar['low'])} – {figure(bar['high'])})</small>" \
                if bar.get("low") != bar.get("high") else ""
            link = tag("a", escape(scenario["name"]), href="#" + scenario["name"])
            rows.append(("", [
                tag("td", link), tag("td", verdict(bar["verdict"]), class_="text"),
                tag("td", escape(summary.bar_subject(bar)), class_="text"),
                tag("td", escape(bar["bar"])),
                tag("td", escape(summary.bar_figure(bar)) + low,
                    **({"class_": "text"} if "failure" in bar else {})),
                tag("td", summary.bar_spread(bar))]))
    return table(["scenario", "verdict", "what", "bar", "figure (quartiles)", "spread"], rows,
                 "bars") if rows else ""


def glance(report):
    rows = summary.glance(report)
    if not rows:
        return ""
    caption = ("How many times better sluice is in each scenario's first figure, with the interval "
               "in which that lies with 95 % probability: than the best FTP peer (green; red where "
               "that is ahead, grey where it is undecided), than nginx with HTTP "
               "(violet), than the cheapest bare reference (ring). Left of the line it is worse; "
               "arrows lie beyond the scale, which is logarithmic.")
    chart = charts.glance(rows, "sluice against the best of each kind, scenario by scenario")
    return tag("h2", "At a glance", id="glance") + tag(
        "div", tag("figure", scrolled(chart, "at a glance") + tag("figcaption", caption)),
        class_="card")


def scrolled(chart, name):
    return tag("div", chart, class_="scroll", tabindex="0", role="region",
               aria_label="chart: " + name)


def ratio_short(ratio):
    """(text, tip) of how the subject stands to another."""
    if not ratio:
        return "", ""
    spread = percent(ratio["spread"])
    text = times(ratio["ratio"]) + f" ({spread}{', NOISY' * ratio['noisy']})" * bool(spread)
    interval = ", 95 % interval {} to {}".format(*map(times, ratio["interval"])) \
        if ratio["interval"] else ""
    return text, f"{ratio['server']} is at {times(ratio['ratio'])} of it{interval}"


def chart(scenario):
    first = scenario["metrics"][0]
    rows = []
    for server in scenario["servers"]:
        each = server["figures"].get(first["name"])
        if each:
            text, tip = ratio_short(summary.ratio_of(scenario, first["name"], server["name"]))
            rows.append({"name": server["name"], "role": server["role"], **each, "ratio": text,
                         "tip": tip})
    if not rows:
        return ""
    unit = f", {first['unit']}" if first["unit"] else ""
    better = {"low": "less is better", "high": "more is better"}.get(first["better"], "")
    ratio = f"; behind it {scenario['subject']} / it and its spread" \
        if any(row["ratio"] for row in rows) else ""
    scale = "; the scale is logarithmic" if charts.Scale(rows).logarithmic else ""
    caption = f"{first['label']}{unit}: {better}; lines join the quartiles{ratio}{scale}"
    return tag("figure", scrolled(charts.bars(rows, f"{scenario['name']}, {caption}",
                                              first["better"] == "low"), scenario["name"])
               + tag("figcaption", escape(caption)))


def figure_cell(server, metric):
    each = server["figures"].get(metric["name"])
    if not each:
        return tag("td", "–")
    spread = f"<small>{figure(each['low'])} – {figure(each['high'])}</small>" \
        if each["low"] != each["high"] else ""
    return tag("td", figure(each["median"]) + spread)


def servers_table(scenario):
    metrics = scenario["metrics"]
    head = ["server"] + [each["label"] + (f", {each['unit']}" if each["unit"] else "")
                         for each in metrics]
    rows = []
    for server in scenario["servers"]:
        if not server["without_figure"]:
            version = f"<small>{escape(server['version'])}</small>" if server["version"] else ""
            name = tag("th", escape(short_name(server["name"])) + version, scope="row")
            rows.append((server["role"], [name] + [figure_cell(server, each) for each in metrics]))
    missing = [tag("p", escape(f"{', '.join(map(short_name, names))}: {text}"), class_="soft note")
               for text, names in summary.without_figure(scenario).items()]
    return (table(head, rows, "figures of " + scenario["name"]) if rows else "") + "".join(missing)


def ratios_table(scenario):
    labels = {each["name"]: each["label"] for each in scenario["metrics"]}
    rows = [("", [tag("td", escape(labels[each["metric"]])),
                  tag("td", escape(short_name(each.get("against", "itself")))),
                  tag("td", times(each["ratio"])),
                  tag("td", times(each["of_medians"]) if "of_medians" in each else ""),
                  tag("td", f"{times(each['low'])} – {times(each['high'])}"),
                  tag("td", " – ".join(map(times, each["interval"] or []))),
                  tag("td", percent(each["spread"]) + " "
                      + verdict("NOISY") * each["noisy"])]) for each in scenario["ratios"]]
    if not rows:
        return ""
    title = tag("summary", "every ratio, with quartiles, interval and spread")
    return tag("details", title + table(
        [f"{scenario['subject']} / another", "other", "ratio", "of the medians as they stand",
         "quartiles of the rounds", "95 % interval", "spread"], rows, "ratios of " + scenario["name"]))


def scenario_card(scenario):
    noisy = " " + verdict("NOISY") if scenario["noisy"] else ""
    parts = [tag("h3", escape(scenario["name"]) + noisy), tag("p", escape(scenario["title"]))]
    if scenario["text"]:
        parts.append(tag("p", escape(scenario["text"]), class_="soft"))
    if scenario["skipped"]:
        parts.append(tag("p", f"{verdict('SKIPPED')} {escape(scenario['skipped'])}"))
        return tag("section", "".join(parts), class_="card", id=scenario["name"])
    parts += [chart(scenario), servers_table(scenario)]
    for bar in scenario["bars"]:
        spread = summary.bar_spread(bar)
        spread = f", spread {spread}" if spread else ""
        parts.append(tag("p", f"{verdict(bar['verdict'])} {escape(summary.bar_subject(bar))}: "
                              f"{escape(summary.bar_figure(bar))}, bar {escape(bar['bar'])}{spread}"))
    if scenario["noise"]:
        parts.append(tag("ul", "".join(tag("li", escape(each)) for each in scenario["noise"]),
                         class_="noise"))
    parts.append(ratios_table(scenario))
    return tag("section", "".join(parts), class_="card", id=scenario["name"])


def groups(report):
    found = {}
    for scenario in report["scenarios"]:
        found.setdefault(scenario["group"], []).append(scenario)
    return found


def key():
    kinds = (("subject", "sluice"), ("peer", "an FTP peer"), ("http", "HTTP instead"),
             ("bare", "a bare reference: the same system calls without a protocol"))
    return tag("p", "&emsp;".join(
        f'<span class="key" style="background:var(--{kind})"></span>{text}'
        for kind, text in kinds), class_="soft")


def navigation(report, anchors):
    links = [("#glance", "At a glance"), ("#bars", "Bars")] + \
        [("#" + anchor, name) for name, anchor in anchors.items()]
    missing = {"#glance": not summary.glance(report), "#bars": not summary.verdicts(report)}
    return tag("nav", "".join(tag("a", escape(name), href=href) for href, name in links
                              if not missing.get(href)), aria_label="chapters")


def page(report):
    found = groups(report)
    anchors = {name: name.lower().replace(" ", "-") for name in found}
    body = [tag("h1", "sluice, measured"),
            tag("p", escape(summary.sentence(report)), class_="lead"), facts(report),
            tiles(report), navigation(report, anchors), glance(report)]
    table_of_bars = bars_table(report)
    if table_of_bars:
        body += [tag("h2", "Bars", id="bars"), tag("div", table_of_bars, class_="card asked")]
    body.append(key())
    for name, scenarios in found.items():
        body.append(tag("h2", escape(name), id=anchors[name]))
        body += [scenario_card(each) for each in scenarios]
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>sluice, measured</title><style>{STYLE}</style></head>"
            + tag("body", tag("main", "".join(body))) + "</html>\n")
