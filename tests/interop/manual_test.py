#!/usr/bin/env python3
"""What sluice --help says, the manual page and the completions of both shells say as well, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from checks import expect, main, need, same, test  # noqa: E402
from sluiced import PROJECT, binary  # noqa: E402

PROGRAM = os.environ.get("SLUICE") or os.path.join(os.path.dirname(binary()), "sluice")
MANUAL = os.path.join(PROJECT, "man", "sluice.1")
OF_ALL = {"--help": "", "--version": ""}  # what --help itself does not list


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def said(*arguments):
    return subprocess.run([PROGRAM, *arguments, "--help"], check=True, capture_output=True, text=True).stdout


def commands():
    return re.findall(r"^  ([a-z]+) +[A-Z]", said(), re.MULTILINE)


def options(command):
    """Option -> its letter or "", as a command's --help lists them."""
    return {name: letter for letter, name in
            re.findall(r"^ +(?:(-.), )?(--[a-z0-9-]+)", said(command), re.MULTILINE)}


def section(name):
    """A section of the manual page, as text with a line for each request."""
    text = re.search(rf'^\.SH "?{name}"?\n(.*?)(?=^\.SH|\Z)', read(MANUAL), re.MULTILINE | re.DOTALL).group(1)
    return re.sub(r"\\f[IBR]", "", text).replace("\\-", "-").replace('"', "")


def described():
    """Option or letter -> the commands that have it, as the manual says."""
    result = {}
    for entry in section("OPTIONS").split(".TP\n")[1:]:
        head, second, *_ = entry.splitlines()
        scope = re.fullmatch(r"\.RB \( (.*) \)", second)
        who = re.findall(r"[a-z]+", scope.group(1)) if scope else commands()
        for option in re.findall(r"(?<![\w-])--?[a-z0-9-]+", head):
            result[option] = sorted(who)
    return result


@test
def the_manual_describes_each_option_of_each_command_and_no_other():
    listed = {}
    for command in commands():
        for name, letter in options(command).items():
            for option in filter(None, (name, letter)):
                listed.setdefault(option, []).append(command)
    same("options", {option: sorted(who) for option, who in listed.items()},
         {option: who for option, who in described().items() if option not in OF_ALL})
    same("options of all", set(), OF_ALL.keys() - described().keys())


@test
def the_manual_describes_each_command_and_no_other():
    same("synopsis", sorted(commands()), sorted(set(re.findall(r"^\.B sluice ([a-z]+)$", section("SYNOPSIS"), re.M))))
    same("description", sorted(commands()), sorted(re.findall(r"^\.TP\n\.B ([a-z]+)$", section("DESCRIPTION"), re.M)))
    shown = re.findall(r"^sluice ([a-z]+)", section("EXAMPLES"), re.MULTILINE)
    same("without an example", set(), set(commands()) - set(shown))


@test
def the_manual_tells_each_exit_code():
    codes = re.findall(r"^\tTOOL_[A-Z_]+ = (\d+),", read(os.path.join(PROJECT, "src/tool/tool.h")), re.MULTILINE)
    same("exit codes", codes, re.findall(r"^\.TP\n\.B (\d+)$", section("EXIT STATUS"), re.MULTILINE))


@test
def the_manual_is_set_without_a_warning():
    done = subprocess.run([need("man"), "--warnings", "--local-file", MANUAL], check=True, capture_output=True,
                          env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8"))
    same("warnings", b"", done.stderr)


def in_bash(*words):
    """What the completion offers for the last word."""
    script = 'source "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run([need("bash"), "--norc", "-c", script, "bash", os.path.join(PROJECT, "man/sluice.bash"),
                           PROGRAM, *words], check=True, capture_output=True, text=True)
    same("errors of bash", "", done.stderr)
    return done.stdout.split()


@test
def bash_completes_each_command_and_option():
    same("commands", sorted([*commands(), *OF_ALL]), sorted(in_bash("")))
    for command in commands():
        same(f"options of {command}", sorted([*options(command), "--help"]), sorted(in_bash(command, "-")))
    same("mirror --d", ["--delete", "--dry-run", "--data"], in_bash("mirror", "--d"))


@test
def bash_completes_values_and_arguments():
    same("--ring", ["epoll"], in_bash("get", "--ring", "e"))
    for how in in_bash("get", "--data", "="):
        done = subprocess.run([PROGRAM, "get", "--data", how], check=False, capture_output=True, text=True)
        expect(done.stderr.startswith("sluice: usage"), f"--data {how}: {done.stderr}")
    same("--data=e", ["epsv"], in_bash("get", "--data", "=", "e"))
    same("--mode", ["S", "B", "C", "Z"], in_bash("get", "--mode", "="))
    same("--structure P", ["P"], in_bash("copy", "--structure", "P"))
    for kind in in_bash("put", "--type", "="):
        done = subprocess.run([PROGRAM, "put", "--type", kind], check=False, capture_output=True, text=True)
        expect(done.stderr.startswith("sluice: usage"), f"--type {kind}: {done.stderr}")
    same("--type L", ["L8", "L32"], in_bash("ls", "--type", "L"))
    same("-o FILE", [MANUAL], in_bash("get", "-o", MANUAL))
    same("--user", [], in_bash("get", "--user", ""))
    same("a file to send", [MANUAL], in_bash("put", MANUAL))
    same("a folder", [os.path.join(PROJECT, "man")], in_bash("mirror", os.path.join(PROJECT, "ma")))
    same("a URL", ["ftp://"], in_bash("get", "f"))


def in_zsh(*words):
    """What the completion hands to zsh: the commands, and the specifications of options."""
    script = '_describe() { print -l -- ${(P)2%%:*} }; _arguments() { print -l -- "$@" }; ' \
             'file=$1; shift; words=("$@"); CURRENT=$#; run() { source $file }; run'
    done = subprocess.run([need("zsh"), "-f", "-c", script, "zsh", os.path.join(PROJECT, "man/_sluice"), PROGRAM,
                           *words], check=True, capture_output=True, text=True)
    same("errors of zsh", "", done.stderr)
    return done.stdout.splitlines()


@test
def zsh_completes_each_command_and_option():
    lines = in_zsh("")
    same("commands", sorted(commands()), sorted(line for line in lines if line[0] != "-"))
    for command in commands():
        offered = [found.group(1) for found in
                   (re.match(r"(?:\(.*?\))?(--?[a-z0-9-]+)=?\[", line) for line in in_zsh(command, "-")) if found]
        listed = [option for pair in options(command).items() for option in pair if option]
        same(f"options of {command}", sorted([*listed, "--help"]), sorted(offered))


@test
def zsh_completes_values():
    lines = in_zsh("get", "-")
    same("with values", 1, sum(line.endswith("]:HOW:(auto epsv pasv active default)") for line in lines))
    same("words", 1, sum(line.endswith("]:value:(auto uring epoll)") for line in lines))
    same("letters", 1, sum(line.endswith("]:value:(S B C Z)") for line in lines))
    same("types", 1, sum(line.endswith("]:TYPE:(A A:T A:C E E:T E:C I L8 L32)") for line in lines))
    expect("*:URL or file:_sluice_argument" in lines, lines)


@test
def a_program_in_a_folder_with_blanks_is_completed_too():
    with tempfile.TemporaryDirectory(prefix="sluice ") as folder:
        copy = shutil.copy(PROGRAM, folder)
        done = subprocess.run([need("bash"), "--norc", "-c", 'source "$1"; COMP_WORDS=("$2" ls --l); COMP_CWORD=2; '
                               '_sluice; echo "${COMPREPLY[@]}"', "bash", os.path.join(PROJECT, "man/sluice.bash"),
                               copy], check=True, capture_output=True, text=True)
        same("ls --l", "--long\n", done.stdout)


if __name__ == "__main__":
    main()
