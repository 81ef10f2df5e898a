"""The user's side of one FTP session, as bytes: replies exactly as they came, data connections by hand.

Text is kept as str with one character per byte (latin-1), so that names of any encoding pass through.
Every reply is held against RFC 959 §4.2 while it is read: CRLF at the end of each line, no other
CR, LF or NUL in it, one code, and no inner line that looks like the last one.
"""

import re
import select
import socket
import struct

from sluiced import Failure

REPLY_TIMEOUT_S = 30


def linger_zero(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def open_socket(address, port, source=None, source_port=0, receive_buffer=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(REPLY_TIMEOUT_S)
    try:
        sock.bind((source or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), source_port))
        sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    return sock


class Control:
    """The control connection."""

    def __init__(self, address, port, source=None, split=False):
        self.socket = open_socket(address, port, source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = address
        self.split = split
        self.received = b""

    def send(self, data):
        """Sends bytes; with split, each in a packet of its own."""
        pieces = [data[i:i + 1] for i in range(len(data))] if self.split and len(data) < 400 else [data]
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except OSError as error:
            raise Failure(f"the control connection broke while sending: {error}") from None

    def send_urgent(self, data):
        """Sends bytes, the last of them urgent."""
        self.socket.send(data, socket.MSG_OOB)

    def fill(self, wanted):
        """Reads more input. Returns False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise Failure(f"no {wanted} within {REPLY_TIMEOUT_S} s (unread: {self.received!r})") from None
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def read_exactly(self, count):
        while len(self.received) < count:
            if not self.fill(f"{count} bytes"):
                raise Failure(f"the connection ended after {self.received!r}")
        data, self.received = self.received[:count], self.received[count:]
        return data

    def read_line(self):
        while b"\n" not in self.received:
            if not self.fill("reply"):
                raise Failure(f"the server closed the control connection (unread: {self.received!r})")
        line, _, self.received = self.received.partition(b"\n")
        if not line.endswith(b"\r"):
            raise Failure(f"a reply line ends with LF alone: {line!r} (RFC 959 §4.2)")
        if b"\r" in line[:-1] or b"\0" in line:
            raise Failure(f"a reply line contains CR or NUL: {line!r}")
        return line[:-1].decode("latin-1")

    def read_reply(self):
        """Returns one reply as a list of lines."""
        lines = [self.read_line()]
        if not re.match(r"[1-6][0-9][0-9][ -]", lines[0]):
            raise Failure(f"not a reply: {lines[0]!r} (RFC 959 §4.2)")
        code = lines[0][:3]
        if lines[0][3] == " ":
            return lines
        while not lines[-1].startswith(code + " "):
            lines.append(self.read_line())
            if re.match(r"[0-9]{3}", lines[-1]) and not re.match(code + "[ -]", lines[-1]):
                raise Failure(f"inner line begins with digits: {lines[-1]!r} (RFC 959 §4.2)")
        return lines

    def at_end(self):
        """True if the server has closed, or closes within the time-out, without another byte."""
        return not self.received and not self.fill("end of the control connection")

    def close(self):
        self.socket.close()


class Data:
    """A data connection: connected (passive), or a listener that becomes connected (active)."""

    def __init__(self, sock, listening=False, peer=None):
        self.listener = sock if listening else None
        self.socket = None if listening else sock
        self.peer = peer
        self.received = None

    def connected(self):
        if self.socket is None:
            try:
                self.socket, address = self.listener.accept()
            except socket.timeout:
                raise Failure(f"the server did not connect within {REPLY_TIMEOUT_S} s") from None
            self.listener.close()
            self.socket.settimeout(REPLY_TIMEOUT_S)
            if self.peer and address[0] != self.peer:
                raise Failure(f"the data connection came from {address[0]}, not from {self.peer}")
        return self.socket

    def read(self, count):
        """Exactly `count` bytes, leaving the rest."""
        data = bytearray()
        while len(data) < count:
            try:
                more = self.connected().recv(min(count - len(data), 1 << 20))
            except OSError as error:
                raise Failure(f"data connection: {error!r} after {len(data)} bytes") from None
            if not more:
                raise Failure(f"the data connection ended after {len(data)} of {count} bytes")
            data += more
        return bytes(data)

    def read_all(self, reset_allowed=False):
        """All bytes until the server closes. Kept, for more than one look at them."""
        if self.received is None:
            pieces = []
            try:
                while piece := self.connected().recv(1 << 20):
                    pieces.append(piece)
            except socket.timeout:
                raise Failure(f"the data connection stayed open and silent for {REPLY_TIMEOUT_S} s "
                              f"after {sum(map(len, pieces))} bytes") from None
            except ConnectionResetError:
                if not reset_allowed:
                    raise Failure(f"the data connection was reset after {sum(map(len, pieces))} bytes") \
                        from None
            self.received = b"".join(pieces)
            self.socket.close()
        return self.received

    def send(self, data):
        try:
            self.connected().sendall(data)
        except OSError as error:
            raise Failure(f"data connection: {error!r} while sending {len(data)} bytes") from None

    def close(self):
        for sock in (self.socket, self.listener):
            if sock:
                sock.close()

    def reset(self):
        linger_zero(self.connected())
        self.close()


def long_port(numbers, reply):
    """(address, port) of the numbers in a 228 reply: family, length, address, length, port."""
    family, length = numbers[:2]
    address, port = numbers[2:2 + length], numbers[2 + length:]
    if (family, length) not in ((4, 4), (6, 16)) or len(port) != 3 or port[0] != 2 or max(numbers) > 255:
        raise Failure(f"names no port: {reply!r} (RFC 1639 §2)")
    return socket.inet_ntop(socket.AF_INET if family == 4 else socket.AF_INET6, bytes(address)), port[1] * 256 + port[2]


def passive_port(reply):
    """(address or None, port) that a 227, 228 or 229 reply names."""
    match = re.match(r"229 [^()]*\(\|\|\|(\d+)\|\)[^()]*$", reply)
    if match:
        return None, int(match.group(1))
    match = re.match(r"227 \D*(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\D*$", reply)
    if match:
        numbers = [int(n) for n in match.groups()]
        return ".".join(str(n) for n in numbers[:4]), numbers[4] * 256 + numbers[5]
    match = re.match(r"228 [^()]*\((\d+(?:,\d+)*)\)[^()]*$", reply)
    if match:
        return long_port([int(n) for n in match.group(1).split(",")], reply)
    raise Failure(f"names no port: {reply!r} (RFC 959 §4.1.2, RFC 1639 §3, RFC 2428 §3)")


def is_refused(address, port, source):
    """True if a connection is refused, or accepted by the kernel and then reset or closed unused."""
    try:
        sock = open_socket(address, port, source)
    except OSError:
        return True
    with sock:
        ready = select.select([sock], [], [], REPLY_TIMEOUT_S)[0]
        if not ready:
            return False
        try:
            return sock.recv(1) == b""
        except OSError:
            return True
