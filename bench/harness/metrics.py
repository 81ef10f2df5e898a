"""What the figures are called, what they are counted in, and which end is the good one."""
import collections

Metric = collections.namedtuple("Metric", "label unit better")

LOW, HIGH, NEITHER = "low", "high", None

METRICS = {
    "cpu_s_per_gb": Metric("server CPU", "s/GB", LOW),
    "total_cpu_s_per_gb": Metric("CPU of both ends", "s/GB", LOW),
    "gb_per_s": Metric("rate", "GB/s", HIGH),
    "mb_per_s": Metric("rate", "MB/s", HIGH),
    "client_cpu_s_per_gb": Metric("client CPU", "s/GB", LOW),
    "client_cpu_s": Metric("client CPU", "s", LOW),
    "wall_s": Metric("time", "s", LOW),
    "jain": Metric("fairness (Jain)", "", HIGH),
    "cpu_us_per_operation": Metric("server CPU for each", "µs", LOW),
    "per_s": Metric("rate", "1/s", HIGH),
    "p50_us": Metric("median latency", "µs", LOW),
    "p99_us": Metric("99th percentile", "µs", LOW),
    "entries_per_s": Metric("entries, repeated", "1/s", HIGH),
    "first_entries_per_s": Metric("entries, first time", "1/s", HIGH),
    "cpu_us_per_entry": Metric("server CPU for each entry", "µs", LOW),
    "more_memory_mib": Metric("memory more, at its peak", "MiB", LOW),
    "cpu_s_per_file_gb": Metric("server CPU for the file", "s/GB", LOW),
    "part_sent": Metric("of the file's bytes sent", "", LOW),
    "errors": Metric("errors", "", LOW),
    "replies_425": Metric("replies 425", "", LOW),
    "wrong_bytes": Metric("wrong bytes", "", LOW),
    "first_ms": Metric("first time", "ms", LOW),
    "cpu_s": Metric("server CPU", "s", LOW),
    "cpu_group_s": Metric("server CPU by control group", "s", NEITHER),
    "pss_kib_per_session": Metric("memory for each session (PSS)", "KiB", LOW),
    "kernel_kib_per_session": Metric("kernel memory for each session", "KiB", LOW),
    "more_threads": Metric("threads more", "", LOW),
    "alone_gb_per_s": Metric("fast ones alone", "GB/s", HIGH),
    "beside_gb_per_s": Metric("fast ones beside", "GB/s", HIGH),
    "kept": Metric("of the rate kept", "", HIGH),
    "alone_p99_us": Metric("99th percentile alone", "µs", LOW),
    "beside_p99_us": Metric("99th percentile beside", "µs", LOW),
    "times": Metric("times the 99th percentile", "", LOW),
    "cold_mb_per_s": Metric("limit of the slow disk", "MB/s", NEITHER),
    "unequal_sessions": Metric("most minus fewest sessions of a worker", "", LOW),
    "to_network": Metric("LF to CR LF, of memcpy", "", HIGH),
    "from_network": Metric("CR LF to LF, of memcpy", "", HIGH),
    "table": Metric("table of 256, of the byte loop", "", HIGH),
    "table_7_bit": Metric("the same, 7-bit text", "", HIGH),
    "fresh_lines": Metric("fresh lines, of memchr and memcpy", "", HIGH),
    "user_percent_read": Metric("RETR: of the file through user space", "%", LOW),
    "user_percent_written": Metric("STOR: of the file through user space", "%", LOW),
}


# A server's own, of two measurements of the same round: no ratio of two of them is stated.
RATIOS = {"kept", "times", "to_network", "from_network", "table", "table_7_bit", "fresh_lines"}


def metric(name):
    return METRICS.get(name, Metric(name.replace("_", " "), "", NEITHER))


def short_name(name):
    """A server's name as a report shows it."""
    if name.startswith("reference:"):
        return "bare " + name.partition(":")[2]
    return "nginx (HTTP)" if name == "nginx" else name


def percent(part):
    """A spread, where it is known."""
    return "" if part is None else f"{part:.0%}"


def times(ratio):
    """A ratio: three digits behind the point, or where it is small, three that count."""
    return f"{ratio:.3f}" if abs(ratio) >= 0.1 or ratio == 0 else f"{ratio:.3g}"


def figure(value):
    """A number with four digits that count."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 0.001 else f"{value:.2g}"
