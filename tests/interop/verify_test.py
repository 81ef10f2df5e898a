#!/usr/bin/env python3
"""sluice get --verify against a server that plays a script: HASH, its older kin, and lies."""

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, same, test  # noqa: E402
from sluiced import binary, engine_arguments, environment  # noqa: E402

PROGRAM = os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")
CONTENT = b"what is verified\n" * 1000
NOT_VERIFIED = 6


class Server:
    """One file, and the replies of a script to what asks for its hash."""

    def __init__(self, features, replies):
        self.features, self.replies, self.lines = features, replies, []
        self.control = socket.create_server(("127.0.0.1", 0))
        self.data = socket.create_server(("127.0.0.1", 0))
        self.port = self.control.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.control.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 hello\r\n")
            for line in lines:
                line = line.rstrip(b"\r\n")
                self.lines.append(line.decode())
                verb = line.split()[0]
                if verb == b"RETR":
                    connection.sendall(b"150 here\r\n")
                    data, _ = self.data.accept()
                    data.sendall(CONTENT)
                    data.close()
                    connection.sendall(b"226 done\r\n")
                    continue
                answers = {b"USER": b"230 in", b"TYPE": b"200 ok", b"QUIT": b"221 bye",
                           b"FEAT": b"211-Features\r\n" + b"".join(b" " + f + b"\r\n" for f in self.features) + b"211 End",
                           b"EPSV": b"229 here (|||%d|)" % self.data.getsockname()[1], **self.replies}
                connection.sendall(answers.get(verb, b"500 no") + b"\r\n")

    def close(self):
        self.control.close()
        self.data.close()


def verify(features, replies, status, *words):
    """Runs it once. Returns the commands that the server was sent."""
    server = Server(features, replies)
    with tempfile.TemporaryDirectory(prefix="sluice-verify-") as folder:
        done = subprocess.run([PROGRAM, "get", *engine_arguments(), "--verify", f"ftp://127.0.0.1:{server.port}/file"],
                              cwd=folder, env=environment(HOME=folder), capture_output=True, timeout=30, check=False)
        server.close()
        text = (done.stdout + done.stderr).decode()
        same(f"exit code\n{text}", status, done.returncode)
        for word in words:
            expect(word in text, f"{word!r} is not said: {text}")
        with open(os.path.join(folder, "file"), "rb") as file:
            expect(file.read() == CONTENT, "the file is another one")
    return server.lines


def digest(name):
    return hashlib.new(name, CONTENT).hexdigest().encode()


@test
def hash_takes_the_algorithm_that_is_set():
    lines = verify([b"HASH SHA-1;SHA-256*;MD5"], {b"HASH": b"213 SHA-256 0-17000 " + digest("sha256") + b" file"}, 0,
                   "verified by SHA-256")
    expect("HASH file" in lines and not any(line.startswith("OPTS") for line in lines), f"commands {lines}")


@test
def hash_is_set_to_the_best_there_is():
    lines = verify([b"HASH SHA-1*;SHA-256"], {b"OPTS": b"200 SHA-256",
                                              b"HASH": b"213 SHA-256 0-17000 " + digest("sha256").upper() + b" file"}, 0)
    expect(lines.index("OPTS HASH SHA-256") < lines.index("HASH file"), f"commands {lines}")


@test
def older_commands_serve_as_well():
    verify([b"XMD5 filename", b"XSHA256 filename;start;end"], {b"XSHA256": b"250 " + digest("sha256")}, 0,
           "verified by SHA-256")
    verify([b"XMD5"], {b"XMD5": b"251 " + digest("md5")}, 0, "verified by MD5")


@test
def another_hash_is_exit_code_6():
    verify([b"HASH SHA-256*"], {b"HASH": b"213 SHA-256 0-17000 " + b"0" * 64 + b" file"}, NOT_VERIFIED, "differs")


@test
def what_cannot_be_told_is_not_verified():
    verify([b"SIZE"], {}, NOT_VERIFIED, "not verified")
    verify([b"HASH SHA-256*"], {b"HASH": b"213 SHA-256 0-17000 cafe file"}, NOT_VERIFIED, "holds no SHA-256")


@test
def a_refused_hash_is_told():
    verify([b"HASH SHA-256*"], {b"HASH": b"550 no hash for you"}, 1, "no hash for you")


if __name__ == "__main__":
    main()
