"""One scenario: what it plans, and its rounds."""
import glob
import os
import re
import time

from . import document, scenario, servers, verdict

SECONDS = 0.8  # of one measurement, unless the scenario says otherwise
COST_S = 0.35  # of one measurement besides: logins, processes, the end
WARM_UP_S = 0.5
REFERENCES_MANY = 4  # from so many on, only the cheapest
REFERENCES_KEPT = 2  # go on after the warm-up round
QUICK_SCENARIO_S = 3  # of all rounds together, with --quick
QUICK_SECONDS = 0.3

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def scenario_load(name):
    return servers.module_load(f"{BENCH}/scenarios/{name}.py")


def scenario_names():
    """All of them, group by group; 8 before 100."""
    names = [os.path.basename(path)[:-3] for path in glob.glob(f"{BENCH}/scenarios/*.py")]
    number = re.compile(r"(\d+)")
    units = str.maketrans({"k": "000", "m": "000000"})

    def key(name):
        group = scenario.GROUPS.index(scenario_load(name).GROUP)
        name = re.sub(r"(?<=\d)[km]\b", lambda unit: unit.group().translate(units), name)
        return group, [int(part) if part.isdigit() else part for part in number.split(name)]

    return sorted(names, key=key)


def warms_up(each):
    return "--count" not in getattr(each, "LOAD", ["--count"]) and not getattr(each, "FRESH", False)


class Plan:
    """How often, how long and whom one scenario measures, and how long that takes."""

    def __init__(self, each, arguments):
        self.names = [name for name in each.SERVERS if wanted(name, arguments)]
        self.seconds = arguments.seconds or getattr(each, "SECONDS", SECONDS)
        self.rounds = min(arguments.rounds, getattr(each, "ROUNDS", arguments.rounds))
        load = list(getattr(each, "LOAD", []))
        settle = float(load[-load[::-1].index("--settle")]) if "--settle" in load else 0
        self.cost = getattr(each, "COST", COST_S) + settle
        if arguments.quick:
            self._quicken(arguments)
        self.warms_up = self.rounds > 1 and warms_up(each)

    def _quicken(self, arguments):
        """The server under test, one peer and one reference; as many rounds as fit."""
        if not arguments.servers:
            roles = {}
            for name in self.names:
                roles.setdefault(document.role_of(name), name)
            self.names = list(roles.values())
        round_s = len(self.names) * (self.seconds + self.cost)
        self.rounds = min(self.rounds, max(1, int(QUICK_SCENARIO_S / max(round_s, 0.1))))

    @property
    def expected_s(self):
        warm_up = self.cost + min(self.seconds, WARM_UP_S) if self.warms_up else 0
        dropped = 0
        if self.warms_up:
            references = [name for name in self.names if name.startswith("reference:")]
            if len(references) >= REFERENCES_MANY:
                dropped = len(references) - REFERENCES_KEPT
        return len(self.names) * warm_up + \
            (len(self.names) - dropped) * self.rounds * (self.seconds + self.cost)


def wanted(name, arguments):
    return not arguments.servers or any(name == each or name.startswith(each + ":")
                                        for each in arguments.servers)


def uploads_clear(place):
    for path in glob.glob(f"{place.uploads}/p*") + glob.glob(f"{place.uploads}/in/*"):
        os.unlink(path)


class Run:
    """One scenario over all rounds."""

    def __init__(self, name, place, arguments):
        self.name, self.place = name, place
        self.scenario = scenario_load(name)
        plan = Plan(self.scenario, arguments)
        self.rounds, self.seconds, self.names = plan.rounds, plan.seconds, plan.names
        self.fresh = getattr(self.scenario, "FRESH", False)
        uploads = getattr(self.scenario, "ROOT", "files") == "uploads"
        self.options = {"address": "127.0.0.1", "root": place.uploads if uploads else place.files,
                        **getattr(self.scenario, "OPTIONS", {})}
        if hasattr(self.scenario, "ENTRIES"):
            entries = self.scenario.ENTRIES // (10 if arguments.quick else 1)
            self.options["folder"] = servers.entries_make(place, entries)
        self.metrics = list(dict.fromkeys([
            *self.scenario.SHOW, *(bar.metric for bar in self.scenario.BARS),
            *(["cpu_group_s", "cpu_s"] if place.check_accounting else [])]))
        self.running, self.results, self.unavailable = {}, {each: [] for each in self.names}, {}
        self.took_s, self.notes = 0, []

    @property
    def subject(self):
        return self.scenario.SERVERS[0]

    def start(self, name):
        try:
            port = 2121 + self.names.index(name)
            self.running[name] = servers.Server(name, self.place, port, self.options)
        except servers.Unavailable as error:
            self.unavailable[name] = str(error)

    def stop(self, name):
        if name in self.running:
            self.running.pop(name).stop()

    def measured(self, name, seconds):
        server = self.running[name]
        if hasattr(self.scenario, "measure"):
            return self.scenario.measure(self.place, server, seconds)
        load = list(self.scenario.LOAD)
        if load[0] == "stor":
            load += ["--remove-from", self.place.uploads]
        return servers.gated(self.place, server, load, seconds)

    def measure(self, name, seconds):
        """One round of one server. What it may raise belongs to that server alone."""
        try:
            result = self.measured(name, seconds)
            result["failure"] = result.get("failure") or servers.failure(result)
        except servers.Unavailable as error:
            result = {"failure": str(error)}
        except (KeyError, ZeroDivisionError, OSError) as error:
            result = {"failure": f"{type(error).__name__}: {error}"}
        if self.options["root"] == self.place.uploads:
            uploads_clear(self.place)
        return result

    def turn(self, name, seconds):
        """Starts the server where needed; returns its round, or None where it cannot run or has
        failed before, for then it has no figure anyway."""
        if any(each["failure"] for each in self.results[name]):
            return None
        if name not in self.unavailable and name not in self.running:
            self.start(name)
        if name in self.unavailable:
            return None
        result = self.measure(name, seconds)
        if self.fresh:
            self.stop(name)
        return result

    def round(self, number):
        # Backwards every second time, so that none always follows the same one.
        for name in self.names if number % 2 == 0 else reversed(self.names):
            result = self.turn(name, self.seconds)
            if result:
                self.results[name].append(result)

    def warm_up(self):
        """A short round that does not count: caches fill, and of many references only the
        cheapest go on."""
        costs = {}
        for name in self.names:
            result = self.turn(name, min(self.seconds, WARM_UP_S))
            if result and document.role_of(name) == "reference" and not result["failure"]:
                costs[name] = result.get(self.scenario.BARS[0].metric if self.scenario.BARS
                                         else self.metrics[0], 0)
        many = len(costs) >= REFERENCES_MANY
        for name in sorted(costs, key=costs.get)[REFERENCES_KEPT:] if many else []:
            self.unavailable[name] = \
                f"not among the {REFERENCES_KEPT} cheapest references in the warm-up round"
            self.stop(name)

    def spread(self):
        """The widest of the ratios that matter: of the first figure and of those with a bar."""
        names = {self.metrics[0], *(bar.metric for bar in self.scenario.BARS)}
        return max((each["spread"] for each in document.ratios(self)
                    if each["metric"] in names), default=0)

    def again(self, patience_s):
        """Once more with longer windows, where that may help and there is time for it."""
        spread = self.spread()
        needed_s = self.took_s + self.seconds * self.rounds * len(self.running or self.names)
        if not self.seconds or self.rounds < verdict.ROUNDS_FOR_A_VERDICT or \
                spread <= document.SPREAD_WORTH_A_WORD or needed_s > patience_s:
            return
        self.notes.append(f"measured again with {2 * self.seconds:g} s instead of "
                          f"{self.seconds:g}: the rounds' ratios had spread over {spread:.0%}")
        self.seconds *= 2
        self.results = {name: [] for name in self.names}
        self.rounds_all()

    def rounds_all(self):
        began = time.monotonic()
        try:
            for number in range(self.rounds):
                self.round(number)
        finally:
            self.took_s += time.monotonic() - began

    def all(self, patience_s=0):
        """patience_s: how long what was noisy may be measured again."""
        try:
            if warms_up(self.scenario) and self.rounds > 1:
                self.warm_up()
            self.rounds_all()
            self.again(patience_s)
        finally:
            for name in list(self.running):
                self.stop(name)

    def verdicts(self):
        # A count, of which one round says all, has its verdict from that.
        needed = getattr(self.scenario, "ROUNDS", verdict.ROUNDS_FOR_A_VERDICT)
        return [verdict.judge(bar, self.subject, self.results, needed)
                for bar in self.scenario.BARS]
