"""sluiced as built here, two workers, sixteen passive ports unless a scenario wants others."""
import os

from harness.servers import Unavailable


def command(place, port, scratch, words, options):
    if not os.access(place.sluiced, os.X_OK):
        raise Unavailable(f"{place.sluiced} is not built")
    low, high = options.get("passive", (50000, 50015))
    return [
        place.sluiced, "--listen", f"127.0.0.1:{port}", "--root", options["root"],
        "--passive-ports", f"{low}-{high}", "--workers", str(options.get("workers", 2)),
        "--anonymous-write", "--max-sessions", "20000",
        "--max-sessions-per-address", "20000", "--ring=" + (words[0] if words else "auto"),
    ], {}
