#!/usr/bin/env python3
"""sluice mirror and get from servers that leave things out, fail in the middle, or go away."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import subprocess  # noqa: E402

from checks import expect, main, same, test  # noqa: E402
from place import TIMEOUT_S, program  # noqa: E402
from scripted import FACTS, Scripted, facts, say  # noqa: E402
from sluiced import engine_arguments, environment  # noqa: E402

OLD = "modify=20200101000000"


class Here(tempfile.TemporaryDirectory):
    """A folder to work in, and the program run there."""

    def __init__(self):
        super().__init__(prefix="sluice-trouble-")

    def __enter__(self):
        return self

    def path(self, name=""):
        return os.path.join(self.name, name)

    def run(self, command, *arguments, status=0, stdin=b""):
        done = subprocess.run([program(), command, *engine_arguments(), "--no-netrc", *arguments], cwd=self.name,
                              timeout=TIMEOUT_S, env=environment(HOME=self.name), capture_output=True, check=False,
                              input=stdin)
        errors = done.stderr.decode("utf-8", "backslashreplace")
        same(f"exit code of {command}\n{errors}", status, done.returncode)
        return done.stdout.decode(), errors


@test
def a_mirror_that_is_left_incomplete_says_so():
    """The server goes away in the middle, and does not come back."""
    fetched = []

    def answer(server, control, verb, _):
        if verb == "MLSD":
            server.send(control, facts(*(f"type=file;size=4;{OLD}; f{i}" for i in range(20))))
        elif verb == "LIST":
            server.send(control, b"")
        elif verb == "RETR" and len(fetched) == 2:
            server.leave()
        elif verb == "RETR":
            fetched.append(verb)
            server.send(control, b"four")
        else:
            return False
        return True

    for options in ((), ("-q",)):
        fetched.clear()
        with Here() as here, Scripted(answer, FACTS) as server:
            _, errors = here.run("mirror", "-j", "1", *options, server.url(), "copy", status=1)
            same("files that came", 2, len([name for name in os.listdir(here.path("copy")) if name[0] != "."]))
            same("lines of it", 1, len(errors.splitlines()))
            expect("18 files and folders are left" in errors, errors)


@test
def links_that_only_list_shows_are_kept():
    """ProFTPD leaves those out of MLSD that lead nowhere."""
    def answer(server, control, verb, _):
        if verb == "MLSD":
            server.send(control, facts(f"type=file;size=4;{OLD}; a"))
        elif verb == "LIST":
            server.send(control, b"-rw-r--r-- 1 ftp ftp 4 Jan  1  2020 a\r\n"
                                 b"lrwxrwxrwx 1 ftp ftp 7 Jan  1  2020 .hidden -> a\r\n"
                                 b"lrwxrwxrwx 1 ftp ftp 7 Jan  1  2020 loose -> nowhere\r\n"
                                 b"lrwxrwxrwx 1 ftp ftp 7 Jan  1  2020 other -> /srv/abs\r\n")
        elif verb == "RETR":
            server.send(control, b"four")
        else:
            return False
        return True

    with Here() as here, Scripted(answer, FACTS) as server:
        os.mkdir(here.path("copy"))
        os.symlink("nowhere", here.path("copy/loose"))
        here.run("mirror", "-j", "1", "--delete", server.url(), "copy")
        same("names", [".hidden", "a", "loose", "other"], sorted(os.listdir(here.path("copy"))))
        for name, target in ((".hidden", "a"), ("loose", "nowhere"), ("other", "/srv/abs")):
            same(name, target, os.readlink(here.path("copy/" + name)))
        expect("LIST -a" in server.lines or "LIST -a /" in server.lines, f"{server.lines}")


@test
def a_list_that_fails_for_now_does_not_mean_that_there_are_no_links():
    lists = []

    def answer(server, control, verb, argument):
        if verb == "MLSD" and argument in ("", "/"):
            server.send(control, facts("type=dir; x", "type=dir; y"))
        elif verb == "MLSD":
            server.send(control, facts(f"type=file;size=4;{OLD}; f"))
        elif verb == "LIST":
            lists.append(argument)
            server.send(control, b"lrwxrwxrwx 1 ftp ftp 7 Jan  1  2020 x -> y\r\n",
                        "226 done" if len(lists) > failing else "426 not now")
        elif verb == "RETR":
            server.send(control, b"four")
        else:
            return False
        return True

    for failing, status in ((1, 0), (1000, 1)):
        lists.clear()
        with Here() as here, Scripted(answer, FACTS) as server:
            os.mkdir(here.path("copy"))
            os.symlink("y", here.path("copy/x"))
            _, errors = here.run("mirror", "-j", "1", server.url(), "copy", status=status)
            same("the link", "y", os.readlink(here.path("copy/x")))
            expect(status == 0 or "not now" in errors, errors)


@test
def a_folder_whose_name_list_takes_for_a_pattern_is_listed_from_within():
    """As some servers do: of another folder it would show other links."""
    def answer(server, control, verb, argument):
        link = b"lrwxrwxrwx 1 ftp ftp 7 Jan  1  2020 %s -> f\r\n"
        if verb == "MLSD" and argument in ("", "/"):
            server.send(control, facts("type=dir; a*b", "type=dir; axb"))
        elif verb == "MLSD":
            server.send(control, facts(f"type=file;size=4;{OLD}; f"))
        elif verb == "PWD":
            say(control, f'257 "{getattr(server, "folder", "/")}" is here')
        elif verb == "CWD":
            server.folder = argument
            say(control, "250 ok")
        elif verb == "LIST":
            path = argument.removeprefix("-a").strip()
            within = not path and getattr(server, "folder", "/") != "/"
            server.send(control, link % (b"mine" if within else b"theirs" if path else b"top"))
        elif verb == "RETR":
            server.send(control, b"four")
        else:
            return False
        return True

    with Here() as here, Scripted(answer, FACTS) as server:
        here.run("mirror", "-j", "1", server.url(), "copy")
        same("links of it", ["f", "mine"], sorted(os.listdir(here.path("copy/a*b"))))
        same("of the other", ["f", "theirs"], sorted(os.listdir(here.path("copy/axb"))))
        same("at last", "/", getattr(server, "folder", "nowhere"))


@test
def where_there_is_no_way_into_a_folder_list_is_asked_for_its_path():
    """No way is not no links: with --delete these would go."""
    link = b"lrwxrwxrwx 1 ftp ftp 7 Jan  1  2020 mine -> f\r\n"

    def mirrored(**replies):
        def answer(server, control, verb, argument):
            if verb in replies:
                say(control, replies[verb])
            elif verb == "MLSD" and argument in ("", "/"):
                server.send(control, facts("type=dir; a b"))
            elif verb == "MLSD":
                server.send(control, facts(f"type=file;size=4;{OLD}; f"))
            elif verb == "PWD":
                say(control, '257 "/" is here')
            elif verb == "LIST":
                server.send(control, link if "a b" in argument else b"")
            elif verb == "RETR":
                server.send(control, b"four")
            else:
                return False
            return True

        with Here() as here, Scripted(answer, FACTS) as server:
            os.makedirs(here.path("copy/a b"))
            os.symlink("f", here.path("copy/a b/mine"))
            here.run("mirror", "-j", "1", "--delete", server.url(), "copy")
            same(f"the link, {replies}", "f", os.readlink(here.path("copy/a b/mine")))

    mirrored(PWD="502 no PWD")
    mirrored(PWD="450 not now")
    mirrored(PWD="257 / is current")
    mirrored(CWD="550 not there")


@test
def a_server_that_breaks_the_protocol_is_told_from_one_that_fails():
    """In the middle of a mirror, too: exit status 5, and both sides' last lines in one."""
    def answer(server, control, verb, _):
        if verb == "MLSD":
            server.send(control, facts(f"type=file;size=4;{OLD}; f"))
        elif verb == "LIST":
            server.send(control, b"")
        elif verb == "RETR":
            say(control, "650 what is this")
        else:
            return False
        return True

    with Here() as here, Scripted(answer, FACTS) as server:
        told, errors = here.run("mirror", "-j", "1", "--json", server.url(), "copy", status=5)
        same("lines of it", 1, len(errors.splitlines()))
        expect("f: the server breaks the protocol" in errors and "650 what" in errors and "RETR" in errors, errors)
        expect('"event": "failed"' in told or '"event":"failed"' in told, told)


def without_time(size):
    """A file of that size, whose first answer is cut in the middle and whose second is of another version."""
    def answer(server, control, verb, argument):
        if verb == "SIZE":
            say(control, f"213 {size}")
        elif verb == "REST":
            server.offset = int(argument)
            return False
        elif verb == "LIST":
            server.send(control, f"-rw-r--r-- 1 ftp ftp {size} ??? ?? ????? f\r\n".encode())
        elif verb == "RETR" and not hasattr(server, "offset"):
            server.offset = 0
            server.send(control, b"A" * (size // 2), "426 cut")
        elif verb == "RETR":
            server.send(control, (b"B" * size)[server.offset:])
        else:
            return False
        return True
    return answer


@test
def without_a_time_a_part_is_not_gone_on_with():
    size = 2_000_000
    with Here() as here, Scripted(without_time(size), "SIZE", "REST STREAM") as server:
        here.run("get", server.url("f"), status=1)
        here.run("get", server.url("f"))
        with open(here.path("f"), "rb") as file:
            same("octets of the former version", 0, file.read().count(b"A"))
        same("size", size, os.path.getsize(here.path("f")))


@test
def a_listing_that_there_is_no_memory_for_is_refused():
    """Names of 4,000 octets: 320 MB of them."""
    def answer(server, control, verb, _):
        if verb != "MLSD":
            return False
        say(control, "150 here it comes")
        with server.data.accept()[0] as data:
            piece = facts(*(f"type=file;size=4;{OLD}; {i:04000}" for i in range(100)))
            try:
                for _ in range(800):
                    data.sendall(piece)
            except OSError:
                pass
        say(control, "226 done")
        return True

    with Here() as here, Scripted(answer, FACTS) as server:
        _, errors = here.run("mirror", "-j", "1", server.url(), "copy", status=1)
        expect("more names than one run has room for" in errors, errors)
        same("names", [], os.listdir(here.path("copy")))


@test
def standard_output_is_nothing_to_verify():
    with Here() as here, Scripted(lambda *_: False) as server:
        _, errors = here.run("get", "--verify", "-o", "-", server.url("f"), status=2)
        expect("--verify compares a file" in errors, errors)


@test
def a_wrong_option_shows_no_password():
    with Here() as here:
        for arguments in (("--timeout", "ftp://joe:secret@h/f"), ("--password=secret",)):
            _, errors = here.run("get", *arguments, status=2)
            expect("secret" not in errors, errors)


@test
def a_dry_run_into_a_folder_to_be_made_tells_what_would_come():
    def answer(server, control, verb, _):
        if verb == "MLSD":
            server.send(control, facts(f"type=file;size=4;{OLD}; a"))
        elif verb == "LIST":
            server.send(control, b"")
        else:
            return False
        return True

    with Here() as here, Scripted(answer, FACTS) as server:
        output, _ = here.run("mirror", "-n", "--delete", server.url(), "new")
        expect("a" in output.split(), output)
        expect(not os.path.exists(here.path("new")), "it made the folder")


@test
def two_servers_get_the_password_of_one_line():
    passwords = []

    def answer(_, control, verb, argument):
        if verb == "USER":
            say(control, "331 and the password")
        elif verb == "PASS":
            passwords.append(argument)
            say(control, "230 in")
        else:
            return False
        return True

    with Here() as here, Scripted(answer) as one, Scripted(answer) as other:
        here.run("copy", "--password-file", "-", f"ftp://joe@127.0.0.1:{one.port}/x",
                 f"ftp://joe@127.0.0.1:{other.port}/y", status=1, stdin=b"secret\nsecond\n")
        same("passwords", ["secret", "secret"], passwords)


if __name__ == "__main__":
    main()
