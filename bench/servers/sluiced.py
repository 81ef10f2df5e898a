"""sluiced as built here: sluiced[:uring|:epoll][:workers=N]; two workers and sixteen passive
ports unless a scenario wants others."""
import os

from harness.scenario import setting
from harness.servers import Unavailable


def command(place, port, scratch, words, options):
    if not os.access(place.sluiced, os.X_OK):
        raise Unavailable(f"{place.sluiced} is not built")
    engine = next((word for word in words if word in ("uring", "epoll")), "auto")
    # Below the ports that outgoing connections get: one of theirs would be in the way.
    low, high = (each + 100 * (port - 2121)  # several may run at a time
                 for each in options.get("passive", (20000, 20015)))
    return [
        place.sluiced, "--listen", f"{options['address']}:{port}", "--root", options["root"],
        "--passive-ports", f"{low}-{high}",
        "--workers", setting(words, "workers", options.get("workers", 2)),
        "--anonymous-write", "--max-sessions", "20000",
        "--max-sessions-per-address", "20000", "--ring=" + engine,
    ], {}
