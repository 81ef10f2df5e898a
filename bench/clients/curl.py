"""curl: no configuration file, no progress."""
from harness.clients import installed


def VERSION(place):
    return [installed("curl"), "--version"]


def get(place, url, path):
    return [installed("curl"), "--disable", "--silent", "--show-error", "--output", path, url]
