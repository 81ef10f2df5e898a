"""Debian's ProFTPD, tuned: no modules, no look-ups, no logs, sendfile as it is by default;
proftpd:deflate has MODE Z as well."""
import os

from harness.servers import Unavailable

PACKAGE = "proftpd-core"
DEFLATE = """LoadModule mod_deflate.c
DeflateEngine on
"""
CONFIG = """
ServerType standalone
DefaultAddress {address}
SocketBindTight on
Port {port}
User nobody
Group nogroup
PidFile {scratch}/pid
ScoreboardFile none
DelayTable none
DelayEngine off
UseReverseDNS off
UseLastlog off
WtmpLog off
TransferLog none
SystemLog none
DebugLevel 0
ModulePath {modules}
MaxInstances none
MaxClients none
TimeoutIdle 3600
TimeoutNoTransfer 3600
TimeoutStalled 3600
AuthOrder mod_auth_file.c
AuthUserFile {scratch}/passwd
AuthGroupFile {scratch}/group
RequireValidShell off
ListOptions "" maxfiles 2000000
AllowOverwrite on
Umask 022
<Anonymous {root}>
  User bench
  Group nogroup
  UserAlias anonymous bench
  RequireValidShell off
  MaxClients none
  AllowStoreRestart on
</Anonymous>
"""


def command(place, port, scratch, words, options):
    binary = f"{place.peers}/usr/sbin/proftpd"
    if not os.access(binary, os.X_OK):
        raise Unavailable("not unpacked; run bench/peers.sh")
    for name, text in (("passwd", "bench:x:65534:65534::/:/bin/false\n"),
                       ("group", "nogroup:x:65534:\n"),
                       ("proftpd.conf", CONFIG.lstrip().format(
                           port=port, scratch=scratch, root=options["root"],
                           address=options["address"],
                           modules=f"{place.peers}/usr/lib/proftpd")
                        + DEFLATE * ("deflate" in words))):
        with open(f"{scratch}/{name}", "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    return [binary, "--nodaemon", "--quiet", "--config", f"{scratch}/proftpd.conf"], {
        "LD_LIBRARY_PATH": place.peer_libraries}
