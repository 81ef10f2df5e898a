"""What the harness calculates, with figures checked by hand.  python3 -m unittest <this file>"""
import copy
import os
import sys
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from harness import charts, compare, document, markdown, moved, page, summary, verdict  # noqa: E402
from harness.metrics import metric  # noqa: E402

CPU, RATE = "cpu_us_per_operation", "per_s"


def rounds(name, *values):
    return [{name: value, "failure": None} for value in values]


def ratio_of(name, against, ratio, spread=0.0):
    return {"metric": name, "server": "sluiced", "against": against, "ratio": ratio,
            "low": ratio, "high": ratio, "spread": spread}


def server(name, figures):
    return {"name": name, "role": document.role_of(name), "version": None, "without_figure": None,
            "rounds": [], "figures": {key: {"median": value, "low": value, "high": value,
                                            "spread": 0, "rounds": 7}
                                      for key, value in figures.items()}}


def report(*ratios):
    """A report of one scenario with two peers and a reference."""
    scenario = {
        "name": "small16", "group": "Small files", "title": "A <title>.", "text": "", "seconds": 1,
        "rounds": 7, "took_s": 1.0, "subject": "sluiced", "bars": [], "noise": ["<noise>"],
        "metrics": [{"name": each, **metric(each)._asdict()} for each in (CPU, RATE)],
        "servers": [server("sluiced", {CPU: 10, RATE: 100}), server("vsftpd", {CPU: 20, RATE: 90}),
                    server("nginx", {CPU: 5, RATE: 900})], "ratios": list(ratios)}
    machine = {"cpu": "c", "cpus": 2, "memory_bytes": 1 << 30, "kernel": "Linux 6", "commit": "abc",
               "architecture": "x86_64", "distribution": "", "virtual": None,
               "congestion_control": "cubic", "date": "2026-01-01T00:00:00+00:00"}
    settings = {"rounds": 7, "seconds": None, "quick": False, "scenarios": [], "servers": None}
    return document.run_document(machine, settings, [scenario])


class Verdicts(unittest.TestCase):
    def test_a_ratio_is_that_of_the_medians_with_quartiles_of_the_rounds(self):
        own, other = rounds(CPU, 1, 2, 3, 4, 5), rounds(CPU, 2, 2, 2, 2, 2)
        # Medians 3 and 2; the rounds' ratios .5 1 1.5 2 2.5 have the quartiles 1 and 2.
        self.assertEqual(verdict.ratio(own, other, CPU),
                         {"ratio": 1.5, "low": 1.0, "high": 2.0, "spread": 1 / 1.5})

    def test_a_server_that_failed_in_one_round_has_no_figure(self):
        failed = [*rounds(CPU, 1, 1), {"failure": "3 wrong bytes", CPU: 1}]
        self.assertIsNone(verdict.ratio(failed, rounds(CPU, 1, 1, 1), CPU))

    def test_a_bar_between_the_quartiles_is_noisy(self):
        bar = verdict.Bar(CPU, "vsftpd", at_most=1.6)
        results = {"sluiced": rounds(CPU, 1, 2, 3, 4, 5, 3, 3),
                   "vsftpd": rounds(CPU, *[2] * 7)}
        # Ratios .5 1 1.5 1.5 1.5 2 2.5: quartiles 1.25 and 1.75.
        self.assertEqual(verdict.judge(bar, "sluiced", results)["verdict"], "NOISY")

    def test_the_best_of_several_is_what_a_bar_is_held_to(self):
        bar = verdict.Bar(CPU, ["vsftpd", "proftpd"], at_most=0.9)
        results = {"sluiced": rounds(CPU, *[8] * 7), "vsftpd": rounds(CPU, *[20] * 7),
                   "proftpd": rounds(CPU, *[8] * 7)}
        judged = verdict.judge(bar, "sluiced", results)
        self.assertEqual((judged["against"], judged["ratio"], judged["verdict"]),
                         ("proftpd", 1.0, "FAIL"))


    def test_few_rounds_stand_behind_the_verdict_unless_one_says_all(self):
        bar = verdict.Bar(CPU, at_most=1)
        results = {"sluiced": rounds(CPU, 1)}
        self.assertEqual(verdict.judge(bar, "sluiced", results)["verdict"], "PASS (1 rounds)")
        self.assertEqual(verdict.judge(bar, "sluiced", results, 1)["verdict"], "PASS")


class Comparing(unittest.TestCase):
    def change(self, old, new):
        return compare.changes(report(old), report(new))[0]

    def test_a_higher_share_of_cpu_is_slower(self):
        found = self.change(ratio_of(CPU, "vsftpd", 0.5), ratio_of(CPU, "vsftpd", 0.6))
        self.assertAlmostEqual(found["factor"], 1.2)

    def test_a_lower_rate_is_slower(self):
        found = self.change(ratio_of(RATE, "vsftpd", 2), ratio_of(RATE, "vsftpd", 1))
        self.assertAlmostEqual(found["factor"], 2)

    def test_the_wider_spread_of_the_two_is_the_noise(self):
        found = self.change(ratio_of(CPU, "vsftpd", 0.5, 0.1), ratio_of(CPU, "vsftpd", 0.5, 0.2))
        self.assertEqual(found["noise"], 0.2)

    def test_one_server_that_had_a_bad_day_decides_nothing(self):
        names = ("vsftpd", "nginx", "pure-ftpd")
        old = report(*(ratio_of(CPU, name, 1) for name in names))
        new = report(ratio_of(CPU, "vsftpd", 3), *(ratio_of(CPU, name, 1) for name in names[1:]))
        cpu = [each for each in compare.changes(old, new) if each["metric"] == metric(CPU).label]
        self.assertEqual(cpu[0]["factor"], 1)

    def test_without_any_other_server_the_figure_itself_is_compared(self):
        old, new = report(), report()
        new["scenarios"][0]["servers"][0]["figures"][CPU]["median"] = 15
        self.assertAlmostEqual(compare.changes(old, new)[0]["factor"], 1.5)

    def test_a_lost_figure_is_named(self):
        new = report()
        new["scenarios"][0]["servers"][0]["figures"] = {}
        self.assertEqual(compare.broken(report(), new), ["small16: no figure any more"])


class Reports(unittest.TestCase):
    REPORT = report(ratio_of(CPU, "vsftpd", 0.5), ratio_of(CPU, "nginx", 2))

    def test_a_server_that_is_ahead_is_named(self):
        self.assertEqual(summary.lost(self.REPORT), [("small16", 0.5, "nginx")])
        self.assertIn("small16: nginx (HTTP) is ahead", markdown.document(self.REPORT))

    def test_the_page_escapes_what_it_shows_and_fetches_nothing(self):
        html = page.page(self.REPORT)
        self.assertIn("A &lt;title&gt;.", html)
        self.assertIn("&lt;noise&gt;", html)
        for word in ("http://", "https://", "<script", "url("):
            self.assertNotIn(word, html)

    def test_the_charts_are_well_formed(self):
        row = {"name": "a&b", "role": "peer", "median": 1, "low": 0.5, "high": 2, "ratio": "<"}
        for chart in (charts.bars([row, dict(row, median=0, low=0, high=0)], "t", True),
                      charts.glance(summary.glance(self.REPORT), "t")):
            xml.dom.minidom.parseString(chart)

    def test_a_report_without_any_figure_is_shown_too(self):
        empty = copy.deepcopy(self.REPORT)
        for each in empty["scenarios"][0]["servers"]:
            each.update(figures={}, without_figure="not measured")
        empty["scenarios"][0]["ratios"] = []
        self.assertIn("not measured", page.page(empty))
        self.assertIn("not measured", markdown.document(empty))


class UserSpace(unittest.TestCase):
    def test_calls_count_what_they_returned_and_mappings_their_length(self):
        for line, expected in (
                ('7 sendto(5, ""..., 20, MSG_NOSIGNAL, NULL, 0) = 20', 20),
                ('7 read(5, 0x7f, 100) = -1 EAGAIN (Resource temporarily unavailable)', 0),
                ("7 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 9, 0x1000) = 0x7f0000000000", 4096),
                ("7 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f", 0)):
            self.assertEqual(moved.bytes_of_call(line), expected, line)

    def test_operations_count_those_that_move_bytes_of_our_threads(self):
        submit = "  sluiced-{} [001] ..... 1.2: io_uring_submit_req: ring 1, req {}, " \
                 "user_data 0x1, opcode {}, flags 0x0, sq_thread 0"
        done = "  sluiced-7 [001] ..... 1.3: io_uring_complete: ring 1, req {}, " \
               "user_data 0x1, result {}, cflags 0x0 extra1 0 extra2 0"
        lines = [submit.format(7, "a", "RECV"), done.format("a", 10), done.format("a", 5),
                 submit.format(7, "b", "SPLICE"), done.format("b", 1000),
                 submit.format(9, "c", "SEND"), done.format("c", 1000),
                 submit.format(7, "a", "POLL_ADD"), done.format("a", 4),
                 submit.format(7, "d", "SEND"), done.format("d", -104)]
        self.assertEqual(moved.bytes_of_operations(lines, {7}), 15)


if __name__ == "__main__":
    unittest.main()
