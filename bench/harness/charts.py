"""Two charts as SVG text: bars with their quartiles, and a list of ratios around 1. Colours and
fonts come from the page's style sheet, so that both follow its light or dark colours."""
import html
import math

from .metrics import figure

WIDTH = 880
ROW = 26
LABEL_END = 238
BAR_START = 250
BAR_END = 690
GLANCE_END = 740


def text(x, y, content, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">'
            f'{html.escape(content)}</text>')


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def svg(height, parts, title):
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">'
            + "".join(parts) + "</svg>")


def short_name(name):
    if name.startswith("reference:"):
        return "bare " + name.partition(":")[2]
    return "nginx (HTTP)" if name == "nginx" else name


def round_up(value):
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.9999)


def ticks(most):
    step = round_up(most / 4)
    return [i * step for i in range(int(most / step + 1e-9) + 1)]


def bar_row(y, each, scale, ratio):
    end = BAR_START + max(each["median"] * scale, 1.5)
    middle = y + ROW / 2
    tip = (f'{each["name"]}: {figure(each["median"])}, quartiles {figure(each["low"])} and '
           f'{figure(each["high"])}')
    parts = [f'<g><title>{html.escape(tip)}</title>',
             text(LABEL_END, middle + 4.5, short_name(each["name"]), "name " + each["role"], "end"),
             f'<rect x="{BAR_START}" y="{y + 4:.1f}" width="{end - BAR_START:.1f}" '
             f'height="{ROW - 8}" rx="2" class="bar {each["role"]}"/>']
    low, high = (BAR_START + each[edge] * scale for edge in ("low", "high"))
    if high - low > 1:
        parts += [line(low, middle, high, middle, "whisker")]
        parts += [line(x, middle - 4, x, middle + 4, "whisker") for x in (low, high)]
    label = figure(each["median"]) + (f"   {ratio}" if ratio else "")
    return parts + [text(max(end, high) + 8, middle + 4.5, label, "value"), "</g>"]


def bars(rows, title, lower_is_better):
    """rows: dicts of name, role, median, low, high and ratio (a text or ""). Best first."""
    rows = sorted(rows, key=lambda each: each["median"], reverse=not lower_is_better)
    most = max([each["high"] for each in rows] + [1e-12])
    scale = (BAR_END - BAR_START) / most
    bottom = 6 + ROW * len(rows)
    parts = []
    for tick in ticks(most):
        x = BAR_START + tick * scale
        parts += [line(x, 4, x, bottom, "grid"),
                  text(x, bottom + 16, figure(tick), "tick", "middle")]
    for i, each in enumerate(rows):
        parts += bar_row(4 + i * ROW, each, scale, each["ratio"])
    return svg(bottom + 24, parts, title)


def glance_x(times, most):
    """1 in the middle, `most` times better at the right end, as much worse at the left."""
    middle = (BAR_START + GLANCE_END) / 2
    half = (GLANCE_END - BAR_START) / 2
    at = math.log(max(min(times, most), 1 / most)) / math.log(most)
    return middle + at * half


def glance_row(y, each, most):
    middle = y + ROW / 2
    parts = [text(LABEL_END, middle + 4.5, each["name"], "name", "end")]
    for kind in ("reference", "http", "peer"):
        if kind in each:
            times, low, high, against = each[kind]
            tip = f"{times:.2f} times as good as {against}"
            kind = f"dot {kind} {'worse' if times < 1 else 'better'}"
            parts += [f"<g><title>{html.escape(tip)}</title>",
                      line(glance_x(low, most), middle, glance_x(high, most), middle, kind),
                      f'<circle cx="{glance_x(times, most):.1f}" cy="{middle:.1f}" r="5" '
                      f'class="{kind}"/></g>']
    if "peer" in each:
        label = f"{each['peer'][0]:.2f} × {each['peer'][3]}"
        parts.append(text(GLANCE_END + 12, middle + 4.5, label, "value"))
    return parts


def glance(rows, title, most=32):
    """rows: dicts of name, and where there is one, of peer, http and reference: (times better,
    low, high, against)."""
    bottom = 6 + ROW * len(rows)
    parts = []
    for times in (1 / 32, 1 / 8, 1 / 2, 1, 2, 8, 32):
        x = glance_x(times, most)
        parts.append(line(x, 4, x, bottom, "one" if times == 1 else "grid"))
        label = f"{times:g}×" if times >= 1 else f"1/{1 / times:g}"
        parts.append(text(x, bottom + 16, label, "tick", "middle"))
    for i, each in enumerate(rows):
        parts += glance_row(4 + i * ROW, each, most)
    return svg(bottom + 24, parts, title)
