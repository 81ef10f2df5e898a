#!/usr/bin/env python3
"""Real programs move a tree of 1,000 awkward names and a large file, both ways, unchanged. Over
IPv6 the tree is smaller, but has each kind of name in each kind of folder."""

import atexit
import ftplib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import clients  # noqa: E402
import ports  # noqa: E402
import tree  # noqa: E402
from checks import Skipped, expect, main, need, test  # noqa: E402
from clients import each_family, over_ipv4, quoted, url  # noqa: E402
from sluiced import Failure, Sluiced  # noqa: E402


# A gibibyte; where another engine has moved it as well, a part of that.
LARGE_BYTES = 1 << 30 if os.environ.get("SLUICE_TEST_ENGINE", "uring") == "uring" else 1 << 27


class World:
    """One server and one scratch folder for all tests of this file."""

    def __init__(self):
        self.scratch = tree.scratch()
        self.folder = self.scratch.name
        os.chmod(self.folder, 0o755)
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.root)
        self.trees = {"127.0.0.1": "tree", "::1": "small-tree"}
        self.digests = {"127.0.0.1": tree.make(os.path.join(self.root, "tree")),
                        "::1": tree.make(os.path.join(self.root, "small-tree"), 100)}
        tree.make_big(os.path.join(self.root, "big"), LARGE_BYTES)
        self.server = Sluiced(self.root, ["--anonymous-write"])
        try:
            self.server.start()
        except Failure as failure:
            self.scratch.cleanup()
            print(f"FAILED  clients_test.py: {failure}\n0 passed, 1 failed")
            sys.exit(1)
        atexit.register(self.end)
        self.port = self.server.port
        self.descriptors = len(self.server.descriptors())

    def end(self):
        self.server.abandon()
        self.scratch.cleanup()

    def new_folder(self, name):
        path = os.path.join(self.folder, name)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        return path

    def local_tree(self, host):
        return os.path.join(self.root, self.trees[host])

    def has_tree(self, host, folder):
        problem = tree.compare(self.digests[host], tree.digests(folder))
        shutil.rmtree(folder)
        expect(not problem, f"the tree did not arrive unchanged: {problem}")

    def has_big(self, path):
        same = subprocess.run(["cmp", path, os.path.join(self.root, "big")], capture_output=True, text=True,
                              check=False)
        os.unlink(path)
        expect(same.returncode == 0, f"the large file differs: {same.stdout}{same.stderr}")

    def uploaded_big(self, name):
        self.has_big(os.path.join(self.root, name))

    def ftp(self, address="127.0.0.1", passive=True):
        ftp = ftplib.FTP(timeout=20)
        ftp.connect(address, self.port)
        ftp.login()
        ftp.set_pasv(passive)
        return ftp


world = World()


# --- the tree --------------------------------------------------------------------------------

@each_family
def curl_gets_the_tree(host):
    target = world.new_folder("curl")
    config = clients.curl_config(
        (("url", url(world.port, f"{world.trees[host]}/{path}", host)), ("output", os.path.join(target, path)))
        for path in world.digests[host])
    clients.curl("--create-dirs", "--config", "-", stdin=config)
    world.has_tree(host, target)


@each_family
def curl_puts_the_tree(host):
    config = clients.curl_config(
        (("url", url(world.port, "curl-up/" + path, host)),
         ("upload-file", os.path.join(world.local_tree(host), path)))
        for path in world.digests[host])
    clients.curl("--ftp-create-dirs", "--config", "-", stdin=config)
    world.has_tree(host, os.path.join(world.root, "curl-up"))


@each_family
def wget_gets_the_tree(host):
    target = world.new_folder("wget")
    clients.wget("--recursive", "--level=inf", "--no-host-directories", "--cut-dirs=1", "--no-parent",
                 f"--directory-prefix={target}", url(world.port, world.trees[host] + "/", host))
    world.has_tree(host, target)


@each_family
def lftp_mirrors_the_tree(host):
    target = world.new_folder("lftp")
    clients.lftp(world.port, f"mirror --verbose=0 {world.trees[host]} {quoted(target)}", host)
    world.has_tree(host, target)


@each_family
def lftp_mirrors_the_tree_up(host):
    clients.lftp(world.port, f"mirror --reverse --verbose=0 {quoted(world.local_tree(host))} lftp-up", host)
    world.has_tree(host, os.path.join(world.root, "lftp-up"))


@over_ipv4
def ncftpget_gets_the_tree(host):
    target = world.new_folder("ncftp")
    clients.ncftp("ncftpget", world.port, "-R", host, target, "/tree")
    world.has_tree(host, os.path.join(target, "tree"))


@over_ipv4
def ncftpput_puts_the_tree(host):
    os.mkdir(os.path.join(world.root, "ncftp-up"))
    clients.ncftp("ncftpput", world.port, "-R", host, "/ncftp-up", os.path.join(world.root, "tree"))
    world.has_tree(host, os.path.join(world.root, "ncftp-up", "tree"))


def folders_of(digests):
    return sorted({os.path.dirname(path) for path in digests})


@each_family
def tnftp_gets_the_tree(host):
    target = world.new_folder("tnftp")
    commands = []
    for folder in folders_of(world.digests[host]):
        os.makedirs(os.path.join(target, folder))
        commands += [f"cd {quoted(f'/{world.trees[host]}/{folder}')}",
                     f"lcd {quoted(os.path.join(target, folder))}", "mget *"]
    clients.tnftp(world.port, commands, target, host)
    world.has_tree(host, target)


@each_family
def tnftp_puts_the_tree(host):
    commands = []
    for folder in folders_of(world.digests[host]):
        os.makedirs(os.path.join(world.root, "tnftp-up", folder))
        commands += [f"cd {quoted('/tnftp-up/' + folder)}",
                     f"lcd {quoted(os.path.join(world.local_tree(host), folder))}", "mput *"]
    clients.tnftp(world.port, commands, world.folder, host)
    world.has_tree(host, os.path.join(world.root, "tnftp-up"))


@each_family
def aria2_gets_the_tree(host):
    target = world.new_folder("aria2")
    listing = "".join(f"{url(world.port, f'{world.trees[host]}/{path}', host)}\n out={path}\n"
                      for path in world.digests[host])
    clients.aria2("--input-file=-", f"--dir={target}", "--max-concurrent-downloads=4", stdin=listing)
    world.has_tree(host, target)


@each_family
def ftplib_gets_the_tree(host):
    target = world.new_folder("ftplib")
    ftp = world.ftp(host)

    def get(remote, local):
        os.makedirs(local, exist_ok=True)
        for name, facts in list(ftp.mlsd(remote)):
            if facts["type"] == "dir":
                get(f"{remote}/{name}", os.path.join(local, name))
            elif facts["type"] == "file":
                with open(os.path.join(local, name), "wb") as file:
                    ftp.retrbinary(f"RETR {remote}/{name}", file.write)

    get(world.trees[host], target)
    ftp.quit()
    world.has_tree(host, target)


@each_family
def ftplib_puts_the_tree(host):
    ftp = world.ftp(host)
    for folder in ["", *folders_of(world.digests[host])]:
        parts = ["ftplib-up", *[part for part in folder.split("/") if part]]
        for depth in range(1, len(parts) + 1):
            if not os.path.isdir(os.path.join(world.root, *parts[:depth])):
                ftp.mkd("/".join(parts[:depth]))
    for path in world.digests[host]:
        with open(os.path.join(world.local_tree(host), path), "rb") as file:
            ftp.storbinary(f"STOR ftplib-up/{path}", file)
    ftp.quit()
    world.has_tree(host, os.path.join(world.root, "ftplib-up"))


@test
def nlst_names_can_be_retrieved():
    ftp = world.ftp()
    for folder in ("with space", "ünï cödé 日本"):
        names = ftp.nlst("tree/" + folder)
        expect(len(names) == 100, f"NLST of {folder!r} gave {len(names)} names, not 100")
        ftp.voidcmd("TYPE I")
        for name in names:
            ftp.size(name)
    ftp.quit()


# --- the large file --------------------------------------------------------------------------

@test
def curl_gets_a_large_file():
    path = os.path.join(world.folder, "big-curl")
    clients.curl("--output", path, url(world.port, "big"))
    world.has_big(path)


@test
def curl_puts_a_large_file():
    clients.curl("--upload-file", os.path.join(world.root, "big"), url(world.port, "big-curl"))
    world.uploaded_big("big-curl")


@test
def wget_gets_a_large_file():
    path = os.path.join(world.folder, "big-wget")
    clients.wget(f"--output-document={path}", url(world.port, "big"))
    world.has_big(path)


@test
def lftp_gets_a_large_file():
    path = os.path.join(world.folder, "big-lftp")
    clients.lftp(world.port, f"get big -o {path}")
    world.has_big(path)


@test
def lftp_gets_a_large_file_in_segments():
    path = os.path.join(world.folder, "big-pget")
    clients.lftp(world.port, f"pget -n 4 big -o {path}")
    world.has_big(path)


@test
def lftp_puts_a_large_file():
    clients.lftp(world.port, f"put {world.root}/big -o big-lftp")
    world.uploaded_big("big-lftp")


@test
def ncftpget_gets_a_large_file():
    folder = world.new_folder("big-ncftp")
    clients.ncftp("ncftpget", world.port, "127.0.0.1", folder, "/big")
    world.has_big(os.path.join(folder, "big"))


@test
def ncftpput_puts_a_large_file():
    os.mkdir(os.path.join(world.root, "big-ncftp"))
    clients.ncftp("ncftpput", world.port, "127.0.0.1", "/big-ncftp", os.path.join(world.root, "big"))
    world.uploaded_big("big-ncftp/big")


@test
def tnftp_gets_a_large_file():
    clients.tnftp(world.port, ["get big big-tnftp"], world.folder)
    world.has_big(os.path.join(world.folder, "big-tnftp"))


@test
def tnftp_puts_a_large_file():
    clients.tnftp(world.port, ["put big big-tnftp"], world.root)
    world.uploaded_big("big-tnftp")


@test
def aria2_gets_a_large_file_in_segments():
    clients.aria2("-x4", "-s4", "-k1M", f"--dir={world.folder}", "--out=big-aria2", url(world.port, "big"))
    world.has_big(os.path.join(world.folder, "big-aria2"))


@test
def ftplib_gets_a_large_file():
    path = os.path.join(world.folder, "big-ftplib")
    ftp = world.ftp()
    with open(path, "wb") as file:
        ftp.retrbinary("RETR big", file.write, blocksize=1 << 20)
    ftp.quit()
    world.has_big(path)


@test
def ftplib_puts_a_large_file():
    ftp = world.ftp()
    with open(os.path.join(world.root, "big"), "rb") as file:
        ftp.storbinary("STOR big-ftplib", file, blocksize=1 << 20)
    ftp.quit()
    world.uploaded_big("big-ftplib")


# --- both address families, both kinds of data connection --------------------------------------

def small():
    path = next(path for path in sorted(world.digests["127.0.0.1"]) if path.startswith("with space/-dash"))
    with open(os.path.join(world.root, "tree", path), "rb") as file:
        return "tree/" + path, file.read()


def curl_small(*options, host="127.0.0.1"):
    path, wanted = small()
    target = os.path.join(world.folder, "small")
    clients.curl(*options, "--output", target, url(world.port, path, host))
    with open(target, "rb") as file:
        expect(file.read() == wanted, "the file arrived changed")


@test
def curl_gets_and_puts_over_every_kind_of_data_connection():
    curl_small("--ftp-pasv")
    curl_small("--disable-epsv")
    curl_small("--ftp-port", "-")
    curl_small("--ftp-port", "-", "--disable-eprt")


@test
def curl_works_over_ipv6():
    if not ports.have_ipv6():
        raise Skipped("this machine has no IPv6")
    curl_small(host="::1")
    curl_small("--ftp-port", "-", host="::1")


@test
def ftplib_works_over_both_families_both_ways():
    path, wanted = small()
    for address in ["127.0.0.1"] + (["::1"] if ports.have_ipv6() else []):
        for passive in (True, False):
            ftp = world.ftp(address, passive)
            pieces = []
            ftp.retrbinary(f"RETR {path}", pieces.append)
            expect(b"".join(pieces) == wanted, f"changed over {address}, passive {passive}")
            with open(os.path.join(world.root, path), "rb") as file:
                ftp.storbinary("STOR small-copy", file)
            ftp.quit()
            with open(os.path.join(world.root, "small-copy"), "rb") as file:
                expect(file.read() == wanted, f"changed upwards over {address}, passive {passive}")


@test
def lftp_works_active_and_over_ipv6():
    """Not both at once: lftp then sends EPRT with the address "::", which is nobody's."""
    path, wanted = small()
    target = os.path.join(world.folder, "small-lftp")
    for address, passive in [("127.0.0.1", "no")] + ([("::1", "yes")] if ports.have_ipv6() else []):
        clients.lftp(world.port, f"set ftp:passive-mode {passive}; set xfer:clobber yes; "
                                 f"get {quoted(path)} -o {target}", host=address)
        with open(target, "rb") as file:
            expect(file.read() == wanted, f"changed over {address}, passive {passive}")


@test
def tnftp_works_active_and_over_ipv6():
    path, wanted = small()
    kinds = [("127.0.0.1", True)] + ([("::1", False), ("::1", True)] if ports.have_ipv6() else [])
    for address, active in kinds:
        clients.tnftp(world.port, [f"get {quoted(path)} small-tnftp"], world.folder, address, active)
        with open(os.path.join(world.folder, "small-tnftp"), "rb") as file:
            expect(file.read() == wanted, f"changed over {address}, active {active}")


@test
def wget_works_active_and_over_ipv6():
    path, wanted = small()
    target = os.path.join(world.folder, "small-wget")
    kinds = [("127.0.0.1", "--no-passive-ftp")]
    if ports.have_ipv6():
        kinds += [("::1", "--passive-ftp"), ("::1", "--no-passive-ftp")]
    for host, option in kinds:
        clients.wget(option, f"--output-document={target}", url(world.port, path, host))
        with open(target, "rb") as file:
            expect(file.read() == wanted, f"changed over {host} {option}")


@test
def the_server_holds_no_more_descriptors_than_before():
    left = world.server.wait_for_descriptors(world.descriptors)
    expect(left <= world.descriptors,
           f"{world.descriptors} at the start, {left} now: {world.server.descriptors()}")
    world.server.stop()


if __name__ == "__main__":
    main()
