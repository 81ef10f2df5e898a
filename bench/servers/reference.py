"""A bare reference: reference:MODE[:lowat][:together]. See bench/reference/reference.h."""


def PLAIN(name):
    return not name.startswith("reference:dialogue")


def command(place, port, scratch, words, options):
    mode, *extras = words
    argv = [place.reference, mode, "--port", str(port), "--threads", str(options.get("workers", 2))]
    if mode.startswith("send-"):
        argv += ["--file", options["root"] + "/" + options.get("file", "big.bin")]
    else:
        argv += ["--folder", options["root"]]
    if "lowat" in extras:
        argv += ["--lowat", "131072"]
    if "together" in extras:
        argv += ["--together"]
    return argv, {}
