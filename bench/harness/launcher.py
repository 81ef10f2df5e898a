"""Starts a server and waits for all its descendants, also for those whose parent has gone
before them: what they have cost would be counted nowhere otherwise.

    launcher.py PROGRAM ARGUMENT...
"""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import accounting, processes  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36


def end(server):
    """Asks the server to end; whoever stands still goes on, for that."""
    os.kill(server, signal.SIGTERM)
    for pid in accounting.tree(server):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def main():
    processes.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A benchmark that is killed leaves no server behind.
    processes.libc.prctl(processes.PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    server = os.fork()
    if server == 0:
        processes.die_with_parent()
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as error:
            print(f"{sys.argv[1]}: {error.strerror}", file=sys.stderr, flush=True)
            os._exit(127)
    signal.signal(signal.SIGTERM, lambda *_: end(server))
    while os.wait()[0] != server:
        continue


if __name__ == "__main__":
    main()
