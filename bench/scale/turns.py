"""turns.py FOLDER DATABASES MINUTES: SQL workers of many databases, one each, with an interval of a
minute, and eight slots for workers.  For script/bench --turns, which has started the server without
preload and without slots; docs/benchmarks.md explains the lines."""

import statistics
import subprocess
import sys
import time

import clusters
import process
from report import bound, missed, say, show

SLOTS, INTERVAL = 8, 60  # seconds
LOOK = 5  # seconds between two looks at all of them: no two runs of a command fall between them

databases, minutes = int(sys.argv[2]), int(sys.argv[3])
cluster = clusters.Cluster(sys.argv[1], databases, 1, f"{INTERVAL} s")
cluster.simulate()
say(f"{databases} databases with a command each that is due every {INTERVAL} s, {SLOTS} slots for workers")
took = cluster.time_start(databases, shared_preload_libraries="dynpgext", max_worker_processes=SLOTS,
                          dynpgext__max_events=10)
show("start, until all commands have run, s", f"{took:.1f}")

LAST = """SELECT database, runs, failures, extract(epoch FROM last_run_at), extract(epoch FROM clock_timestamp())
  FROM dynpgext.cluster_commands"""
runs, last, gaps, longest = {}, {}, [], 0.0
launcher = cluster.launcher()
cpu, began = process.cpu_seconds(launcher), time.monotonic()
with cluster.session("postgres") as session:
    while time.monotonic() - began < minutes * 60:
        rows = session.run(LAST)
        if len(rows) != databases:
            raise AssertionError(f"{len(rows)} commands, not {databases}")
        for database, count, _, at, now in rows:
            count, at = int(count), float(at)
            if count > runs.setdefault(database, count) + 1:
                raise AssertionError(f"{database}: {count - runs[database]} runs between two looks")
            if count > runs[database]:
                gaps.append(at - last[database])
            runs[database], last[database] = count, at
            longest = max(longest, float(now) - at)  # so far: it may not have run again yet
        time.sleep(LOOK)
wall = time.monotonic() - began
say(f"{len(gaps)} runs in {wall / 60:.0f} minutes")
show("from the start of a run to that of the next, median, s", f"{statistics.median(gaps):.1f}")
show("launcher, CPU, ms in a second", f"{(process.cpu_seconds(launcher) - cpu) / wall * 1000:.1f}")
bound("longest from the start of a run to that of the next, s", max(longest, *gaps), 2 * INTERVAL)
bound("failed runs", sum(int(row[2]) for row in rows), 0)
cluster.check_original()
subprocess.run(["pg_ctl", "stop", "-s", "-m", "fast", "-D", cluster.data], check=True)
say(f"{len(missed())} bounds missed" if missed() else "all bounds kept")
sys.exit(1 if missed() else 0)
