"""System calls that fail in this process and in whatever it executes, as a filter of a container does it."""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL_WITH_EPERM = 0x7fff0000, 0x00050001

NUMBERS = {"io_uring_setup": 425, "capset": {"x86_64": 126}.get(os.uname().machine, 91),
           "fchownat": {"x86_64": 260}.get(os.uname().machine, 54)}


def refuse(call):
    """The call fails with EPERM from here on."""
    rules = [(LOAD_NUMBER, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, NUMBERS[call]), (RETURN, 0, 0, FAIL_WITH_EPERM),
             (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, program, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def without(call):
    """What stands before a command line for it to be executed without the call."""
    prepare = (f"import os, sys; sys.path.insert(0, sys.argv[1]); import seccomp; seccomp.refuse({call!r}); "
               "os.execv(sys.argv[2], sys.argv[2:])")
    return [sys.executable, "-B", "-c", prepare, os.path.dirname(__file__)]
