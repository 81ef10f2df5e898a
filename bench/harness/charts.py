"""Two charts as SVG text: bars with their quartiles, and ratios around 1 with their intervals.
Colours and fonts come from the page's style sheet, so that both follow its light or dark colours.
"""
import html
import math

from .metrics import figure, short_name

WIDTH = 880
ROW = 26
LABEL_END = 238
BAR_START = 250
BAR_END = 680
GLANCE_START = 150
GLANCE_END = 710
LOGARITHMIC_FROM = 20
DECADES_MAX = 5


def text(x, y, content, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">'
            f'{html.escape(content)}</text>')


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def svg(height, parts, title, role="img"):
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="{role}" '
            f'aria-label="{html.escape(title)}">' + "".join(parts) + "</svg>")


def round_up(value):
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.9999)


def ticks(most):
    step = round_up(most / 4)
    return [i * step for i in range(int(most / step + 1e-9) + 1)]


class Scale:
    """From values to x: linear from 0, or logarithmic where the largest is LOGARITHMIC_FROM times
    the smallest, so that both can be seen."""

    def __init__(self, rows):
        self.most = max([each["high"] for each in rows] + [1e-12])
        least = min((each["median"] for each in rows), default=0)
        self.logarithmic = 0 < least * LOGARITHMIC_FROM < self.most
        if self.logarithmic:
            self.first = math.floor(math.log10(least) - 0.3)
            self.decades = math.log10(self.most) - self.first

    def x(self, value):
        part = value / self.most
        if self.logarithmic:
            part = max(math.log10(max(value, 1e-300)) - self.first, 0) / self.decades
        return BAR_START + part * (BAR_END - BAR_START)

    def ticks(self):
        if not self.logarithmic:
            return ticks(self.most)
        every = math.ceil(self.decades / DECADES_MAX)
        return [10.0 ** (self.first + i) for i in range(0, int(self.decades) + 1, every)]


def bar_row(y, each, scale):
    end = max(scale.x(each["median"]), BAR_START + 1.5)
    middle = y + ROW / 2
    tip = (f'{short_name(each["name"])}: {figure(each["median"])}, quartiles {figure(each["low"])} '
           f'and {figure(each["high"])}' + (f'; {each["tip"]}' if each["tip"] else ""))
    parts = [f'<g><title>{html.escape(tip)}</title>',
             text(LABEL_END, middle + 4.5, short_name(each["name"]), "name " + each["role"], "end"),
             f'<rect x="{BAR_START}" y="{y + 4:.1f}" width="{end - BAR_START:.1f}" '
             f'height="{ROW - 8}" rx="2" class="bar {each["role"]}"/>']
    low, high = (scale.x(each[edge]) for edge in ("low", "high"))
    if high - low > 1:
        parts += [line(low, middle, high, middle, "whisker")]
        parts += [line(x, middle - 4, x, middle + 4, "whisker") for x in (low, high)]
    label = figure(each["median"]) + (f"   {each['ratio']}" if each["ratio"] else "")
    return parts + [text(max(end, high) + 8, middle + 4.5, label, "value"), "</g>"]


def bars(rows, title, lower_is_better):
    """rows: dicts of name, role, median, low, high, ratio and tip (texts or ""). Best first."""
    rows = sorted(rows, key=lambda each: each["median"], reverse=not lower_is_better)
    scale = Scale(rows)
    bottom = 6 + ROW * len(rows)
    parts = []
    for tick in scale.ticks():
        x = scale.x(tick)
        parts += [line(x, 4, x, bottom, "grid"),
                  text(x, bottom + 16, figure(tick), "tick", "middle")]
    for i, each in enumerate(rows):
        parts += bar_row(4 + i * ROW, each, scale)
    return svg(bottom + 24, parts, title)


def glance_x(times, most):
    """1 in the middle, `most` times better at the right end, as much worse at the left."""
    middle = (GLANCE_START + GLANCE_END) / 2
    half = (GLANCE_END - GLANCE_START) / 2
    at = math.log(max(min(times, most), 1 / most)) / math.log(most)
    return middle + at * half


def mark(x, y, times, most, kind):
    """A dot, or an arrow where the scale ends before it."""
    if 1 / most <= times <= most:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" class="{kind}"/>'
    way = 8 if times > most else -8
    return (f'<path d="M{x - way / 2:.1f} {y - 5:.1f} l{way} 5 l{-way} 5 z" class="{kind}"/>')


def glance_row(y, each, most):
    middle = y + ROW / 2
    parts = [f'<a href="#{html.escape(each["name"])}">',
             text(GLANCE_START - 14, middle + 4.5, each["name"], "name", "end"), "</a>"]
    for kind, lane in (("reference", 6), ("http", -6), ("peer", 0)):
        if kind in each:
            times, low, high, against = each[kind]
            unsure = "" if low > 1 or high < 1 else ", 1 lies within the interval"
            tip = (f'{each["name"]}: {times:.2f} times as good as {short_name(against)} '
                   f'({low:.2f} to {high:.2f}{unsure})')
            kind = f"dot {kind} {'even' if unsure else 'worse' if times < 1 else 'better'}"
            parts += [f"<g><title>{html.escape(tip)}</title>",
                      line(glance_x(low, most), middle + lane, glance_x(high, most),
                           middle + lane, kind),
                      mark(glance_x(times, most), middle + lane, times, most, kind), "</g>"]
    if "peer" in each:
        times = each["peer"][0]
        label = f"{times:.2f} × " if times < 100 else f"{times:,.0f} × "
        parts.append(text(GLANCE_END + 16, middle + 4.5,
                          label + short_name(each["peer"][3].partition(":")[0]), "value"))
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
    return svg(bottom + 24, parts, title, "group")  # an image would hide its links
