"""Text conversion beside memcpy of the same bytes, by the functions alone: no server takes part.

Buffers of 64 KiB in the L2 cache, lines of 40 to 80 bytes; the table beside the byte loop; and
fresh lines in memory beside memchr and memcpy, the least of all kinds of lines. `make
bench-translate` prints every way."""
import re
import subprocess

from harness.scenario import Bar, Failed, Unavailable

GROUP = "Text"
SERVERS = ["sluiced"]
BARS = [Bar("to_network", at_least=0.35), Bar("from_network", at_least=0.30),
        Bar("table", at_least=2.3), Bar("table_7_bit", at_least=4), Bar("fresh_lines", at_least=1)]
SHOW = [bar.metric for bar in BARS]
SECONDS = 0
COST = 4
FIGURE = re.compile(r"^  (?:PASS|FAIL)  ([\d.]+), at least [\d.]+: (.*)$", re.MULTILINE)
NAMES = {"LF -> CR LF of memcpy, L2": "to_network", "CR LF -> LF of memcpy, L2": "from_network",
         "table of the scalar one, any bytes, L2": "table",
         "table of the scalar one, 7-bit, L2": "table_7_bit"}


def measure(bench, server, seconds):
    told = subprocess.run([bench.translate, "--rounds", "1", "--mib", "48"], capture_output=True,
                          text=True, check=False).stdout
    if "chosen at start: avx2" not in told:
        raise Unavailable("the bars are those of a processor with AVX2")
    ratios = {what: float(ratio) for ratio, what in FIGURE.findall(told)}
    result = {name: ratios[what] for what, name in NAMES.items() if what in ratios}
    fresh = [ratio for what, ratio in ratios.items() if what.endswith("fresh")]
    if len(result) < len(NAMES) or not fresh:
        raise Failed("the figures are not those expected")
    return {**result, "fresh_lines": min(fresh)}
