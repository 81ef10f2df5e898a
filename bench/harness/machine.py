"""What is known about the machine and the commit that were measured."""
import contextlib
import datetime
import os
import platform
import subprocess

from . import clients, servers


AUTOGROUP = "/proc/sys/kernel/sched_autogroup_enabled"


def autogroup():
    """Whether the scheduler deals CPUs out to login sessions first, as "on" or "off"; None where
    it cannot."""
    try:
        with open(AUTOGROUP) as file:
            return "off" if int(file.read()) == 0 else "on"
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def without_autogroup():
    """Where it does, a server that makes each of its processes a session of its own gets most of
    the CPUs, and the load of the same machine a small part; on a server's machine there is none.
    A setting of the whole machine: it is put back."""
    was_on = autogroup() == "on"
    try:
        if was_on:
            autogroup_set(0)
        yield
    finally:
        if was_on:
            autogroup_set(1)


def autogroup_set(value):
    try:
        with open(AUTOGROUP, "w") as file:
            file.write(f"{value}\n")
    except OSError:
        pass  # the report says how it is


def first_line_value(path, key):
    try:
        with open(path, errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return None


def output(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def cpu_model():
    return first_line_value("/proc/cpuinfo", "model name") or platform.machine()


def memory_bytes():
    text = first_line_value("/proc/meminfo", "MemTotal") or "0 kB"
    return int(text.split()[0]) * 1024


def distribution():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def commit(top):
    """Of the tree that holds the benchmark; "+" at the end: with changes not committed."""
    name = output("git", "-C", top, "rev-parse", "--short=12", "HEAD")
    changed = output("git", "-C", top, "status", "--porcelain", "--untracked-files=no")
    return name + ("+" if changed else "") if name else None


def describe(top, congestion_control):
    return {
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": memory_bytes(),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "distribution": distribution(),
        # That of the host's, in a virtual machine, is not known.
        "virtual": output("systemd-detect-virt") or None,
        "congestion_control": congestion_control,
        "autogroup": autogroup(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(top),
    }


def version(place, name):
    """Of a server by its name: of a peer the package's, of sluiced and of a client what it says
    itself."""
    kind = name.split(":")[0]
    if clients.is_client(place, name):
        return clients.version(place, name)
    if kind == "sluiced":
        return output(place.sluiced, "--version").partition(" ")[2] or None
    package = getattr(servers.module_of(place, name), "PACKAGE", None)
    archive = os.path.join(place.peers, "archive")
    found = [each for each in (os.listdir(archive) if os.path.isdir(archive) else ())
             if package and each.startswith(package + "_")]
    return found[0].split("_")[1].replace("%3a", ":") if found else None
