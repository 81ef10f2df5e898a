"""One scenario: what it plans, and its rounds."""
import glob
import inspect
import math
import os
import re
import shutil
import time

from . import clients, document, scenario, servers, steps, verdict

SECONDS = 0.5  # of one measurement, unless the scenario says otherwise
COST_S = 0.45  # of one measurement besides: a server's start, logins, the end
WARM_UP_S = 0.4
REFERENCES_MANY = 4  # from so many on, only the cheapest
REFERENCES_KEPT = 2  # go on after the warm-up round
QUICK_SCENARIO_S = 2.5  # of all rounds together, with --quick
QUICK_SECONDS = 0.3
ROUNDS_MAX = 60  # from then on more would tell little more
SPREAD_WANTED = 0.12  # with more rounds: one that has just come below 15 % may be there by luck
REPEATS_MAX = 2  # of one measurement beside which something else was busy
WINDOW_S = 0.2  # from which on CPU time that comes in ticks says what else was busy

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
    return "--count" not in getattr(each, "LOAD", ["--count"])


def verifiable(load):
    """Whether the load generator knows every byte that is to come: of the large file and of the
    small ones, as they lie there."""
    return (load[0] == "small" or load[:3] == scenario.BIG_RETR[:3]) and \
        "--type" not in load and "Z" not in load


def references_of(names):
    return [name for name in names if document.role_of(name) == "reference"]


class Plan:
    """How often, how long and whom one scenario measures, and how long that takes."""

    def __init__(self, each, arguments):
        self.names = [name for name in each.SERVERS if wanted(name, arguments)]
        self.seconds = arguments.seconds or getattr(each, "SECONDS", SECONDS)
        self.rounds = min(arguments.rounds, getattr(each, "ROUNDS", arguments.rounds))
        self.load = list(getattr(each, "LOAD", []))
        self.cost = getattr(each, "COST", COST_S) + self._settle_s()
        if arguments.quick:
            self._quicken(each, arguments)
        self.warms_up = self.rounds > 1 and warms_up(each)

    def _settle_s(self):
        """The last one counts, as on the command line."""
        backwards = self.load[::-1]
        return float(backwards[backwards.index("--settle") - 1]) if "--settle" in backwards else 0

    def _quicken(self, each, arguments):
        """The server under test, one peer and one reference; as many rounds as fit."""
        if not arguments.servers:
            roles = {}
            for name in self.names:
                roles.setdefault(document.role_of(name), name)
            self.names = list(roles.values())
        if hasattr(each, "ENTRIES") or hasattr(each, "TREE") or "--count" in self.load:
            self.cost = max(self.cost / 4, COST_S)  # for a tenth of what is to be done
        if "--count" in self.load:
            self.load[self.load.index("--count") + 1] //= 10
        self.rounds = min(self.rounds, max(1, int(QUICK_SCENARIO_S / max(self.round_s, 0.1))))

    @property
    def dropped(self):
        """How many references are too many."""
        references = len(references_of(self.names))
        many = getattr(self, "warms_up", False) and references >= REFERENCES_MANY
        return references - REFERENCES_KEPT if many else 0

    @property
    def round_s(self):
        """Of one round, once the references that are too many have gone."""
        return (len(self.names) - self.dropped) * (self.seconds + self.cost)

    @property
    def expected_s(self):
        warm_up = self.cost + min(self.seconds, WARM_UP_S) if self.warms_up else 0
        twice = REFERENCES_KEPT if self.dropped and verifiable(self.load) else 0
        return (len(self.names) + twice) * warm_up + self.rounds * self.round_s


def wanted(name, arguments):
    return not arguments.servers or any(name == each or name.startswith(each + ":")
                                        for each in arguments.servers)


def uploads_folder(place, port):
    """A server's own folder in memory with one in it that anybody may write (some servers refuse a
    root that is writable itself)."""
    folder = f"{place.uploads}/{port}"
    os.makedirs(f"{folder}/in", exist_ok=True)
    os.chmod(folder, 0o755)
    os.chmod(f"{folder}/in", 0o777)
    return folder


class Patience:
    """The time that all scenarios together may spend on measuring again."""

    def __init__(self, left_s=0):
        self.left_s = left_s


def disturbed(result):
    """How many CPUs something else kept busy beside a measurement; 0 where that is no matter. It
    is what the machine says, and not what the server did, that makes it worth another one."""
    others = result.get("other_cpus", 0) if result.get("seconds", 0) >= WINDOW_S else 0
    return others if others > document.OTHERS_WORTH_A_WORD and not result["failure"] else 0


class Run:
    """One scenario over all rounds. Every round starts its servers anew, so that what one process
    happened to be given (its memory, its CPU) is chance that the rounds show, too."""

    def __init__(self, name, place, arguments, patience):
        self.name, self.place, self.patience = name, place, patience
        self.scenario = scenario_load(name)
        self.plan = Plan(self.scenario, arguments)
        self.seconds, self.names = self.plan.seconds, self.plan.names
        self.goes_on = not arguments.quick and not hasattr(self.scenario, "ROUNDS")
        self.uploads = getattr(self.scenario, "ROOT", "files") == "uploads"
        self.options = self._options(arguments)
        self.metrics = list(dict.fromkeys([
            *self.scenario.SHOW, *(bar.metric for bar in self.scenario.BARS),
            *(["cpu_group_s", "cpu_s"] if place.check_accounting else [])]))
        self.results, self.unavailable = {each: [] for each in self.names}, {}
        self.rounds_done, self.took_s, self.skipped, self.begun = 0, 0, None, False
        self.repeated = 0  # measurements
        self.takes_turns = len(self.names) > 1 and self._may_take_turns()
        self.spread_known = 0, 0  # after so many rounds

    def _may_take_turns(self):
        if getattr(self.scenario, "STRETCH", False) or "--pace" in self.plan.load:
            return False
        # What clients fetch lies in memory, of all of them at the same time.
        fetches = any(clients.is_client(self.place, each) for each in self.names)
        measure = getattr(self.scenario, "measure", None)
        return (self.place.roomy or not fetches) and \
            (measure is None or inspect.isgeneratorfunction(measure))

    def _options(self, arguments):
        options = {"address": "127.0.0.1", "root": self.place.files,
                   **getattr(self.scenario, "OPTIONS", {})}
        part = 10 if arguments.quick else 1
        if hasattr(self.scenario, "ENTRIES"):
            options["folder"] = servers.entries_make(self.place, self.scenario.ENTRIES // part)
        if hasattr(self.scenario, "TREE"):
            options["tree"] = servers.tree_make(self.place, self.scenario.TREE // part)
        return options

    @property
    def subject(self):
        return self.scenario.SERVERS[0]

    def started(self, name):
        """The running server (or client, with its server)."""
        port = 2121 + self.names.index(name)
        kind = clients.Client if clients.is_client(self.place, name) else servers.Server
        root = {"root": uploads_folder(self.place, port)} if self.uploads else {}
        return kind(name, self.place, port, {**self.options, **root})

    def measured(self, server, seconds, *more):
        """The steps of a measurement; it may be of one step."""
        if hasattr(self.scenario, "measure"):
            found = self.scenario.measure(self.place, server, seconds)
            return (yield from found) if inspect.isgenerator(found) else found
        load = [*self.plan.load, *more]
        if load[0] == "stor":
            load = [*load, "--remove-from", server.options["root"]]
        turn_s = getattr(self.scenario, "TURN", steps.TURN_S) if self.takes_turns else None
        return (yield from servers.gated_steps(self.place, server, load, seconds, turn_s))

    def measure(self, server, seconds, *more):
        """The steps of one round of one server. What it may raise belongs to that server alone."""
        try:
            result = yield from self.measured(server, seconds, *more)
            result["failure"] = result.get("failure") or servers.failure(result)
            return result
        except (KeyError, ZeroDivisionError, OSError) as error:
            return {"failure": f"{type(error).__name__}: {error}"}

    def turn_steps(self, name, seconds, *more):
        """The steps of a server's round, with more arguments of the load; it ends with None where
        it cannot run or has failed before, for then it has no figure anyway."""
        if name in self.unavailable or verdict.failure_of(self.results[name]):
            return None
        try:
            server = self.started(name)
            try:
                return (yield from self.measure(server, seconds, *more))
            finally:
                server.stop()
                if self.uploads:
                    shutil.rmtree(server.options["root"], ignore_errors=True)
        except servers.Failed as error:
            return {"failure": str(error)}
        except servers.Unavailable as error:
            self.unavailable[name], self.results[name] = str(error), []
            return None

    def turn(self, name, seconds, *more):
        """The same in a row."""
        return steps.whole(self.turn_steps(name, seconds, *more))

    def turn_in_quiet(self, name):
        """The server's round; where something else was busy beside it, the quietest of a few."""
        result = self.turn(name, self.seconds)
        for _ in range(REPEATS_MAX):
            if not result or not disturbed(result) or self.patience.left_s <= 0:
                break
            began = time.monotonic()
            again = self.turn(name, self.seconds)
            self.patience.left_s -= time.monotonic() - began
            self.repeated += 1
            if not again or again["failure"] or disturbed(again) < disturbed(result):
                result = again
        return result

    def round(self, number):
        # Backwards every second time, so that none always follows the same one.
        names = self.names if number % 2 == 0 else self.names[::-1]
        if self.takes_turns:
            results = steps.interleaved({name: self.turn_steps(name, self.seconds)
                                         for name in names})
        else:
            results = {name: self.turn_in_quiet(name) for name in names}
        for name, result in results.items():
            if result:
                self.results[name].append(result)

    def warmed(self, name, *more):
        """A short round of a server, which counts only where it failed in it."""
        result = self.turn(name, min(self.seconds, WARM_UP_S), *more)
        if result and result["failure"]:
            self.results[name].append(result)
        return result

    def cheapest(self, references):
        """Those that go on. They are chosen by a reader that looks at no byte, as in the rounds:
        beside one that does, and is slower, others are the cheapest."""
        cost = self.scenario.BARS[0].metric if self.scenario.BARS else self.metrics[0]
        costs = {name: result.get(cost, 0) for name in references
                 if (result := self.warmed(name)) and not result["failure"]}
        ordered = sorted(costs, key=costs.get)
        for name in ordered[REFERENCES_KEPT:]:
            self.unavailable[name] = \
                f"not among the {REFERENCES_KEPT} cheapest references in the warm-up round"
        return ordered[:REFERENCES_KEPT]

    def warm_up(self):
        """Short rounds that do not count, unless a server fails: caches fill, bytes are compared
        where they are known, and of many references only the cheapest go on."""
        verify = ["--verify"] if verifiable(self.plan.load) else []
        references = references_of(self.names)
        many = references if len(references) >= REFERENCES_MANY else []
        for name in self.names:
            if name not in many:
                self.warmed(name, *verify)
        for name in self.cheapest(many):
            if verify:
                self.warmed(name, *verify)

    def what_is_missing(self):
        """What the server under test refuses of what the scenario NEEDS, as a sentence, or None.
        That it does not even start is not said here but at its turn."""
        if not getattr(self.scenario, "NEEDS", []):
            return None
        try:
            server = self.started(self.subject)
        except (servers.Unavailable, servers.Failed):
            return None
        try:
            return servers.refusal(server, self.scenario.NEEDS)
        finally:
            server.stop()

    def begin(self):
        self.begun = True
        self.skipped = self.what_is_missing()
        if not self.skipped and self.plan.warms_up:
            self.warm_up()

    def rounds_more(self, count):
        began = time.monotonic()
        try:
            if not self.begun:
                self.begin()
            for _ in range(0 if self.skipped else count):
                self.round(self.rounds_done)
                self.rounds_done += 1
        finally:
            self.took_s += time.monotonic() - began

    def spread(self):
        """The widest of its ratios."""
        if self.spread_known[0] != self.rounds_done:
            widest = max((each["spread"] or 0 for each in document.ratios(self)), default=0)
            self.spread_known = self.rounds_done, widest
        return self.spread_known[1]

    def round_s(self):
        """What a round takes, by what they have taken."""
        return self.took_s / self.rounds_done if self.rounds_done else self.plan.round_s

    def rounds_wanted(self):
        """How many more rounds its spread needs, which is halved by four times as many, or 0."""
        if not self.goes_on or self.skipped or self.spread() <= SPREAD_WANTED or \
                self.rounds_done >= ROUNDS_MAX:
            return 0
        needed = math.ceil(self.rounds_done * (self.spread() / SPREAD_WANTED) ** 2)
        return max(min(needed, ROUNDS_MAX) - self.rounds_done, 1)

    def verdicts(self):
        # A count, of which one round says all, has its verdict from that.
        needed = getattr(self.scenario, "ROUNDS", verdict.ROUNDS_FOR_A_VERDICT)
        judged = [verdict.judge(bar, self.subject, self.results, needed)
                  for bar in self.scenario.BARS]
        return [dict(each, verdict="SKIPPED") for each in judged] if self.skipped else judged
