"""A file system that never answers: FUSE by hand, whose other end answers INIT and then nothing.

Requests stay unread, as with a server that has died in the middle of its work, so that whoever
waits for one can still be killed."""

import ctypes
import functools
import os
import re
import struct
import subprocess
import sys
import threading

from checks import Skipped
from sluiced import Failure

CAP_SYS_ADMIN = 1 << 21

FUSE_INIT = 26
MS_NOSUID_NODEV = 2 | 4
MNT_FORCE_DETACH = 1 | 2
IN_HEADER = struct.Struct("IIQQIIII")
OUT_HEADER = struct.Struct("IiQ")
INIT_OUT = struct.Struct("IIIIHHIIHHI7I")

libc = ctypes.CDLL(None, use_errno=True)


def may_mount():
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(r"^CapEff:\s*(\w+)", status.read(), re.MULTILINE).group(1), 16) & CAP_SYS_ADMIN


def mounts(function):
    """A test that mounts. Who may not does so in namespaces of his own, where this runner is started
    once more for the one test."""

    @functools.wraps(function)
    def run():
        if may_mount():
            function()
            return
        inside = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"]
        if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
            raise Skipped("only root mounts, and user namespaces are forbidden")
        done = subprocess.run([*inside, sys.executable, sys.argv[0], function.__name__],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        skipped = re.search(r"^SKIPPED [^:]*: (.*)", done.stdout, re.MULTILINE)
        if skipped:
            raise Skipped(skipped.group(1))
        if done.returncode != 0:
            raise Failure(done.stdout)

    return run


class HungMount:
    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        try:
            self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise Skipped(f"/dev/fuse: {error.strerror}") from None
        options = (f"fd={self.fuse},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()},"
                   "allow_other").encode()
        if libc.mount(b"hung", self.folder.encode(), b"fuse.hung", MS_NOSUID_NODEV, options) < 0:
            os.close(self.fuse)
            raise Skipped(f"mount: {os.strerror(ctypes.get_errno())}")
        greeter = threading.Thread(target=self.greet)
        greeter.start()
        greeter.join()
        return self

    def greet(self):
        request = os.read(self.fuse, 1 << 17)
        opcode, unique = IN_HEADER.unpack_from(request)[1:3]
        assert opcode == FUSE_INIT
        answer = INIT_OUT.pack(7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0, *[0] * 7)
        os.write(self.fuse, OUT_HEADER.pack(OUT_HEADER.size + len(answer), 0, unique) + answer)

    def __exit__(self, *reason):
        os.close(self.fuse)  # whoever waits hears ENOTCONN
        libc.umount2(self.folder.encode(), MNT_FORCE_DETACH)


class SmallDisk:
    """A tmpfs of so many bytes."""

    def __init__(self, folder, size):
        self.folder = folder
        self.size = size

    def __enter__(self):
        options = f"size={self.size},mode=0777".encode()
        if libc.mount(b"small", self.folder.encode(), b"tmpfs", MS_NOSUID_NODEV, options) < 0:
            raise Skipped(f"mount: {os.strerror(ctypes.get_errno())}")
        return self

    def __exit__(self, *reason):
        libc.umount2(self.folder.encode(), MNT_FORCE_DETACH)
