"""scale.py MANY ONE DATABASES REGISTRATIONS [simulated]: the cost of a database among many others,
compared with the same database alone.  For script/bench --scale and --simulate, which have started both
servers (the folders MANY and ONE) without preload and without slots for workers; docs/benchmarks.md
explains the lines."""

import statistics
import subprocess
import sys
import time

import clusters
import commands
import process
from report import bound, judge, missed, say, show

RATIO = 1.2
STARTS = 3
IDLE_SECONDS = 20
IDLE_CPU = 1  # ms in a second
HOLD = 100  # microseconds
REGISTRATION = 256  # bytes, without its texts and its content
START_SECONDS, START_DATABASES = 20, 150
# for simulated databases: the number of processes that run their commands in turns, and their period
RUNNERS, INTERVAL = 8, "1 day"

databases, registrations = int(sys.argv[3]), int(sys.argv[4])
simulated = sys.argv[5:] == ["simulated"]
many, one = (clusters.Cluster(folder, count, registrations, INTERVAL if simulated else None)
             for folder, count in ((sys.argv[1], databases), (sys.argv[2], 1)))
both = (many, one)


def figure(value):
    """Four digits, or more if the integer part has more."""
    places = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 10 else 3
    return f"{value:>9.{places}f}"


def compare(what, values, limit=RATIO):
    """A row of the table: many, one, ratio; without a bound if the limit is None."""
    ratio = values[0] / values[1]
    mark = "       " if limit is None else judge(what, ratio, limit) + " "
    note = "" if limit is None else f"  (at most {limit})"
    print(f"{mark}{what:<46} {figure(values[0])} {figure(values[1])} {ratio:>8.2f}{note}", flush=True)


def heading(text):
    say(text)
    print(f"       {'':<46} {'many':>9} {'one':>9} {'ratio':>8}", flush=True)


def make_clusters():
    began = time.monotonic()
    for cluster in both:
        if simulated:
            cluster.simulate()
        else:
            cluster.make()
    say(f"{databases} databases with {registrations} registrations each, and a cluster with one such database: "
        f"made in {time.monotonic() - began:.0f} s")


def measure_starts():
    """With all databases and with half of them, alternately; everything else is measured after the last
    start."""
    # The same number of slots in both, so that the server's search through them costs the same.  Few
    # events, because they are in shared memory, too.
    runners = RUNNERS if simulated else databases
    settings = {"shared_preload_libraries": "dynpgext", "max_worker_processes": runners + 60,
                "dynpgext__max_runners": runners, "dynpgext__restart_delay_max": "1ms", "dynpgext__max_events": 10}
    half = max(1, databases // 2)
    times = {many: [], half: [], one: []}
    began = time.monotonic()
    while len(times[many]) < STARTS and (not times[many] or time.monotonic() - began < commands.ENOUGH):
        many.open_databases(half)
        times[half].append(many.time_start(half, **settings))
        times[one].append(one.time_start(1, **settings))
        many.open_databases(databases)
        times[many].append(many.time_start(databases, **settings))
    whole, of_half, alone = (statistics.median(times[key]) for key in (many, half, one))
    say(f"start: from the postmaster's until all {databases * many.workers} commands have run and all memory is there")
    show(f"all {databases} databases, {half} of them, one database, s", f"{whole:.2f} {of_half:.2f} {alone:.2f}")
    bound("time for each database, all to half of them", whole / databases / (of_half / half), RATIO)
    if not simulated:  # each process runs all commands of a database there
        bound("all databases, s", whole, START_SECONDS * max(1.0, databases / START_DATABASES))


def measure_commands():
    for cluster in both:
        commands.prepare(cluster)
    began = time.monotonic()
    medians, repetitions = commands.measure(many, one)
    heading(f"commands of one database, ms, medians of {repetitions} in {time.monotonic() - began:.0f} s")

    def row(name, what=None, limit=RATIO):
        compare(what or name, [m[name] for m in medians], limit)

    for name in commands.COMMANDS:
        row(name, f"{name}, first in a session")
    row(commands.RESTART)
    row(commands.LOOKUP)
    print("       for information", flush=True)
    for name in commands.COMMANDS:
        row(name + commands.WARM, f"{name}, again in the session", None)
    row(commands.LOOKUP_SEEN, "first command in a session, with a lookup", None)
    row(commands.PLAIN_CREATE, None, None)
    row(commands.PLAIN_QUERY, None, None)


def measure_launchers():
    """Both clusters at the same time."""
    time.sleep(2)
    pids = [cluster.launcher() for cluster in both]
    before, began = [process.cpu_seconds(pid) for pid in pids], time.monotonic()
    time.sleep(IDLE_SECONDS)
    wall = time.monotonic() - began
    cpu = [(process.cpu_seconds(pid) - was) / wall * 1000 for pid, was in zip(pids, before)]
    memory = [process.memory(pid) for pid in pids]
    heading(f"the launcher, idle for {wall:.0f} s")
    compare("CPU, ms in a second", cpu, None)
    bound("CPU with many, ms in a second", cpu[0], IDLE_CPU)
    compare("memory of its own, kB", [m["anonymous"] for m in memory])
    compare("private memory, kB", [m["private"] for m in memory], None)


def measure_shared_memory():
    """The memory that each registration of the other databases adds."""
    others = (databases - 1) * registrations

    def growth(measure):
        return (measure(many) - measure(one)) / others

    size = many.mean_size()
    say(f"shared memory for a registration, bytes; its texts and its content have {size:.0f} of them")
    show("memory_used", f"{growth(lambda c: c.memory_used()):.0f}")
    show("segments that are mapped", f"{growth(lambda c: sum(c.segments_mapped().values())):.0f}")
    bound("pages of these that have content", growth(lambda c: c.in_use()), REGISTRATION + size)


def show_locks(phase):
    """Holds of the lock since the last call, from the lines that the bench build has written to the log."""
    holds = [cluster.lock_holds() for cluster in both]
    say(f"longest holds of the lock, {phase}, microseconds of CPU: many, one")
    places = sorted(holds[0].keys() | holds[1].keys(), key=lambda p: -max(h.get(p, 0) for h in holds))
    for place in places[:8]:
        show(place, "  ".join(f"{h[place]:.0f}" if place in h else f"<{clusters.SHORT}" for h in holds))
    bound(f"longest hold with many, {phase}", max(holds[0].values(), default=clusters.SHORT), HOLD)


make_clusters()
show_locks("made")
measure_starts()
show_locks("started")
measure_commands()
measure_launchers()
show_locks("commands")
measure_shared_memory()
for server in both:
    if simulated:
        server.check_original()
    subprocess.run(["pg_ctl", "stop", "-s", "-m", "fast", "-D", server.data], check=True)
say(f"{len(missed())} bounds missed" if missed() else "all bounds kept")
sys.exit(1 if missed() else 0)
