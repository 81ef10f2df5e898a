#!/usr/bin/env python3
"""A transfer that was cut at a random byte is resumed by real programs, both ways, to the same file.

SLUICE_TEST_SEED chooses the bytes; a failure tells which it was.
"""

import ftplib
import functools
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import clients  # noqa: E402
import wire  # noqa: E402
from checks import Skipped, expect, main  # noqa: E402
from clients import each_family, over_ipv4, url  # noqa: E402
from pattern import pattern, same_files, write_pattern  # noqa: E402
from sluiced import Sluiced  # noqa: E402

SIZE = 40_000_003
CONTENT = pattern(SIZE)
SEED = int(os.environ.get("SLUICE_TEST_SEED") or random.randrange(1 << 32))


class Server:
    """A server with the file `source`, and a folder beside it for the client. chance chooses the
    byte of a cut."""

    def __init__(self, host, chance, options):
        self.host = host
        self.chance = chance
        self.options = ["--anonymous-write", *options]

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="sluice-resume-")
        os.chmod(self.scratch.name, 0o755)
        self.root = os.path.join(self.scratch.name, "root")
        self.here = os.path.join(self.scratch.name, "client")
        os.mkdir(self.root)
        os.mkdir(self.here)
        write_pattern(os.path.join(self.root, "source"), SIZE)
        self.server = Sluiced(self.root, self.options).start()
        self.port = self.server.port
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind:
                self.server.abandon()
            else:
                self.server.stop()
        finally:
            self.scratch.cleanup()

    def ftp(self):
        ftp = ftplib.FTP(timeout=20)
        ftp.connect(self.host, self.port)
        ftp.login()
        ftp.voidcmd("TYPE I")
        return ftp

    def random_byte(self):
        return self.chance.randrange(1, SIZE - 1)


def resume_test(*options, families=each_family):
    """A test that is given a server of its own, for each address family."""

    def register(function):
        @functools.wraps(function)
        def run(host):
            try:
                with Server(host, random.Random(f"{SEED} {function.__name__}"), options) as server:
                    function(server)
            except Skipped:
                raise
            except Exception:
                print(f"the same bytes again: SLUICE_TEST_SEED={SEED}")
                raise

        families(run)

    return register


def cut_download(server):
    """Downloads to a random byte, then resets the data connection. Returns the local file."""
    path = os.path.join(server.here, "source")
    ftp = server.ftp()
    data = ftp.transfercmd("RETR source")
    wanted = server.random_byte()
    have = bytearray()
    while len(have) < wanted:
        have += data.recv(min(1 << 20, wanted - len(have)))
    wire.linger_zero(data)
    data.close()
    ftp.sock.close()
    with open(path, "wb") as file:
        file.write(have)
    return path


def cut_upload(server, name="upload"):
    """Uploads to a random byte, then resets the data connection. Returns the local file, whole."""
    path = os.path.join(server.here, name)
    write_pattern(path, SIZE)
    ftp = server.ftp()
    data = ftp.transfercmd(f"STOR {name}")
    data.sendall(CONTENT[:server.random_byte()])
    wire.linger_zero(data)
    data.close()
    try:
        reply = ftp.voidresp()
    except ftplib.Error as error:
        reply = str(error)
    expect(reply[:3] in ("426", "451"), f"a cut upload was answered by {reply!r}")
    have = ftp.size(name)
    expect(0 <= have < SIZE, f"after the cut SIZE says {have} of {SIZE}")
    ftp.close()
    return path


def is_whole(path):
    have = os.path.getsize(path)
    with tempfile.NamedTemporaryFile() as wanted:
        write_pattern(wanted.name, SIZE)
        expect(same_files(path, wanted.name), f"{have} bytes of {SIZE}, or other ones, after resuming")


@resume_test()
def curl_resumes_a_download(server):
    path = cut_download(server)
    clients.curl("--continue-at", "-", "--output", path, url(server.port, "source", server.host))
    is_whole(path)


@resume_test()
def wget_resumes_a_download(server):
    path = cut_download(server)
    clients.wget("--continue", f"--directory-prefix={server.here}", url(server.port, "source", server.host))
    is_whole(path)


@resume_test()
def lftp_resumes_a_download(server):
    path = cut_download(server)
    clients.lftp(server.port, f"get -c source -o {path}", server.host)
    is_whole(path)


@resume_test()
def tnftp_resumes_a_download(server):
    path = cut_download(server)
    clients.tnftp(server.port, ["reget source"], server.here, server.host)
    is_whole(path)


@resume_test(families=over_ipv4)
def ncftpget_resumes_a_download(server):
    path = cut_download(server)
    clients.ncftp("ncftpget", server.port, "-z", "127.0.0.1", server.here, "/source")
    is_whole(path)


@resume_test()
def aria2_resumes_a_download(server):
    path = cut_download(server)
    clients.aria2("--continue=true", f"--dir={server.here}", "--out=source", url(server.port, "source", server.host))
    is_whole(path)


@resume_test()
def ftplib_resumes_a_download(server):
    path = cut_download(server)
    ftp = server.ftp()
    with open(path, "ab") as file:
        ftp.retrbinary("RETR source", file.write, rest=os.path.getsize(path))
    ftp.quit()
    is_whole(path)


# ncftpput -z is left out: ncftp 3.2 sends REST and then the whole file again, from its first byte.

@resume_test()
def curl_resumes_an_upload(server):
    path = cut_upload(server)
    clients.curl("--continue-at", "-", "--upload-file", path, url(server.port, "upload", server.host))
    is_whole(os.path.join(server.root, "upload"))


@resume_test()
def lftp_resumes_an_upload(server):
    path = cut_upload(server)
    clients.lftp(server.port, f"put -c {path} -o upload", server.host)
    is_whole(os.path.join(server.root, "upload"))


@resume_test()
def ftplib_resumes_an_upload(server):
    path = cut_upload(server)
    ftp = server.ftp()
    have = ftp.size("upload")
    with open(path, "rb") as file:
        file.seek(have)
        ftp.storbinary("STOR upload", file, rest=have)
    ftp.quit()
    is_whole(os.path.join(server.root, "upload"))


@resume_test("--uploads=atomic")
def curl_resumes_an_atomic_upload(server):
    path = cut_upload(server)
    expect(not os.path.exists(os.path.join(server.root, "upload")), "a part of an atomic upload is visible")
    clients.curl("--continue-at", "-", "--upload-file", path, url(server.port, "upload", server.host))
    is_whole(os.path.join(server.root, "upload"))


if __name__ == "__main__":
    main()
