"""databases.py WITH WITHOUT: the cost of many databases.  For script/bench --databases, which has made the
server in PGHOST; docs/benchmarks.md explains the lines."""

import os
import statistics
import subprocess
import sys
import threading
import time

import process
import report
import server as server_module
from report import bound, say, show

PLAIN = "bench_plain"  # without dynpgext; ordinary sessions connect to it
VISIT = 'starting background worker process "dynpgext provisioning"'
NAPTIMES = 20
CONNECTIONS = 1500
RESTARTS = 30

server = server_module.Server(os.environ["PGHOST"])
with_dynpgext, without = int(sys.argv[1]), int(sys.argv[2])


def make_databases():
    """Copies the files of all; without a slot for a worker, no process is connected to them."""
    started = time.monotonic()
    server.start(max_worker_processes=0, shared_preload_libraries="")
    with server.session("postgres", client_min_messages="error") as session:
        session.run(f"CREATE DATABASE {PLAIN} STRATEGY file_copy")
        session.run("CREATE DATABASE bench_with0 STRATEGY file_copy")
        for database in ("postgres", "bench_with0"):
            server.run(database, "CREATE EXTENSION dynpgext", client_min_messages="error")
        server.run("bench_with0", "CREATE EXTENSION dynpgext_bench_many", client_min_messages="error")
        for number in range(1, with_dynpgext):
            session.run(f"CREATE DATABASE bench_with{number} TEMPLATE bench_with0 STRATEGY file_copy")
        for number in range(without - 1):
            session.run(f"CREATE DATABASE bench_without{number} TEMPLATE {PLAIN} STRATEGY file_copy")
        size = int(session.value("SELECT sum(pg_database_size(oid)) FROM pg_database")) >> 20
    say(f"{with_dynpgext} databases with dynpgext and an extension, {without} without: "
        f"made in {time.monotonic() - started:.0f} s, {size} MiB")


class Sessions(threading.Thread):
    """Ordinary sessions, one after the other: connect, SELECT 1, disconnect."""

    def __init__(self, count=None):
        super().__init__()
        self.count, self.times, self.stopped = count, [], False

    def run(self):
        while not self.stopped and (self.count is None or len(self.times) < self.count):
            began = time.perf_counter()
            with server.session(PLAIN) as session:
                session.run("SELECT 1")
            self.times.append((time.perf_counter() - began) * 1000)

    def figures(self):
        ordered = sorted(self.times)
        return statistics.median(ordered), ordered[len(ordered) * 99 // 100]


def latencies(count):
    sessions = Sessions(count)
    sessions.run()
    return sessions.figures()


def count_visits(offset):
    return server.log(offset).count(VISIT)


def running(session):
    return int(session.value("SELECT count(*) FROM dynpgext.cluster_workers WHERE state = 'running'"))


def measure_start(concurrency):
    offset = server.log_offset()
    began = time.monotonic()
    server.start(shared_preload_libraries="dynpgext", max_worker_processes=with_dynpgext + 40,
                 dynpgext__start_concurrency=concurrency)
    accepts = time.monotonic() - began
    sessions = Sessions()
    sessions.start()
    since = time.monotonic()
    with server.session("postgres") as session:
        while running(session) < with_dynpgext:
            time.sleep(0.1)
            if time.monotonic() - since > 600:
                sys.exit("the workers do not come up")
        all_run = time.monotonic() - since
        while count_visits(offset) < with_dynpgext + without + 2 or server_module.VISIT in server.of_ours().values():
            time.sleep(0.1)
            if time.monotonic() - since > 600:
                break
        all_visited = time.monotonic() - since
    sessions.stopped = True
    sessions.join()
    visits = count_visits(offset)
    say(f"start with start_concurrency {concurrency}")
    show("restart until connections are accepted, s", f"{accepts:.2f}")
    show("from then until all workers run, s", f"{all_run:.2f}")
    show("from then until every database has been visited, s", f"{all_visited:.2f}")
    show("visits", visits)
    show("visits in a second", f"{visits / all_visited:.0f}")
    show("connect and SELECT 1 meanwhile, median and 99%, ms", "{:.2f} {:.2f}".format(*sessions.figures()))
    # the databases that allow connections: ours, postgres and template1
    bound("visits for each database", visits / (with_dynpgext + without + 2), 1)


def measure_idle():
    """The launcher's work if nothing happens."""
    setting = server.run("postgres", "SELECT setting FROM pg_settings WHERE name = 'dynpgext.naptime'")[0][0]
    naptime = float(setting) / 1000
    time.sleep(2)
    offset, pid = server.log_offset(), server.launcher()
    before, began = process.cpu_seconds(pid), time.monotonic()
    time.sleep(NAPTIMES * naptime)
    used, wall = process.cpu_seconds(pid) - before, time.monotonic() - began
    say(f"idle for {NAPTIMES} naptimes of {naptime:g} s")
    bound("visits", count_visits(offset), 0)
    show("CPU of the launcher, ms in a second", f"{used / wall * 1000:.2f}")


def measure_memory():
    used = int(server.run("postgres", "SELECT memory_used FROM dynpgext.status")[0][0])
    workers = [pid for pid, title in server.processes().items() if title == "bench many"]
    sizes = [process.memory(pid) for pid in workers]
    say(f"memory, {with_dynpgext} databases with an allocation of 1024 bytes and a worker")
    show("memory_used, bytes for each", f"{used / with_dynpgext:.0f}")
    show("dynamic shared memory of all, kB", sum(process.segments([server.launcher()]).values()) // 1024)
    show("a worker's process, private kB, median", statistics.median(s["private"] for s in sizes))
    show("a worker's process, proportional set size kB, median", statistics.median(s["proportional"] for s in sizes))
    show("the launcher's process, private kB", process.memory(server.launcher())["private"])


def measure_latency(label):
    median, slowest = latencies(CONNECTIONS)
    show(f"{label}, median and 99%, ms", f"{median:.2f} {slowest:.2f}")
    return median


def compare_latencies():
    """The same server with and without dynpgext, alternately."""
    ours, other = [], []
    say(f"connect and SELECT 1 in a database without dynpgext, {CONNECTIONS} times each, in turn")
    for _ in range(3):
        server.start(shared_preload_libraries="dynpgext", max_worker_processes=with_dynpgext + 40)
        with server.session("postgres") as session:
            offset = 0
            while running(session) < with_dynpgext or server_module.VISIT in server.of_ours().values() or offset < 30:
                time.sleep(0.1)
                offset += 1
        ours.append(measure_latency("with dynpgext, all workers there"))
        server.start(shared_preload_libraries="", max_worker_processes=0)
        time.sleep(1)
        other.append(measure_latency("without"))
    show("ratio of medians", f"{statistics.median(ours) / statistics.median(other):.3f}")


def measure_restarts():
    """From a worker's end to its next process, less the configured delay."""
    server.start(shared_preload_libraries="dynpgext", max_worker_processes=with_dynpgext + 40,
                 dynpgext__restart_delay_max="100ms")
    late = []
    with server.session("bench_with0") as session:
        while session.value("SELECT count(*) FROM dynpgext.workers WHERE state = 'running'") != "1":
            time.sleep(0.05)
        # longer than all of them, so that it does not grow
        session.run("SELECT dynpgext.configure_worker('dynpgext_bench_many', 'bench many', restart_delay => '300 ms')")
        while len(late) < RESTARTS:
            pid, runs, _, _ = session.run("SELECT * FROM bench_worker_times()")[0]
            if pid == "0":
                time.sleep(0.01)
                continue
            session.run("SELECT bench_end_worker()")
            due = None
            while due is None:
                due = session.value("SELECT extract(epoch FROM next_start_at - '2000-01-01 00:00:00Z') * 1000000"
                                    " FROM dynpgext.workers WHERE state = 'backoff'")
            while True:
                pid, now_runs, _, began = session.run("SELECT * FROM bench_worker_times()")[0]
                if pid != "0" and now_runs != runs:
                    break
                time.sleep(0.01)
            late.append((int(began) - float(due)) / 1000)
    say(f"restart of a worker, {RESTARTS} times, {with_dynpgext} others running: from when it is due to its function")
    show("median, ms", f"{statistics.median(late):.1f}")
    bound("longest, ms", max(late), 100)


def measure_heartbeats():
    rows = [[float(v) for v in server.run("bench_with0", "SELECT * FROM bench_heartbeats()")[0]] for _ in range(5)]
    heartbeat, both, clock, store = (statistics.median(column) for column in zip(*rows))
    say("dynpgext_worker_heartbeat(), ns each, median of 5 times 10 million")
    show("dynpgext_worker_heartbeat()", f"{heartbeat:.1f}")
    show("GetCurrentTimestamp() and an atomic store", f"{both:.1f}")
    show("clock_gettime() alone", f"{clock:.1f}")
    show("an atomic store alone", f"{store:.2f}")
    bound("ratio to clock and store", heartbeat / both, 1.5)


make_databases()
for how_many in (4, 16, 4, 16):
    measure_start(how_many)
measure_memory()
measure_idle()
compare_latencies()
measure_restarts()
measure_heartbeats()
subprocess.run(["pg_ctl", "stop", "-s", "-m", "fast", "-D", server.data], check=True)
sys.exit(1 if report.missed() else 0)
