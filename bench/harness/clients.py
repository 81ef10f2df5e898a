"""Clients that are compared with each other, each beside a sluiced of its own: where a scenario
names servers, it may name clients instead, by their files in clients/. Such a file has

    VERSION   (place) -> a command that prints the version in its first line
    get       (place, url, path) -> command line that fetches a file into path
    mirror    (place, url, folder, sessions) -> command line that fetches a tree into folder

of which it may leave out what the program cannot do.
"""
import filecmp
import os
import shutil
import subprocess
import time

from . import processes, steps
from .servers import Failed, Server, Unavailable, module_load

SERVER = "sluiced"
LIMIT_S = 120  # for one run of a client


def path_of(place, name):
    return os.path.join(place.bench, "clients", name.split(":")[0] + ".py")


def is_client(place, name):
    return os.path.exists(path_of(place, name))


def version(place, name):
    """The first word with a digit that the program says of itself, or None."""
    try:
        said = subprocess.run(module_load(path_of(place, name)).VERSION(place), text=True,
                              capture_output=True, check=False).stdout
    except (OSError, Unavailable):
        return None
    return next((word for word in said.split() if word[0].isdigit()), None)


def installed(program):
    found = shutil.which(program)
    if not found:
        raise Unavailable(f"{program} is not installed")
    return found


class Client:
    """A client, and a running server for it. It starts anew with every run, as clients do."""

    def __init__(self, name, place, port, options):
        self.name, self.place = name, place
        self.module = module_load(path_of(place, name))
        self.scratch = os.path.join(place.scratch, "client-" + name)
        os.makedirs(self.scratch, exist_ok=True)
        self.server = Server(SERVER, place, port, options)
        self.options = self.server.options
        self.url = f"ftp://{self.options['address']}:{port}/"

    def stop(self):
        self.server.stop()

    def run(self, argv):
        """The steps of a run to its end. Returns what it and its server spent on it."""
        log_path = os.path.join(self.scratch, "log")
        self.server.halt()
        yield
        server = self.server.cpu_s()
        with open(log_path, "wb") as log:
            process = Process(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                              cwd=self.scratch, env=dict(os.environ, HOME=self.scratch))
        try:
            usage, busy = yield from steps.awaited(process, self.server, LIMIT_S, steps.TURN_S)
        finally:
            process.end()
        self.server.resume()
        if process.popen.returncode != 0:
            with open(log_path, errors="replace") as log:
                raise Failed(f"ended with {process.popen.returncode}: " + log.read()[-200:].strip())
        seconds = process.ran_s
        result = {"seconds": seconds, "wall_s": seconds, "cpu_s": self.server.cpu_s() - server,
                  "client_cpu_s": usage.ru_utime + usage.ru_stime}
        busy -= result["cpu_s"] + result["client_cpu_s"]
        return {**result, "other_cpus": max(busy, 0) / seconds}


class Process:
    """A client that runs, by turns with others."""

    def __init__(self, argv, **more):
        self.ran_s, self.began = 0, time.monotonic()
        self.popen = subprocess.Popen(argv, preexec_fn=processes.die_with_parent, **more)
        self.tree = processes.Tree(self.popen.pid)
        self.handle = os.pidfd_open(self.popen.pid)
        self.halt()

    def halt(self):
        halted_s = self.tree.halt()
        if self.popen.returncode is None:
            self.ran_s += halted_s - self.began

    def resume(self):
        self.began = time.monotonic()
        self.tree.resume()

    def poll(self, timeout_s):
        """What it has used once it has ended, or None where it has not."""
        if not processes.readable(self.handle, timeout_s):
            return None
        self.ran_s += time.monotonic() - self.began
        return self._reap()

    def _reap(self):
        _, status, usage = os.wait4(self.popen.pid, 0)
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        return usage

    def end(self):
        if self.popen.returncode is None:
            self.popen.kill()
            self._reap()
        self.tree.close()
        os.close(self.handle)


def tree_sizes(folder):
    """{path below folder: size} of all files."""
    found = {}
    for parent, _, files in os.walk(folder):
        for each in files:
            path = os.path.join(parent, each)
            found[os.path.relpath(path, folder)] = os.path.getsize(path)
    return found


def difference(source, copy):
    """What tells two trees (or two files) apart, or None."""
    if os.path.isfile(source):
        same = os.path.isfile(copy) and \
            subprocess.run(["cmp", "--silent", source, copy]).returncode == 0
        return None if same else "not the bytes of the file"
    wanted, found = tree_sizes(source), tree_sizes(copy)
    if wanted.keys() != found.keys():
        return f"{len(found)} files instead of {len(wanted)}"
    _, wrong, unread = filecmp.cmpfiles(source, copy, wanted, shallow=False)
    return f"{len(wrong + unread)} files have other bytes" if wrong or unread else None


def fetched(client, name, command):
    """The steps in which a client fetches what is called name below the root by command(url,
    target), into memory; then the two are compared. Returns the round."""
    source = os.path.join(client.options["root"], name)
    folder = os.path.join(client.place.uploads, "fetched-" + client.name)
    target = os.path.join(folder, os.path.basename(name))
    os.makedirs(folder)
    try:
        result = yield from client.run(command(client.url + name, target))
        result["failure"] = difference(source, target)
    finally:
        shutil.rmtree(folder)
    return result


def get(name):
    """The measure function of a file that is fetched whole."""
    def measure(bench, client, seconds):
        result = yield from fetched(
            client, name, lambda url, path: client.module.get(bench, url, path))
        gigabytes = os.path.getsize(os.path.join(client.options["root"], name)) / 1e9
        result["gb_per_s"] = gigabytes / result["seconds"]
        result["client_cpu_s_per_gb"] = result["client_cpu_s"] / gigabytes
        result["cpu_s_per_gb"] = result["cpu_s"] / gigabytes
        return result
    return measure


def mirror(sessions):
    """The measure function of options["tree"], fetched by so many sessions."""
    def measure(bench, client, seconds):
        return (yield from fetched(
            client, client.options["tree"],
            lambda url, folder: client.module.mirror(bench, url, folder, sessions)))
    return measure
