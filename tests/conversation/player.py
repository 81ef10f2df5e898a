"""Plays one dialogue against a running server: a method for each letter a step can begin with."""

import re
import signal
import socket
import time

import wire
from dialogue import unescape, words
from sluiced import Failure
from stage import content, difference


def glob(pattern):
    """A regular expression for a pattern in which * and ? are the only special characters."""
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern) + r"\Z", re.DOTALL)


class Session:
    def __init__(self, control):
        self.control = control
        self.data = None
        self.lines = []         # of the last reply, not yet held against an S step
        self.skipping = False   # after "S: ..."
        self.last = []          # the last reply, whole
        self.passive = None     # the last 227, 228 or 229
        self.peeked = None
        self.closed = False

    def read_reply(self):
        if self.peeked:
            reply, self.peeked = self.peeked, None
        else:
            reply = self.control.read_reply()
        self.last = reply
        if reply[0][:3] in ("227", "228", "229"):
            self.passive = reply[0]
        return reply


class Player:
    def __init__(self, server, stage, dialogue, split=False):
        self.server = server
        self.stage = stage
        self.dialogue = dialogue
        self.split = split
        self.sessions = {}
        self.address = "127.0.0.1"
        self.source = None
        self.receive_buffer = None
        self.variables = {"base": stage.base.decode("latin-1"), "control": str(server.port)}
        self.signalled = False

    def play(self):
        """Plays all steps. Raises Failure with file and line."""
        step = None
        try:
            for step in self.dialogue.steps:
                self.play_step(step)
            self.finish()
        except (Failure, OSError, re.error) as failure:
            where = f"{self.dialogue.path}:{step.line if step else 0}"
            raise Failure(f"{where}: {step.letter if step else ''}: {step.text if step else ''}\n"
                          f"    {failure}") from None
        finally:
            for session in self.sessions.values():
                session.control.close()
                if session.data:
                    session.data.close()

    def play_step(self, step):
        text = self.substitute(step.text)
        if step.letter in "FAPVZ":
            getattr(self, f"step_{step.letter}")(step, text)
            return
        if step.letter == "X" and text == "refused":
            self.expect_refused()
            return
        session = self.session(step.session)
        if step.letter != "S":
            self.forget_lines(session)
        getattr(self, f"step_{step.letter}")(session, step, text)

    def substitute(self, text):
        text = re.sub(r"\{(.) x (\d+)\}", lambda m: m.group(1) * int(m.group(2)), text)
        return re.sub(r"\{([a-z]+(?::[^{}]*)?)\}",
                      lambda m: self.variables.get(m.group(1), m.group(0)), text)

    def session(self, number):
        if number not in self.sessions:
            control = wire.Control(self.address, self.server.port, self.source, self.split)
            self.sessions[number] = Session(control)
        return self.sessions[number]

    def forget_lines(self, session):
        if session.lines and not session.skipping:
            raise Failure(f"the reply has more lines: {session.lines!r}")
        session.lines, session.skipping = [], False

    def finish(self):
        """Every session must still be in step: QUIT is answered by 221 and the end."""
        for session in self.sessions.values():
            self.forget_lines(session)
            if session.closed:
                continue
            session.control.send(b"QUIT\r\n")
            reply = session.read_reply()
            if not reply[0].startswith("221"):
                raise Failure(f"expected: 221 for a final QUIT\n    got:      {reply!r}")
            self.expect_closed(session)

    # F, A: the file system

    def step_F(self, step, text):
        self.stage.prepare(text, self.variables)

    def step_A(self, step, text):
        deadline = time.monotonic() + (10 if step.manner == "?" else 0)
        while problem := self.stage.check(text):
            if time.monotonic() >= deadline:
                raise Failure(f"expected: {text}\n    but {problem}")
            time.sleep(0.01)

    # P, V, Z: pause, vantage point, signal

    def step_P(self, step, text):
        time.sleep(float(text))

    def step_V(self, step, text):
        kind, _, value = text.partition(" ")
        if kind == "ipv6":
            self.address, self.source = "::1", None
        elif kind == "ipv4":
            self.address, self.source = "127.0.0.1", None
        elif kind == "from":
            self.source = value
        elif kind == "window":
            self.receive_buffer = int(value)
        else:
            raise Failure(f"unknown vantage point {text!r}")

    def step_Z(self, step, text):
        self.server.signal(getattr(signal, f"SIG{text}"))
        self.signalled = True

    # L: log in

    def step_L(self, session, step, text):
        user, _, password = text.partition(" ")
        self.expect_code(session, "220")
        session.control.send(f"USER {user}\r\n".encode("latin-1"))
        self.expect_code(session, "331")
        session.control.send(f"PASS {password or 'guest@example.org'}\r\n".encode("latin-1"))
        self.expect_code(session, "230")

    @staticmethod
    def expect_code(session, code):
        reply = session.read_reply()
        if reply[0][:3] != code:
            raise Failure(f"expected: {code} while logging in\n    got:      {reply!r}")

    # C: what the client sends

    def step_C(self, session, step, text):
        if step.manner == "":
            session.control.send(text.encode("latin-1") + b"\r\n")
        elif step.manner == "/":
            session.control.send(unescape(text).encode("latin-1"))
        elif step.manner == "!":
            session.control.send_urgent(unescape(text).encode("latin-1"))
        else:
            raise Failure(f"unknown step C{step.manner}")

    # S, R: what the server replies

    def step_S(self, session, step, text):
        if step.manner == "/":
            self.expect_raw(session, unescape(text).encode("latin-1"))
            return
        if text == "..." and not step.manner:
            session.skipping = True
            return
        regex = re.compile(text) if "~" in step.manner else glob(text)
        if session.lines:
            self.expect_line(session, regex, text)
        elif "?" in step.manner:
            self.expect_perhaps(session, regex)
        else:
            self.expect_reply(session, regex, step, text)

    def expect_line(self, session, regex, text):
        seen = []
        while session.lines:
            line = session.lines.pop(0)
            seen.append(line)
            if regex.search(line):
                session.skipping = False
                return
            if not session.skipping:
                break
        raise Failure(f"expected: {text}\n    got:      {seen!r}")

    def expect_perhaps(self, session, regex):
        reply = session.control.read_reply() if not session.peeked else session.peeked
        session.peeked = None if regex.search(reply[0]) else reply

    def expect_reply(self, session, regex, step, text):
        session.skipping = False
        reply = session.read_reply()
        match = regex.search(reply[0])
        any_length = "~" not in step.manner and text[3:4] == "*"
        if not match or (len(reply) > 1 and "~" not in step.manner and text[3:4] == " "):
            raise Failure(f"expected: {text}\n    got:      {reply!r}")
        if match.groupdict():
            self.variables.update(match.groupdict())
        session.lines = [] if any_length else reply[1:]

    @staticmethod
    def expect_raw(session, wanted):
        got = session.control.read_exactly(len(wanted))
        if got != wanted:
            raise Failure(f"expected: {wanted!r}\n    got:      {got!r}")

    def step_R(self, session, step, text):
        """Looks at the last reply once more, whole."""
        found = re.search(text, "\n".join(session.last), re.MULTILINE)
        if bool(found) == ("!" in step.manner):
            raise Failure(f"expected: {'no ' if found else ''}{text}\n    in:       {session.last!r}")

    # D: the data connection

    def step_D(self, session, step, text):
        by_manner = {
            "<": self.data_equals, "<~": self.data_matches, "<!~": self.data_matches_not,
            "<lines": self.data_has_lines, "<count": self.data_count, "<part": self.data_part,
            "<prefix": self.data_prefix, ">": self.data_send_all, ">part": self.data_send_part, ">cut": self.data_send_cut,
        }
        if step.manner in by_manner:
            by_manner[step.manner](session, text)
            return
        verb, _, rest = text.partition(" ")
        getattr(self, f"data_{verb}")(session, rest)

    def new_data(self, session, data):
        if session.data:
            session.data.close()
        session.data = data

    def data_passive(self, session, source):
        if not session.passive:
            raise Failure("no 227, 228 or 229 came before")
        address, port = wire.passive_port(session.passive)
        sock = wire.open_socket(address or session.control.address, port, source or self.source,
                                receive_buffer=self.receive_buffer)
        self.new_data(session, wire.Data(sock))

    def data_listen(self, session, where):
        """Listens: anywhere, at an address, where the control connection came from (default), or once more."""
        here = session.control.socket.getsockname()
        port = {"default": here[1], "again": int(self.variables.get("port", 0))}.get(where, 0)
        sock = socket.socket(session.control.socket.family, socket.SOCK_STREAM)
        sock.settimeout(wire.REPLY_TIMEOUT_S)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((here[0] if where in ("", "default", "again") else where, port))
        sock.listen(1)
        address, port = sock.getsockname()[:2]
        self.variables["port"] = str(port)
        self.variables["hostport"] = ",".join(address.split(".") + [str(port // 256), str(port % 256)])
        packed = socket.inet_pton(sock.family, address)
        numbers = [6 if sock.family == socket.AF_INET6 else 4, len(packed), *packed, 2, port // 256, port % 256]
        self.variables["longport"] = ",".join(str(number) for number in numbers)
        peer = session.control.socket.getpeername()[0]
        self.new_data(session, wire.Data(sock, listening=True, peer=peer))

    def data_knock(self, session, source):
        """A connection that nobody has reserved must be reset: to the port last named, or to any."""
        if session.passive:
            _, port = wire.passive_port(session.passive)
        else:
            port = self.server.passive[0]
        if not wire.is_refused(session.control.address, port, source or self.source):
            raise Failure(f"the server keeps a connection to port {port} that nobody reserved")

    def data_accept(self, session, where):
        sock = session.data.connected()
        if where == "L-1" and sock.getpeername()[1] != self.server.port - 1:
            raise Failure(f"expected: a connection from port L-1, {self.server.port - 1}\n"
                          f"    got:      one from {sock.getpeername()[1]}")

    def data_close(self, session, _):
        session.data.close()

    def data_reset(self, session, _):
        session.data.reset()

    def data_ended(self, session, _):
        """The server closes or resets, and what it sent before does not matter."""
        session.data.read_all(reset_allowed=True)

    def data_equals(self, session, text):
        wanted, got = content(words(text)[0]), session.data.read_all()
        if got != wanted:
            raise Failure(f"expected: {text}\n    got:      {difference(wanted, got)}")

    def data_matches(self, session, text):
        got = session.data.read_all().decode("latin-1")
        if not re.search(text, got, re.MULTILINE):
            raise Failure(f"expected: {text}\n    got:      {got[:3000]!r}")

    def data_matches_not(self, session, text):
        got = session.data.read_all().decode("latin-1")
        if re.search(text, got, re.MULTILINE):
            raise Failure(f"expected: no {text}\n    got:      {got[:3000]!r}")

    def data_has_lines(self, session, text):
        got = session.data.read_all()
        if got and not got.endswith(b"\r\n"):
            raise Failure(f"the last line has no CRLF: {got!r}")
        wanted = sorted(word.encode("latin-1") for word in words(text))
        if sorted(got.split(b"\r\n")[:-1]) != wanted:
            raise Failure(f"expected: the lines {wanted!r} in any order\n    got:      {got!r}")

    def data_count(self, session, text):
        """COUNT [TEXT]: so many lines; or so many that contain the text."""
        count, _, part = text.partition(" ")
        lines = session.data.read_all().split(b"\r\n")[:-1]
        have = sum(part.encode("latin-1") in line for line in lines)
        if have != int(count):
            raise Failure(f"expected: {text} lines\n    got:      {have}")

    def data_part(self, session, text):
        wanted = content(words(text)[0])
        got = session.data.read(len(wanted))
        if got != wanted:
            raise Failure(f"expected: {text} first\n    got:      {difference(wanted, got)}")

    def data_prefix(self, session, text):
        """Less than all of it may come, in order and without padding."""
        wanted, got = content(words(text)[0]), session.data.read_all(reset_allowed=True)
        if len(got) >= len(wanted) or not wanted.startswith(got):
            raise Failure(f"expected: a true beginning of {text}\n    got:      {difference(wanted, got)}")

    def data_send_all(self, session, text):
        session.data.send(content(words(text)[0]))
        session.data.close()

    def data_send_cut(self, session, text):
        """The server may break it off."""
        try:
            session.data.connected().sendall(content(words(text)[0]))
        except (ConnectionResetError, BrokenPipeError):
            pass
        session.data.close()

    def data_send_part(self, session, text):
        session.data.send(content(words(text)[0]))

    # X: the end of the control connection

    def step_X(self, session, step, text):
        verb, _, rest = text.partition(" ")
        if verb == "closed":
            self.expect_closed(session)
        elif verb == "drop":
            session.control.close()
            session.closed = True
        elif verb == "reset":
            wire.linger_zero(session.control.socket)
            session.control.close()
            session.closed = True
        elif verb == "until":
            self.repeat_until_closed(session, rest)
        else:
            raise Failure(f"unknown step X: {text}")

    @staticmethod
    def expect_closed(session):
        session.closed = True
        if not session.control.at_end():
            raise Failure(f"expected: the end of the control connection\n"
                          f"    got:      {session.control.received!r}")

    def expect_refused(self):
        """No new session: refused, closed at once, or told 421."""
        try:
            control = wire.Control(self.address, self.server.port, self.source)
        except OSError:
            return
        if not control.at_end() and not control.received.startswith(b"421"):
            raise Failure(f"expected: no new session\n    got:      {control.received!r}")
        control.close()

    def repeat_until_closed(self, session, text):
        """CODE COUNT LINE; LINE...: the lines again and again, until a reply CODE ends the session."""
        code, count, lines = text.split(" ", 2)
        replies = []
        for _ in range(int(count)):
            for line in lines.split("; "):
                session.control.send(line.encode("latin-1") + b"\r\n")
                replies.append(session.read_reply()[0])
                if replies[-1].startswith(code):
                    self.expect_closed(session)
                    return
        raise Failure(f"expected: {code} and the end\n    got:      {replies!r}")
