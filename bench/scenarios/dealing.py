"""How evenly sessions are dealt to two workers: the most that one worker has more than the
other, after 8 and after 1,000 logins.

Counted from outside, in what the kernel says about each worker's ring or epoll."""
import time

from harness import accounting
from harness.scenario import Bar, Load, Unavailable, failure

GROUP = "Many sessions"
SERVERS = ["sluiced", "sluiced:epoll"]
SHOW = ["unequal_sessions"]
BARS = [Bar("unequal_sessions", at_most=1)]
SECONDS = 0
COST = 1.3


def unequal(bench, server, sessions):
    time.sleep(0.5)  # until the sessions before have gone
    before = accounting.waiting_receives(server.pid)
    if len(before) < 2:
        raise Unavailable("the kernel does not say what the workers wait for")
    with Load(bench, server, ["idle", "--sessions", sessions, "--deadline", 60]) as load:
        ready = load.line(60)
        after = accounting.waiting_receives(server.pid)
        load.end()
    dealt = [after.get(each, 0) - before[each] for each in before]
    busy = sorted(dealt)[-2:]  # other rings and epolls serve no sessions
    wrong = failure(ready) or (None if sum(busy) == sessions else f"{sum(busy)} sessions seen")
    return busy[1] - busy[0], wrong


def measure(bench, server, seconds):
    few, wrong_few = unequal(bench, server, 8)
    many, wrong_many = unequal(bench, server, 1000)
    return {"unequal_sessions": max(few, many), "failure": wrong_few or wrong_many}
