"""10,000 logged-in sessions that do nothing: memory of the processes and of the kernel for
each, and threads. The kernel's is read from a control group of the server where there is one
(then it is the server's alone), else it is the whole machine's growth, both ends together."""
from harness import accounting
from harness.scenario import Bar, Load, failure

SERVERS = ["sluiced", "pyftpdlib"]
SHOW = ["pss_kib_per_session", "kernel_kib_per_session", "more_threads", "cpu_s"]
BARS = [Bar("pss_kib_per_session", at_most=2.0), Bar("more_threads", at_most=0)]
FRESH = True
SESSIONS = 10000


def kernel_bytes(group):
    return int(group.read("memory.kmem.usage_in_bytes")) if group.path else \
        accounting.kernel_memory_bytes()


def hold(bench, server, sessions):
    load = Load(bench, server.port, ["idle", "--sessions", sessions, "--source-ips", 16,
                                     "--deadline", 300])
    return load, load.line(200)


def measure(bench, server, seconds):
    group = accounting.Cgroup("memory", "idle")
    try:
        if group.path:
            group.add(server.pid)
        hold(bench, server, 100)[0].end()  # what the first sessions bring is no growth
        pss, kernel = accounting.tree_pss_bytes(server.pid), kernel_bytes(group)
        threads, cpu = accounting.tree_threads(server.pid), server.cpu_s()
        load, ready = hold(bench, server, SESSIONS)
        with load:
            result = {"failure": failure(ready), "ready": ready["ready"]}
            result["pss_kib_per_session"] = \
                (accounting.tree_pss_bytes(server.pid) - pss) / SESSIONS / 1024
            result["kernel_kib_per_session"] = (kernel_bytes(group) - kernel) / SESSIONS / 1024
            result["more_threads"] = accounting.tree_threads(server.pid) - threads
            result["cpu_s"] = server.cpu_s() - cpu
            load.end()
        return result
    finally:
        server.stop()
        group.remove()
