"""Debian's vsftpd, tuned: sendfile, one process for each session, no log, no isolation.
Its anonymous user needs a home folder that exists, which `daemon` has on every Debian."""
import os

from harness.servers import Unavailable

PACKAGE = "vsftpd"
CONFIG = """
listen=YES
background=NO
listen_address={address}
listen_port={port}
pasv_min_port=32768
pasv_max_port=60999
anonymous_enable=YES
local_enable=NO
anon_root={root}
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir={scratch}/empty
use_sendfile=YES
ascii_download_enable=YES
ascii_upload_enable=YES
one_process_model=YES
isolate=NO
isolate_network=NO
seccomp_sandbox=NO
tcp_wrappers=NO
xferlog_enable=NO
connect_from_port_20=NO
max_clients=0
max_per_ip=0
idle_session_timeout=3600
data_connection_timeout=3600
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_mkdir_write_enable=YES
anon_umask=022
allow_writeable_chroot=YES
"""


def command(place, port, scratch, words, options):
    binary = f"{place.peers}/usr/sbin/vsftpd"
    if not os.access(binary, os.X_OK):
        raise Unavailable("not unpacked; run bench/peers.sh")
    os.makedirs(f"{scratch}/empty", exist_ok=True)
    with open(f"{scratch}/vsftpd.conf", "w") as file:
        file.write(CONFIG.format(port=port, root=options["root"], scratch=scratch,
                                 address=options["address"]).lstrip())
    return [binary, f"{scratch}/vsftpd.conf"], {"LD_LIBRARY_PATH": place.peer_libraries}
