"""What the load generator sends, takes and counts, beside a server whose every word is given.
LOAD names the program."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, BENCH)
sys.dont_write_bytecode = True

from harness import accounting, servers, steps  # noqa: E402

LOAD = os.environ.get("LOAD", "build/release/bench/load/load")
EOF, RESTART = 64, 16
TELNET_WILL, TELNET_DONT = b"\xff\xfb\x01", b"\xff\xfe\x01"


def block(flags, content=b""):
    return struct.pack(">BH", flags, len(content)) + content


class Server:
    """Answers one session. `replies` maps a verb to what is sent for it: bytes, a list of which
    each is sent on its own, or a function of this server that gives one of both."""

    LOGIN = {"": b"220 ready\r\n", "USER": b"331 password\r\n", "PASS": b"230 in\r\n",
             "TYPE": b"200 ok\r\n", "MODE": b"200 ok\r\n"}

    def __init__(self, replies):
        self.replies = {**self.LOGIN, "EPSV": type(self).passive, **replies}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.passive_listener = socket.create_server(("127.0.0.1", 0))
        self.lines, self.data, self.accepted, self.telnet = [], None, 0, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def passive(self):
        return b"229 here (|||%d|)\r\n" % self.passive_listener.getsockname()[1]

    def sends(self, content, last, keeps=False):
        """150, the content on the data connection, and the last reply."""
        if not self.data:
            self.data = self.passive_listener.accept()[0]
            self.accepted += 1
        self.data.sendall(content)
        if not keeps:
            self.data.close()
            self.data = None
        return b"150 opening\r\n" + last

    def answer(self, control, verb):
        reply = self.replies[verb]
        reply = reply(self) if callable(reply) else reply
        for part in reply if isinstance(reply, list) else [reply]:
            control.sendall(part)
            threading.Event().wait(0.02 if isinstance(reply, list) else 0)

    def serve(self):
        control = self.listener.accept()[0]
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = control.makefile("rb")
        try:
            self.answer(control, "")
            for line in lines:
                self.telnet += line.count(TELNET_DONT)
                self.lines.append(line.replace(TELNET_DONT, b"").rstrip(b"\r\n").decode())
                self.answer(control, self.lines[-1].split()[0])
        except OSError:
            pass  # the generator has seen enough
        finally:
            for each in filter(None, (lines, control, self.data)):
                each.close()

    def close(self):
        self.listener.close()
        self.passive_listener.close()


class Generator(unittest.TestCase):
    def load(self, replies, *arguments):
        """The result of one session, and the server."""
        server = Server(replies)
        self.addCleanup(server.close)
        program = subprocess.run(
            [LOAD, *map(str, arguments), "--sessions", "1", "--deadline", "5", "--port",
             str(server.listener.getsockname()[1])], stdout=subprocess.PIPE, timeout=20)
        return json.loads(program.stdout.splitlines()[-1]), server

    def assert_error(self, result, text):
        self.assertGreater(result["errors"], 0)
        self.assertIn(text, " ".join(result["error_texts"]))

    def retr(self, replies, *arguments):
        return self.load(replies, "retr", "--file", "x", "--count", 1, *arguments)

    def test_a_file_is_counted_when_its_data_and_its_reply_have_come(self):
        result, server = self.retr({"RETR": lambda each: each.sends(b"12345", b"226 sent\r\n")},
                                   "--expect", 5)
        self.assertEqual((result["operations"], result["bytes"], result["errors"]), (1, 5, 0))
        self.assertEqual(server.lines[:5], ["USER anonymous", "PASS x", "TYPE I", "EPSV", "RETR x"])

    def test_replies_come_in_pieces_in_many_lines_and_with_telnet_commands(self):
        result, server = self.retr({
            "": [b"120 soon\r\n", b"2", b"20-hello\r\n220", b"-again\r\n not yet\r\n220 ready\r\n"],
            "TYPE": [TELNET_WILL[:2], TELNET_WILL[2:] + b"200 \xff\xf1ok\r", b"\n"],
            "RETR": lambda each: each.sends(b"", b"226-a\r\n226 b\r\n")})
        self.assertEqual((result["operations"], result["errors"], server.telnet), (1, 0, 1))

    def test_a_user_without_a_password_is_logged_in_by_230(self):
        result, server = self.retr({"USER": b"230 in\r\n",
                                    "RETR": lambda each: each.sends(b"", b"226 sent\r\n")})
        self.assertEqual(result["errors"], 0)
        self.assertNotIn("PASS x", server.lines)

    def test_a_file_of_another_size_is_an_error(self):
        result, _ = self.retr({"RETR": lambda each: each.sends(b"1234", b"226 sent\r\n")},
                              "--expect", 5)
        self.assert_error(result, "RETR x: 4 bytes instead of 5")

    def test_wrong_bytes_are_counted_where_they_are_looked_at(self):
        result, _ = self.retr({"RETR": lambda each: each.sends(b"1234", b"226 sent\r\n")},
                              "--verify")
        self.assertEqual(result["wrong_bytes"], 4)

    def test_a_refusal_is_named(self):
        result, _ = self.retr({"RETR": b"550 no\r\n"})
        self.assert_error(result, "RETR x: 550 no")

    def test_a_reply_that_the_diagram_does_not_allow_is_an_error(self):
        for verb, reply in (("TYPE", b"100 wait\r\n"), ("RETR", b"350 more\r\n"),
                            ("PASS", b"332 account\r\n"), ("EPSV", b"229 nowhere\r\n")):
            result, _ = self.retr({verb: reply})
            self.assert_error(result, reply[:3].decode() if verb != "EPSV" else "EPSV: no port")

    def test_what_is_no_reply_ends_the_session(self):
        result, _ = self.retr({"TYPE": b"hello\r\n"})
        self.assert_error(result, "no reply: hello")

    def test_blocks_end_a_file_and_the_connection_stays_for_the_next(self):
        file = block(0, b"1234") + block(RESTART, b"mark") + block(EOF, b"5")
        result, server = self.load(
            {"RETR": lambda each: each.sends(file, b"250 sent\r\n", keeps=True)},
            "retr", "--file", "x", "--mode", "B", "--count", 3, "--expect", 5)
        self.assertEqual((result["operations"], result["bytes"], result["errors"]), (3, 15, 0))
        self.assertEqual((server.accepted, server.lines.count("EPSV")), (1, 1))

    def test_blocks_in_pieces_are_put_together(self):
        def dribble(server):
            server.sends(b"", b"", keeps=True)
            server.data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in block(0, b"ab") + block(EOF):
                server.data.sendall(bytes([byte]))
                threading.Event().wait(0.005)
            return b"150 opening\r\n250 sent\r\n"
        result, _ = self.load({"RETR": dribble}, "retr", "--file", "x", "--mode", "B",
                              "--count", 1, "--expect", 2)
        self.assertEqual((result["operations"], result["errors"]), (1, 0))

    def test_a_226_has_the_next_file_on_a_new_connection(self):
        result, server = self.load(
            {"RETR": lambda each: each.sends(block(EOF, b"1"), b"226 closing\r\n")},
            "retr", "--file", "x", "--mode", "B", "--count", 2, "--expect", 1)
        self.assertEqual((result["operations"], result["errors"]), (2, 0))
        self.assertEqual(server.accepted, 2)

    def test_blocks_without_their_end_are_an_error(self):
        result, _ = self.load({"RETR": lambda each: each.sends(block(0, b"1"), b"226 sent\r\n")},
                              "retr", "--file", "x", "--mode", "B", "--count", 1)
        self.assert_error(result, "closed within a file")

    def test_a_refused_mode_is_named(self):
        result, _ = self.retr({"MODE": b"504 no\r\n"}, "--mode", "B")
        self.assert_error(result, "MODE: 504 no")

    def test_a_pinned_receive_buffer_holds_what_it_says(self):
        """Of a download that is never read, the socket takes what fits into both buffers."""
        def taken(*arguments):
            held = []

            def fills(server):
                server.data = server.passive_listener.accept()[0]
                server.data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.data.settimeout(0.3)
                held.append(0)
                try:
                    while True:
                        held[-1] += server.data.send(bytes(4096))
                except TimeoutError:
                    server.data.close()
                return b"150 opening\r\n426 enough\r\n"
            server = Server({"RETR": fills})
            self.addCleanup(server.close)
            server.passive_listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            with subprocess.Popen(
                    [LOAD, "stall", "--file", "x", "--sessions", "1", "--deadline", "2", *arguments,
                     "--port", str(server.listener.getsockname()[1])], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE) as program:
                program.stdout.read()
            return held[0]
        few, many = (taken("--receive-buffer", size) for size in ("16384", "262144"))
        self.assertLess(few, 40000)
        self.assertGreater(many, few + 150000)

    def test_its_clock_stands_still_while_it_is_stopped(self):
        stopped_s = 1.5
        server = Server({"NOOP": b"200 ok\r\n"})
        self.addCleanup(server.close)
        with tempfile.NamedTemporaryFile() as clock:
            clock.write(bytes(8))
            clock.flush()
            with subprocess.Popen(
                    [LOAD, "ctrl", "--file", "x", "--verb", "NOOP", "--sessions", "1", "--settle",
                     "0.1", "--seconds", "0.3", "--gate", "--clock", clock.name, "--port",
                     str(server.listener.getsockname()[1])], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, bufsize=0) as program:
                self.assertIn(b"ready", program.stdout.readline())
                program.stdin.write(b"\n")
                self.assertIn(b"settled", program.stdout.readline())
                # It stops by itself, and is stopped once more in the midst of what counts.
                all_ns = 0
                for number in (1, 2):
                    os.waitid(os.P_PID, program.pid, os.WSTOPPED)
                    began_ns = time.monotonic_ns()
                    time.sleep(stopped_s)
                    all_ns += time.monotonic_ns() - began_ns
                    clock.seek(0)
                    clock.write(struct.pack("Q", all_ns))
                    clock.flush()
                    program.send_signal(signal.SIGCONT)
                    time.sleep(0.1)
                    if number == 1:
                        program.send_signal(signal.SIGSTOP)
                result = json.loads(program.stdout.readline())
                program.stdin.close()
        self.assertEqual(result["errors"], 0)
        self.assertGreater(result["operations"], 0)
        self.assertLess(result["seconds"], stopped_s)
        self.assertLess(result["max_us"], stopped_s * 1e6)

    def test_commands_are_mixed_or_one_alone(self):
        replies = {"NOOP": b"200 ok\r\n", "PWD": b'257 "/"\r\n', "SIZE": b"213 1\r\n",
                   "MDTM": b"213 2\r\n", "HASH": b"213 SHA-256 0-1 00 x\r\n"}
        result, server = self.load(replies, "ctrl", "--file", "x", "--count", 4, "--depth", 4)
        self.assertEqual((result["operations"], result["errors"]), (4, 0))
        self.assertEqual(server.lines[3:], ["NOOP", "PWD", "SIZE x", "MDTM x"])
        result, server = self.load(replies, "ctrl", "--file", "x", "--verb", "HASH", "--count", 2)
        self.assertEqual(server.lines[3:], ["HASH x", "HASH x"])


class ByTurns(unittest.TestCase):
    """A load and a server, the barest there is, beside another pair."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with open(os.path.join(folder.name, "big.bin"), "wb") as file:
            file.truncate(1 << 20)
        self.place = types.SimpleNamespace(
            bench=BENCH, scratch=folder.name, load=os.path.abspath(LOAD), check_accounting=False,
            reference=os.path.abspath(os.environ.get(
                "REFERENCE", "build/release/bench/reference/reference")))
        self.options = {"address": "127.0.0.1", "root": folder.name}

    def server(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = servers.Server("reference:send-sendfile-event", self.place, port, self.options)
        self.addCleanup(server.stop)
        return server

    def test_nobody_works_in_anothers_turn(self):
        """A machine that stands still for longer than a whole measurement lets it end within its
        first turn: that says nothing, and it is done again."""
        pairs = {name: self.server() for name in "ab"}
        turns = 0
        for _ in range(20):
            results, turns = self.by_turns(pairs)
            for result in results.values():
                self.assertIsNone(servers.failure(result))
                self.assertGreater(result["bytes"], 0)
                self.assertGreater(result["cpu_s"], 0)
                self.assertGreaterEqual(result["seconds"], 0.4)
            if turns > 4:
                break
        self.assertGreater(turns, 4)

    def by_turns(self, pairs):
        """{name: result} of two measurements, none of whose servers works in the other's turns, and
        how many turns both had."""
        load = ["retr", "--file", "big.bin", "--sessions", 2, "--settle", 0.05]
        running = {name: servers.gated_steps(self.place, server, load, 0.4)
                   for name, server in pairs.items()}
        for each in running.values():
            next(each)
        results, turns = {}, 0
        while len(results) < len(pairs):
            for name, other in ("ab", "ba"):
                if name in results or other in results:
                    results.update({name: steps.whole(running[name])} if name not in results else {})
                    continue
                before = pairs[other].cpu_s()
                try:
                    next(running[name])
                except StopIteration as end:
                    results[name] = end.value
                turns += 1
                self.assertLess(pairs[other].cpu_s() - before, steps.TURN_S / 5)
        return results, turns

    def test_a_server_that_fails_while_buffers_fill_ends_the_measurement(self):
        server = self.server()
        measurement = servers.gated_steps(
            self.place, server, ["retr", "--file", "big.bin", "--settle", 30], 1)
        timer = threading.Timer(0.5, lambda: os.kill(accounting.tree(server.pid)[1], signal.SIGKILL))
        timer.start()
        with self.assertRaises(servers.Failed):
            next(measurement)
        timer.join()

    def test_a_benchmark_that_is_killed_leaves_nothing_that_stands_still(self):
        """The server of a program that halts it and ends at once."""
        server_pid = subprocess.run(
            [sys.executable, "-c", KILLED, BENCH, self.place.scratch, self.place.load,
             self.place.reference], stdout=subprocess.PIPE, check=False).stdout.split()
        self.assertEqual(len(server_pid), 3)
        end = time.monotonic() + 20
        while any(alive(int(pid)) for pid in server_pid):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)


KILLED = """
import os, signal, socket, sys, types
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from harness import accounting, servers
place = types.SimpleNamespace(bench=sys.argv[1], scratch=sys.argv[2], load=sys.argv[3],
                              reference=sys.argv[4], check_accounting=False)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = servers.Server("reference:send-sendfile-event", place, port,
                        {"address": "127.0.0.1", "root": sys.argv[2]})
measurement = servers.gated_steps(place, server, ["retr", "--file", "big.bin"], 9)
next(measurement)
print(*accounting.tree(os.getpid())[1:], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    unittest.main()
