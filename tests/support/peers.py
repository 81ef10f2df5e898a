"""Other FTP servers, as bench/peers.sh has unpacked them below build/peers: each serves one folder on
loopback, on ports of a slot of its own, to a user who may write, and allows third-party transfers."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import ports
from checks import Skipped
from sluiced import PROJECT, Failure, password_hash

FOLDER = os.path.join(PROJECT, "build", "peers")
PACKAGES = os.path.join(FOLDER, "usr/lib/python3/dist-packages")
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
NOBODY = 65534
PUB = "pub"  # the folder that users may write to: vsftpd refuses to serve one that they may

# Its anonymous user needs a home folder that exists, which `daemon` has on every Debian.
VSFTPD = """
listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
pasv_min_port={low}
pasv_max_port={high}
pasv_promiscuous=YES
port_promiscuous=YES
connect_from_port_20=NO
anonymous_enable=YES
local_enable=NO
anon_root={root}
anon_umask=022
anon_upload_enable=YES
anon_other_write_enable=YES
anon_mkdir_write_enable=YES
write_enable=YES
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir={scratch}
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
tcp_wrappers=NO
xferlog_enable=NO
"""

PROFTPD = """
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
PassivePorts {low} {high}
AllowForeignAddress on
User nobody
Group nogroup
PidFile {scratch}/pid
ScoreboardFile none
DelayTable none
DelayEngine off
UseReverseDNS off
UseLastlog off
WtmpLog off
TransferLog none
SystemLog none
ModulePath {folder}/usr/lib/proftpd
AuthOrder mod_auth_file.c
AuthUserFile {scratch}/users
AuthGroupFile {scratch}/groups
RequireValidShell off
AllowOverwrite on
<Anonymous {root}>
  User joe
  Group nogroup
  UserAlias anonymous joe
  RequireValidShell off
  AllowForeignAddress on
  AllowStoreRestart on
</Anonymous>
"""


PYFTPDLIB = """
import logging
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
logging.basicConfig(level=logging.CRITICAL)
authorizer = DummyAuthorizer()
authorizer.add_anonymous("{root}", perm="elradfmwMT")
FTPHandler.authorizer = authorizer
FTPHandler.passive_ports = range({low}, {high} + 1)
FTPHandler.permit_foreign_addresses = True
FTPServer(("127.0.0.1", {port}), FTPHandler).serve_forever()
"""


class Peer:
    """A server that is being tested against. Use as a context."""

    login = ""  # as it stands in a URL

    def __init__(self, root):
        self.binary = os.path.join(FOLDER, self.path)
        if not os.path.exists(self.binary):
            raise Skipped(f"{self.name} is not below build/peers; bench/peers.sh fetches it")
        if os.geteuid() != 0:
            raise Skipped(f"{self.name} wants to be started by root")
        self.root = root
        self.slot = ports.take()
        self.port = self.slot.control
        self.scratch = tempfile.mkdtemp(prefix="sluice-peer-")
        self.process = None

    def url(self, path=""):
        return f"ftp://{self.login}127.0.0.1:{self.port}/{PUB}/{path}"

    def write(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text.lstrip().format(port=self.port, low=self.slot.passive[0], high=self.slot.passive[-1],
                                            root=self.root, scratch=self.scratch, folder=FOLDER))
        return path

    def run(self, arguments, **options):
        libraries = os.path.join(FOLDER, "usr/lib", f"{os.uname().machine}-linux-gnu")
        variables = dict(os.environ, LD_LIBRARY_PATH=libraries, TZ="UTC", PYTHONPATH=PACKAGES)
        return subprocess.Popen(arguments, env=variables, stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def __enter__(self):
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        try:
            self.process = self.run(self.command(), stdout=self.output, stderr=self.output)
            self.wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_listens(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.output.seek(0)
        raise Failure(f"{self.name} did not start:\n{self.output.read()[-2000:]}")

    def __exit__(self, *reason):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # sessions that have outlived it
            except ProcessLookupError:
                pass
        self.output.close()
        self.slot.give()
        shutil.rmtree(self.scratch, ignore_errors=True)


class Vsftpd(Peer):
    name = "vsftpd"
    path = "usr/sbin/vsftpd"

    def command(self):
        return [self.binary, self.write("vsftpd.conf", VSFTPD)]


class Proftpd(Peer):
    name = "ProFTPD"
    path = "usr/sbin/proftpd"

    def command(self):
        self.write("users", f"joe:x:{NOBODY}:{NOBODY}::/:/bin/false\n")
        self.write("groups", f"nogroup:x:{NOBODY}:\n")
        return [self.binary, "--nodaemon", "--quiet", "--config", self.write("proftpd.conf", PROFTPD)]


class PureFtpd(Peer):
    """Its anonymous users may rename and delete nothing, so here somebody logs in."""

    name = "Pure-FTPd"
    path = "usr/sbin/pure-ftpd"
    login = "joe:secret@"

    def command(self):
        users = self.write("users", f"joe:{password_hash('secret')}:{NOBODY}:{NOBODY}::{self.root}/./::::::::::::\n")
        database = os.path.join(self.scratch, "users.pdb")
        made = self.run([os.path.join(FOLDER, "usr/bin/pure-pw"), "mkdb", database, "-f", users])
        if made.wait(START_TIMEOUT_S) != 0:
            raise Failure("pure-pw made no database of users")
        return [self.binary, "--bind", f"127.0.0.1,{self.port}", "--login", f"puredb:{database}", "--noanonymous",
                "--minuid", "1", "--passiveportrange", f"{self.slot.passive[0]}:{self.slot.passive[-1]}",
                "--allowuserfxp", "--dontresolve", "--syslogfacility", "none", "--tls", "0",
                "--pidfile", os.path.join(self.scratch, "pid"), "--umask", "133:022"]


class Pyftpdlib(Peer):
    name = "pyftpdlib"
    path = "usr/lib/python3/dist-packages/pyftpdlib/servers.py"

    def command(self):
        return ["/usr/bin/python3", "-W", "ignore", self.write("serve.py", PYFTPDLIB)]


ALL = (Vsftpd, Proftpd, PureFtpd, Pyftpdlib)
