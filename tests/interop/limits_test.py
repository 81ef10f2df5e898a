#!/usr/bin/env python3
"""A server process at a limit of the system: the client hears of it, and the server goes on."""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import wire  # noqa: E402
from checks import expect, main, same, test, wait_until  # noqa: E402
from client import command, connect, fetch, greet, log_in  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import Failure, Sluiced, environment, older_than, password_hash  # noqa: E402


class Served(tempfile.TemporaryDirectory):
    """A folder, and a server of it to which anonymous users may write."""

    passive_ports = 16

    def __enter__(self):
        os.chmod(self.name, 0o777)
        write_pattern(os.path.join(self.name, "small"), 1000)
        self.server = Sluiced(self.name, ["--anonymous-write"], self.passive_ports).start()
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.server.abandon()
        else:
            self.server.stop()
        self.cleanup()


def limited(server, what, limit):
    """Lowers a soft limit of the server process. Returns the one before."""
    before = resource.prlimit(server.server_pid, what)
    resource.prlimit(server.server_pid, what, (limit, before[1]))
    return before


def all_at_once(server, controls, line):
    """The first reply that each has to a line which all have sent before the server sees any."""
    os.kill(server.server_pid, signal.SIGSTOP)
    for control in controls:
        control.send(line)
    os.kill(server.server_pid, signal.SIGCONT)
    return [control.read_reply()[0] for control in controls]


def are_refused(replies, words):
    """Some are, and for that reason."""
    refused = [reply for reply in replies if not reply.startswith("213 ")]
    expect(refused and all(reply.startswith("450 Too many") and words in reply for reply in refused), f"{refused}")


def count_all(sources):
    """SIZE for each source, in TYPE A. Each has slices to wait for, so that none is counted before the last has come."""
    size = 200 << 20
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "text"), "wb") as file:
            file.truncate(size)
        with Sluiced(folder, ["--workers", "1"]) as server:
            controls = [log_in("127.0.0.1", server.port, source) for source in sources]
            for control in controls:
                command(control, "TYPE A", "200")
            replies = all_at_once(server, controls, b"SIZE text\r\n")
            same("what is counted", {f"213 {size}"}, {reply for reply in replies if reply[:1] == "2"})
            for control in controls:
                command(control, "SIZE text", "213")
                control.close()
            return replies


@test
def more_files_to_count_than_a_worker_takes_are_450():
    are_refused(count_all([f"127.0.0.{2 + number % 10}" for number in range(100)]), "at work now")


@test
def one_address_has_its_share_of_the_counting_and_leaves_the_rest():
    replies = count_all(["127.0.0.2"] * 20 + ["127.0.0.3"])
    are_refused(replies[:20], "for your address")
    expect(replies[20].startswith("213"), f"another address has {replies[20]}")


@test
def who_goes_on_where_counting_has_led_counts_no_more():
    """RETR in TYPE A counts up to its restart point first, unless the file is too large for that; nobody takes what it
    would send then."""
    for size in 1000, 300 << 20:
        with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
            os.chmod(folder, 0o755)
            for number in range(17):
                with open(os.path.join(folder, str(number)), "wb") as file:
                    file.truncate(size if number < 16 else 1000)
            with Sluiced(folder, ["--workers", "1"]) as server:
                controls = [log_in("127.0.0.1", server.port) for _ in range(17)]
                for number, control in enumerate(controls):
                    command(control, "TYPE A", "200")
                    if number < 16:
                        command(control, "EPSV", "229")
                        command(control, "REST 1", "350")
                        command(control, f"RETR {number}", "150")
                command(controls[16], "SIZE 16", "213 1000")
                for control in controls:
                    control.close()


@test
def one_address_has_its_share_of_dsiz_and_leaves_the_rest():
    """Each takes slices, so that none has its answer before the last has come."""
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        for number in range(8000):
            os.mknod(os.path.join(folder, str(number)))
        with Sluiced(folder, ["--workers", "1"]) as server:
            sources = ["127.0.0.2"] * 10 + ["127.0.0.3"]
            controls = [log_in("127.0.0.1", server.port, source) for source in sources]
            replies = all_at_once(server, controls, b"DSIZ\r\n")
            are_refused(replies[:10], "for your address")
            expect(replies.count("213 0") >= 5 and replies[10] == "213 0", f"{replies}")
            for control in controls:
                command(control, "DSIZ", "213")
                control.close()


def index_all(server, sources):
    """SITE INDEX for each source, of which nobody takes the listing. Returns the connections and their ports."""
    # Ports enough: the same one serves others of other addresses.
    controls = [log_in("127.0.0.1", server.port, source) for source in sources]
    ports = [wire.passive_port(command(control, "EPSV", "229"))[1] for control in controls]
    for control in controls:
        command(control, "SITE INDEX", "150")
    return controls, ports


def take_index(control, port, source):
    with socket.create_connection(("127.0.0.1", port), 30, (source, 0)) as data:
        expect(b" sub\r\n" in data.recv(1000), "the tree is not listed")
    expect(control.read_reply()[0].startswith("226"), "the listing is not complete")


@test
def more_trees_to_list_than_a_worker_holds_are_450():
    """Each holds a descriptor for each level, as long as nobody takes it."""
    sources = [f"127.0.1.{number + 1}" for number in range(64)]
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        os.mkdir(os.path.join(folder, "sub"))
        with Sluiced(folder, ["--workers", "1"]) as server:
            controls, ports = index_all(server, sources)
            one_more = log_in("127.0.0.1", server.port)
            expect("at work now" in command(one_more, "SITE INDEX", "450"), "the reply names another reason")
            take_index(controls[0], ports[0], sources[0])
            command(one_more, "EPSV", "229")
            command(one_more, "SITE INDEX", "150")
            for control in *controls, one_more:  # which ends what nobody takes
                control.close()


@test
def one_address_has_its_share_of_trees_to_list_and_leaves_the_rest():
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        os.mkdir(os.path.join(folder, "sub"))
        with Sluiced(folder, ["--workers", "1"]) as server:
            controls, ports = index_all(server, ["127.0.0.2"] * 16)
            one_more = log_in("127.0.0.1", server.port, "127.0.0.2")
            expect("for your address" in command(one_more, "SITE INDEX", "450"), "the reply names another reason")
            others, others_ports = index_all(server, ["127.0.0.3"])
            take_index(others[0], others_ports[0], "127.0.0.3")
            take_index(controls[0], ports[0], "127.0.0.2")
            command(one_more, "EPSV", "229")
            command(one_more, "SITE INDEX", "150")
            for control in *controls, *others, one_more:
                control.close()


@test
def an_active_connection_without_a_free_descriptor_is_425():
    """The supervisor's answer brings a socket, and is held back until no descriptor is left for it."""
    with Served() as served, socket.create_server(("127.0.0.1", 0)) as listener:
        server = served.server
        control = log_in("127.0.0.1", server.port)
        port = listener.getsockname()[1]
        command(control, f"PORT 127,0,0,1,{port >> 8},{port & 255}", "200")
        server.signal(signal.SIGSTOP)
        command(control, "RETR small", "150")
        before = limited(server, resource.RLIMIT_NOFILE, 3)
        server.signal(signal.SIGCONT)
        reply = control.read_reply()[0]
        resource.prlimit(server.server_pid, resource.RLIMIT_NOFILE, before)
        expect(reply.startswith("425"), f"RETR without a descriptor ended with {reply!r}")
        command(control, "NOOP", "200")
        fetch("127.0.0.1", server.port, "small", pattern(1000))
        control.close()


def with_little_locked_memory(folder, ring):
    """Of 64 workers some have no room for a ring, where the kernel counts rings, and nobody may give them more."""
    server = Sluiced(folder, ["--workers", "64", "--ring", ring])
    server.arguments = ["/usr/bin/setpriv", "--bounding-set=-sys_resource,-ipc_lock", "prlimit", "--memlock=3145728:3145728",
                        *server.arguments]
    return server


@contextlib.contextmanager
def some_with_a_ring(folder):
    """The kernel counts for all servers of the user: others may have left none at all for a moment."""
    for _ in range(100):
        server = with_little_locked_memory(folder, "auto")
        try:
            server.start()
            break
        except Failure as failure:
            expect("another engine" in str(failure), f"{failure}")
            time.sleep(0.2)
    else:
        raise Failure("no worker has had a ring for 20 s")
    try:
        yield server
    except BaseException:
        server.abandon()
        raise
    server.stop()


@test
def a_worker_whose_ring_may_not_be_locked_is_driven_by_epoll():
    if os.environ.get("SLUICE_TEST_ENGINE") == "epoll":
        return  # then all are
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        write_pattern(os.path.join(folder, "small"), 1000)
        with some_with_a_ring(folder) as server:
            controls = [log_in("127.0.0.1", server.port) for _ in range(64)]  # each with a worker of its own
            for control in controls:
                data = wire.Data(wire.open_socket("127.0.0.1", wire.passive_port(command(control, "EPSV", "229"))[1]))
                command(control, "RETR small", "150")
                same("small", pattern(1000), data.read_all())
                expect(control.read_reply()[0].startswith("226"), "no 226")
                control.close()
            lines = [line for line in server.log().splitlines() if "are driven by epoll: their rings are more" in line]
            counted = "engine: io_uring" in server.log() and not older_than(6, 14)
            same("lines of the log", counted, len(lines) == 1)
        if not counted:
            return
        server = with_little_locked_memory(folder, "uring")
        try:
            server.start()
        except Failure as failure:
            # Other servers of this user may have left not even enough for the ring that is tried first.
            texts = "the rings of 64 workers are more than this user may lock", "has no io_uring for us (Cannot allocate"
            expect(any(text in str(failure) for text in texts), f"{failure}")
        else:
            server.stop()
            raise Failure("--ring=uring is something else")


@test
def a_server_that_says_it_is_ready_needs_no_more_descriptors():
    """Each worker has all of its own by then."""
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        for _ in range(4):
            with Sluiced(folder, ["--workers", "24"]) as server:
                process = server.server_pid
                before = limited(server, resource.RLIMIT_NOFILE, 3)
                time.sleep(0.1)
                resource.prlimit(process, resource.RLIMIT_NOFILE, before)
                log_in("127.0.0.1", server.port).close()
                expect("cannot go on" not in server.log(), "a worker found no descriptor")


@test
def pipes_that_are_small_are_a_line_of_the_log():
    """All servers of one user share what it may have; each is as good as the last one but for the price."""
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder, contextlib.ExitStack() as servers:
        os.chmod(folder, 0o755)
        write_pattern(os.path.join(folder, "file"), 3000000)
        for _ in range(16):
            server = servers.enter_context(Sluiced(folder, ["--workers", "3"]))
            if "pipe-user-pages-soft" in server.log():
                break
        lines = [line for line in server.log().splitlines() if "pipe-user-pages-soft" in line]
        expect(len(lines) == 1, f"{len(lines)} lines of the log")
        expect(re.search(r"pipes of \d+ KiB instead of \d+ KiB", lines[0]), lines[0])
        fetch("127.0.0.1", server.port, "file", pattern(3000000))


class ServedByOnePort(Served):
    passive_ports = 1


@test
def a_connection_that_could_not_be_accepted_is_not_taken_for_anothers():
    """It waits in the backlog of the only port while its session ends, and somebody else has the port next."""
    with ServedByOnePort() as served:
        server = served.server
        first, second = (log_in("127.0.0.1", server.port) for _ in range(2))
        port = wire.passive_port(command(first, "EPSV", "229"))[1]
        descriptors = len(server.descriptors())
        before = limited(server, resource.RLIMIT_NOFILE, 3)
        left_behind = wire.open_socket("127.0.0.1", port)
        # io_uring keeps to the limit as it was when accepting began.
        wait_until(lambda: "accept: Too many open files" in server.log() or len(server.descriptors()) > descriptors,
                   "no accept failed")
        descriptors = len(server.descriptors())
        first.close()
        wait_until(lambda: len(server.descriptors()) < descriptors, "the first session stays")
        command(second, "EPSV", "425")  # it must not be told a port
        resource.prlimit(server.server_pid, resource.RLIMIT_NOFILE, before)
        reply = command(second, "EPSV", "229")
        data = wire.Data(wire.open_socket("127.0.0.1", wire.passive_port(reply)[1]))
        command(second, "RETR small", "150")
        same("small", pattern(1000), data.read_all())
        expect(second.read_reply()[0].startswith("226"), "no 226")
        same("what came to the connection left behind", b"", wire.Data(left_behind).read_all(reset_allowed=True))
        second.close()


@test
def refused_connections_are_one_line_of_the_log():
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        with Sluiced(folder, ["--max-sessions-per-address", "1"]) as server:
            first = log_in("127.0.0.1", server.port)
            for _ in range(5):
                refused = wire.Control("127.0.0.1", server.port)
                expect(refused.read_reply()[0].startswith("421"), "no 421")
                refused.close()
            command(first, "EPSV", "229")
            lines = [line for line in server.log().splitlines() if "connections refused" in line]
            expect(len(lines) == 1 and "127.0.0.1 has all its 1 sessions" in lines[0], f"the log says {lines}")
            first.close()


class ByHand(Sluiced):
    """A server whose standard error is a pipe, and that a program may start."""

    def begin(self, before=()):
        self.reader, writer = os.pipe()
        self.writer = os.dup(writer)
        self.process = subprocess.Popen([*before, *self.arguments], stdin=subprocess.DEVNULL,
                                        stderr=writer, env=environment(NOTIFY_SOCKET=self.notify.path))
        os.close(writer)
        expect(self.notify.wait("READY=1", still=lambda: self.process.poll() is None), "it did not start")
        self.find_server_process()

    def end(self):
        self.abandon()
        os.close(self.reader)
        os.close(self.writer)


@test
def a_log_that_nobody_reads_holds_up_nobody():
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        server = ByHand(folder, ["--verbose"])
        try:
            server.begin()
            os.set_blocking(server.writer, False)
            try:
                while True:
                    os.write(server.writer, b"x")
            except BlockingIOError:
                os.set_blocking(server.writer, True)  # the server's is the same
            for _ in range(20):
                control = log_in("127.0.0.1", server.port)
                command(control, "NOOP", "200")
                control.close()
            server.signal()
            expect(server.process.wait(30) == 0, "it did not end well")
        finally:
            server.end()


@test
def more_sessions_than_descriptors_are_a_line_of_the_log():
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        server = ByHand(folder)
        try:
            server.begin(["prlimit", "--nofile=1000:1000"])
            said = os.read(server.reader, 1 << 16).decode()
            expect("10000 sessions (--max-sessions) need more than the 1000 descriptors" in said, said)
            server.signal()
            expect(server.process.wait(30) == 0, "it did not end well")
        finally:
            server.end()


def threads(server, name):
    """How many of the server process have that name."""
    folder = f"/proc/{server.server_pid}/task"
    found = 0
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/comm", encoding="ascii") as file:
            found += file.read() == name + "\n"
    return found


@test
def hashes_of_files_keep_no_login_waiting():
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as folder:
        os.chmod(folder, 0o755)
        write_pattern(os.path.join(folder, "file"), 1000)
        users = os.path.join(folder, ".users")
        with open(users, "w", encoding="ascii") as file:
            file.write(f"ann:{password_hash('secret')}:{folder}\n")
        os.chmod(users, 0o600)
        with Sluiced(folder, ["--users", users]) as server:
            control = log_in("127.0.0.1", server.port)
            command(control, "HASH file", "213")
            same("threads for files", 1, threads(server, "hash"))
            same("threads for passwords", 0, threads(server, "password"))
            other = connect("127.0.0.1", server.port)
            greet(other)
            command(other, "USER ann", "331")
            command(other, "PASS secret", "230")
            same("threads for files", 1, threads(server, "hash"))
            same("threads for passwords", 1, threads(server, "password"))
            for each in control, other:
                each.close()


class ServedToAnn(tempfile.TemporaryDirectory):
    """A server with one worker, that knows ann, whose password takes some milliseconds to check."""

    def __enter__(self):
        os.chmod(self.name, 0o755)
        users = os.path.join(self.name, ".users")
        with open(users, "w", encoding="ascii") as file:
            file.write(f"ann:{password_hash('secret', 30000)}:{self.name}\n")
        os.chmod(users, 0o600)
        self.server = Sluiced(self.name, ["--users", users, "--verbose"], workers=1).start()
        return self

    def name_ann(self, source):
        control = connect("127.0.0.1", self.server.port, source)
        greet(control)
        command(control, "USER ann", "331")
        return control

    def guess(self, controls):
        """All passwords are there before the server sees any; it goes on with go_on."""
        os.kill(self.server.server_pid, signal.SIGSTOP)
        for control in controls:
            control.send(b"PASS guess\r\n")

    def go_on(self):
        os.kill(self.server.server_pid, signal.SIGCONT)

    def checked(self):
        """Where the passwords came from, in the order in which they were checked."""
        return re.findall(r'login(?: failed)?: user "ann" from (\S+)', self.server.log())

    def __exit__(self, kind, *rest):
        if kind:
            self.server.abandon()
        else:
            self.server.stop()
        self.cleanup()


@test
def who_sends_many_passwords_at_once_waits_for_his_own():
    """Of three other addresses one may share the line of the many, by chance."""
    many = 40
    with ServedToAnn() as served:
        guessing = [served.name_ann("127.0.0.2") for _ in range(many)]
        others = [served.name_ann(f"127.0.0.{number}") for number in (3, 4, 5)]
        served.guess(guessing)
        for control in others:
            control.send(b"PASS secret\r\n")
        served.go_on()
        for control in others:
            expect(control.read_reply()[0].startswith("230"), "no 230")
        for control in guessing:
            expect(control.read_reply()[0].startswith("530"), "no 530")
        checked = served.checked()
        same("passwords checked", many + len(others), len(checked))
        places = sorted(checked.index(f"127.0.0.{number}") for number in (3, 4, 5))
        expect(places[1] < many / 4, f"the others came at {places}, in the order {checked}")
        for control in *guessing, *others:
            control.close()


@test
def who_leaves_while_its_password_waits_leaves_nothing_behind():
    many = 40
    with ServedToAnn() as served:
        before = len(served.server.descriptors())
        guessing = [served.name_ann("127.0.0.2") for _ in range(many)]
        served.guess(guessing)
        for control in guessing:
            control.close()
        served.go_on()
        expect(served.server.wait_for_descriptors(before) <= before, "the sessions stay")
        expect(len(served.checked()) < many / 2, f"{len(served.checked())} passwords were checked all the same")
        control = served.name_ann("127.0.0.2")
        command(control, "PASS secret", "230")
        control.close()


@test
def who_guesses_passwords_waits_longer_each_time_and_nobody_else():
    with Served() as served:
        port = served.server.port
        control, other = wire.Control("127.0.0.1", port), log_in("127.0.0.1", port)
        control.read_reply()
        for delay_s, code in ((1, "530"), (2, "530"), (3, "421")):
            began = time.monotonic()
            command(control, "USER nobody", "331")
            control.send(b"PASS guess\r\nNOOP\r\n")
            command(other, "NOOP", "200")
            took = time.monotonic() - began
            expect(took < delay_s, f"another session waited {took:.1f} s")
            reply = control.read_reply()[0]
            took = time.monotonic() - began
            expect(reply.startswith(code), f"the answer is {reply!r}")
            expect(took > delay_s - 0.1, f"{reply!r} came after {took:.2f} s")
            if code == "530":
                expect(control.read_reply()[0].startswith("200"), "what came behind it is not answered")
        control.close()
        other.close()


@test
def a_guess_that_is_not_waited_for_holds_no_session():
    with Served() as served:
        before = len(served.server.descriptors())
        control = wire.Control("127.0.0.1", served.server.port)
        control.read_reply()
        command(control, "USER nobody", "331")
        command(control, "PASS guess", "530")
        command(control, "USER nobody", "331")
        control.send(b"PASS guess\r\n")  # two seconds
        control.close()
        began = time.monotonic()
        left = served.server.wait_for_descriptors(before, 5)
        expect(left <= before and time.monotonic() - began < 1.5, "the session waits on")


@test
def the_log_names_the_front_of_a_name_that_is_too_long():
    with tempfile.TemporaryDirectory(prefix="sluice-limits-") as root:
        with Sluiced(root, []) as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as control, \
                    control.makefile("rb") as replies:
                replies.readline()
                for line in (b"USER " + b"n" * 100, b"PASS x"):
                    control.sendall(line + b"\r\n")
                    answer = replies.readline()
            same("code", b"530", answer[:3])
            expect(f'user "{"n" * 60}\u2026" from' in server.log(), server.log())


@test
def an_upload_over_the_limit_of_a_file_is_552_and_keeps_what_fits():
    limit = 100_000
    content = pattern(1_000_000)
    with Served() as served:
        control = log_in("127.0.0.1", served.server.port)
        before = limited(served.server, resource.RLIMIT_FSIZE, limit)
        _, port = wire.passive_port(command(control, "EPSV", "229"))
        data = wire.open_socket("127.0.0.1", port)
        command(control, "STOR new", "150")
        try:
            data.sendall(content)
        except OSError:
            pass
        reply = control.read_reply()[0]
        data.close()
        resource.prlimit(served.server.server_pid, resource.RLIMIT_FSIZE, before)
        expect(reply.startswith("552"), f"STOR over the limit ended with {reply!r}")
        with open(os.path.join(served.name, "new"), "rb") as file:
            same("what was kept", content[:limit], file.read())
        command(control, "NOOP", "200")
        control.close()


if __name__ == "__main__":
    main()
