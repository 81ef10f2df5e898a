"""The programs that people use, each as two functions: get and put. They fail as the program does."""

import functools
import os
import re
import subprocess
import tempfile
from urllib.parse import quote

import ports
from checks import Skipped, need, test
from sluiced import Failure

CLIENT_TIMEOUT_S = 120
HOME = tempfile.TemporaryDirectory(prefix="sluice-home-")  # some clients write what they remember


def run(arguments, stdin="", folder=None, ok=(0,)):
    environment = dict(os.environ, HOME=HOME.name, LC_ALL="C.UTF-8", NCFTPDIR=HOME.name)
    try:
        done = subprocess.run(arguments, input=stdin.encode(), cwd=folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=CLIENT_TIMEOUT_S,
                              check=False)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{arguments[0]} still ran after {CLIENT_TIMEOUT_S} s:\n{(late.output or b'')[-1500:]}") \
            from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode not in ok:
        raise Failure(f"{' '.join(arguments)[:300]} ended with {done.returncode}:\n{output[-1500:]}")
    return output


def bracketed(host):
    return f"[{host}]" if ":" in host else host


def url(port, path="", host="127.0.0.1"):
    return f"ftp://{bracketed(host)}:{port}/{quote(path)}"


def over_ipv4(function):
    """A test that is called with the server's address."""

    @functools.wraps(function)
    def run():
        function("127.0.0.1")

    test(run)


def each_family(function):
    """Two of them, one for each address family."""

    @functools.wraps(function)
    def run():
        if not ports.have_ipv6():
            raise Skipped("this machine has no IPv6")
        function("::1")

    run.__name__ += "_over_ipv6"
    over_ipv4(function)
    test(run)


def quoted(text):
    """For the command lines of lftp and tnftp."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# curl

def curl(*arguments, stdin=""):
    return run([need("curl"), "--disable", "--silent", "--show-error", "--fail", "--globoff", *arguments], stdin)


def curl_config(pairs):
    """Many transfers for one curl: ((option, value), ...) for each of them."""
    lines = []
    for pair in pairs:
        for option, value in pair:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{option} = "{escaped}"')
    return "\n".join(lines)


# lftp

LFTP_SETTINGS = ("set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; "
                 "set mirror:parallel-transfer-count 2; set ftp:use-mode-z no; ")


def lftp(port, commands, host="127.0.0.1"):
    if ":" in host and not ports.have_global_ipv6():
        raise Skipped("lftp connects to no IPv6 address, not to ::1 either, where no interface has a global one")
    script = f"{LFTP_SETTINGS} open -u anonymous,guest@ -p {port} ftp://{bracketed(host)}; {commands}; bye"
    return run([need("lftp"), "--norc", "-c", script])


# tnftp

def tnftp(port, commands, folder, host="127.0.0.1", active=False):
    script = "\n".join(["user anonymous guest@", "binary", *commands, "bye", ""])
    output = run([need("tnftp"), "-i", "-n", "-v", "-A" if active else "-p", "-P", str(port), host],
                 script, folder)
    refusal = re.search(r"^[45][0-5][0-9] (?!bytes ).*", output, re.MULTILINE)
    if refusal:
        raise Failure(f"tnftp was refused: {refusal.group(0)}\n{output[-1500:]}")
    return output


# ncftp

def ncftp(program, port, *arguments, host="127.0.0.1"):
    if ":" in host:
        raise Failure("ncftp has no IPv6")
    quiet = [] if program == "ncftpls" else ["-V"]
    head = [need(program), *quiet, "-u", "anonymous", "-p", "guest@", "-P", str(port), "-r", "1", "-t", "20"]
    return run([*head, *arguments])


# aria2

def aria2(*arguments, stdin=""):
    """Without reuse of connections: where 150 and 226 arrive in one read, aria2 1.36 waits for a 226
    that it has swallowed."""
    return run([need("aria2c"), "--no-conf=true", "--quiet=true", "--file-allocation=none",
                "--allow-overwrite=true", "--auto-file-renaming=false", "--ftp-reuse-connection=false",
                "--max-tries=1", "--timeout=20", *arguments], stdin)


# wget

def wget(*arguments, stdin=""):
    return run([need("wget"), "--no-config", "--no-verbose", "--tries=1", "--timeout=20",
                "--restrict-file-names=nocontrol", *arguments], stdin)
