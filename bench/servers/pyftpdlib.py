"""Debian's pyftpdlib: one process, epoll, sendfile, no log."""
import os

from harness.servers import Unavailable

PACKAGE = "python3-pyftpdlib"
PROGRAM = """
import logging, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
logging.basicConfig(level=logging.CRITICAL)
authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[2], perm="elradfmwMT")
FTPHandler.authorizer = authorizer
FTPHandler.timeout = 3600
FTPServer.max_cons = 20000
FTPServer.max_cons_per_ip = 0
FTPServer((sys.argv[3], int(sys.argv[1])), FTPHandler, backlog=4096).serve_forever()
"""


def command(place, port, scratch, words, options):
    packages = f"{place.peers}/usr/lib/python3/dist-packages"
    if not os.path.isdir(f"{packages}/pyftpdlib"):
        raise Unavailable("not unpacked; run bench/peers.sh")
    return ["/usr/bin/python3", "-W", "ignore", "-c", PROGRAM, str(port), options["root"],
            options["address"]], {
        "PYTHONPATH": packages}
