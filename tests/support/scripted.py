"""A server that says what a test wants said: for clients that must cope with it."""

import select
import socket
import threading

FACTS = "MLST type*;size*;modify*;"


class Scripted:
    """answer(server, control, verb, argument) returns whether it has answered; the rest is answered here.
    One passive port serves all sessions, so that a test has to have them open one connection at a time."""

    def __init__(self, answer, *features):
        self.answer, self.features = answer, features
        self.lines = []
        self.controls = []
        self.lock = threading.Lock()
        self.listener, self.data = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.leave()
        self.data.close()

    def leave(self):
        """All connections end, and no further one is taken."""
        for sock in (self.listener, *self.controls):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()

    def url(self, path=""):
        return f"ftp://127.0.0.1:{self.port}/{path}"

    def accept(self):
        while True:
            try:
                control = self.listener.accept()[0]
            except OSError:
                return
            self.controls.append(control)
            threading.Thread(target=self.serve, args=(control,), daemon=True).start()

    def serve(self, control):
        try:
            say(control, "220 ready")
            for line in control.makefile("rb"):
                self.lines.append(line.decode("latin-1").rstrip("\r\n"))
                verb, _, argument = self.lines[-1].lstrip("\xff\xf4\xf2").partition(" ")
                if not self.answer(self, control, verb, argument):
                    self.answer_as_any(control, verb)
        except OSError:
            pass

    def answer_as_any(self, control, verb):
        while verb == "EPSV" and select.select([self.data], [], [], 0)[0]:
            self.data.accept()[0].close()  # of a transfer that was refused
        port = self.data.getsockname()[1]
        features = "".join(f" {feature}\r\n" for feature in self.features)
        say(control, {"USER": "230 in", "TYPE": "200 ok", "CWD": "250 ok", "QUIT": "221 bye", "ABOR": "226 done", "REST": "350 ok",
                      "FEAT": f"211-Features\r\n{features}211 End",
                      "EPSV": f"229 here (|||{port}|)"}.get(verb, "500 unknown"))

    def send(self, control, content, final="226 done"):
        say(control, "150 here it comes")
        with self.data.accept()[0] as data:
            data.sendall(content)
        say(control, final)


def say(control, text):
    control.sendall(text.encode() + b"\r\n")


def facts(*entries):
    return "".join(f"{each}\r\n" for each in entries).encode()
