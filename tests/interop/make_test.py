#!/usr/bin/env python3
"""What the Makefile does with a server that is built: runs it, installs it, removes it."""

import ftplib
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import ports  # noqa: E402
from checks import expect, main, need, same, test  # noqa: E402
from sluiced import PROJECT, binary, engine_arguments, environment  # noqa: E402

START_TIMEOUT_S = 600  # it may have to be built
STOP_TIMEOUT_S = 30


def make(*arguments):
    """The command and its environment: that of a user, not of the make that runs the tests."""
    variables = environment()
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "VARIANT", "ROOT", "PORT", "RUN"):
        variables.pop(name, None)
    return {"args": ["make", "--silent", "-C", PROJECT, *arguments], "env": variables, "text": True,
            "stdin": subprocess.DEVNULL}


def files_below(folder):
    return {os.path.join(directory, name)[len(folder):]: stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode)
            for directory, _, names in os.walk(folder) for name in names}


@test
def install_puts_each_file_in_its_place_and_uninstall_leaves_none():
    variant = os.path.basename(os.path.dirname(binary()))
    with tempfile.TemporaryDirectory(prefix="sluice-install-") as folder:
        where = [f"VARIANT={variant}", f"DESTDIR={folder}", "PREFIX=/opt/ftp"]
        subprocess.run(**make("install", *where), check=True, stdout=subprocess.DEVNULL)
        same("installed", {"/opt/ftp/sbin/sluiced": 0o755, "/opt/ftp/share/man/man8/sluiced.8": 0o644,
                           "/opt/ftp/bin/sluice": 0o755, "/opt/ftp/share/man/man1/sluice.1": 0o644,
                           "/opt/ftp/share/bash-completion/completions/sluice": 0o644,
                           "/opt/ftp/share/zsh/site-functions/_sluice": 0o644,
                           "/opt/ftp/lib/systemd/system/sluiced.service": 0o644,
                           "/opt/ftp/lib/systemd/system/sluiced.socket": 0o644}, files_below(folder))
        with open(f"{folder}/opt/ftp/lib/systemd/system/sluiced.service", encoding="utf-8") as unit:
            expect("\nExecStart=/opt/ftp/sbin/sluiced " in unit.read(), "the service starts another sluiced")
        subprocess.run([f"{folder}/opt/ftp/sbin/sluiced", "--version"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(**make("uninstall", *where), check=True, stdout=subprocess.DEVNULL)
        same("left over", {}, files_below(folder))


class Run:
    """`make run` in a process group of its own, as a terminal starts it."""

    def __init__(self, *arguments):
        self.slot = ports.take()
        self.port = self.slot.control
        options = shlex.join([*engine_arguments(), "--passive-ports",
                              f"{self.slot.passive[0]}-{self.slot.passive[7]}"])
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8")
        # Not the release that `make run` builds otherwise: what is tested has been built.
        variant = os.path.basename(os.path.dirname(binary()))
        self.process = subprocess.Popen(**make("run", f"RUN_VARIANT={variant}", f"PORT={self.port}", f"RUN={options}", *arguments),
                                        stdout=self.output, stderr=self.output, start_new_session=True)

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def commands(self):
        """The commands that it says one may try."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while len(found := re.findall(r"^  (curl .*)\n", self.text(), re.MULTILINE)) < 2:
            expect(self.process.poll() is None and time.monotonic() < deadline, f"no start:\n{self.text()}")
            time.sleep(0.05)
        return found

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_TIMEOUT_S)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.output.close()
        self.slot.give()


def serves(run, folder, file):
    """What it says is there and works, and Ctrl-C ends it."""
    hosts = ["127.0.0.1"] + (["::1"] if ports.have_ipv6() else [])
    with tempfile.TemporaryDirectory(prefix="sluice-make-") as here:
        outputs = [subprocess.run(shlex.split(command), cwd=here, check=True, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).stdout for command in run.commands()]
        expect(file in outputs[0], f"{file} is not in the listing: {outputs[0]}")
        expect(file in outputs[1] or file in os.listdir(here), f"{file} is not fetched: {run.text()}")
    urls = re.search(r"^serving .* at (.*) \(Ctrl-C stops\)$", run.text(), re.MULTILINE).group(1).split(" and ")
    same("addresses", [f"ftp://{f'[{host}]' if ':' in host else host}:{run.port}/" for host in hosts], urls)
    for host in hosts:
        with ftplib.FTP() as ftp:
            ftp.connect(host, run.port)
            ftp.login()
            expect(file in ftp.nlst(), f"{host} does not serve {folder}")
    run.interrupt()
    with socket.socket() as probe:
        expect(probe.connect_ex(("127.0.0.1", run.port)) != 0, "the server has survived Ctrl-C")
    expect("error" not in run.text(), f"it did not stop cleanly:\n{run.text()}")


@test
def run_serves_a_sample_until_it_is_interrupted():
    need("curl")
    with Run() as run:
        serves(run, "the sample", "README.txt")


@test
def run_serves_another_folder():
    need("curl")
    with tempfile.TemporaryDirectory(prefix="sluice-root-") as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "a file & more"), "w", encoding="utf-8"):
            pass
        with Run(f"ROOT={folder}") as run:
            serves(run, folder, "a file & more")


@test
def run_promises_nothing_on_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Run(f"PORT={port}") as run:
            status = run.process.wait(START_TIMEOUT_S)
            expect(status != 0 and str(port) in run.text(), f"status {status}:\n{run.text()}")
            time.sleep(0.3)
            expect("curl" not in run.text(), f"it says how to try what is not there:\n{run.text()}")


if __name__ == "__main__":
    main()
