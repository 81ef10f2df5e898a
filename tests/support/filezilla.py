"""FileZilla without a person: on a screen in memory, with a queue that it finds when it starts, and the
one key that sets it to work. Its engine has no other way in; the queue is a database, written here."""

import os
import sqlite3
import subprocess
import tempfile
import time

from checks import expect, need

READY_S = 120
STARTS = 4  # of the program, as long as its engine has said nothing: then it has not asked the server either
START_S = 30
DOWNLOAD, UPLOAD = 16, 0

SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<FileZilla3><Settings>
<Setting name="Greeting version">9.9.9</Setting>
<Setting name="Update Check">0</Setting>
<Setting name="Logging file">{log}</Setting>
</Settings></FileZilla3>
"""

WITHOUT_TLS = """<?xml version="1.0" encoding="UTF-8"?>
<FileZilla3><TrustedCerts /><InsecureHosts><Host Port="{port}">{host}</Host></InsecureHosts></FileZilla3>
"""

TABLES = """
CREATE TABLE servers (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, host TEXT NOT NULL, port INTEGER,
  user TEXT, password TEXT, account TEXT, keyfile TEXT, protocol INTEGER, type INTEGER, logontype INTEGER,
  timezone_offset INTEGER, transfer_mode TEXT, max_connections INTEGER, encoding TEXT, bypass_proxy INTEGER,
  post_login_commands TEXT, name TEXT, parameters TEXT, site_path TEXT DEFAULT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, server INTEGER NOT NULL, source_file TEXT,
  target_file TEXT, local_path INTEGER, remote_path INTEGER, size INTEGER, error_count INTEGER, priority INTEGER,
  flags INTEGER, default_exists_action INTEGER, extra_flags TEXT);
CREATE TABLE local_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
CREATE TABLE remote_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
PRAGMA user_version = 7;
"""


def remote_path(path):
    """A folder as FileZilla keeps it: kind, no prefix, then length and name of each part."""
    return "1 0" + "".join(f" {len(part)} {part}" for part in path.split("/") if part)


def queue(path, host, port, local, transfers):
    """transfers: (DOWNLOAD or UPLOAD, local name, remote folder, remote name) each, beside `local`."""
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    database.execute("INSERT INTO servers VALUES (1,?,?,'','','','',0,0,0,0,'',0,'Auto',0,'','','','')", (host, port))
    database.execute("INSERT INTO local_paths VALUES (1,?)", (local.rstrip("/") + "/",))
    for number, (flags, name, folder, remote) in enumerate(transfers, 1):
        source, target = (remote, name) if flags == DOWNLOAD else (name, remote)
        size = -1 if flags == DOWNLOAD else os.path.getsize(os.path.join(local, name))
        database.execute("INSERT INTO remote_paths VALUES (?,?)", (number, remote_path(folder)))
        database.execute("INSERT INTO files VALUES (?,1,?,?,1,?,?,0,2,?,-1,'')",
                         (number, source, target, number, size, flags))
    database.commit()
    database.close()


class Screen:
    def __enter__(self):
        reader, writer = os.pipe()
        self.process = subprocess.Popen([need("Xvfb"), "-displayfd", str(writer), "-screen", "0", "1024x768x24",
                                         "-nolisten", "tcp"], pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as told:
            self.name = ":" + told.readline().strip()
        expect(self.name != ":", "Xvfb did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(host, port, local, transfers, done):
    """Runs the transfers until done() is true. Returns FileZilla's log."""
    for _ in range(STARTS):
        log = start(host, port, local, transfers, done)
        if log:
            return log
    return expect(False, f"FileZilla did nothing, {STARTS} times for {START_S} s")


def start(host, port, local, transfers, done):
    """Returns the log, which is empty if the engine was not set to work."""
    program, keys = need("filezilla"), need("xdotool")
    with tempfile.TemporaryDirectory(prefix="sluice-filezilla-") as home, Screen() as screen:
        folder = os.path.join(home, ".config", "filezilla")
        os.makedirs(folder)
        log = os.path.join(home, "log")
        for name, text in (("filezilla.xml", SETTINGS.format(log=log)),
                           ("trustedcerts.xml", WITHOUT_TLS.format(host=host, port=port))):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        queue(os.path.join(folder, "queue.sqlite3"), host, port, local, transfers)
        environment = dict(os.environ, HOME=home, DISPLAY=screen.name, LC_ALL="C.UTF-8")
        process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return work(keys, environment, log) and wait(log, done)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def work(keys, environment, log):
    """Presses the key that processes the queue until the engine has said something. Returns that."""
    deadline = time.monotonic() + START_S
    pressed = 0
    while not read(log) and time.monotonic() < deadline:
        if time.monotonic() > pressed + 2:
            subprocess.run([keys, "key", "ctrl+p"], env=environment, check=False, capture_output=True)
            pressed = time.monotonic()
        time.sleep(0.1)
    return read(log)


def wait(log, done):
    deadline = time.monotonic() + READY_S
    while not done():
        expect(time.monotonic() < deadline, f"FileZilla was not done after {READY_S} s\n{read(log)[-1500:]}")
        time.sleep(0.1)
    time.sleep(0.3)
    return read(log)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
