"""The commands of script/bench --scale, each measured alternately on both clusters."""

import statistics
import time

import clusters

# Repetitions, and the seconds after which only LEAST are made: if commands take seconds, the bounds are
# missed anyway, and a long series is not needed to show it.
LEAST, MOST, ENOUGH = 7, 101, 240
WORKER = "'dynpgext_bench_many', 'bench many'"

CREATE, DROP, CONFIGURE, RELOAD = "CREATE EXTENSION", "DROP EXTENSION", "configure_worker()", "reload(), nothing to do"
WORKERS, ALLOCATIONS = "dynpgext.workers", "dynpgext.allocations"
COMMANDS = (CREATE, DROP, CONFIGURE, RELOAD, WORKERS, ALLOCATIONS)
RESTART, LOOKUP, LOOKUP_SEEN = "a worker's exit to its restart", "first lookup in a process", "the same, by the client"
# in a database without dynpgext: the cost that reaches it nevertheless, and that of server and machine
PLAIN_CREATE, PLAIN_QUERY = "CREATE and DROP EXTENSION, no dynpgext there", "a query of pg_class, no dynpgext there"
WARM = ", warm"


def prepare(cluster):
    """The worker of MEASURED, which ends on request and is always restarted after a millisecond
    (dynpgext.restart_delay_max has the same value)."""
    with cluster.session(clusters.MEASURED) as session:
        session.run("CREATE EXTENSION dynpgext_bench_many")
        session.run(f"SELECT dynpgext.configure_worker({WORKER}, restart_delay => '1 ms')")
        runs_of(session, 1)


def runs_of(session, least):
    """Waits until the worker has reached its function this many times.  Returns how many, the milliseconds
    between its previous end and that, and the total so far."""
    end = time.monotonic() + clusters.PATIENCE
    while time.monotonic() < end:
        pid, runs, ended, began = (int(v) for v in session.run("SELECT * FROM bench_worker_times()")[0])
        if pid != 0 and runs >= least:
            return runs, (began - ended) / 1000
        time.sleep(0.002)
    raise TimeoutError("the worker does not come back")


def timed(cluster, session, sql, expected=None):
    """Milliseconds of a statement when nothing else runs."""
    cluster.settle()
    began = time.perf_counter()
    rows = session.run(sql)
    took = (time.perf_counter() - began) * 1000
    if expected is not None and int(rows[0][0]) != expected:
        raise AssertionError(f"{sql}: {rows[0][0]} rows, not {expected}")
    return took


# Each step takes a cluster and yields names and milliseconds.  A new session is a new process: its first
# command finds no filled cache.


def step_extension(cluster):
    create, drop = "CREATE EXTENSION dynpgext_bench_one", "DROP EXTENSION dynpgext_bench_one"
    with cluster.session(clusters.MEASURED) as session:
        yield CREATE, timed(cluster, session, create)
    with cluster.session(clusters.MEASURED) as session:
        yield DROP, timed(cluster, session, drop)
        yield CREATE + WARM, timed(cluster, session, create)
        yield DROP + WARM, timed(cluster, session, drop)


def step_configure(cluster):
    with cluster.session(clusters.MEASURED) as session:  # another value each time
        for name, policy in ((CONFIGURE, "on_failure"), (CONFIGURE + WARM, "always")):
            yield name, timed(cluster, session, f"SELECT dynpgext.configure_worker({WORKER}, restart => '{policy}')")


def query(name, sql, expected):
    def step(cluster):
        with cluster.session(clusters.MEASURED) as session:
            for suffix in ("", WARM):
                yield name + suffix, timed(cluster, session, sql, expected(cluster))
    return step


def step_restart(cluster):
    with cluster.session(clusters.MEASURED) as session:
        runs, _ = runs_of(session, 1)
        cluster.settle()
        session.run("SELECT bench_end_worker()")
        yield RESTART, runs_of(session, runs + 1)[1]


def step_lookup(cluster):
    with cluster.session(clusters.MEASURED) as session:
        cluster.settle()
        began = time.perf_counter()
        inside = float(session.value("SELECT bench_time_lookup()")) / 1e6
        yield LOOKUP_SEEN, (time.perf_counter() - began) * 1000
        yield LOOKUP, inside


def step_plain(cluster):
    with cluster.session(clusters.PLAIN) as session:
        yield PLAIN_QUERY, timed(cluster, session, "SELECT count(*) FROM pg_class")
        yield PLAIN_CREATE, (timed(cluster, session, f"CREATE EXTENSION {clusters.DECLARED}")
                             + timed(cluster, session, f"DROP EXTENSION {clusters.DECLARED}"))


STEPS = (
    step_extension, step_configure,
    query(RELOAD, "SELECT count(*) FROM dynpgext.reload()", lambda cluster: 0),
    query(WORKERS, "SELECT count(*) FROM dynpgext.workers", lambda cluster: cluster.workers + 1),
    query(ALLOCATIONS, "SELECT count(*) FROM dynpgext.allocations",
          lambda cluster: cluster.registrations - cluster.workers + 1),
    step_restart, step_lookup, step_plain)


def measure(many, one):
    """Medians in milliseconds for both clusters, by name; and the number of repetitions."""
    times = {many: {}, one: {}}
    began, done = time.monotonic(), 0
    while done < MOST and (done < LEAST or time.monotonic() - began < ENOUGH):
        for step in STEPS:
            # so that neither cluster always comes second
            for cluster in (many, one) if done % 2 else (one, many):
                for name, took in step(cluster):
                    times[cluster].setdefault(name, []).append(took)
        done += 1
    return tuple({name: statistics.median(values) for name, values in times[c].items()} for c in (many, one)), done
