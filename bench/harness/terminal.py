"""A scenario as a table for the terminal: medians with their quartiles, and behind the first metric
how the server under test compares in it. Where the terminal is too narrow for all
quartiles, those of the first metric stay, then none; where it is too narrow for all columns, the
others follow below."""
import shutil
import textwrap

from . import summary
from .metrics import figure, short_name, times

GAP = 2
HEAD_WIDTH = 14  # from which on a column's head goes on in a second line
WIDTH_UNKNOWN = 120


def width_of_terminal():
    return max(shutil.get_terminal_size((WIDTH_UNKNOWN, 24)).columns, 40)


def cell(figures, name, quartiles=True):
    each = figures.get(name)
    if not each:
        return "-"
    if not quartiles or each["rounds"] < 2 or each["low"] == each["high"]:
        return figure(each["median"])
    return f"{figure(each['median'])} [{figure(each['low'])}, {figure(each['high'])}]"


def ratio_text(each, quartiles=True):
    if each["rounds"] < 2:
        return times(each["ratio"])
    middle = f" [{times(each['low'])}, {times(each['high'])}]" if quartiles else ""
    return f"{times(each['ratio'])}{middle} {each['spread']:.0%}" + " NOISY" * each["noisy"]


def head_lines(text, width):
    return textwrap.wrap(text, max(width, HEAD_WIDTH), break_long_words=False) or [""]


class Column:
    """A head of a few lines and a cell for each server, as wide as the widest."""

    def __init__(self, head, cells):
        self.cells = cells
        self.head = head_lines(head, max(map(len, cells), default=0))
        self.width = max(map(len, self.head + cells))


def block_lines(columns):
    """Lines of the columns side by side; the first is to the left, heads stand at the bottom."""
    depth = max(len(column.head) for column in columns)
    rows = [[([""] * (depth - len(column.head)) + column.head)[i] for column in columns]
            for i in range(depth)]
    rows += zip(*(column.cells for column in columns))
    return ["  " + (" " * GAP).join(
        text.ljust(column.width) if column is columns[0] else text.rjust(column.width)
        for text, column in zip(row, columns)).rstrip() for row in rows]


def total_width(columns):
    return sum(GAP + column.width for column in columns)


def table(name, columns, width):
    """Lines of the columns beside that of the names, in as many blocks as the width needs."""
    lines, block = [], [name]
    for column in columns:
        if len(block) > 1 and total_width([*block, column]) > width:
            lines += block_lines(block)
            block = [name]
        block.append(column)
    return lines + block_lines(block)


def columns_of(scenario, servers, quartiles):
    """Of the metrics and of the ratios; the first `quartiles` of them, and then the ratios, with
    quartiles."""
    first = scenario["metrics"][0]["name"]
    columns = [Column(each["label"] + (f", {each['unit']}" if each["unit"] else ""),
                      [cell(server["figures"], each["name"], i < quartiles) for server in servers])
               for i, each in enumerate(scenario["metrics"])]
    ratios = [summary.ratio_of(scenario, first, server["name"]) for server in servers]
    if any(ratios):
        columns.insert(1, Column(f"{scenario['subject']} / it", [
            ratio_text(each, quartiles > 0) if each else "" for each in ratios]))
    return columns


def servers_lines(scenario, width):
    servers = [each for each in scenario["servers"] if not each["without_figure"]]
    if not servers:
        return []
    name = Column("", [short_name(each["name"]) for each in servers])
    for quartiles in (len(scenario["metrics"]), 1, 0):
        columns = columns_of(scenario, servers, quartiles)
        if total_width([name, *columns]) <= width:
            break
    return table(name, columns, width)


def wrapped(text, width, hang=4):
    return textwrap.wrap(text, width, initial_indent="  ", subsequent_indent=" " * hang,
                         break_long_words=False, break_on_hyphens=False)


def bar_text(each):
    found = f": {each['failure']}" if "failure" in each else ""
    if "ratio" in each:
        quartiles = f" [{figure(each['low'])}, {figure(each['high'])}]" \
            if each["low"] != each["high"] else ""
        found = f": {figure(each['ratio'])}{quartiles} {summary.bar_spread(each)}".rstrip()
    return f"{each['verdict']:6} {summary.bar_subject(each)}{found}; bar: {each['bar']}"


def scenario_lines(scenario, width=None):
    width = width or width_of_terminal()
    noisy = " NOISY" if scenario["noisy"] else ""
    lines = ["", *textwrap.wrap(f"{scenario['name']}:{noisy} {scenario['title']}", width)]
    if scenario["skipped"]:
        return lines + wrapped(f"skipped: {scenario['skipped']}", width)
    lines += servers_lines(scenario, width)
    for text, names in summary.without_figure(scenario).items():
        lines += wrapped(f"{', '.join(map(short_name, names))}: {text}", width)
    for bar in scenario["bars"]:
        lines += wrapped(bar_text(bar), width, hang=9)
    for note in scenario["noise"]:
        lines += wrapped(f"noise: {note}", width)
    return lines
