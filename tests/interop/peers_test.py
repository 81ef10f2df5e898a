#!/usr/bin/env python3
"""sluice(1) against other servers, as Debian builds them: vsftpd, ProFTPD, Pure-FTPd and pyftpdlib. They
are looked for where bench/peers.sh unpacks them, or where SLUICE_PEERS says; what is missing is skipped."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import ports  # noqa: E402
import wire  # noqa: E402
from checks import Skipped, expect, main, same, test  # noqa: E402
from pattern import pattern, write_pattern  # noqa: E402
from sluiced import PROJECT, REPORTS, Failure, Sluiced, binary, engine_arguments, environment  # noqa: E402

PEERS = os.environ.get("SLUICE_PEERS") or os.path.join(PROJECT, "build/peers")
SIZE = 3_000_001
TIMEOUT_S = 40
READY_S = 10

VSFTPD = """listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
anonymous_enable=YES
local_enable=NO
anon_root={root}
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir={scratch}/empty
one_process_model=YES
isolate=NO
isolate_network=NO
seccomp_sandbox=NO
tcp_wrappers=NO
xferlog_enable=NO
connect_from_port_20=NO
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_mkdir_write_enable=YES
anon_umask=022
pasv_promiscuous=YES
port_promiscuous=YES
"""

PROFTPD = """ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
User nobody
Group nogroup
PidFile {scratch}/pid
ScoreboardFile none
DelayTable none
UseReverseDNS off
WtmpLog off
TransferLog none
SystemLog none
ModulePath {peers}/usr/lib/proftpd
AuthOrder mod_auth_file.c
AuthUserFile {scratch}/passwd
AuthGroupFile {scratch}/group
RequireValidShell off
AllowForeignAddress on
AllowOverwrite on
AllowStoreRestart on
<Anonymous {root}>
  User peer
  Group nogroup
  UserAlias anonymous peer
  RequireValidShell off
  AllowForeignAddress on
</Anonymous>
"""

PYFTPDLIB = """import logging
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
logging.basicConfig(level=logging.CRITICAL)
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_anonymous("{root}", perm="elradfmwMT")
FTPHandler.permit_foreign_addresses = True
FTPServer(("127.0.0.1", {port}), FTPHandler).serve_forever()
"""


def need(path):
    if not os.path.exists(os.path.join(PEERS, path)):
        raise Skipped(f"{path} is not in {PEERS}; bench/peers.sh unpacks it")
    return os.path.join(PEERS, path)


class Peer:
    """A running server of kind, with its folder: `big`, and `pub`, where everybody may write."""

    def __init__(self, kind):
        self.kind = kind

    def write(self, name, content, mode=0o644):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content.format(port=self.port, root=self.root, scratch=self.scratch, peers=PEERS))
        os.chmod(path, mode)
        return path

    def arguments(self):
        if self.kind == "vsftpd":
            return [need("usr/sbin/vsftpd"), self.write("conf", VSFTPD)]
        if self.kind == "proftpd":
            self.write("passwd", "peer:x:65534:65534::/:/bin/false\n", 0o600)
            self.write("group", "nogroup:x:65534:\n", 0o600)
            return [need("usr/sbin/proftpd"), "-n", "-q", "-c", self.write("conf", PROFTPD)]
        if self.kind == "pyftpdlib":
            need("usr/lib/python3/dist-packages/pyftpdlib")
            return ["/usr/bin/python3", "-W", "ignore", self.write("serve.py", PYFTPDLIB)]
        with open("/etc/passwd", encoding="utf-8") as file:
            users = [line for line in file if not line.startswith("ftp:")]
        users.append(f"ftp:x:65534:65534::{self.root}:/bin/false\n")
        self.write("passwd", "".join(users))
        return ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/passwd && shift && exec "$@"', "sh",
                f"{self.scratch}/passwd", need("usr/sbin/pure-ftpd"), "--bind", f"127.0.0.1,{self.port}",
                "--anonymousonly", "--dontresolve", "--allowanonymousfxp", "--anonymouscancreatedirs",
                "--syslogfacility", "none", "--tls", "0", "--pidfile", f"{self.scratch}/pid"]

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skipped("these servers want to be started by root")
        self.slot = ports.take()
        self.port = self.slot.control
        self.scratch = tempfile.mkdtemp(prefix="sluice-peer-")
        self.root = os.path.join(self.scratch, "root")
        os.chmod(self.scratch, 0o755)
        for folder in ("root", "root/pub", "empty"):
            os.mkdir(os.path.join(self.scratch, folder))
        os.chmod(os.path.join(self.root, "pub"), 0o777)
        write_pattern(os.path.join(self.root, "big"), SIZE)
        try:
            arguments = self.arguments()
        except BaseException:
            self.release()
            raise
        libraries = {"LD_LIBRARY_PATH": os.path.join(PEERS, "usr/lib/x86_64-linux-gnu"),
                     "PYTHONPATH": os.path.join(PEERS, "usr/lib/python3/dist-packages")}
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=dict(os.environ, **libraries),
                                        start_new_session=True)
        self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + READY_S
        while True:
            try:
                wire.open_socket("127.0.0.1", self.port, None).close()
                return
            except OSError:
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.__exit__()
                raise Failure(f"{self.kind} did not start")
            time.sleep(0.05)

    def release(self):
        self.slot.give()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __exit__(self, *rest):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.release()

    def url(self, path=""):
        return f"ftp://127.0.0.1:{self.port}/{path}"

    def has(self, name):
        with open(os.path.join(self.root, name), "rb") as file:
            expect(file.read() == pattern(SIZE), f"{name} at {self.kind} has other bytes")


def sluice(*arguments):
    program = os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")
    done = subprocess.run([program, arguments[0], "--no-netrc", *engine_arguments(), *arguments[1:]],
                          timeout=TIMEOUT_S, check=False, env=environment(), capture_output=True)
    errors = done.stderr.decode("utf-8", "backslashreplace")
    expect(done.returncode == 0 and not REPORTS.search(errors), f"{arguments}: {done.returncode}\n{errors}")
    return done.stdout


def visit(kind):
    with Peer(kind) as peer, tempfile.TemporaryDirectory(prefix="sluice-here-") as here:
        path = os.path.join(here, "big")
        for how in ("auto", "pasv", "active"):
            sluice("get", "--no-resume", "--data", how, "--output", path, peer.url("big"))
            with open(path, "rb") as file:
                expect(file.read() == pattern(SIZE), f"other bytes from {kind}, {how}")
        os.truncate(path, 1_000_000)
        sluice("get", "--output", path, peer.url("big"))
        with open(path, "rb") as file:
            expect(file.read() == pattern(SIZE), f"other bytes from {kind} after resuming")
        sluice("put", path, peer.url("pub/mine"))
        peer.has("pub/mine")
        same(f"ls of {kind}", {b"big", b"pub/"}, set(sluice("ls", peer.url()).splitlines()))
        sluice("mkdir", peer.url("pub/new"))
        same(f"ls of {kind}", {b"mine", b"new/"}, set(sluice("ls", peer.url("pub")).splitlines()))


def copy_both_ways(kind):
    with Peer(kind) as peer, tempfile.TemporaryDirectory(prefix="sluice-root-") as root:
        os.chmod(root, 0o777)
        with Sluiced(root, ["--anonymous-write", "--fxp=on"]) as server:
            sluice("copy", peer.url("big"), f"ftp://127.0.0.1:{server.port}/big")
            with open(os.path.join(root, "big"), "rb") as file:
                expect(file.read() == pattern(SIZE), f"other bytes copied from {kind}")
            sluice("copy", f"ftp://127.0.0.1:{server.port}/big", peer.url("pub/back"))
            peer.has("pub/back")


@test
def vsftpd_is_visited():
    visit("vsftpd")


@test
def proftpd_is_visited():
    visit("proftpd")


@test
def pure_ftpd_is_visited():
    visit("pure-ftpd")


@test
def pyftpdlib_is_visited():
    visit("pyftpdlib")


@test
def vsftpd_and_sluiced_copy_to_each_other():
    copy_both_ways("vsftpd")


@test
def proftpd_and_sluiced_copy_to_each_other():
    copy_both_ways("proftpd")


@test
def pure_ftpd_and_sluiced_copy_to_each_other():
    copy_both_ways("pure-ftpd")


@test
def pyftpdlib_and_sluiced_copy_to_each_other():
    copy_both_ways("pyftpdlib")


if __name__ == "__main__":
    main()
