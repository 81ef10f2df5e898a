"""A control connection that is overheard: the client connects to the recorder, which passes every byte
on to the server and back, and remembers the commands with their replies. Data connections go past it:
both ends have the addresses that they would have without it."""

import re
import socket
import threading

TELNET = re.compile(rb"\xff[\xf0-\xff]")  # IP and Synch, before ABOR


class Dialogue:
    """What was said on one control connection."""

    def __init__(self):
        self.commands = []
        self.replies = []  # the last line of each, the greeting first; without those that say more is to come
        self.inside = None  # the code of a reply whose lines are not all here

    def hear_command(self, line):
        self.commands.append(TELNET.sub(b"", line).decode("utf-8", "replace"))

    def hear_reply(self, line):
        line = line.decode("utf-8", "replace")
        if self.inside and not line.startswith(self.inside + " "):
            return
        self.inside = line[:3] if line[3:4] == "-" else None
        if not self.inside and line[:1] != "1":
            self.replies.append(line)

    def pairs(self):
        """(command, reply) in their order: the server answers one after another, ABOR as well."""
        return list(zip(self.commands, self.replies[1:]))


class Recorder:
    def __init__(self, address, port):
        self.server = (address, port)
        self.listener = socket.create_server((address, 0), family=family_of(address))
        self.port = self.listener.getsockname()[1]
        self.dialogues = []
        self.threads = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:
                client.close()
                continue
            client.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            dialogue = Dialogue()
            self.dialogues.append(dialogue)
            for source, sink, hear in ((client, server, dialogue.hear_command), (server, client, dialogue.hear_reply)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=pass_on, args=(source, sink, hear), daemon=True)
                thread.start()
                self.threads.append(thread)

    def pairs(self):
        """Of all connections, one after another, once they have ended."""
        for thread in list(self.threads):
            thread.join(5)
        return [pair for dialogue in self.dialogues for pair in dialogue.pairs()]

    def commands(self, *verbs):
        """The commands given, or those among them that begin with one of the verbs."""
        return [command for command, _ in self.pairs() if not verbs or command.split(" ")[0].upper() in verbs]

    def forget(self):
        self.pairs()
        self.dialogues.clear()

    def close(self):
        self.listener.close()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def pass_on(source, sink, hear):
    """Passes bytes on, and whole lines to hear(), until the source ends."""
    held = b""
    try:
        while data := source.recv(65536):
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                hear(line.rstrip(b"\r"))
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
