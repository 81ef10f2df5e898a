"""One run as data: what schema.md describes, from what was measured. Everything that is
printed, drawn or compared is made from this alone."""
from . import machine, verdict
from .metrics import RATIOS, metric

SCHEMA = "sluice-benchmark/4"
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
    without = run.unavailable.get(name) or verdict.failure_of(rounds) or \
        (None if rounds else "not measured")
    figures = {} if without else figures_of(rounds, run.metrics)
    return {"name": name, "role": role_of(name), "version": machine.version(run.place, name),
            "without_figure": without, "figures": figures,
            "rounds": [{key: value for key, value in each.items() if key != "session_bytes"}
                       for each in rounds]}


def ratio_document(run, name, against=None):
    """One ratio of the subject's, over another server's or (against none) as it is; or None."""
    own = run.results.get(run.subject, [])
    if against:
        found = verdict.ratio(own, run.results.get(against, []), name)
    else:
        values = verdict.values_of(own, name)
        found = verdict.ratio_of_figure(values) if values else None
    return found and {"metric": name, "server": run.subject,
                      **({"against": against} if against else {}), **found,
                      "noisy": (found["spread"] or 0) > verdict.SPREAD_WORTH_A_WORD}


def ratios(run):
    """Those that are stated: of the first figure over every other server's, and those that bars
    are held against. Of everything else a report says medians and quartiles alone."""
    first, found = run.metrics[0], []
    if first in RATIOS:
        wanted = [(first, None)]
    else:
        wanted = [(first, name) for name in run.names if name != run.subject]
    for bar in run.scenario.BARS:
        best = verdict.best_of(bar, run.results)
        if best or bar.metric in RATIOS:
            wanted.append((bar.metric, best))
    for name, against in dict.fromkeys(wanted):
        ratio = ratio_document(run, name, against) if metric(name).better else None
        if ratio:
            found.append(ratio)
    return found


def load_busy(rounds):
    """The part of the time that the load generator was busy, in the middle one of its rounds."""
    parts = [each["client_cpu_s"] / each["seconds"] for each in rounds
             if "operations" in each and each.get("seconds")]
    return verdict.median(parts) if parts else 0


def noise(servers_, ratios_, repeated=0):
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
    if repeated:
        notes.append(f"{repeated} measurements were made again, since something else was busy")
    wide = [each["spread"] for each in ratios_ if each["noisy"]]
    if wide:
        notes.append(f"NOISY: {len(wide)} of {len(ratios_)} ratios have a spread over "
                     f"{verdict.SPREAD_WORTH_A_WORD:.0%}, up to {max(wide):.0%}")
    return notes


def scenario_document(run):
    servers_ = [server_document(run, name) for name in run.names]
    ratios_ = ratios(run)
    title, _, text = run.scenario.__doc__.strip().partition("\n\n")
    return {
        "name": run.name, "group": run.scenario.GROUP, "title": " ".join(title.split()),
        "text": " ".join(text.split()), "skipped": run.skipped, "seconds": run.seconds,
        "rounds": run.rounds_done, "turns": run.takes_turns,
        "took_s": round(run.took_s, 1),
        "metrics": [{"name": each, **metric(each)._asdict()} for each in run.metrics],
        "subject": run.subject, "servers": servers_, "ratios": ratios_, "bars": run.verdicts(),
        "repeated": run.repeated, "noise": noise(servers_, ratios_, run.repeated),
        "noisy": any(each["noisy"] for each in ratios_),
    }


def run_document(facts, settings, scenarios):
    return {"schema": SCHEMA, "machine": facts, "settings": settings, "scenarios": scenarios}
