"""MODE Z: a text of 34 MB that is compressed on its way, 2 sessions.

CPU time counts for the file, however few bytes were sent: very few here, as the text repeats itself
every 4 KiB. One download of each round is decompressed and compared."""
import ftplib
import os
import zlib

from harness.scenario import TEXT, Failed, gated_steps

GROUP = "Text"
SERVERS = ["sluiced", "proftpd:deflate"]
NEEDS = ["MODE Z"]
SHOW = ["cpu_s_per_file_gb", "part_sent", "per_s"]
BARS = []
SECONDS = 0
COST = 4
FILE = "text.txt"
LOAD_Z = ["retr", "--mode", "Z", "--file", FILE, "--sessions", 2, "--count", 8]


def inflated(server):
    """What a download in MODE Z is once it is decompressed."""
    with ftplib.FTP() as ftp:
        ftp.connect(server.options["address"], server.port, timeout=60)
        ftp.login()
        ftp.voidcmd("TYPE I")
        ftp.voidcmd("MODE Z")
        with ftp.transfercmd("RETR " + FILE) as data, data.makefile("rb") as stream:
            content = zlib.decompress(stream.read())
        ftp.voidresp()
        return content


def measure(bench, server, seconds):
    try:
        content = inflated(server)
    except (ftplib.Error, OSError, EOFError, zlib.error) as error:
        raise Failed(f"MODE Z: {error}") from None
    with open(os.path.join(bench.files, FILE), "rb") as file:
        if content != file.read():
            raise Failed("MODE Z: wrong bytes")
    result = yield from gated_steps(bench, server, LOAD_Z, seconds)
    files = max(result["operations"], 1) * TEXT
    result["cpu_s_per_file_gb"] = result["cpu_s"] / files * 1e9
    result["part_sent"] = result["bytes"] / files
    return result
