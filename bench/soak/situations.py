"""Rare situations that are mixed into the rounds: clock changes, no free slot for memory, commands that end
their own process, DDL on extensions whose workers hold locks, dumps and restores.

Each has its own check, which calls soak.differ()."""

import json
import os
import re
import subprocess
import time

import checks
import commands
import pq

HOUR = 3600
FAR = [-8 * HOUR, 8 * HOUR, 240 * HOUR, -10, 10]
RESTORED = "soak_restored"
NAMES = ["clock", "segments", "ending", "ddl", "restore"]  # for --without


def soft(soak, rng):
    """While sessions work: by a few seconds only, because the server's own timeouts use the wall clock."""
    if rng.random() < 0.5:
        if "clock" in soak.without:
            return
        seconds = rng.choice([-10, 0, 10])
        soak.count(soak.faults, f"clock {seconds:+} s")
        soak.server.set_clock(seconds)
        return
    if "segments" in soak.without:
        return
    try:
        with pq.Session("postgres") as session:
            session.run("SELECT dx_take_segments()")
            soak.count(soak.faults, "no slot left for segments of memory")
            time.sleep(rng.random())
    except pq.Error:
        pass  # a fault of another kind


def jump(soak, rng):
    """Before the comparisons: whatever the clock shows, everything settles, and continues."""
    seconds = rng.choice(FAR) if rng.random() < 0.5 else 0
    if "clock" in soak.without:
        return
    if seconds:
        soak.count(soak.faults, f"clock {seconds // HOUR:+} h" if abs(seconds) >= HOUR else f"clock {seconds:+} s")
    soak.server.set_clock(seconds)


def look_at_neighbours(soak, rng):
    """A command that ends its process is blamed for it, and its neighbours continue.  It is removed
    afterwards, because the comparisons need processes that stay."""
    del rng
    for name in soak.checks.with_dynpgext():
        with pq.Session(name, statement_timeout="60s", client_min_messages="error") as session:
            try:
                if session.run(f"SELECT FROM dynpgext.workers WHERE name = '{commands.ENDS}' AND state IN ('running', 'backoff')") \
                        and "ending" not in soak.without:
                    soak.count(soak.faults, "commands that end their process")
                    compare_neighbours(soak, name)
                for text, in session.run(f"SELECT manifest FROM dynpgext.manifests WHERE extension = '{commands.BY_HAND}'"):
                    manifest = json.loads(text)
                    workers = [w for w in manifest.get("workers", []) if w["name"] != commands.ENDS]
                    if workers != manifest.get("workers", []):
                        # the table has no roles
                        manifest["workers"] = [w | {"run_as": commands.SUPERUSER} for w in workers]
                        session.run(f"SELECT dynpgext.register('{commands.BY_HAND}', {commands.literal(json.dumps(manifest))})")
            except pq.Error as error:
                soak.differ(f"taking \"{commands.ENDS}\" away in {name}: {error}")


def compare_neighbours(soak, name):
    """Within seconds each of the others has run three more times."""
    only = f"run_interval < '1 s' AND worker <> '{commands.ENDS}'"
    before, end = soak.checks.runs([name], only), time.monotonic() + checks.PATIENCE
    while True:
        now = soak.checks.runs([name], only)
        # a new worker counts from the beginning, and a worker of a failed extension is not checked
        behind = [key for key, runs in before.items() if key in now and runs <= now[key] < runs + 3]
        if not behind:
            return
        if time.monotonic() > end:
            soak.differ(f"{behind} do not go on beside \"{commands.ENDS}\"")
            return
        time.sleep(0.05)


def change_a_busy_extension(soak, rng):
    """DDL on an extension whose worker holds locks in the opposite order: no deadlock, no endless wait."""
    if rng.random() < 0.4 or "ddl" in soak.without:
        return
    name = rng.choice(commands.HOMES)
    if name not in soak.checks.with_dynpgext():
        return
    soak.count(soak.faults, "DDL on a busy extension")
    with pq.Session(name, statement_timeout="60s", lock_timeout="30s", client_min_messages="error") as session:
        step = "looking"
        try:
            installed = session.value(f"SELECT extversion FROM pg_extension WHERE extname = '{commands.BUSY}'")
            if installed != "0.1":
                for step in ([f"DROP EXTENSION {commands.BUSY}"] if installed else []) + [f"CREATE EXTENSION {commands.BUSY}"]:
                    session.run(step)
            session.run(f"SELECT dynpgext.load('{commands.BUSY}')")
            wait_until_busy(soak, session, name)
            for step in (f"ALTER EXTENSION {commands.BUSY} UPDATE TO '0.2'", f"DROP EXTENSION {commands.BUSY}"):
                session.run(step)
                if "UPDATE" in step:
                    wait_until_busy(soak, session, name)
            if installed:
                session.run(f"CREATE EXTENSION {commands.BUSY}")
        except pq.Error as error:
            soak.differ(f"{step} in {name}, with a busy worker: {error}")


def wait_until_busy(soak, session, name):
    end = time.monotonic() + checks.PATIENCE
    session.run(f"SELECT dynpgext.reset_worker('{commands.BUSY}', 'dx busy')")
    while session.value("SELECT runs > 1 FROM dynpgext.commands WHERE worker = 'dx busy'") != "t":
        if time.monotonic() > end:
            shown = session.run("SELECT state, waits_for, last_error FROM dynpgext.workers WHERE name = 'dx busy'")
            soak.differ(f"dx busy does not run in {name}: {shown}")
            return
        time.sleep(0.02)


def rows_in_dump(file):
    """ids of the rows of dx_busy_a in an archive"""
    text = subprocess.run(["pg_restore", "-a", "-t", "dx_busy_a", "-f", "-", file],
                          check=True, capture_output=True, text=True).stdout
    found = re.search(r"^COPY public\.dx_busy_a [^\n]*FROM stdin;\n(.*?)^\\\.$", text, re.S | re.M)
    return {line.split("\t")[0] for line in found.group(1).splitlines()} if found else set()


def restore(soak, rng):
    """A dump, restored elsewhere: registrations and settings are the same, no row is lost, and workers
    run."""
    if rng.random() < 0.7 or "restore" in soak.without:
        return
    names = [n for n in soak.checks.with_dynpgext() if n in commands.HOMES]
    name = rng.choice(names)
    soak.count(soak.faults, "dump and restore")
    file = os.path.join(soak.server.data, "..", "dump")
    try:
        with pq.Session(name, statement_timeout="60s", client_min_messages="error") as session:
            # a restore creates the default version
            if session.value(f"SELECT extversion FROM pg_extension WHERE extname = '{commands.BUSY}'") not in (None, "0.1"):
                session.run(f"DROP EXTENSION {commands.BUSY}")
            session.run(f"CREATE EXTENSION IF NOT EXISTS {commands.BUSY}")
            wait_until_busy(soak, session, name)
            # settings from the dump
            session.run(f"SELECT dynpgext.configure_worker('{commands.BUSY}', 'dx busy', restart => 'always')")
        dumped = subprocess.run(["pg_dump", "-Fc", "-f", file, name], check=True, capture_output=True, text=True)
        if dumped.stderr:
            soak.differ(f"pg_dump of {name}: {dumped.stderr[:300]}")
        with pq.Session("postgres") as session:
            session.run(f"CREATE DATABASE {RESTORED} TEMPLATE template0")
        done = subprocess.run(["pg_restore", "-d", RESTORED, file], check=False, capture_output=True, text=True)
        if done.returncode != 0 or done.stderr:
            soak.differ(f"pg_restore of {name}: {done.stderr[:600]}")
        compare_restored(soak, name, rows_in_dump(file))
    except (pq.Error, subprocess.SubprocessError) as error:
        soak.differ(f"dump and restore of {name}: {error}")
    finally:
        with pq.Session("postgres") as session:
            session.run(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")


def compare_restored(soak, name, rows):
    # globals that are registered differently elsewhere cannot follow; failed objects are shown as failed
    for what in soak.checks.wait_settled({RESTORED: 0}, except_to_repair=True):
        soak.differ(f"restored from {name}: {what}")
    answers = []
    for database in (name, RESTORED):
        with pq.Session(database) as session:
            answers.append([sorted(session.run(query)) for query in (
                "SELECT extension FROM dynpgext.registered_extension",
                "SELECT extension, manifest FROM dynpgext.manifests",
                "SELECT extension, worker, enabled, restart, restart_delay FROM dynpgext.worker_settings")])
            if database == RESTORED:
                kept = {row[0] for row in session.run(f"SELECT id FROM dx_busy_a WHERE home = {commands.literal(name)}")}
                lost = rows - kept
                if lost and len(rows) < 900:  # it deletes all but the last thousand itself
                    soak.differ(f"{len(lost)} rows of {len(rows)} of {name} are lost by a restore")
                wait_until_busy(soak, session, RESTORED)
    for was, is_now in zip(*answers):
        if was != is_now:
            soak.differ(f"{name} had {was}, and restored it has {is_now}")
