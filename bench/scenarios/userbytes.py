"""What part of 1 GiB passes through user space in a RETR and in a STOR, TYPE I.

Counted are the bytes of all system calls that copy to or from the process (mmap of a file and
send as well) and of all such operations of its io_uring; commands and replies are among them.
Done once, since a count has no noise."""
from harness import moved
from harness.scenario import BIG, Bar, Failed, failure, gated

GROUP = "Kernel path"
SERVERS = ["sluiced", "sluiced:epoll", "vsftpd", "pure-ftpd"]
SHOW = ["user_percent_read", "user_percent_written"]
BARS = [Bar("user_percent_read", at_most=0.1), Bar("user_percent_written", at_most=0.1)]
ROUNDS = 1
SECONDS = 0
COST = 4
READ = ["retr", "--file", "big.bin", "--expect", BIG, "--count", 1]
WRITTEN = ["stor", "--sessions", 1, "--size", BIG, "--count", 1]


def percent(bench, server, load):
    results = []
    ring = server.name == "sluiced"
    through = moved.through_user_space(server, bench.scratch, ring, lambda: results.append(
        gated(bench, server, load, 1)))
    wrong = failure(results[0]) or (None if results[0]["bytes"] == BIG else "not the whole file")
    if wrong:
        raise Failed(wrong)
    return 100 * through / BIG


def measure(bench, server, seconds):
    return {"user_percent_read": percent(bench, server, READ),
            "user_percent_written": percent(bench, server,
                                            [*WRITTEN, "--remove-from", bench.files])}
