"""What the harness calculates, with figures checked by hand.  python3 -m unittest <this file>"""
import copy
import fcntl
import json
import math
import os
import pathlib
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
import unittest.mock
import xml.dom.minidom
from random import Random

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from harness import accounting, charts, clients, compare, document, markdown  # noqa: E402
from harness import memory, moved, page, processes, rounds as rounds_, schedule  # noqa: E402
from harness import servers, steps, summary, terminal, verdict  # noqa: E402
from harness.metrics import METRICS, metric  # noqa: E402

CPU, RATE = "cpu_us_per_operation", "per_s"


def rounds(name, *values):
    return [{name: value, "failure": None} for value in values]


def ratio_of(name, against, ratio, spread=0.0):
    return {"metric": name, "server": "sluiced", "against": against, "ratio": ratio,
            "low": ratio, "high": ratio, "interval": [ratio, ratio], "spread": spread,
            "of_medians": ratio, "noisy": spread > 0.15, "rounds": 7}


def server(name, figures):
    return {"name": name, "role": document.role_of(name), "version": None, "without_figure": None,
            "rounds": [], "figures": {key: {"median": value, "low": value, "high": value,
                                            "spread": 0, "rounds": 7}
                                      for key, value in figures.items()}}


def report(*ratios):
    """A report of one scenario with two peers and a reference."""
    scenario = {
        "name": "small16", "group": "Small files", "title": "A <title>.", "text": "", "seconds": 1,
        "rounds": 7, "turns": True, "repeated": 0, "took_s": 1.0, "skipped": None, "noisy": False,
        "subject": "sluiced",
        "bars": [], "noise": ["<noise>"],
        "metrics": [{"name": each, **metric(each)._asdict()} for each in (CPU, RATE)],
        "servers": [server("sluiced", {CPU: 10, RATE: 100}), server("vsftpd", {CPU: 20, RATE: 90}),
                    server("nginx", {CPU: 5, RATE: 900})], "ratios": list(ratios)}
    machine = {"cpu": "c", "cpus": 2, "memory_bytes": 1 << 30, "kernel": "Linux 6", "commit": "abc",
               "architecture": "x86_64", "distribution": "", "virtual": None,
               "congestion_control": "cubic", "date": "2026-01-01T00:00:00+00:00"}
    settings = {"rounds": 7, "seconds": None, "quick": False, "scenarios": [], "servers": None}
    return document.run_document(machine, settings, [scenario])


class Verdicts(unittest.TestCase):
    def test_a_ratio_is_the_middle_one_of_the_pairs_with_quartiles(self):
        own, other = rounds(CPU, 8, 2, 3, 4, 5), rounds(CPU, 8, 2, 2, 2, 2)
        found = verdict.ratio(own, other, CPU)
        # The rounds' ratios 1 1 1.5 2 2.5; the medians as they stand are 4 and 2.
        self.assertEqual((found["ratio"], found["low"], found["high"]), (1.5, 1.0, 2.0))
        self.assertEqual(found["of_medians"], 2.0)
        self.assertEqual(found["interval"], [1.0, 2.5])
        self.assertEqual(found["spread"], 1.5 / 1.5)

    def test_a_ratio_of_pairs_is_that_of_medians_without_what_pairs_have_in_common(self):
        own, other = [3, 9, 2.5, 8, 5], [2, 5, 2, 7, 3]
        common = [math.sqrt(a * b) for a, b in zip(own, other)]
        medians = [verdict.median([value / both for value, both in zip(values, common)])
                   for values in (own, other)]
        self.assertAlmostEqual(verdict.ratio_of_values(own, other)["ratio"],
                               medians[0] / medians[1])

    def test_a_round_without_the_metric_leaves_its_pair_out(self):
        own, other = rounds(CPU, 1, 20, 3), rounds(CPU, 2, 2, 6)
        del own[1][CPU]
        found = verdict.ratio(own, other, CPU)
        self.assertEqual((found["ratio"], found["rounds"], found["high"]), (0.5, 2, 0.5))

    def test_a_server_that_failed_in_one_round_has_no_figure(self):
        failed = [*rounds(CPU, 1, 1), {"failure": "3 wrong bytes", CPU: 1}]
        self.assertIsNone(verdict.ratio(failed, rounds(CPU, 1, 1, 1), CPU))

    def test_a_bar_within_the_interval_is_noisy(self):
        results = {"sluiced": rounds(CPU, 1, 2, 3, 4, 5, 3, 3),
                   "vsftpd": rounds(CPU, *[2] * 7)}
        # Ratios .5 1 1.5 1.5 1.5 2 2.5, of which the interval is 0.87 to 2.13.
        for bound, word in ((0.8, "FAIL"), (0.9, "NOISY"), (1.6, "NOISY"), (2.2, "PASS")):
            bar = verdict.Bar(CPU, "vsftpd", at_most=bound)
            self.assertEqual(verdict.judge(bar, "sluiced", results)["verdict"], word, bound)

    def test_the_best_of_several_is_what_a_bar_is_held_to(self):
        bar = verdict.Bar(CPU, ["vsftpd", "proftpd"], at_most=0.9)
        results = {"sluiced": rounds(CPU, *[8] * 7), "vsftpd": rounds(CPU, *[20] * 7),
                   "proftpd": rounds(CPU, *[8] * 7)}
        judged = verdict.judge(bar, "sluiced", results)
        self.assertEqual((judged["against"], judged["ratio"], judged["verdict"]),
                         ("proftpd", 1.0, "FAIL"))

    def test_a_server_that_failed_meets_no_bar(self):
        failed = [*rounds("errors", 0, 0), {"failure": "2 errors: RETR x: 425 no", "errors": 2}]
        for bar in (verdict.Bar("errors", at_most=0), verdict.Bar(CPU, "vsftpd", at_most=1)):
            judged = verdict.judge(bar, "sluiced", {"sluiced": failed, "vsftpd": rounds(CPU, 1)})
            self.assertEqual((judged["verdict"], judged.get("failure")),
                             ("FAIL", "2 errors: RETR x: 425 no"))

    def test_of_another_server_that_failed_there_is_no_figure(self):
        bar = verdict.Bar(CPU, "vsftpd", at_most=1)
        results = {"sluiced": rounds(CPU, 1), "vsftpd": [{"failure": "2 errors", CPU: 1}]}
        self.assertEqual(verdict.judge(bar, "sluiced", results)["verdict"], "NO FIGURE")

    def test_few_rounds_stand_behind_the_verdict_unless_one_says_all(self):
        bar = verdict.Bar(CPU, at_most=1)
        results = {"sluiced": rounds(CPU, 1)}
        self.assertEqual(verdict.judge(bar, "sluiced", results)["verdict"], "PASS (1 rounds)")
        self.assertEqual(verdict.judge(bar, "sluiced", results, 1)["verdict"], "PASS")


def drawn(random, count, ratio=0.5, shared=0.1, own=0.05):
    """Rounds of two servers with a known ratio of their medians: what a round does to both alike,
    what each has of its own, and now and then something slow."""
    pairs = []
    for _ in range(count):
        common = random.gauss(0, shared)
        pairs.append([math.exp(common + random.gauss(0, own)
                               + (random.random() < 0.1) * abs(random.gauss(0, 4 * own)))
                      for _ in range(2)])
    return [ratio * a for a, _ in pairs], [b for _, b in pairs]


class Intervals(unittest.TestCase):
    """Of synthetic rounds whose true ratio is known. The seeds are fixed: what holds, holds."""

    RUNS = 1000

    def found(self, count, seed):
        random = Random(seed)
        return [verdict.ratio_of_values(*drawn(random, count)) for _ in range(self.RUNS)]

    def test_the_interval_holds_the_true_ratio_nineteen_times_in_twenty(self):
        for count, seed in ((7, 1), (8, 8), (15, 2), (40, 3)):
            covered = sum(low <= 0.5 <= high for low, high in
                          (each["interval"] for each in self.found(count, seed)))
            self.assertGreater(covered / self.RUNS, 0.92, count)

    def test_two_runs_differ_by_less_than_the_spread(self):
        for count, seed in ((7, 4), (20, 5)):
            runs = self.found(count, seed)
            apart = sum(abs(a["ratio"] - b["ratio"]) / a["ratio"] > max(a["spread"], b["spread"])
                        for a, b in zip(runs, runs[1:]))
            self.assertLess(apart / self.RUNS, 0.01, count)

    def test_the_interval_does_not_hold_another_ratio(self):
        # A spread that is wide enough for anything would pass the tests above.
        covered = sum(low <= 0.6 <= high for low, high in
                      (each["interval"] for each in self.found(40, 6)))
        self.assertLess(covered / self.RUNS, 0.05)

    def test_four_times_the_rounds_halve_the_spread(self):
        few, many = (statistics.median(each["spread"] for each in self.found(count, 7))
                     for count in (10, 40))
        self.assertAlmostEqual(many / few, 0.5, delta=0.1)

    def test_edges_are_order_statistics_interpolated(self):
        # Of seven, 1 to 7 hold the median in 98.4 % of all cases and 2 to 6 in 87.5 %: 95 % are
        # within 1 + 6/7.71 of the way by Hettmansperger's and Sheather's formula.
        self.assertAlmostEqual(verdict.covered(7, 1), 0.984375)
        self.assertAlmostEqual(verdict.covered(7, 2), 0.875)
        low, high = verdict.interval([7, 6, 5, 4, 3, 2, 1])
        part = 6 * 0.3142857 / (1 + 5 * 0.3142857)
        self.assertAlmostEqual(low, 1 + part, places=5)
        self.assertAlmostEqual(high, 7 - part, places=5)
        self.assertEqual(verdict.interval([3, 1, 2]), (1, 3))

    def test_what_a_round_does_to_both_widens_nothing(self):
        own = [1, 2, 4, 8, 16, 32, 64]
        found = verdict.ratio_of_values(own, [2 * each for each in own])
        self.assertEqual((found["interval"], found["spread"]), ([0.5, 0.5], verdict.SPREAD_LEAST))

    def test_pairs_need_fewer_rounds_than_medians_as_they_stand(self):
        found = self.found(9, 9)
        strays = [statistics.pstdev(math.log(each[key]) for each in found)
                  for key in ("ratio", "of_medians")]
        self.assertLess(strays[0], 0.85 * strays[1])

    def test_what_is_always_nothing_has_no_spread(self):
        self.assertEqual(verdict.figure([0] * 7)["spread"], 0)

    def test_of_a_single_round_no_spread_is_stated(self):
        found = verdict.ratio_of_values([1], [2])
        self.assertEqual((found["ratio"], found["interval"], found["spread"]), (0.5, None, None))
        one = report(dict(ratio_of(CPU, "vsftpd", 0.5), **found))
        for form in (page.page(one), markdown.document(one),
                     "\n".join(terminal.scenario_lines(one["scenarios"][0]))):
            self.assertIn("0.500", form)
            self.assertNotIn("0.500 (0%)", form)
        self.assertEqual(compare.changes(one, one)[0]["noise"], compare.OF_ONE_ROUND)

    def test_the_median_is_that_of_the_statistics_module(self):
        for values in ([3, 1, 2], [4, 1, 3, 2], [5]):
            self.assertEqual(verdict.median(values), statistics.median(values))


class Plans(unittest.TestCase):
    @staticmethod
    def plan(quick=False, **scenario):
        arguments = types.SimpleNamespace(rounds=7, seconds=0.3 if quick else None, quick=quick,
                                          servers=None)
        return rounds_.Plan(types.SimpleNamespace(**scenario), arguments)

    def test_what_is_expected_is_what_is_measured(self):
        plan = self.plan(SERVERS=["sluiced", "vsftpd"], COST=1, SECONDS=2,
                         LOAD=["retr", "--settle", 4, "--sessions", 1, "--settle", 3])
        # Two servers, seven rounds of 2 + 3 + 1 seconds, and a warm-up of 0.4 + 3 + 1.
        self.assertAlmostEqual(plan.round_s, 12)
        self.assertAlmostEqual(plan.expected_s, 7 * 12 + 2 * 4.4)

    def test_of_many_references_two_go_on(self):
        plan = self.plan(SERVERS=["sluiced", *["reference:a"] * 5], COST=1, SECONDS=1,
                         LOAD=["retr"])
        self.assertAlmostEqual(plan.round_s, 3 * 2)
        self.assertAlmostEqual(plan.expected_s, 7 * 3 * 2 + 6 * 1.4)

    def test_those_that_go_on_are_looked_at_once_more(self):
        plan = self.plan(SERVERS=["sluiced", *["reference:a"] * 5], COST=1, SECONDS=1,
                         LOAD=["retr", "--file", "big.bin"])
        self.assertAlmostEqual(plan.expected_s, 7 * 3 * 2 + (6 + 2) * 1.4)

    def test_a_quick_plan_has_one_of_each_kind_and_a_tenth_of_the_work(self):
        plan = self.plan(True, SERVERS=["sluiced", "vsftpd", "proftpd", "nginx", "reference:a"],
                         SECONDS=0, COST=4, LOAD=["many", "--count", 100000])
        self.assertEqual(plan.names, ["sluiced", "vsftpd", "nginx", "reference:a"])
        self.assertEqual((plan.load, plan.cost, plan.rounds), (["many", "--count", 10000], 1, 1))

    def test_a_count_is_measured_as_often_as_it_says(self):
        self.assertEqual(self.plan(SERVERS=["sluiced"], ROUNDS=1).rounds, 1)


class Scenarios(unittest.TestCase):
    PLACE = types.SimpleNamespace(bench=rounds_.BENCH)

    def test_every_file_names_what_there_is(self):
        for name in rounds_.scenario_names():
            each = rounds_.scenario_load(name)
            with self.subTest(name):
                for figure in [*each.SHOW, *(bar.metric for bar in each.BARS)]:
                    self.assertIn(figure, METRICS)
                for bar in each.BARS:
                    self.assertLessEqual(set(bar.against), set(each.SERVERS))
                for server_ in each.SERVERS:
                    if not clients.is_client(self.PLACE, server_):
                        self.assertTrue(servers.module_of(self.PLACE, server_).command)
                self.assertTrue(hasattr(each, "measure") or each.LOAD)

    def test_all_of_them_fit_into_half_an_hour(self):
        arguments = types.SimpleNamespace(rounds=7, seconds=None, quick=False, servers=None)
        expected = sum(rounds_.Plan(rounds_.scenario_load(name), arguments).expected_s
                       for name in rounds_.scenario_names())
        self.assertLess(expected, 27 * 60)


class FakeRun:
    """A scenario that wants `enough` rounds of a second each."""

    def __init__(self, log, name, enough=0, planned=7, skipped=None, round_s=1):
        self.log, self.name, self.enough, self.skipped = log, name, enough, skipped
        self.plan = types.SimpleNamespace(rounds=planned)
        self.rounds_done, self.each_s = 0, round_s

    def rounds_more(self, count):
        if not self.skipped:
            self.rounds_done += count
        self.log.append((self.name, count))

    def rounds_wanted(self):
        return max(self.enough - self.rounds_done, 0)

    def round_s(self):
        return self.each_s

    def now(self):
        return self.rounds_done * self.each_s


class Scheduling(unittest.TestCase):
    def measure(self, end_s, *runs):
        finished = list(schedule.measure(runs, end_s, lambda: sum(run.now() for run in runs)))
        return [run.name for run in finished]

    def test_every_scenario_has_half_of_its_rounds_before_any_has_all(self):
        log = []
        self.assertEqual(self.measure(0, FakeRun(log, "a"), FakeRun(log, "b")), ["a", "b"])
        self.assertEqual(log, [("a", 4), ("b", 4), ("a", 3), ("b", 3)])

    def test_a_few_rounds_are_measured_at_once(self):
        log = []
        runs = [FakeRun(log, "a", planned=1), FakeRun(log, "b", planned=3)]
        self.assertEqual(self.measure(0, *runs), ["a", "b"])
        self.assertEqual(log, [("a", 1), ("b", 3)])

    def test_what_is_noisy_goes_on_by_turns(self):
        log = []
        runs = [FakeRun(log, "a", enough=11), FakeRun(log, "b", enough=11), FakeRun(log, "quiet")]
        self.assertEqual(self.measure(99, *runs)[3:], ["a", "b"])
        self.assertEqual(log[6:], [("a", 2), ("b", 2)] * 2)

    def test_what_the_time_is_enough_for_comes_before_what_it_is_not(self):
        log = []
        runs = [FakeRun(log, "hopeless", enough=60), FakeRun(log, "near", enough=11)]
        self.measure(14 + 8, *runs)
        self.assertEqual([run.rounds_done for run in runs], [7 + 4, 11])
        self.assertEqual(log[4:6], [("near", 2)] * 2)

    def test_nothing_goes_on_beyond_the_end(self):
        log = []
        runs = [FakeRun(log, "a", enough=99)]
        self.measure(12.9, *runs)
        self.assertEqual(runs[0].rounds_done, 11)

    def test_a_skipped_scenario_is_looked_at_once(self):
        log = []
        self.assertEqual(self.measure(99, FakeRun(log, "a", skipped="it has no MODE B")), ["a"])
        self.assertEqual(log, [("a", 4)])


class Needs(unittest.TestCase):
    def refusal(self, replies, *commands):
        listener = socket.create_server(("127.0.0.1", 0))

        def answer():
            with listener, listener.accept()[0] as control:
                for reply in replies:
                    control.sendall(reply)
                    control.recv(100)
        threading.Thread(target=answer, daemon=True).start()
        server = types.SimpleNamespace(name="sluiced", options={"address": "127.0.0.1"},
                                       port=listener.getsockname()[1])
        return servers.refusal(server, commands)

    LOGIN = [b"220-a\r\n220 b\r\n", b"331 x\r\n", b"230 y\r\n"]

    def test_what_is_not_refused_is_no_reason(self):
        self.assertIsNone(self.refusal([*self.LOGIN, b"200 ok\r\n"], "MODE B"))

    def test_a_refusal_names_the_command_and_the_reply(self):
        replies = [*self.LOGIN, b"200 ok\r\n", b"504 no\r\n"]
        self.assertEqual(self.refusal(replies, "TYPE I", "MODE B"),
                         "sluiced answers MODE B with 504 no")

    def test_a_connection_that_ends_is_no_refusal_but_a_failure_at_its_turn(self):
        self.assertIsNone(self.refusal(self.LOGIN[:1], "MODE B"))


class Copies(unittest.TestCase):
    def test_trees_differ_by_names_and_by_bytes(self):
        with tempfile.TemporaryDirectory() as top:
            for tree in "ab":
                os.makedirs(f"{top}/{tree}/d")
                pathlib.Path(f"{top}/{tree}/d/f").write_text("12")
            a, b = f"{top}/a", f"{top}/b"
            self.assertIsNone(clients.difference(a, b))
            self.assertIsNone(clients.difference(f"{a}/d/f", f"{b}/d/f"))
            pathlib.Path(f"{b}/d/f").write_text("13")
            self.assertEqual(clients.difference(a, b), "1 files have other bytes")
            self.assertIsNotNone(clients.difference(f"{a}/d/f", f"{b}/d/f"))
            pathlib.Path(f"{b}/d/g").write_text("")
            self.assertEqual(clients.difference(a, b), "2 files instead of 1")
            self.assertIsNotNone(clients.difference(f"{a}/d/f", f"{b}/missing"))


class Comparing(unittest.TestCase):
    def change(self, old, new):
        return compare.changes(report(old), report(new))[0]

    def test_a_higher_share_of_cpu_is_slower(self):
        found = self.change(ratio_of(CPU, "vsftpd", 0.5), ratio_of(CPU, "vsftpd", 0.6))
        self.assertAlmostEqual(found["factor"], 1.2)

    def test_a_lower_rate_is_slower(self):
        old, new = report(ratio_of(RATE, "vsftpd", 2)), report(ratio_of(RATE, "vsftpd", 1))
        for each in (old, new):
            each["scenarios"][0]["metrics"].reverse()  # the first is what ratios are stated of
        self.assertAlmostEqual(compare.changes(old, new)[0]["factor"], 2)

    def test_the_wider_spread_of_the_two_is_the_noise(self):
        found = self.change(ratio_of(CPU, "vsftpd", 0.5, 0.1), ratio_of(CPU, "vsftpd", 0.5, 0.2))
        self.assertEqual(found["noise"], 0.2)

    def test_one_server_that_had_a_bad_day_decides_nothing(self):
        names = ("vsftpd", "nginx", "pure-ftpd")
        old = report(*(ratio_of(CPU, name, 1) for name in names))
        new = report(ratio_of(CPU, "vsftpd", 3), *(ratio_of(CPU, name, 1) for name in names[1:]))
        self.assertEqual(compare.changes(old, new)[0]["factor"], 1)
        self.assertEqual([each["against"] for each in
                          compare.apart(compare.ratio_pairs(old, new))], ["vsftpd"])

    def test_ratios_that_differ_by_less_than_the_wider_spread_do_not_differ(self):
        for new, spread, expected in ((0.55, 0.11, 0), (0.55, 0.09, 1), (0.45, 0.09, 1)):
            pairs = compare.ratio_pairs(report(ratio_of(CPU, "vsftpd", 0.5, 0.03)),
                                        report(ratio_of(CPU, "vsftpd", new, spread)))
            self.assertEqual(len(compare.apart(pairs)), expected, (new, spread))

    def test_a_bar_whose_best_reference_is_another_one_is_compared(self):
        def with_bar(against, ratio):
            one = report(ratio_of(CPU, against, ratio, 0.05))
            one["scenarios"][0]["bars"] = [{"metric": "jain", "bar": "at least 1", "ratio": 1},
                                           {"bar": "at most 1.1", "verdict": "PASS",
                                            **ratio_of(CPU, against, ratio, 0.05)}]
            return one
        old, new = with_bar("reference:a", 1.0), with_bar("reference:b", 1.2)
        self.assertEqual([each["against"] for each in
                          compare.apart(compare.ratio_pairs(old, new))],
                         ["reference:a, now of reference:b"])
        self.assertEqual(len(compare.one_sided(old, new)), 2)
        self.assertEqual(len(compare.ratio_pairs(old, old)), 1)

    def test_a_ratio_that_is_a_servers_own_is_compared_as_well(self):
        own = {key: value for key, value in ratio_of(CPU, "", 0.9, 0.1).items()
               if key != "against"}
        pairs = compare.ratio_pairs(report(own), report(dict(own, ratio=0.5)))
        self.assertEqual([each["against"] for each in compare.apart(pairs)], ["itself"])

    def test_two_runs_of_a_commit_are_asked_for_every_ratio(self):
        def status(new, *arguments, commit="abc"):
            with tempfile.TemporaryDirectory() as folder:
                for name, each in (("old", report(ratio_of(CPU, "vsftpd", 0.5, 0.05))),
                                   ("new", new)):
                    each["machine"]["commit"] = commit if name == "new" else "abc"
                    pathlib.Path(folder, name).write_text(json.dumps(each))
                return subprocess.run(
                    [sys.executable, os.path.join(rounds_.BENCH, "compare"), *arguments,
                     f"{folder}/old", f"{folder}/new"], capture_output=True, text=True)
        same = status(report(ratio_of(CPU, "vsftpd", 0.51, 0.05)))
        self.assertEqual(same.returncode, 0, same.stderr)
        self.assertIn("0 of 1 ratios differ by more than their spread", same.stdout)
        faster = report(ratio_of(CPU, "vsftpd", 0.4, 0.05))
        self.assertEqual(status(faster).returncode, 1)
        self.assertIn("20.0% apart, spread 5%", status(faster).stdout)
        self.assertEqual(status(faster, commit="def").returncode, 0)
        self.assertEqual(status(faster, "--same", commit="def").returncode, 1)
        noisy = status(report(ratio_of(CPU, "vsftpd", 0.5, 0.2)))
        self.assertEqual((noisy.returncode, "1 of 1 have a spread over 15%" in noisy.stdout),
                         (3, True))

    def test_without_any_other_server_the_figure_itself_is_compared(self):
        old, new = report(), report()
        new["scenarios"][0]["servers"][0]["figures"][CPU]["median"] = 15
        self.assertAlmostEqual(compare.changes(old, new)[0]["factor"], 1.5)

    def test_what_was_measured_in_another_way_is_not_compared(self):
        old, new = (report(ratio_of(CPU, "vsftpd", ratio)) for ratio in (0.5, 0.9))
        self.assertEqual(len(compare.ratio_pairs(old, new)), 1)
        new["scenarios"][0]["turns"] = False
        self.assertEqual((compare.ratio_pairs(old, new), compare.changes(old, new)), ([], []))
        self.assertEqual(compare.incomparable(old, new), ["small16: by turns in the old one alone"])
        self.assertEqual(compare.incomparable(new, new), [])

    def test_a_lost_figure_is_named(self):
        new = report()
        new["scenarios"][0]["servers"][0]["figures"] = {}
        self.assertEqual(compare.broken(report(), new), ["small16: no figure any more"])


class Stated(unittest.TestCase):
    """Which ratios a report states of what was measured."""

    def run_of(self, show, bars, **results):
        scenario = types.SimpleNamespace(BARS=bars)
        return types.SimpleNamespace(
            scenario=scenario, results=results, subject="sluiced", names=list(results),
            metrics=list(dict.fromkeys([*show, *(bar.metric for bar in bars)])))

    def stated(self, *arguments, **results):
        return [(each["metric"], each.get("against"))
                for each in document.ratios(self.run_of(*arguments, **results))]

    def test_the_first_figure_over_every_server_and_what_bars_are_held_to(self):
        both = [{CPU: 1, RATE: 2, "jain": 1, "failure": None}] * 3
        bars = [verdict.Bar(RATE, ["vsftpd"], at_least=1), verdict.Bar("jain", at_least=0.9)]
        self.assertEqual(self.stated([CPU, RATE, "p99_us"], bars, sluiced=both, vsftpd=both,
                                     proftpd=both),
                         [(CPU, "vsftpd"), (CPU, "proftpd"), (RATE, "vsftpd")])

    def test_a_figure_that_is_a_ratio_already_is_stated_alone(self):
        both = [{"kept": 0.9, "failure": None}] * 3
        self.assertEqual(self.stated(["kept"], [verdict.Bar("kept", at_least=0.8)], sluiced=both,
                                     vsftpd=both), [("kept", None)])

    def test_a_peer_that_is_ahead_in_such_a_figure_is_named(self):
        one = report()
        one["scenarios"][0].update(
            metrics=[{"name": "kept", **metric("kept")._asdict()}],
            servers=[server("sluiced", {"kept": 0.5}), server("vsftpd", {"kept": 0.9})])
        self.assertIn("- small16: vsftpd is ahead, sluiced is at 0.5 beside its 0.9.",
                      markdown.document(one))


class Disturbances(unittest.TestCase):
    """A measurement beside which something else was busy is made again, a few times."""

    def turns(self, left_s, *others):
        run = rounds_.Run.__new__(rounds_.Run)
        run.seconds, run.repeated, run.patience = 1, 0, rounds_.Patience(left_s)
        left = [each if each is None or isinstance(each, dict) else
                {"seconds": 1, "other_cpus": each, "failure": None} for each in others]
        run.turn = lambda name, seconds: left.pop(0)
        return run.turn_in_quiet("vsftpd"), run.repeated

    def test_a_quiet_one_stays(self):
        found, repeated = self.turns(9, 0.1)
        self.assertEqual((found["other_cpus"], repeated), (0.1, 0))

    def test_the_quietest_of_three_counts(self):
        found, repeated = self.turns(9, 1.5, 0.4, 0.8)
        self.assertEqual((found["other_cpus"], repeated), (0.4, 2))

    def test_without_patience_the_first_counts(self):
        found, repeated = self.turns(0, 1.5)
        self.assertEqual((found["other_cpus"], repeated), (1.5, 0))

    def test_a_failure_is_not_measured_away(self):
        failed = {"failure": "3 wrong bytes", "other_cpus": 1, "seconds": 1}
        self.assertEqual(self.turns(9, failed), (failed, 0))
        self.assertEqual(self.turns(9, 0.9, failed), (failed, 1))

    def test_a_short_measurement_does_not_know(self):
        short = {"seconds": 0.01, "other_cpus": 1, "failure": None}
        self.assertEqual(self.turns(9, short), (short, 0))


class Turns(unittest.TestCase):
    """What becomes of a server that does not start, or sends wrong bytes, in one of its turns."""

    LOAD = ["retr", "--file", "big.bin", "--sessions", 8]

    def run_of(self, turns, load=(), takes_turns=True):
        """turns: {server: what each of its turns brings, a round or what is raised}. What the load
        is told is kept."""
        run = rounds_.Run.__new__(rounds_.Run)
        run.name, run.names, run.options = "small16", list(turns), {"root": "files"}
        run.place = types.SimpleNamespace(uploads="uploads")
        run.scenario = types.SimpleNamespace(SERVERS=["sluiced", "vsftpd"], BARS=[
            verdict.Bar(CPU, "vsftpd", at_most=1), verdict.Bar(CPU, at_most=1)])
        run.metrics, run.seconds, run.skipped = [CPU, RATE], 1, None
        run.plan = types.SimpleNamespace(load=list(load or self.LOAD))
        run.results, run.unavailable = {each: [] for each in turns}, {}
        run.patience, run.repeated, self.loads = rounds_.Patience(), 0, []
        left = {name: list(each) for name, each in turns.items()}

        def started(name):
            if isinstance(left[name][0], Exception):
                raise left[name].pop(0)
            return types.SimpleNamespace(name=name, options=run.options, stop=lambda: None)

        def gated_steps(place, server_, load, seconds, turn_s):
            self.assertEqual(bool(turn_s), takes_turns)
            self.loads.append(load)
            if turn_s:
                yield
            return dict(left[server_.name].pop(0))
        run.started, run.uploads, run.takes_turns = started, False, takes_turns
        patched = unittest.mock.patch.object(servers, "gated_steps", gated_steps)
        patched.start()
        self.addCleanup(patched.stop)
        return run

    def figures(self, run, name):
        with unittest.mock.patch("harness.machine.version", lambda *_: None):
            return document.server_document(run, name)

    GOOD = {CPU: 0.5, RATE: 2, "seconds": 1, "failure": None}
    WRONG = {CPU: 0.1, "wrong_bytes": 3, "seconds": 1}

    def test_one_that_does_not_start_in_a_later_round_has_neither_figure_nor_ratio(self):
        lost = servers.Failed("did not start: no port")
        for failing, verdicts, takes_turns in (
                ("sluiced", ["FAIL", "FAIL"], True), ("vsftpd", ["NO FIGURE", "PASS"], True),
                ("vsftpd", ["NO FIGURE", "PASS"], False)):
            turns = {name: [self.GOOD] * 9 for name in ("sluiced", "vsftpd")}
            turns[failing] = [self.GOOD] * 8 + [lost]
            run = self.run_of(turns, takes_turns=takes_turns)
            for number in range(9):
                run.round(number)
            found = self.figures(run, failing)
            self.assertEqual((found["without_figure"], found["figures"]), (str(lost), {}))
            self.assertEqual(document.ratios(run), [])
            self.assertEqual([each["verdict"] for each in run.verdicts()], verdicts)

    def test_what_is_not_here_is_nobodys_failure(self):
        run = self.run_of({"sluiced": [self.GOOD, servers.Unavailable("no strace")]})
        for number in range(3):
            run.round(number)
        found = self.figures(run, "sluiced")
        self.assertEqual((found["without_figure"], found["figures"]), ("no strace", {}))
        self.assertEqual([each["verdict"] for each in run.verdicts()], ["NO FIGURE"] * 2)

    def test_the_warm_up_round_compares_bytes_where_they_are_known(self):
        run = self.run_of({"sluiced": [self.WRONG], "vsftpd": [self.GOOD] * 2})
        run.warm_up()
        run.round(0)
        told = ["--verify" in load for load in self.loads]
        self.assertEqual(told, [True, True, False])  # and the one that failed has no turn again
        self.assertEqual(self.figures(run, "sluiced")["without_figure"], "3 wrong bytes")
        self.assertEqual([each["verdict"] for each in run.verdicts()], ["FAIL"] * 2)
        self.assertEqual(len(self.figures(run, "vsftpd")["rounds"]), 1)

    def test_the_cheapest_references_are_chosen_before_their_bytes_are_compared(self):
        turns = {f"reference:{name}": [dict(self.GOOD, **{CPU: cost}), dict(self.GOOD, **{CPU: 9})]
                 for name, cost in (("a", 4), ("b", 1), ("c", 3), ("d", 2))}
        turns["reference:d"][1] = self.WRONG
        run = self.run_of({"sluiced": [self.GOOD], **turns})
        run.warm_up()
        self.assertEqual(["--verify" in load for load in self.loads],
                         [True, *[False] * 4, True, True])
        self.assertEqual(list(run.unavailable), ["reference:c", "reference:a"])
        self.assertEqual(self.figures(run, "reference:d")["without_figure"], "3 wrong bytes")

    def test_bytes_that_the_load_does_not_know_are_not_compared(self):
        known = [name for name in rounds_.scenario_names()
                 if rounds_.warms_up(each := rounds_.scenario_load(name))
                 and rounds_.verifiable(each.LOAD)]
        for name in ("retr8", "rate100", "small16", "small16b"):
            self.assertIn(name, known)
        for load in (["stor"], ["login"], [*self.LOAD, "--type", "A"], [*self.LOAD, "--mode", "Z"],
                     ["retr", "--file", "text.txt"], ["ctrl", "--file", "hot.bin"]):
            run = self.run_of({"vsftpd": [self.GOOD]}, load)
            run.warm_up()
            self.assertNotIn("--verify", self.loads[0], load)


class Steps(unittest.TestCase):
    """Measurements that take turns."""

    def of(self, name, count, said):
        try:
            for i in range(count):
                said.append(f"{name}{i}")
                yield
            return name
        finally:
            said.append(f"{name}.")

    def test_they_go_on_forwards_and_backwards_until_each_has_ended(self):
        said = []
        found = steps.interleaved({name: self.of(name, count, said)
                                   for name, count in (("a", 1), ("b", 3), ("c", 2))})
        self.assertEqual(" ".join(said), "a0 b0 c0 c1 b1 a. b2 c. b.")
        self.assertEqual(found, {"a": "a", "b": "b", "c": "c"})

    def test_what_ends_one_ends_all(self):
        def fails():
            yield
            raise SystemExit(143)
        said = []
        kept = {"a": self.of("a", 9, said), "b": fails()}  # else they would end with their last name
        with self.assertRaises(SystemExit):
            steps.interleaved(kept)
        self.assertEqual(said[-1], "a.")
        self.assertEqual(len(kept), 2)

    def test_who_takes_turns(self):
        def takes(name, roomy=True, only=None):
            place = types.SimpleNamespace(files="", uploads="", roomy=roomy, check_accounting=False,
                                          bench=rounds_.BENCH)
            arguments = types.SimpleNamespace(servers=only, seconds=None, rounds=7, quick=False)
            return rounds_.Run(name, place, arguments, rounds_.Patience()).takes_turns
        for name in ("retr8", "small16", "login", "get1", "deflate2"):
            self.assertTrue(takes(name), name)
        for name in ("retr100", "paced100", "stor8", "wan_retr16", "hung", "hash1"):
            self.assertFalse(takes(name), name)
        self.assertEqual([takes(name, roomy=False) for name in ("get1", "retr8")], [False, True])
        self.assertFalse(takes("retr8", only=["sluiced"]))

    def test_alone_it_is_whole(self):
        self.assertEqual(steps.whole(self.of("a", 5, [])), "a")

    def test_a_descriptor_of_any_number_is_waited_for(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        read_end, write_end = os.pipe()
        high = fcntl.fcntl(read_end, fcntl.F_DUPFD_CLOEXEC, 1500)
        self.assertFalse(processes.readable(high, 0))
        os.close(write_end)
        self.assertTrue(processes.readable(high, 10))
        os.close(read_end)
        os.close(high)

    def test_a_tree_stands_still_and_goes_on_with_children_that_came_meanwhile(self):
        def state(pid):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    return file.read().rpartition(")")[2].split()[0]
            except FileNotFoundError:
                return "Z"

        def await_states(wanted):
            end = time.monotonic() + 10
            while (found := {state(pid) for pid in accounting.tree(parent.pid)}) - wanted:
                self.assertLess(time.monotonic(), end, found)
        # A child every few milliseconds, which lives for ten times as long.
        parent = subprocess.Popen(["sh", "-c", "while :; do sleep 0.1 & sleep 0.01; done"])
        tree = processes.Tree(parent.pid)
        try:
            for _ in range(5):
                tree.halt()
                await_states(set("TZD"))  # D: until its child has been executed
                before = accounting.tree(parent.pid)
                time.sleep(0.05)
                self.assertEqual(accounting.tree(parent.pid), before)
                tree.resume()
                time.sleep(0.05)
            self.assertNotEqual(state(parent.pid), "T")
        finally:
            parent.kill()
            parent.wait()
            tree.close()


class Reports(unittest.TestCase):
    REPORT = report(ratio_of(CPU, "vsftpd", 0.5), ratio_of(CPU, "nginx", 2))

    def test_a_server_that_is_ahead_is_named(self):
        self.assertEqual(summary.standing(self.REPORT, summary.BEHIND),
                         [("small16", "0.50 times as good", "nginx", "sluiced")])
        self.assertIn("small16: nginx (HTTP) is ahead, sluiced is 0.50 times",
                      markdown.document(self.REPORT))

    def test_one_under_test_that_failed_is_not_ahead_and_says_at_what(self):
        one = report()
        one["scenarios"][0]["servers"][0].update(
            figures={}, without_figure="2 errors: <425>",
            rounds=[{"failure": None}, {"failure": "2 errors: <425>"}])
        self.assertIn("in 0 of the 1 with an FTP peer sluice is ahead of the best one; "
                      "sluice failed in small16", summary.sentence(one))
        self.assertIn("- small16: sluiced failed: 2 errors: <425>.", markdown.document(one))
        self.assertNotIn("In no scenario's", markdown.document(one))
        self.assertTrue(summary.unmet(one))
        self.assertFalse(summary.unmet(self.REPORT))

    def test_a_failure_stands_at_the_bar_in_every_form(self):
        one = copy.deepcopy(self.REPORT)
        one["scenarios"][0]["bars"] = [verdict.judge(
            verdict.Bar("errors", at_most=0), "sluiced", {"sluiced": [{"failure": "<425>"}]})]
        self.assertTrue(summary.unmet(one))
        self.assertEqual(page.page(one).count("&lt;425&gt;"), 2)
        self.assertIn("| errors | at most 0 | <425> |", markdown.document(one))
        self.assertIn("FAIL   errors: <425>; bar: at most 0",
                      "\n".join(terminal.scenario_lines(one["scenarios"][0])))

    def test_ahead_is_what_is_better_by_more_than_the_noise(self):
        for ratio, interval, word in ((0.5, [0.4, 0.6], "ahead"), (0.9, [0.7, 1.1], "even"),
                                      (1.005, [1.002, 1.008], "behind"), (1, [1, 1], "even"),
                                      (1.1, [0.9, 1.3], "even")):
            one = report(dict(ratio_of(CPU, "vsftpd", ratio), interval=interval))
            self.assertEqual(summary.ahead_of(one["scenarios"][0], "peer")[0], word, interval)
            self.assertIn(f"in {int(word == 'ahead')} of the 1 with", summary.sentence(one))
            self.assertEqual("in 1 as good, within the noise" in summary.sentence(one),
                             word == "even")
            text = markdown.document(one)
            self.assertEqual("vsftpd is ahead" in text, word == "behind")
            self.assertEqual("As good, within the noise:\n\n- small16: beside vsftpd" in text,
                             word == "even")

    def test_figures_of_which_no_ratio_is_stated_are_even_where_their_intervals_meet(self):
        for own, word in ((0.9, "ahead"), (0.6, "even"), (0.5, "even"), (0.2, "behind")):
            one = report()["scenarios"][0]
            one.update(metrics=[{"name": "kept", **metric("kept")._asdict()}],
                       servers=[server("sluiced", {"kept": own}), server("vsftpd", {"kept": 0.5})])
            for each in one["servers"]:
                middle = each["figures"]["kept"]["median"]
                each["figures"]["kept"]["interval"] = [middle - 0.1, middle + 0.1]
            self.assertEqual(summary.ahead_of(one, "peer")[0], word, own)

    def test_the_page_escapes_what_it_shows_and_fetches_nothing(self):
        html = page.page(self.REPORT)
        self.assertIn("A &lt;title&gt;.", html)
        self.assertIn("&lt;noise&gt;", html)
        for word in ("http://", "https://", "<script", "url("):
            self.assertNotIn(word, html)

    def test_the_charts_are_well_formed(self):
        row = {"name": "a&b", "role": "peer", "median": 1, "low": 0.5, "high": 2, "ratio": "<",
               "tip": ">"}
        for chart in (charts.bars([row, dict(row, median=0, low=0, high=0)], "t", True),
                      charts.glance(summary.glance(self.REPORT), "t")):
            xml.dom.minidom.parseString(chart)

    def test_bars_that_differ_by_much_have_a_logarithmic_scale(self):
        def row(value):
            return {"name": "a", "role": "peer", "median": value, "low": value, "high": value,
                    "ratio": "", "tip": ""}
        near, far = charts.Scale([row(2), row(30)]), charts.Scale([row(20), row(2e7)])
        self.assertEqual((near.logarithmic, far.logarithmic), (False, True))
        self.assertEqual(charts.Scale([row(0), row(30)]).logarithmic, False)
        decade = far.x(1e4) - far.x(1e3)
        self.assertAlmostEqual(far.x(1e6) - far.x(1e5), decade)
        self.assertAlmostEqual(far.x(2e7), charts.BAR_END)
        self.assertGreater(far.x(20), charts.BAR_START + 0.1 * decade)

    def test_what_lies_beyond_the_scale_is_an_arrow(self):
        self.assertIn("<circle", charts.mark(1, 1, 30, 32, "dot"))
        self.assertIn("<path", charts.mark(1, 1, 33, 32, "dot"))

    def test_the_page_says_first_what_the_bars_came_to(self):
        one = copy.deepcopy(self.REPORT)
        bar = {"metric": CPU, "server": "sluiced", "bar": "at most 1", "against": "vsftpd",
               "ratio": 0.5, "low": 0.4, "high": 0.6, "interval": [0.4, 0.6], "spread": 0.4,
               "rounds": 7}
        one["scenarios"][0]["bars"] = [dict(bar, verdict=word) for word in
                                       ("PASS", "PASS (3 rounds)", "FAIL", "NOISY")]
        text = page.page(one)
        for word, number, what in (("PASS", "2", "bars met"), ("FAIL", "1", "bars not met"),
                                   ("NOISY", "1", "bars undecided: noise")):
            self.assertIn(f'<li><b class="{word}">{number}</b><span>{what}</span></li>', text)
        self.assertLess(text.index("bars met"), text.index("At a glance"))

    def test_every_table_and_chart_of_the_page_has_a_name_and_a_key_reaches_it(self):
        text = page.page(self.REPORT)
        self.assertEqual(text.count('class="scroll"'), text.count('tabindex="0" role="region"'))
        self.assertEqual(text.count("<svg"), len(re.findall('<svg [^>]* aria-label="[^"]', text)))
        self.assertNotIn("<th>", text)
        for target in re.findall(r'href="#([^"]*)"', text):
            self.assertIn(f'id="{target}"', text)

    def test_no_line_is_wider_than_the_terminal(self):
        one = copy.deepcopy(self.REPORT)["scenarios"][0]
        one["metrics"] = [{"name": each, **metric(each)._asdict()} for each in
                          (CPU, RATE, "p50_us", "p99_us", "errors", "replies_425", "wrong_bytes")]
        for each in one["servers"]:
            each["figures"] = {name["name"]: {"median": 123456, "low": 111111, "high": 222222,
                                              "rounds": 7} for name in one["metrics"]}
        one["servers"][1]["name"] = "reference:send-sendfile-event:lowat"
        one["noise"] = ["a long note " * 20]
        one["title"] *= 20
        for width in (80, 120, 200):
            lines = terminal.scenario_lines(one, width)
            self.assertLessEqual(max(map(len, lines)), width)
            shown = " ".join(" ".join(lines).split())
            for word in ("replies 425", "wrong bytes", "99th"):
                self.assertEqual(shown.count(word), 1, word)
            self.assertEqual(shown.count("0.500"), 0)  # of a server that has no such name any more
            self.assertIn("2.000", shown)
        self.assertIn("[111,111, 222,222]", "".join(terminal.scenario_lines(one, 250)))
        self.assertNotIn("[111,111, 222,222]", "".join(terminal.scenario_lines(one, 60)))

    def test_a_skipped_scenario_says_why_in_every_form(self):
        skipped = copy.deepcopy(self.REPORT)
        skipped["scenarios"][0].update(skipped="it has no <MODE B>", ratios=[], rounds=0)
        self.assertIn("it has no &lt;MODE B&gt;", page.page(skipped))
        self.assertIn("Skipped: it has no <MODE B>.", markdown.document(skipped))
        self.assertIn("  skipped: it has no <MODE B>",
                      terminal.scenario_lines(skipped["scenarios"][0]))
        self.assertIn("1 of them skipped", summary.sentence(skipped))

    def test_a_noisy_scenario_says_so_in_every_form(self):
        noisy = report(ratio_of(CPU, "vsftpd", 0.5, 0.2))
        noisy["scenarios"][0]["noisy"] = True
        self.assertIn('class="verdict NOISY"', page.page(noisy))
        self.assertIn("1 of 1 ratios are noisy", markdown.document(noisy))
        self.assertIn("0.500 (20%, NOISY)", markdown.document(noisy))
        self.assertIn("NOISY", terminal.scenario_lines(noisy["scenarios"][0])[1])
        self.assertTrue(document.noise([], noisy["scenarios"][0]["ratios"])[0].startswith("NOISY"))

    def test_a_load_generator_that_may_be_the_limit_is_named(self):
        def beside(name, client_cpu_s):
            done = {"operations": 9, "seconds": 2, "client_cpu_s": client_cpu_s, "failure": None}
            return dict(server(name, {}), rounds=[done] * 3)
        found = document.noise([beside("nginx", 1.9), beside("vsftpd", 1.7)], [])
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].endswith("beside nginx"))

    def test_a_report_without_any_figure_is_shown_too(self):
        empty = copy.deepcopy(self.REPORT)
        for each in empty["scenarios"][0]["servers"]:
            each.update(figures={}, without_figure="not measured")
        empty["scenarios"][0]["ratios"] = []
        self.assertIn("not measured", page.page(empty))
        self.assertIn("not measured", markdown.document(empty))


class Memory(unittest.TestCase):
    def test_a_page_of_each_mebibyte_is_held_and_the_rest_free(self):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            before = os.statvfs(folder).f_bfree
            memory.memory_hold(folder, 8)
            self.assertEqual(["held"], os.listdir(folder))
            self.assertEqual(8 * memory.PAGE, os.path.getsize(f"{folder}/held"))
            self.assertLess(before - os.statvfs(folder).f_bfree, 8 * 256 / 2)


class Queues(unittest.TestCase):
    def test_queues_of_connections_count_in_both_directions(self):
        lines = ["  sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
                 "   0: 0100007F:0849 00000000:0000 0A 00000000:00000003 00:00000000",  # listens
                 "   1: 0100007F:0849 0100007F:C000 01 00001000:00000002 01:00000014",
                 "   2: 0100007F:C000 0100007F:0849 01 00000000:00000100 00:00000000"]
        self.assertEqual(accounting.queued_bytes(lines), 0x1000 + 2 + 0x100)

    def test_a_server_that_filled_queues_is_charged_for_what_it_sent(self):
        result = {"seconds": 1, "cpu_s": 0.3, "client_cpu_s": 0.5, "bytes": 1000000000,
                  "operations": 0, "entries": 0, "more_queued_bytes": 500000000}
        servers.derive(result)
        self.assertAlmostEqual(result["cpu_s_per_gb"], 0.2)
        self.assertAlmostEqual(result["total_cpu_s_per_gb"], 0.7)
        self.assertAlmostEqual(result["gb_per_s"], 1)


class Growth(unittest.TestCase):
    def grown(self, *values):
        """Whether values, one each 50 ms, are found to have ceased to grow, and after how long."""
        clock, left = [0], list(values)

        def value():
            return left.pop(0) if len(left) > 1 else left[0]

        def sleep(seconds):
            clock[0] += seconds
        return accounting.growth_await(value, 2, lambda: clock[0], sleep), clock[0]

    def test_it_waits_until_nothing_has_grown_for_a_while(self):
        full, after_s = self.grown(0, 100, 200, 300, 301, 290, 300)
        self.assertTrue(full)
        self.assertAlmostEqual(after_s, 0.15 + 0.4, delta=0.051)

    def test_what_grows_on_is_said_to(self):
        self.assertFalse(self.grown(*range(100, 300, 4))[0])


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


class CommandLine(unittest.TestCase):
    def test_no_rounds_are_no_benchmark(self):
        program = pathlib.Path(__file__).parents[1] / "run"
        done = subprocess.run([program, "--rounds", "0"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual((2, True), (done.returncode, "at least 1" in done.stderr))


if __name__ == "__main__":
    unittest.main()
