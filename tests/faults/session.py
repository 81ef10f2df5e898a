"""A client that survives a server in trouble: each command ends with its final reply, or with the
end of the control connection (Gone). Whatever else happens is a Failure."""

import os
import re
import socket

import wire
from checks import expect
from pattern import pattern
from sluiced import Failure


class Gone(Exception):
    """The server has closed the control connection."""


class PatientControl(wire.Control):
    def fill(self, wanted):
        if not super().fill(wanted):
            raise Gone
        return True

    def send(self, data):
        try:
            super().send(data)
        except Failure:
            raise Gone from None


class Session:
    def __init__(self, port, root):
        self.root = root
        try:
            self.control = PatientControl("127.0.0.1", port)
        except ConnectionResetError:
            raise Gone from None

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.control.close()

    def reply(self):
        return self.control.read_reply()

    def command(self, line):
        """Sends a command that has no preliminary reply. Returns the code."""
        self.control.send(line.encode() + b"\r\n")
        code = self.reply()[0][:3]
        expect(code[0] in "2345", f"{line!r} was answered {code}")
        return code

    def hash(self, line, wanted):
        """Returns the code. One that is no refusal must bring the hash."""
        self.control.send(line.encode() + b"\r\n")
        last = self.reply()[-1]
        expect(last[0] in "45" or wanted.hexdigest() in last.lower().split(), f"{line!r} was answered {last!r}")
        return last[:3]

    def login(self):
        """True if it came about."""
        if self.reply()[0][:3] != "220":
            return False
        self.command("USER anonymous")
        return self.command("PASS guest@") == "230"

    def passive(self):
        """A data connection, or None."""
        self.control.send(b"EPSV\r\n")
        line = self.reply()[0]
        if not line.startswith("229"):
            expect(line[0] in "45", f"EPSV was answered {line!r}")
            return None
        return wire.Data(wire.open_socket("127.0.0.1", wire.passive_port(line)[1]))

    def active(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(wire.REPLY_TIMEOUT_S)
        port = listener.getsockname()[1]
        if self.command(f"PORT 127,0,0,1,{port >> 8},{port & 255}") != "200":
            listener.close()
            return None
        return wire.Data(listener, listening=True)

    def begin(self, line):
        """The preliminary or final reply of a transfer."""
        self.control.send(line.encode() + b"\r\n")
        return self.reply()[0][:3]

    def download(self, line, wanted, active=False):
        """Returns the final code. With 226 the bytes must be `wanted` (or pass it); else a front of it."""
        data = self.active() if active else self.passive()
        if data is None:
            return None
        try:
            code = self.begin(line)
            if code[0] != "1":
                return code
            if active:
                data.listener.settimeout(0.5)
                try:
                    data.connected()
                except Failure:
                    return self.reply()[0][:3]
            got, whole = read_to_end(data)
            code = self.reply()[0][:3]
        finally:
            data.close()
        check_bytes(line, code, got, whole, wanted)
        return code

    def upload(self, line, content, before=b"", path=None):
        """Returns the final code. With 226 the file must be before + content; else a front of it."""
        data = self.passive()
        if data is None:
            return None
        try:
            self.control.send(line.encode() + b"\r\n")
            first = self.reply()[0]
            if first[0] != "1":
                return first[:3]
            if path is None:
                path = re.match(r"150 FILE: (.*)", first).group(1)
            try:
                data.socket.sendall(content)
                data.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            code = self.reply()[0][:3]
        finally:
            data.close()
        check_file(line, code, os.path.join(self.root, path), before + content)
        return code

    def quit(self):
        self.control.send(b"QUIT\r\n")
        self.reply()
        expect(self.control.received == b"", "something came after the 221")


def read_to_end(data):
    """(bytes, whether they ended as a stream ends)."""
    pieces = []
    try:
        while piece := data.socket.recv(1 << 20):
            pieces.append(piece)
    except ConnectionResetError:
        return b"".join(pieces), False
    except socket.timeout:
        raise Failure("the data connection stayed open and silent") from None
    return b"".join(pieces), True


def check_bytes(line, code, got, whole, wanted):
    expect(code[0] in "245", f"{line!r} ended with {code}")
    if callable(wanted):
        if code == "226":
            wanted(got)
    elif code == "226":
        expect(whole, f"{line!r}: 226 after a reset")
        expect(got == wanted, f"{line!r}: 226 after {len(got)} of {len(wanted)} bytes, or wrong ones")
    else:
        expect(got == wanted[:len(got)], f"{line!r}: {code} after wrong bytes")
        expect(not whole or got == wanted or not got, f"{line!r}: {code}, but a clean end after {len(got)} bytes")


def check_file(line, code, path, wanted):
    expect(code[0] in "245", f"{line!r} ended with {code}")
    try:
        with open(path, "rb") as file:
            got = file.read()
    except FileNotFoundError:
        expect(code != "226", f"{line!r}: 226, but there is no file")
        return
    if code == "226":
        expect(got == wanted, f"{line!r}: 226, but {len(got)} of {len(wanted)} bytes in the file, or wrong ones")
    else:
        expect(got == wanted[:len(got)], f"{line!r}: {code}, and wrong bytes in the file")


def check_serves(port, root):
    """A session without faults works in every respect that counts."""
    with Session(port, root) as session:
        expect(session.login(), "the next session cannot log in")
        session.command("TYPE I")
        code = session.download("RETR small", pattern(1000))
        expect(code == "226", f"the next session's RETR ended with {code}")
        session.quit()
