"""lftp: no configuration file, no try at TLS, which would cost a turn for each session, and no
MODE Z, which it takes from any server that offers it: what is compared is a file as it is."""
from harness.clients import installed

SETTINGS = "set cmd:fail-exit yes; set ftp:ssl-allow no; set ftp:use-mode-z no; " \
    "set net:max-retries 1; "


def VERSION(place):
    return [installed("lftp"), "--version"]


def lftp(command):
    return [installed("lftp"), "--norc", "-c", SETTINGS + command]


def get(place, url, path):
    return lftp(f"get {url} -o {path}")


def mirror(place, url, folder, sessions):
    return lftp(f"mirror --parallel={sessions} {url} {folder}")
