"""sluice as built here."""


def VERSION(place):
    return [place.sluice, "--version"]


def get(place, url, path):
    return [place.sluice, "get", "--quiet", "--no-netrc", "--output", path, url]


def mirror(place, url, folder, sessions):
    return [place.sluice, "mirror", "--quiet", "--no-netrc", "--jobs", str(sessions), url, folder]
