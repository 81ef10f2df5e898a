"""A test in a network of its own: every port is free there, and low ones are root's alone."""

import ctypes
import fcntl
import os
import socket
import struct
import traceback

from checks import Skipped
from sluiced import Failure

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

libc = ctypes.CDLL(None, use_errno=True)


def enter():
    if libc.unshare(CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def in_new_network(function):
    """Runs function in a child process with an empty network; its failure is ours."""
    if os.geteuid() != 0:
        raise Skipped("only root makes networks")
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter()
            function()
        except Failure as failure:
            os.write(theirs, str(failure).encode())
        except BaseException:
            os.write(theirs, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        problem = pipe.read().decode()
    os.waitpid(child, 0)
    if problem:
        raise Failure(problem)
