"""Debian's Pure-FTPd. It serves anonymous users the home folder of the system user `ftp`, so
it runs in a mount namespace of its own where /etc/passwd has such a user."""
import os

from harness.servers import Unavailable

PACKAGE = "pure-ftpd"
NAMESPACE = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'


def command(place, port, scratch, words, options):
    binary = f"{place.peers}/usr/sbin/pure-ftpd"
    if not os.access(binary, os.X_OK):
        raise Unavailable("not unpacked; run bench/peers.sh")
    with open("/etc/passwd") as file:
        users = [line for line in file if not line.startswith("ftp:")]
    users.append(f"ftp:x:65534:65534::{options['root']}:/bin/false\n")
    with open(f"{scratch}/passwd", "w") as file:
        file.writelines(users)
    return [
        "unshare", "--mount", "sh", "-c", NAMESPACE, "sh", f"{scratch}/passwd", binary,
        "--bind", f"{options['address']},{port}", "--passiveportrange", "32768:60999",
        "--anonymousonly", "--dontresolve",
        "--maxclientsnumber", "20000", "--maxclientsperip", "20000",
        "--limitrecursion", "2000000:4", "--maxidletime", "60", "--syslogfacility", "none",
        "--tls", "0", "--pidfile", f"{scratch}/pid", "--umask", "133:022",
    ], {"LD_LIBRARY_PATH": place.peer_libraries}
