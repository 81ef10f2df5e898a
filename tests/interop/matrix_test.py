#!/usr/bin/env python3
"""Every program that people use, and what each of them can do with a server. Each dialogue is overheard:
nothing that a client tries of its own accord may be unknown here, but for AUTH, since there is no TLS."""

import asyncio
import calendar
import ftplib
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import clients  # noqa: E402
import filezilla  # noqa: E402
import tree  # noqa: E402
from checks import Skipped, expect, main, need, same  # noqa: E402
from clients import bracketed, each_family, over_ipv4, quoted  # noqa: E402
from overheard import TEXT, WHEN, files_of, folders_of, over, same_files  # noqa: E402

MINUTE_S = 60


# --- rclone ----------------------------------------------------------------------------------

def rclone(place, *arguments, stdin=""):
    password = subprocess.run([need("rclone"), "obscure", "guest@"], capture_output=True, check=True, text=True).stdout
    place.write(place.scratch.name, "rclone.conf",
                f"[s]\ntype = ftp\nhost = {bracketed(place.host)}\nport = {place.port}\nuser = anonymous\n"
                f"pass = {password}\n".encode())
    return clients.run(["rclone", "--config", os.path.join(place.scratch.name, "rclone.conf"), "--retries", "1",
                        "--low-level-retries", "1", "--contimeout", "20s", "--timeout", "20s", *arguments], stdin)


@over(each_family)
def rclone_syncs_down_and_keeps_the_times(place):
    rclone(place, "sync", "s:tree", place.local("down"))
    same_files(place.remote("tree"), place.local("down"))
    place.recorder.forget()
    rclone(place, "sync", "s:tree", place.local("down"))
    same("retrieved by a second sync", [], place.recorder.commands("RETR"))
    place.write(place.remote("tree"), "plain/new", b"new")
    os.unlink(place.local("down/with space/plain1"))
    os.unlink(place.remote("tree/-dash/plain4"))
    rclone(place, "sync", "s:tree", place.local("down"))
    same_files(place.remote("tree"), place.local("down"))


@over(each_family)
def rclone_syncs_up_and_keeps_the_times(place):
    local = place.copy_of_tree()
    rclone(place, "sync", local, "s:up")
    same_files(local, place.remote("up"))
    same("folders", folders_of(local), folders_of(place.remote("up")))
    same("times set", len(files_of(local)), len(place.recorder.commands("MFMT")))
    place.recorder.forget()
    rclone(place, "sync", local, "s:up")
    same("stored by a second sync", [], place.recorder.commands("STOR", "MFMT"))
    place.write(local, "plain/new", b"new")
    os.unlink(os.path.join(local, "with space/plain1"))
    rclone(place, "sync", local, "s:up")
    same_files(local, place.remote("up"))
    rclone(place, "check", local, "s:up")


@over(each_family)
def rclone_lists_makes_renames_and_removes(place):
    listed = rclone(place, "lsf", "--recursive", "--format", "pt", "--separator", "|", "s:tree").splitlines()
    same("files", len(files_of(place.remote("tree"))), sum("/|" not in line for line in listed))
    same("folders", folders_of(place.remote("tree")), sorted(line.split("/|")[0] for line in listed if "/|" in line))
    same("a range", TEXT[100:150], rclone(place, "cat", "--offset", "100", "--count", "50", "s:text").encode())
    rclone(place, "mkdir", "s:a/b/c")
    rclone(place, "rcat", "s:a/of stdin", stdin="typed")
    rclone(place, "moveto", "s:a/of stdin", "s:a/b/moved")
    same("moved on the server", 1, len(place.recorder.commands("RNTO")))
    same("content", b"typed", place.read(place.root, "a/b/moved"))
    rclone(place, "touch", "--timestamp", "2001-02-03T04:05:06", "s:a/b/moved")
    same("the time", WHEN, os.stat(place.remote("a/b/moved")).st_mtime)
    rclone(place, "moveto", "s:a/b", "s:a/d")
    rclone(place, "deletefile", "s:a/d/moved")
    rclone(place, "rmdir", "s:a/d/c")
    same("what is left", ["d"], folders_of(place.remote("a")))
    rclone(place, "purge", "s:a")
    expect(not os.path.exists(place.remote("a")), "a purged folder is there")


@over(over_ipv4)
def rclone_works_without_what_it_prefers(place):
    rclone(place, "sync", "--ftp-disable-epsv", "--ftp-disable-mlsd", "--ftp-disable-utf8", "s:tree",
           place.local("down"))
    expect(place.recorder.commands("LIST") and place.recorder.commands("PASV"), "it had what it prefers")
    problem = tree.compare(tree.digests(place.remote("tree")), tree.digests(place.local("down")))
    expect(not problem, problem)


# --- aioftp ----------------------------------------------------------------------------------

def with_aioftp(function):
    """A test that is a coroutine, with a client that is logged in."""
    try:
        import aioftp  # pylint: disable=import-outside-toplevel
    except ImportError:
        aioftp = None

    def run(place):
        if not aioftp:
            raise Skipped("aioftp is not installed")

        async def converse():
            login = (place.host, place.port, "anonymous", "guest@")
            async with aioftp.Client.context(*login, socket_timeout=20) as client:
                await function(place, client)

        asyncio.run(converse())

    run.__name__ = function.__name__
    return run


@over(each_family)
@with_aioftp
async def aioftp_moves_trees_both_ways(place, client):
    local = place.copy_of_tree()
    await client.download("tree", place.local("down"), write_into=True)
    same("down", tree.digests(place.remote("tree")), tree.digests(place.local("down")))
    await client.upload(local, "up", write_into=True)
    same("up", tree.digests(local), tree.digests(place.remote("up")))
    for path, (_, when) in files_of(local).items():
        facts = await client.stat(f"tree/{path}")
        same("its time", when, calendar.timegm(time.strptime(facts["modify"], "%Y%m%d%H%M%S")))


@over(each_family)
@with_aioftp
async def aioftp_lists_makes_renames_and_removes(place, client):
    paths = {str(path): facts["type"] for path, facts in await client.list("tree", recursive=True)}
    same("files", sorted("tree/" + path for path in files_of(place.remote("tree"))),
         sorted(path for path, kind in paths.items() if kind == "file"))
    plain = [str(path) for path, _ in await client.list("tree/with space", raw_command="LIST")]
    same("LIST", sorted(os.listdir(place.remote("tree/with space"))), sorted(os.path.basename(path) for path in plain))
    await client.make_directory("a/b/c")
    await client.change_directory("a/b")
    same("where", "/a/b", str(await client.get_current_directory()))
    async with client.upload_stream("file") as stream:
        await stream.write(b"abcdef")
    async with client.upload_stream("file", offset=3) as stream:
        await stream.write(b"XYZ")
    async with client.append_stream("file") as stream:
        await stream.write(b"more")
    async with client.download_stream("file", offset=2) as stream:
        same("from byte 2", b"cXYZmore", await stream.read())
    await client.rename("file", "c/other name")
    expect(not await client.exists("file") and await client.is_file("c/other name"), "not renamed")
    same("size", "10", (await client.stat("c/other name"))["size"])
    await client.command("MFMT 20010203040506 c/other name", "213")
    same("its time", WHEN, os.stat(place.remote("a/b/c/other name")).st_mtime)
    await client.change_directory()
    os.truncate(place.remote("text"), 1 << 28)  # too long to be through before ABOR
    stream = await client.get_stream("RETR /text", "1xx")
    await stream.read(1000)
    await client.abort()
    stream.close()
    await client.remove("/a")
    expect(not os.path.exists(place.remote("a")), "a removed folder is there")


# --- lftp ------------------------------------------------------------------------------------

MODE_Z = "set ftp:use-mode-z yes; set ftp:compressed-re ''; "
MOVES = ("RETR", "STOR", "APPE", "LIST", "NLST", "MLSD")


def modes_of_transfers(place):
    """(verb, mode) of each transfer, as its own control connection had set it."""
    place.recorder.pairs()
    found = []
    for dialogue in place.recorder.dialogues:
        mode = "S"
        for command, reply in dialogue.pairs():
            verb = command.split(" ")[0]
            if verb == "MODE" and reply.startswith("200"):
                mode = command.split(" ")[1]
            elif verb in MOVES:
                found.append((verb, mode))
    return found


def all_deflated(place, *verbs):
    modes = modes_of_transfers(place)
    same("transfers", sorted(verbs), sorted({verb for verb, _ in modes}))
    same("not in MODE Z", [], [move for move in modes if move[1] != "Z"])


@over(each_family)
def lftp_mirrors_down_and_up_in_mode_z(place):
    place.lftp(MODE_Z + f"mirror --verbose=0 tree {quoted(place.local('down'))}")
    same_files(place.remote("tree"), place.local("down"))
    all_deflated(place, "MLSD", "RETR")
    place.recorder.forget()
    place.lftp(MODE_Z + f"mirror --reverse --verbose=0 {quoted(place.local('down'))} up")
    same_files(place.local("down"), place.remote("up"))
    all_deflated(place, "MLSD", "STOR")
    place.recorder.forget()
    place.lftp(MODE_Z + f"mirror --reverse --delete --verbose=0 {quoted(place.local('down'))} up; "
                        f"mirror --delete --verbose=0 up {quoted(place.local('down'))}")
    same("moved again", [], place.recorder.commands("STOR", "RETR", "DELE"))


@over(each_family)
def lftp_moves_a_text_in_mode_z_by_few_octets(place):
    """The server's log tells how many octets were on the data connections."""
    place.lftp(MODE_Z + f"get text -o {place.local('text')}; put {place.local('text')} -o copy; cls -l; ls; nlist; "
                        f"cat copy; find tree")
    same("down", TEXT, place.read(place.here, "text"))
    same("up", TEXT, place.read(place.root, "copy"))
    all_deflated(place, "LIST", "MLSD", "NLST", "RETR", "STOR")
    for name, transfers in (("text", 1), ("copy", 2)):
        octets = place.octets("/" + name)
        expect(len(octets) == transfers and all(0 < count < len(TEXT) // 5 for count in octets),
               f"{name} of {len(TEXT)} octets went as {octets}")


@over(each_family)
def lftp_resumes_in_mode_z(place):
    place.write(place.here, "text", TEXT[:123457])
    place.write(place.root, "copy", TEXT[:123457])
    whole = place.write(place.here, "whole", TEXT)
    place.lftp(MODE_Z + f"get -c text -o {place.local('text')}; put -c {whole} -o copy; "
                        f"pget -n 4 text -o {place.local('in-segments')}")
    same("down", TEXT, place.read(place.here, "text"))
    same("up", TEXT, place.read(place.root, "copy"))
    same("in segments", TEXT, place.read(place.here, "in-segments"))
    expect(place.recorder.commands("REST").count("REST 123457") == 2, "not resumed")
    all_deflated(place, "RETR", "STOR")


@over(each_family)
def lftp_need_not_wait_for_replies(place):
    text = place.local("text")
    place.lftp(MODE_Z + f"set ftp:sync-mode no; ls; get text -o {text}; put {text} -o up; mv up up2; "
                        f"mirror --verbose=0 tree {quoted(place.local('down'))}; rm up2; chmod 600 text; find tree")
    same("down", TEXT, place.read(place.here, "text"))
    same_files(place.remote("tree"), place.local("down"))
    same("refused", [], [pair for pair in place.recorder.pairs()
                         if pair[1][0] in "45" and not pair[0].startswith(("AUTH", "HOST"))])


@over(over_ipv4)
def lftp_cuts_a_transfer_and_goes_on(place):
    place.write(place.root, "long", os.urandom(1 << 20) * 64)  # which does not deflate away either
    cut = "(cat long | head -c 10 >/dev/null); "
    place.lftp(f"set cmd:fail-exit no; set ftp:use-abor yes; set xfer:buffer-size 1000; {cut} {MODE_Z} {cut} "
               f"get text -o {place.local('text')}")
    same("afterwards", TEXT, place.read(place.here, "text"))
    same("cut", ["ABOR", "ABOR"], place.recorder.commands("ABOR"))


@over(over_ipv4)
def lftp_does_without_tls_where_it_may(place):
    place.write(place.root, "plain", b"plain")
    same("by itself", "plain", place.lftp("cat plain"))
    same("without FEAT", "plain", place.lftp("set ftp:use-feat no; cat plain"))
    same("asked for", ["AUTH TLS"] * 2, place.recorder.commands("AUTH"))
    same("answered", {"502"}, {pair[1][:3] for pair in place.recorder.pairs() if pair[0].startswith("AUTH ")})


# Each set of settings makes lftp say something else. Beside it: what it must then have said. ftp:web-mode is
# not there: lftp 4.9 then waits for ever behind a listing of its own, with every server.
LFTP_WAYS = [
    ("", ["FEAT", "CLNT", "LANG", "OPTS UTF8 ON", "OPTS MLST", "HOST", "USER", "PASS", "PWD", "TYPE I", "TYPE A",
          "PRET", "SIZE", "MDTM", "LIST", "MLSD", "NLST", "RETR", "STOR", "MFMT", "CWD", "SITE CHMOD",
          "SITE SYMLINK", "SITE MKDIR", "RNFR", "RNTO", "DELE", "RMD", "QUIT"]),
    ("set ftp:use-mode-z yes; set ftp:mode-z-level 9", ["MODE Z", "MODE S"]),
    ("set ftp:use-allo yes; set ftp:use-site-idle yes; set ftp:acct account; set ftp:lang de; set ftp:client other",
     ["ALLO", "SITE IDLE", "ACCT", "LANG de", "CLNT other"]),
    ("set ftp:prefer-epsv yes; set ftp:rest-list yes; set ftp:list-options -a; set ftp:use-telnet-iac yes",
     ["EPSV", "LIST -a"]),
    ("set ftp:passive-mode no; set ftp:use-pret no; set ftp:use-utf8 no", ["PORT"]),
    ("set ftp:use-feat no; set ftp:use-stat-for-list yes; set ftp:use-mlsd no", ["STAT", "SITE UTIME"]),
    ("set ftp:use-feat no; set ftp:use-site-utime2 no", ["SITE UTIME"]),
    ("set ftp:use-feat no; set ftp:use-mdtm-overloaded yes; set ftp:use-site-utime no; set ftp:use-site-utime2 no",
     ["MDTM"]),
    ("set ftp:use-stat-for-list yes; set ftp:use-tvfs no; set ftp:skey-allow no", ["PASV"]),
    ("set ftp:ssl-allow no; set ftp:home /tree; set ftp:charset utf-8; set ftp:use-ip-tos yes", ["CWD /tree"]),
]
# What is refused and has to be: TLS, an address without its brackets, a folder's time, a time that MDTM sets.
LFTP_REFUSALS = re.compile(r"(AUTH |HOST ::1$|MDTM )")


def lftp_way(number, settings, wanted):
    def converse(place):
        local = place.write(place.here, "local", TEXT[:5000])
        target = place.local("text")
        place.lftp(f"{settings}; cd /; ls; cls -l tree; nlist tree; get text -o {target}; put {local} -o up; "
                   "chmod 640 up; ln -s up link; mkdir -p m/n; rmdir m/n; mv up up2; cat up2; mrm up* link; "
                   "cd tree; find; du; "
                   f"mirror --verbose=0 plain {quoted(place.local('plain'))}; quote NOOP; quote SYST; quote HELP; bye")
        same("down", TEXT, place.read(place.here, "text"))
        said = place.recorder.commands()
        missing = [word for word in wanted if not any(command.startswith(word) for command in said)]
        same("what lftp did not say", [], missing)
        same("refused", [], [pair for pair in place.recorder.pairs()
                             if pair[1][0] in "45" and not LFTP_REFUSALS.match(pair[0])])

    converse.__name__ = f"lftp_is_answered_whatever_it_says_{number}"
    over(over_ipv4 if {"PORT", "PASV"} & set(wanted) else each_family)(converse)


for number_of_way, way in enumerate(LFTP_WAYS):
    lftp_way(number_of_way, *way)


# --- curl ------------------------------------------------------------------------------------

CURL_METHODS = ("multicwd", "nocwd", "singlecwd")


@over(each_family)
def curl_finds_and_makes_folders_by_every_method(place):
    path = "tree/deep/er/still/plain5"
    wanted = place.read(place.root, path)
    for method in CURL_METHODS:
        for spelling in (path, "/" + path, "tree/../" + path):
            target = place.local("got")
            clients.curl("--path-as-is", "--ftp-method", method, "--output", target, place.url(spelling))
            same(f"{spelling} by {method}", wanted, place.read(place.here, "got"))
        listing = clients.curl("--ftp-method", method, place.url("tree/deep/er/still/"))
        expect("plain5" in listing, f"not in the listing by {method}: {listing}")
    new = place.write(place.here, "new", TEXT)
    clients.curl("--ftp-create-dirs", "--ftp-method", "multicwd", "--upload-file", new, place.url("made/by/curl/new"))
    same("in a folder that was made", TEXT, place.read(place.root, "made/by/curl/new"))
    for method in CURL_METHODS:
        clients.curl("--ftp-method", method, "--upload-file", new, place.url(f"made/by/curl/{method}"))
        same(f"stored by {method}", TEXT, place.read(place.root, f"made/by/curl/{method}"))


@over(each_family)
def curl_gets_parts(place):
    for part, wanted in (("0-99", TEXT[:100]), ("5000-", TEXT[5000:]), ("-77", TEXT[-77:]), ("9-9", TEXT[9:10]),
                         ("1000-200000", TEXT[1000:200001])):
        clients.curl("--range", part, "--output", place.local("part"), place.url("text"))
        same(part, wanted, place.read(place.here, "part"))
    clients.curl("--continue-at", "4321", "--output", place.local("rest"), place.url("text"))
    same("from 4321", TEXT[4321:], place.read(place.here, "rest"))


@over(each_family)
def curl_appends_and_sends_what_it_has_no_size_of(place):
    one = place.write(place.here, "one", b"one")
    for _ in range(2):
        clients.curl("--append", "--upload-file", one, place.url("appended"))
    same("twice", b"oneone", place.read(place.root, "appended"))
    clients.curl("--upload-file", "-", place.url("of-stdin"), stdin="typed")
    same("of stdin", b"typed", place.read(place.root, "of-stdin"))


@over(each_family)
def curl_asks_for_size_and_time(place):
    head = clients.curl("--head", place.url("text")).splitlines()
    same("head", ["Last-Modified: Sat, 03 Feb 2001 04:05:06 GMT", f"Content-Length: {len(TEXT)}",
                  "Accept-ranges: bytes"], [line for line in head if line])
    clients.curl("--remote-time", "--output", place.local("text"), place.url("text"))
    same("its time", WHEN, os.stat(place.local("text")).st_mtime)
    clients.curl("--time-cond", "Feb 4 2001", "--output", place.local("newer"), place.url("text"))
    expect(not os.path.exists(place.local("newer")), "it is older and came")
    clients.curl("--time-cond", "Feb 2 2001", "--output", place.local("newer"), place.url("text"))
    same("newer", TEXT, place.read(place.here, "newer"))


@over(each_family)
def curl_lists(place):
    names = sorted(os.listdir(place.remote("tree/with space")))
    folder = place.url("tree/with space/")
    same("names", names, sorted(clients.curl("--list-only", folder).splitlines()))
    same("NLST -a", names, sorted(clients.curl("--request", "NLST -a", folder).splitlines()))
    facts = clients.curl("--request", "MLSD", folder).splitlines()
    same("MLSD", sorted([".", *names]), sorted(line.partition("; ")[2] for line in facts))
    same("LIST", len(names), len(clients.curl(folder).splitlines()))
    same("of the root", ["text", "tree"], sorted(clients.curl("--list-only", place.url()).splitlines()))


@over(each_family)
def curl_says_what_it_is_told(place):
    clients.curl("--quote", "SITE CHMOD 600 text", "--quote", "MFMT 20020202020202 text", "--quote", "*DELE nothing",
                 "--quote", "MKD folder", "--quote", "-RNFR text", "--quote", "-RNTO folder/moved",
                 "--output", "/dev/null", place.url("text"))
    status = os.stat(place.remote("folder/moved"))
    same("mode and time", (0o600, 1012615322), (status.st_mode & 0o777, int(status.st_mtime)))


@over(each_family)
def curl_converts_text(place):
    place.write(place.root, "lines", b"one\ntwo\n")
    target = place.local("lines")
    for options, kind in (((), ";type=a"), (("--use-ascii",), ""), ((), ";type=i")):
        clients.curl(*options, "--output", target, place.url("lines") + kind)
        same(f"{options}{kind}", b"one\ntwo\n", place.read(place.here, "lines").replace(b"\r\n", b"\n"))
    same("octets", [10, 10, 8], place.octets("/lines"))
    same("names", ["text", "tree"], [name for name in sorted(clients.curl(place.url() + ";type=d").splitlines())
                                     if name != "lines"])
    clients.curl("--upload-file", place.remote("lines"), place.url("up") + ";type=a")
    same("upwards, as curl's CRLF", [10], place.octets("/up"))
    same("TYPE A upwards", b"one\ntwo\n", place.read(place.root, "up"))
    clients.curl("--crlf", "--upload-file", place.remote("lines"), place.url("up"))
    same("curl's own conversion", b"one\r\ntwo\r\n", place.read(place.root, "up"))


@over(each_family)
def curl_opens_data_connections_in_every_way(place):
    ways = [("--ftp-pasv",), ("--ftp-pret",), ("--ftp-port", "-"), ("--ftp-account", "any"), ("--ftp-ssl-ccc",),
            ("--ftp-alternative-to-user", "USER any"), ("--ssl",)]
    if ":" not in place.host:
        ways += [("--disable-epsv",), ("--disable-epsv", "--ftp-skip-pasv-ip"), ("--ftp-port", "-", "--disable-eprt")]
    new = place.write(place.here, "new", TEXT)
    for way in ways:
        clients.curl(*way, "--output", place.local("text"), place.url("text"))
        same(f"down with {way}", TEXT, place.read(place.here, "text"))
        clients.curl(*way, "--upload-file", new, place.url("up"))
        same(f"up with {way}", TEXT, place.read(place.root, "up"))
        os.unlink(place.remote("up"))


@over(over_ipv4)
def curl_does_without_tls_where_it_may(place):
    place.write(place.root, "plain", b"plain")
    same("by --ssl", "plain", clients.curl("--ssl", place.url("plain")))
    clients.run([need("curl"), "--disable", "--silent", "--ssl-reqd", place.url("plain")], ok=(64,))
    same("asked for and answered", [("AUTH SSL", "502"), ("AUTH TLS", "502")] * 2,
         [(pair[0], pair[1][:3]) for pair in place.recorder.pairs() if pair[0].startswith("AUTH ")])
    same("sessions that logged in", 1, len(place.recorder.commands("PASS")))


# --- wget ------------------------------------------------------------------------------------

@over(each_family)
def wget_mirrors_what_has_changed(place):
    """A plain listing tells the minute of what is young, the day of what is older than half a year."""
    young = int(time.time()) // MINUTE_S * MINUTE_S - 3600
    for path in tree.digests(place.remote("tree")):
        os.utime(place.remote("tree", path), (young, young))
    mirror = ("--mirror", "--no-host-directories", "--cut-dirs=1", f"--directory-prefix={place.local('down')}",
              place.url("tree/"))
    clients.wget(*mirror)
    same_files(place.remote("tree"), place.local("down"), MINUTE_S, (".listing",))
    place.recorder.forget()
    clients.wget(*mirror)
    same("retrieved by a second mirror", [], place.recorder.commands("RETR"))
    place.recorder.forget()
    place.write(place.root, "tree/plain/new", b"new", young)
    place.write(place.root, "tree/x.y/plain6", b"changed", young + 2 * MINUTE_S)
    clients.wget(*mirror)
    same("retrieved", ["RETR new", "RETR plain6"], sorted(place.recorder.commands("RETR")))
    same_files(place.remote("tree"), place.local("down"), MINUTE_S, (".listing",))


@over(each_family)
def wget_takes_patterns_parts_and_types(place):
    place.write(place.root, "lines", b"one\ntwo\n")
    same("a pattern", "one\ntwo\n", clients.wget("--output-document=-", "--quiet", place.url() + "li*s"))
    same("a part", "two\n", clients.wget("--output-document=-", "--quiet", "--start-pos=4", place.url("lines")))
    same("text", "one\ntwo\n", clients.wget("--output-document=-", "--quiet", place.url("lines") + ";type=a"
                                            ).replace("\r\n", "\n"))
    clients.wget("--spider", f"--directory-prefix={place.here}", place.url("lines"))
    place.write(place.root, "private", b"x")
    os.chmod(place.remote("private"), 0o600)
    clients.wget("--timestamping", "--preserve-permissions", f"--directory-prefix={place.here}", place.url("private"))
    same("mode", 0o600, os.stat(place.local("private")).st_mode & 0o777)


# --- ncftp -----------------------------------------------------------------------------------

@over(over_ipv4)
def ncftpls_lists_in_every_form(place):
    names = sorted(os.listdir(place.remote("tree/deep/er/still")))
    for flags in (("-1",), ("-l",), ("-m",), ("-a",), ("-g",), ("-R",), ("-1", "-E")):
        listing = clients.ncftp("ncftpls", place.port, *flags, f"ftp://{place.host}/tree/deep/er/still/")
        same(f"names that {flags} leaves out", [], [name for name in names if name not in listing])


@over(over_ipv4)
def ncftp_works_through_a_batch(place):
    """Jobs lie in a folder until ncftpbatch does them."""
    for name in ("one", "two"):
        place.write(place.here, name, TEXT)
    place.write(place.root, "in/three", TEXT)
    os.mkdir(place.remote("out"))
    login = ["-u", "anonymous", "-p", "guest@", "-P", str(place.port), "-bb", place.host]
    clients.run([need("ncftpget"), *login, place.here, "/in/three"])
    clients.run([need("ncftpput"), *login, "/out", place.local("one"), place.local("two")])
    expect("3 total jobs queued" in clients.run(["ncftpbatch", "-l"]), "the jobs are not in the queue")
    clients.run(["ncftpbatch", "-D"])
    for folder, name in ((place.here, "three"), (place.remote("out"), "one"), (place.remote("out"), "two")):
        same(name, TEXT, place.read(folder, name))
        same(f"time of {name}", WHEN, os.stat(os.path.join(folder, name)).st_mtime)


@over(over_ipv4)
def ncftp_does_what_it_is_told(place):
    local = place.write(place.here, "local", TEXT)
    commands = ["set auto-ascii no", f"open -u anonymous -p guest@ -P {place.port} {place.host}", "ls", "ls -l",
                "dir", "mkdir folder", "cd folder", f"put {local}", "rename local other", "chmod 600 other", "ls -l",
                f"lcd {place.here}", "get other", "cat other", "mkdir empty", "rmdir empty", "pwd", "cd ..", "rhelp",
                "quote NOOP", "site help", "mls", "get -R tree", "rm folder/other", "rmdir folder", "quit"]
    clients.run([need("ncftp")], "\n".join(commands) + "\n")
    same("down", TEXT, place.read(place.here, "other"))
    same("time", WHEN, os.stat(place.local("other")).st_mtime)
    same_files(place.remote("tree"), place.local("tree"))
    expect(not os.path.exists(place.remote("folder")), "the folder is still there")
    # It looks whether things are there, and tries to set a time of birth by MFF before it takes MFMT.
    same("refused", [], [pair for pair in place.recorder.pairs()
                         if pair[1][0] in "45" and pair[1][:3] != "550" and not pair[0].startswith("MFF ")])
    same("MFF with a time of birth", ["504"],
         [pair[1][:3] for pair in place.recorder.pairs() if pair[0].startswith("MFF ")])
    same("times set", 1, len([pair for pair in place.recorder.pairs()
                              if pair[0].startswith(("MFMT ", "SITE UTIME ", "MDTM 2")) and pair[1][0] == "2"]))


# --- tnftp -----------------------------------------------------------------------------------

@over(each_family)
def tnftp_does_what_it_is_told(place):
    place.write(place.here, "local", TEXT)
    place.write(place.here, "tail", b"tail")
    place.write(place.here, "text", TEXT[:4321], WHEN - 1000)
    place.write(place.here, "names", b"tree/plain/plain0\ntext\n")
    os.makedirs(place.local("tree/plain"))
    commands = ["system", "status", "features", "rhelp", "rhelp STOR", "rstatus", "rstatus text", "pwd", "ls",
                "dir tree", "nlist tree", "mls text listing", "mlsd tree", "mlst text", "mdir tree text listing2",
                "size text", "modtime text", "mkdir folder", "cd folder", "put local", "append tail local",
                "rename local other", "chmod 600 other", "umask", "umask 022", "idle", "site help", "quote NOOP",
                "ascii", "get other as-text", "binary", "cdup", "reget text", "newer text", "fget names", "passive",
                "get folder/other other", "passive", "preserve", "delete folder/other", "rmdir folder"]
    if ":" not in place.host:
        commands += ["epsv4", "get tree/plain/plain0 without-epsv"]
    clients.tnftp(place.port, commands, place.here, place.host)
    same("resumed", TEXT, place.read(place.here, "text"))
    same("stored, appended to, retrieved over a port of its own", TEXT + b"tail", place.read(place.here, "other"))


@over(each_family)
def tnftp_takes_urls(place):
    base = f"ftp://{bracketed(place.host)}:{place.port}/"
    clients.run([need("tnftp"), "-V", "-o", place.local("got"), base + "text"])
    same("down", TEXT, place.read(place.here, "got"))
    same("its time", WHEN, os.stat(place.local("got")).st_mtime)
    clients.run(["tnftp", "-V", "-u", base + "up", place.local("got")])
    same("up", TEXT, place.read(place.root, "up"))


# --- aria2 and ftplib ------------------------------------------------------------------------

@over(each_family)
def aria2_keeps_the_time(place):
    for options in ((), ("--ftp-pasv=false",), ("--ftp-type=ascii",)):
        clients.aria2("--remote-time=true", f"--dir={place.here}", "--out=text", *options, place.url("text"))
        same("down", TEXT, place.read(place.here, "text").replace(b"\r\n", b"\n"))
        same("its time", WHEN, os.stat(place.local("text")).st_mtime)
        os.unlink(place.local("text"))


@over(each_family)
def ftplib_does_all_it_can(place):
    ftp = ftplib.FTP(timeout=20)
    ftp.connect(place.host, place.port)
    ftp.login()
    ftp.sendcmd("OPTS MLST type;size;modify;")
    facts = dict(ftp.mlsd("", ["type", "size"]))
    same("facts", {"type": "file", "size": str(len(TEXT))}, facts["text"])
    lines = []
    ftp.dir("tree", lines.append)
    same("lines", len(os.listdir(place.remote("tree"))), len(lines))
    same("names", ["text", "tree"], sorted(ftp.nlst()))
    same("made", "/a folder", ftp.mkd("a folder"))
    ftp.cwd("a folder")
    same("where", "/a folder", ftp.pwd())
    with open(place.remote("text"), "rb") as file:
        ftp.storlines("STOR lines", file)
    same("stored as text", TEXT, place.read(place.root, "a folder/lines"))
    lines.clear()
    ftp.retrlines("RETR lines", lines.append)
    same("retrieved as text", TEXT.decode().splitlines(), lines)
    same("size with CRLF", len(TEXT) + TEXT.count(b"\n"), ftp.size("lines"))
    ftp.voidcmd("TYPE I")
    same("size", len(TEXT), ftp.size("lines"))
    ftp.rename("lines", "../moved")
    ftp.cwd("..")
    ftp.delete("moved")
    ftp.rmd("a folder")
    os.truncate(place.remote("text"), 1 << 28)
    data = ftp.transfercmd("RETR text", rest=100)
    same("from byte 100", TEXT[100:110], data.recv(10, 0x100))  # MSG_WAITALL
    expect(ftp.abort()[:3] in ("426", "226"), "not aborted")
    data.close()
    ftp.voidresp()
    ftp.quit()


# --- FileZilla -------------------------------------------------------------------------------

@over(each_family)
def filezilla_moves_files_both_ways(place):
    place.write(place.here, "local", TEXT)
    transfers = [(filezilla.DOWNLOAD, "down", "/", "text"), (filezilla.UPLOAD, "local", "/", "up"),
                 (filezilla.UPLOAD, "local", "/new/folders", "an ünï name"),
                 (filezilla.DOWNLOAD, "deep", "/tree/deep/er/still", "plain5")]

    def done():
        return all(os.path.exists(path) and os.path.getsize(path) == size for path, size in (
            (place.local("down"), len(TEXT)), (place.remote("up"), len(TEXT)),
            (place.remote("new/folders/an ünï name"), len(TEXT)),
            (place.local("deep"), os.path.getsize(place.remote("tree/deep/er/still/plain5")))))

    log = filezilla.run(place.host, place.port, place.here, transfers, done)
    for path in (place.local("down"), place.remote("up"), place.remote("new/folders/an ünï name")):
        same(path, TEXT, place.read("", path))
    same("the tree's", place.read(place.root, "tree/deep/er/still/plain5"), place.read(place.here, "deep"))
    same("errors", [], [line for line in log.splitlines() if "Error:" in line])


if __name__ == "__main__":
    main()
