"""A bare reference: reference:MODE[:lowat][:together][:threads=N]. See
bench/reference/reference.h."""
import os

from harness.scenario import setting


def PROTOCOL(name):
    return [] if name.startswith("reference:dialogue") else ["--plain"]


def command(place, port, scratch, words, options):
    mode, *extras = words
    argv = [place.reference, mode, "--port", str(port),
            "--threads", setting(words, "threads", options.get("workers", 2))]
    if mode.startswith("send-") and "listing" not in mode:
        argv += ["--file", os.path.join(options["root"], options.get("file", "big.bin"))]
    else:
        argv += ["--folder", os.path.join(options["root"], options.get("folder", ""))]
    if "lowat" in extras:
        argv += ["--lowat", "131072"]
    if "together" in extras:
        argv += ["--together"]
    return argv, {}
