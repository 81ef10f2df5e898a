"""Debian's nginx over HTTP, what a mirror would use instead: a worker for each CPU, sendfile,
connections that stay, no log."""
import os

from harness.servers import Unavailable

PACKAGE = "nginx"
PROTOCOL = ["--http"]
CONFIG = """
daemon off;
user root;
worker_processes {workers};
worker_rlimit_nofile 20000;
error_log stderr crit;
pid {scratch}/pid;
lock_file {scratch}/lock;
events {{ worker_connections 10000; accept_mutex off; }}
http {{
    access_log off;
    sendfile on;
    sendfile_max_chunk 2m;
    tcp_nopush on;
    open_file_cache max=10000;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{ listen {address}:{port} backlog=4096; root {root}; }}
}}
"""


def command(place, port, scratch, words, options):
    binary = f"{place.peers}/usr/sbin/nginx"
    if not os.access(binary, os.X_OK):
        raise Unavailable("not unpacked; run bench/peers.sh")
    with open(f"{scratch}/nginx.conf", "w") as file:
        file.write(CONFIG.lstrip().format(port=port, scratch=scratch, root=options["root"],
                                          address=options["address"],
                                          workers=options.get("workers", 2)))
    return [binary, "-e", "stderr", "-c", f"{scratch}/nginx.conf"], {
        "LD_LIBRARY_PATH": place.peer_libraries}
