"""File systems for a scenario, in the benchmark's own mount namespace, so that they are gone with
it in any case."""
import contextlib
import ctypes
import errno
import os
import struct
import threading
import time

from .servers import Unavailable

FUSE_LOOKUP, FUSE_GETATTR, FUSE_OPEN, FUSE_READ, FUSE_INIT = 1, 3, 14, 15, 26
FUSE_SILENT = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET: no answer is expected
REQUEST = struct.Struct("IIQQIIII")
ANSWER = struct.Struct("IiQ")
ENTRY = struct.Struct("QQQQII")
ATTRIBUTES = struct.Struct("6Q10I")
INIT_ANSWER = struct.Struct("IIIIHHIIHHI7I")
FORCE_AND_DETACH = 1 | 2

libc = ctypes.CDLL(None, use_errno=True)


def mount(source, folder, kind, options=""):
    """Mounts, or raises Unavailable with the reason."""
    if libc.mount(source.encode(), folder.encode(), kind.encode(), 0, options.encode()) < 0:
        raise Unavailable(f"mounting {kind}: {os.strerror(ctypes.get_errno())}")


def unmount(folder):
    libc.umount2(folder.encode(), FORCE_AND_DETACH)


def answer(fuse, unique, body=b"", error=0):
    with contextlib.suppress(OSError):  # who asked has gone, or everything has
        os.write(fuse, ANSWER.pack(ANSWER.size + len(body), -error, unique) + body)


def greet(fuse):
    """Answers the kernel's first request, which it insists on before all others."""
    _, opcode, unique, *_ = REQUEST.unpack_from(os.read(fuse, 1 << 17))
    assert opcode == FUSE_INIT
    answer(fuse, unique, INIT_ANSWER.pack(7, 31, 1 << 20, 0, 12, 9, 1 << 17, 1, 32, 0, 0, *[0] * 7))


@contextlib.contextmanager
def fuse_mounted(folder):
    """A file system whose requests come from the descriptor that this gives."""
    os.makedirs(folder, exist_ok=True)
    try:
        fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"/dev/fuse: {error.strerror}") from None
    try:
        mount("bench", folder, "fuse.bench",
              f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other")
        greeter = threading.Thread(target=greet, args=[fuse])
        greeter.start()
        greeter.join()
        yield fuse
    finally:
        unmount(folder)
        os.close(fuse)  # whoever waits hears ENOTCONN
        os.rmdir(folder)


@contextlib.contextmanager
def hung(folder):
    """A file system that never answers. Its requests stay unread, so that whoever waits for one
    can still be killed."""
    with fuse_mounted(folder):
        yield


class SlowFile:
    """What a file system with one file, `file`, answers: its bytes come at a limited rate."""

    def __init__(self, path, bytes_per_s):
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size, self.bytes_per_s = os.fstat(self.file).st_size, bytes_per_s
        self.free_s = time.monotonic()

    def attributes(self, node):
        mode, size = (0o40755, 0) if node == 1 else (0o100644, self.size)
        return ATTRIBUTES.pack(node, size, size // 512, *[0] * 6, mode, 1, 0, 0, 0, 4096, 0)

    def read(self, body):
        _, offset, size = struct.unpack_from("QQI", body)
        data = os.pread(self.file, size, offset)
        self.free_s = max(self.free_s, time.monotonic()) + len(data) / self.bytes_per_s
        time.sleep(max(self.free_s - time.monotonic(), 0))
        return data

    def serve(self, fuse):
        while True:
            try:
                request = os.read(fuse, 1 << 18)
            except OSError:
                os.close(self.file)
                return
            _, opcode, unique, node, *_ = REQUEST.unpack_from(request)
            body = request[REQUEST.size:]
            if opcode == FUSE_LOOKUP and node == 1 and body == b"file\0":
                answer(fuse, unique, ENTRY.pack(2, 0, 3600, 3600, 0, 0) + self.attributes(2))
            elif opcode == FUSE_GETATTR:
                answer(fuse, unique, struct.pack("QII", 3600, 0, 0) + self.attributes(node))
            elif opcode == FUSE_OPEN:
                answer(fuse, unique, struct.pack("QII", 0, 0, 0))
            elif opcode == FUSE_READ:
                answer(fuse, unique, self.read(body))
            elif opcode not in FUSE_SILENT:
                answer(fuse, unique, error=errno.ENOSYS if node == 2 else errno.ENOENT)


@contextlib.contextmanager
def slow(folder, path, bytes_per_s):
    """A file system of one file, folder/file, whose bytes are those of path, slowly."""
    with fuse_mounted(folder) as fuse:
        server = threading.Thread(target=SlowFile(path, bytes_per_s).serve, args=[fuse])
        server.start()
        try:
            yield
        finally:
            unmount(folder)
            server.join(10)
