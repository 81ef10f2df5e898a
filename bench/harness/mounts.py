"""File systems for a scenario, in the benchmark's own mount namespace, so that they are gone with
it in any case."""
import contextlib
import ctypes
import os
import struct
import threading

from .servers import Unavailable

FUSE_INIT = 26
REQUEST = struct.Struct("IIQQIIII")
ANSWER = struct.Struct("IiQ")
INIT_ANSWER = struct.Struct("IIIIHHIIHHI7I")
FORCE_AND_DETACH = 1 | 2

libc = ctypes.CDLL(None, use_errno=True)


def mount(source, folder, kind, options=""):
    """Mounts, or raises Unavailable with the reason."""
    if libc.mount(source.encode(), folder.encode(), kind.encode(), 0, options.encode()) < 0:
        raise Unavailable(f"mounting {kind}: {os.strerror(ctypes.get_errno())}")


def unmount(folder):
    libc.umount2(folder.encode(), FORCE_AND_DETACH)


def greet(fuse):
    """Answers the kernel's first request, which it insists on, and nothing ever after."""
    _, opcode, unique, *_ = REQUEST.unpack_from(os.read(fuse, 1 << 17))
    assert opcode == FUSE_INIT
    answer = INIT_ANSWER.pack(7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0, *[0] * 7)
    os.write(fuse, ANSWER.pack(ANSWER.size + len(answer), 0, unique) + answer)


@contextlib.contextmanager
def hung(folder):
    """A file system that never answers. Its requests stay unread, so that whoever waits for one
    can still be killed."""
    os.makedirs(folder, exist_ok=True)
    try:
        fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"/dev/fuse: {error.strerror}") from None
    try:
        mount("hung", folder, "fuse.hung",
              f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other")
        greeter = threading.Thread(target=greet, args=[fuse])
        greeter.start()
        greeter.join()
        yield
    finally:
        os.close(fuse)  # whoever waits hears ENOTCONN
        unmount(folder)
        os.rmdir(folder)
