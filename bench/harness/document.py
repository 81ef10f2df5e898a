"""One run as data: what schema.md describes, from what was measured. Everything that is
printed, drawn or compared is made from this alone."""
from . import machine, verdict
from .metrics import metric

SCHEMA = "sluice-benchmark/2"
OTHERS_WORTH_A_WORD = 0.15  # CPUs busy with neither the server nor the load
LOAD_WORTH_A_WORD = 0.9  # of the load generator's one thread


def role_of(name):
    kind = name.split(":")[0]
    return {"sluiced": "subject", "sluice": "subject", "reference": "reference",
            "nginx": "http"}.get(kind, "peer")


def figures_of(rounds, names):
    found = {}
    for name in names:
        values = verdict.values_of(rounds, name)
        if values:
            found[name] = verdict.figure(values)
    return found


def server_document(run, name):
    rounds = run.results[name]
    failures = sorted({each["failure"] for each in rounds if each.get("failure")})
    without = run.unavailable.get(name) or "; ".join(failures) or \
        (None if rounds else "not measured")
    figures = {} if without else figures_of(rounds, run.metrics)
    return {"name": name, "role": role_of(name), "version": machine.version(run.place, name),
            "without_figure": without, "figures": figures,
            "rounds": [{key: value for key, value in each.items() if key != "session_bytes"}
                       for each in rounds]}


def ratios(run, names):
    """The first server's figures of these names over those of every other."""
    subject, found = run.subject, []
    for name in names:
        for against in run.names:
            if metric(name).better and against != subject:
                ratio = verdict.ratio(run.results.get(subject, []), run.results[against], name)
                if ratio:
                    found.append({"metric": name, "server": subject, "against": against,
                                  "main": name in run.main_metrics, **ratio,
                                  "noisy": (ratio["spread"] or 0) > verdict.SPREAD_WORTH_A_WORD})
    return found


def wide_text(ratios_):
    """The metrics of noisy ratios, each with its widest spread."""
    wide = {}
    for each in ratios_:
        wide[each["metric"]] = max(wide.get(each["metric"], 0), each["spread"])
    return ", ".join(f"{metric(name).label} up to {most:.0%}" for name, most in wide.items())


def load_busy(rounds):
    """The part of the time that the load generator was busy, in the middle one of its rounds."""
    parts = [each["client_cpu_s"] / each["seconds"] for each in rounds
             if "operations" in each and each.get("seconds")]
    return verdict.median(parts) if parts else 0


def noise(servers_, ratios_):
    """Sentences about what makes figures less certain than they look."""
    notes, busy = [], {}
    for each in servers_:
        others = figures_of(each["rounds"], ["other_cpus"]).get("other_cpus")
        if others and not each["without_figure"] and others["median"] > OTHERS_WORTH_A_WORD:
            busy[each["name"]] = others["median"]
    if busy:
        notes.append(f"other load of up to {max(busy.values()):.2f} CPUs beside "
                     + ", ".join(busy))
    driven = [each["name"] for each in servers_ if not each["without_figure"]
              and load_busy(each["rounds"]) > LOAD_WORTH_A_WORD]
    if driven:
        notes.append(f"the load generator was busy for over {LOAD_WORTH_A_WORD:.0%} of the time, "
                     "and may be what limits the rate, beside " + ", ".join(driven))
    noisy = [each for each in ratios_ if each["noisy"]]
    for what, wide in (("NOISY: ratios", [each for each in noisy if each["main"]]),
                       ("other ratios", [each for each in noisy if not each["main"]])):
        if wide:
            notes.append(f"{what} with a spread over {verdict.SPREAD_WORTH_A_WORD:.0%}, in "
                         + wide_text(wide))
    return notes


def scenario_document(run):
    servers_ = [server_document(run, name) for name in run.names]
    ratios_ = ratios(run, run.metrics)
    title, _, text = run.scenario.__doc__.strip().partition("\n\n")
    return {
        "name": run.name, "group": run.scenario.GROUP, "title": " ".join(title.split()),
        "text": " ".join(text.split()), "skipped": run.skipped, "seconds": run.seconds,
        "rounds": run.rounds_done,
        "took_s": round(run.took_s, 1),
        "metrics": [{"name": each, **metric(each)._asdict()} for each in run.metrics],
        "subject": run.subject, "servers": servers_, "ratios": ratios_, "bars": run.verdicts(),
        "noise": noise(servers_, ratios_),
        "noisy": any(each["noisy"] and each["main"] for each in ratios_),
    }


def run_document(facts, settings, scenarios):
    return {"schema": SCHEMA, "machine": facts, "settings": settings, "scenarios": scenarios}
