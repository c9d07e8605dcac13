"""soak.py --minutes N --seed S: several sessions run random operations on dynpgext, while others end
its processes and the server; then the live objects must equal the registered ones.

For script/soak, which makes the server in PGHOST.  See also docs/testing.md."""

import argparse
import collections
import os
import random
import re
import sys
import threading
import time

import checks
import commands
import pq
import situations
import server as server_module

SESSIONS = 6
COMMANDS_IN_A_ROUND = 240
ALL_SLOTS = 40  # max_worker_processes, as script/soak sets it
# A session cancels a longer statement; a statement that takes this long hangs.
OPTIONS = {"lock_timeout": "3s", "statement_timeout": "60s", "deadlock_timeout": "200ms",
           "client_min_messages": "error"}
# Messages of the server itself, without a specific SQLSTATE, when sessions conflict in a catalog.
OF_THE_SERVER = re.compile(
    r"tuple concurrently (updated|deleted)|cache lookup failed for|could not open relation with OID"
    r"|could not find tuple for|tuple already updated by self"
    r"|could not (stat|open|read|remove) (file|directory) \"(base|pg_tblspc)/"
    r"|database .* (was concurrently dropped|does not exist)|role .* was concurrently dropped")
NUMBERS = re.compile(r"\d+")


class Soak:
    def __init__(self, seed, minutes, without):
        self.seed, self.minutes, self.without = seed, minutes, without
        self.server = server_module.Server(os.environ["PGHOST"])
        self.checks = checks.Checks(self.server)
        self.lock = threading.Lock()
        self.errors, self.faults, self.warnings = (collections.Counter() for _ in range(3))
        self.differences = []
        self.commands = self.rounds = self.restarts_compared = 0
        self.most_segments = (0, 0)
        self.crashes = 0  # that this round has asked for
        self.calm = threading.Event()  # no faults now

    # --- records ---

    def differ(self, what):
        with self.lock:
            text = f"round {self.rounds}: {what}"
            self.differences.append(text)
            print(f"DIFFERENCE {text}", flush=True)

    def count(self, counter, what):
        with self.lock:
            counter[what] += 1

    def note(self, error, sql, database):
        text = NUMBERS.sub("N", error.message.split("\n")[0])[:150]
        self.count(self.errors, f"{error.sqlstate} {text}")
        if error.sqlstate == "57014" and "statement timeout" in error.message:
            self.differ(f"{sql} in {database} took longer than {OPTIONS['statement_timeout']}")
        elif error.sqlstate.startswith("XX") and not OF_THE_SERVER.search(error.message):
            self.differ(f"{sql} in {database}: {error}")

    # --- sessions ---

    def open(self, database):
        """None if connections are not possible now."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                return pq.Session(database, **OPTIONS)
            except pq.Error as error:
                if re.search("does not exist|not currently accepting|invalid database", error.message):
                    return None
                if "database" in error.message and "is being" in error.message:
                    return None
                time.sleep(0.1)
        self.differ(f"no connection to {database} within two minutes")
        return None

    def session(self, number, quota):
        rng = random.Random(f"{self.seed} {self.rounds} {number}")
        done = 0
        while done < quota:
            database = rng.choice(commands.HOMES * 4 + commands.PASSING + [commands.TEMPLATE])
            session = self.open(database)
            if session is None:
                done += 1
                continue
            for _ in range(rng.randint(1, 8)):
                steps = commands.step(rng, f"soak {self.rounds} {number} {done}")
                if database in ("postgres", commands.TEMPLATE) and any("EXTENSION dynpgext" in s for s in steps):
                    continue
                done += len(steps)
                if not self.carry_out(session, database, steps):
                    break
                if steps[-1].startswith("PREPARE") and rng.random() < 0.6:
                    end = steps[-1].replace("PREPARE TRANSACTION", rng.choice(["COMMIT", "ROLLBACK"]) + " PREPARED")
                    time.sleep(rng.random() * 0.3)
                    if not self.carry_out(session, database, [end]):
                        break
            session.close()

    def carry_out(self, session, database, steps):
        """False if the session is lost."""
        failed = False  # its transaction: the rest is idle until its end, or that of a savepoint
        for sql in steps:
            if failed and not sql.startswith("ROLLBACK"):
                continue
            self.count_command()
            try:
                rows = session.run(sql)
                failed = False
                if sql == commands.SOAK_READ and rows and rows[0][0] not in (None, "", f"of {rows[0][1]}"):
                    self.differ(f"memory of {database} ({rows[0][1]}) has \"{rows[0][0]}\"")
            except pq.Error as error:
                self.note(error, sql, database)
                if error.is_lost:
                    return False
                failed = steps[0] == "BEGIN"
                if not failed:
                    break
        try:
            if not session.is_idle:
                session.run("ROLLBACK")
            if steps[0].startswith("SET ROLE"):
                session.run("RESET ROLE")
        except pq.Error as error:
            return not error.is_lost
        return True

    def count_command(self):
        with self.lock:
            self.commands += 1

    # --- faults ---

    def inject(self, rng):
        """In its own thread: soft faults now and then, and in some rounds a hard one."""
        hard = rng.random()
        at = rng.random()
        started = time.monotonic()
        while not self.calm.wait(0.02 + rng.random() * 0.2):
            if rng.random() < 0.05:
                situations.soft(self, rng)
            if hard < 0.6 and time.monotonic() - started > at:
                self.hard_fault(rng)
                hard, at = hard + 0.2, at + 1 + rng.random()
                continue
            ours = sorted(self.server.of_ours().items())
            others = [(p, t) for p, t in self.server.processes().items() if "postgres" in t and "[local]" in t]
            pid, title = rng.choice((ours or [(0, "")]) + (others[:1] if rng.random() < 0.3 else []))
            if pid and rng.random() < 0.6 and self.server.kill(pid, server_module.SIGTERM):
                self.count(self.faults, f"SIGTERM of {self.kind(title)}")

    @staticmethod
    def kind(title):
        return title if server_module.OURS.match(title) else "a session"

    def hard_fault(self, rng):
        choice = rng.random()
        if choice < 0.3:
            mode = rng.choice(["fast", "immediate"])
            if rng.random() < 0.5:
                preload = rng.choice(["true", "false"])
                try:
                    with pq.Session("postgres", client_min_messages="error") as session:
                        session.run(f"SELECT dynpgext.preload({preload})")
                except pq.Error:
                    pass
            self.count(self.faults, f"restart {mode}")
            self.restart(mode)
            return
        if choice < 0.45:
            self.count(self.faults, "abort() in an init")
            with self.lock:
                self.crashes += 1
            try:
                with pq.Session("soak1") as session:
                    session.run("SET dx_raise.at = 'crash'")
                    session.run("CREATE EXTENSION IF NOT EXISTS dynpgext; CREATE EXTENSION dx_raise")
            except pq.Error:
                pass
            return
        processes = self.server.processes()
        wanted = rng.choice([r"^dx |^worker$", r"^dx ", "^dynpgext launcher", "^dynpgext provisioning", r"\[local\]"])
        found = sorted(pid for pid, title in processes.items() if re.search(wanted, title))
        if not found:
            return
        pid = rng.choice(found)
        with self.lock:
            self.crashes += 1
        if self.server.kill(pid, server_module.SIGKILL):
            self.count(self.faults, f"SIGKILL of {self.kind(processes[pid])}")

    def restart(self, mode):
        try:
            self.server.restart(mode)
        except Exception as error:  # pylint: disable=broad-except
            self.differ(f"restart {mode}: {error}")

    # --- a round ---

    def prepare(self):
        self.restart("fast")  # with an adjustable clock
        with pq.Session("postgres") as session:
            session.run("CREATE EXTENSION dynpgext")
            session.run("CREATE EXTENSION dx_slots")
            session.run(f"CREATE ROLE {commands.OWNER}")
            self.only_dynpgext = int(session.value("SELECT memory_used FROM dynpgext.status"))
            os.makedirs(self.server.data + "/../space", exist_ok=True)
            session.run(f"CREATE TABLESPACE soak_space LOCATION '{os.path.realpath(self.server.data + '/../space')}'")
            for name in commands.HOMES[1:] + [commands.TEMPLATE]:
                session.run(f"CREATE DATABASE {name}")
        with pq.Session(commands.TEMPLATE) as session:
            for extension in ("dynpgext", "dx_memory", "dx_worker", "dx_usage", "dx_declared"):
                session.run(f"CREATE EXTENSION {extension}")

    def round(self):
        self.rounds += 1
        rng = random.Random(f"{self.seed} {self.rounds}")
        offset = self.server.log_offset()
        self.calm.clear()
        self.crashes = 0
        threads = [threading.Thread(target=self.session, args=(n, COMMANDS_IN_A_ROUND // SESSIONS))
                   for n in range(SESSIONS)]
        fault = threading.Thread(target=self.inject, args=(random.Random(f"{self.seed} {self.rounds} faults"),))
        for thread in threads + [fault]:
            thread.start()
        for thread in threads:
            thread.join()
        self.calm.set()
        fault.join()
        self.settle(rng)
        situations.jump(self, rng)
        situations.look_at_neighbours(self, rng)
        self.compare(rng)
        situations.change_a_busy_extension(self, rng)
        situations.restore(self, rng)
        self.server.set_clock(0)
        self.read_log(offset)

    def settle(self, rng):
        """The server may not yet have noticed the crash of a session."""
        while True:
            self.server.wait()
            try:
                return self.quiesce(rng)
            except pq.Error as error:
                if not error.is_lost:
                    raise

    def quiesce(self, rng):
        """Nothing is in progress any more, and no limits apply."""
        with pq.Session("postgres") as session:
            prepared = session.run("SELECT gid, database FROM pg_prepared_xacts")
            session.run("SELECT dynpgext.version()")  # so that the settings are known
            for name in commands.SETTINGS:
                session.run(f"ALTER SYSTEM RESET {name}")
            session.run("ALTER SYSTEM SET dynpgext.naptime = '200ms'")
            session.run("SELECT pg_reload_conf()")
            # left by an interrupted DROP DATABASE
            for name, in session.run("SELECT datname FROM pg_database WHERE datconnlimit = -2"):
                self.count(self.faults, "DROP DATABASE interrupted")
                session.run(f"DROP DATABASE {name}")
            for name, in session.run("SELECT datname FROM pg_database WHERE NOT datallowconn AND datname <> 'template0'"):
                session.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        for gid, database in prepared:
            with pq.Session(database) as session:
                try:
                    session.run(f"{rng.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{gid}'")
                except pq.Error as error:
                    self.note(error, "end of a prepared transaction", database)

    def compare(self, rng):
        databases = self.checks.with_dynpgext()
        unsettled = self.checks.wait_settled(databases, except_to_repair=True)
        for what in unsettled:
            self.differ(f"not settled by itself: {what}")
        if unsettled:
            self.show_state()
        for name in databases:
            self.repair(name)
        for what in self.checks.wait_settled(databases):
            self.differ(f"not settled by reload(): {what}")
        for what in self.checks.compare(databases) + self.checks.compare_slots(ALL_SLOTS):
            self.differ(what)
        self.most_segments = max(self.most_segments, self.server.segments())
        if rng.random() < 0.5:
            self.compare_with_restart(databases, rng)

    def show_state(self):
        """For the analysis of a difference."""
        with pq.Session("postgres") as session:
            for query in (
                    "SELECT now()", "SELECT oid, datname, datallowconn, datconnlimit FROM pg_database",
                    "SELECT home, extension, name, state, pid, starts, leaving FROM dynpgext_internal.live_workers()",
                    "SELECT database, extension, state, error FROM dynpgext_internal.live_extensions()",
                    "SELECT pid, datname, backend_type, wait_event, query FROM pg_stat_activity WHERE datname <> ''",
                    """SELECT at, home, extension, name, event, detail FROM dynpgext_internal.list_events()
                        WHERE object <> 'allocation' ORDER BY at DESC LIMIT 40"""):
                for row in session.run(query):
                    print("    " + " | ".join(value or "" for value in row))
        for pid, title in self.server.of_ours().items():
            print(f"    process {pid} {title}", flush=True)

    def repair(self, name):
        """Restores objects that only a command can restore: failed and stopped ones."""
        with pq.Session(name, statement_timeout="60s", client_min_messages="error") as session:
            try:
                session.run("SELECT count(*) FROM dynpgext.reload()")
                session.run("SELECT dynpgext.unload('dx_lazy') FROM pg_extension WHERE extname = 'dx_lazy'")
                for extension, worker in session.run(
                        "SELECT extension, name FROM dynpgext.workers WHERE state IN ('stopped', 'failed')"):
                    session.run(f"""SELECT dynpgext.start_worker(w.extension, w.name) FROM dynpgext.registered_worker w
                                 WHERE (extension, name) = ({commands.literal(extension)}, {commands.literal(worker)})""")
            except pq.Error as error:
                self.differ(f"repairing {name}: {error}")

    def compare_with_restart(self, databases, rng):
        """The same registrations take the same memory after a restart."""
        before, segments = self.checks.memory_used(), self.server.segments()
        self.restart(rng.choice(["fast", "immediate"]))
        for what in self.checks.wait_settled(databases):
            self.differ(f"after a restart: {what}")
        for what in self.checks.compare(databases):
            self.differ(f"after a restart: {what}")
        after, fresh = self.checks.memory_used(), self.server.segments()
        if before != after:
            self.differ(f"memory_used is {before}, and {after} after a restart")
        if segments[1] > 4 * fresh[1] + (16 << 20):
            self.differ(f"segments (number, bytes) are {segments}, and {fresh} after a restart")
        self.restarts_compared += 1

    def read_log(self, offset):
        crashes = 0
        # the server's hint after an immediate shutdown during recovery is expected
        for line in self.server.log(offset).splitlines():
            if "was terminated by signal" in line or "exited with exit code 2" in line:
                crashes += 1
            if re.search(r"PANIC:|TRAP:|stuck spinlock|are damaged|corrupt(?!ed and you will have)", line):
                self.differ(f"in the log: {line}")
            if "WARNING:" in line:
                self.count(self.warnings, NUMBERS.sub("N", line.split("WARNING:")[1].strip())[:150])
        if crashes > self.crashes:
            self.differ(f"{crashes} process(es) have crashed; {self.crashes} of them were to")

    def tear_down(self):
        """Drops everything: nothing may be left."""
        with pq.Session("postgres", client_min_messages="error") as session:
            session.run("ALTER SYSTEM RESET shared_preload_libraries")
            for name, in session.run("SELECT datname FROM pg_database WHERE datname ~ '^(passing|soak_template)'"):
                session.run(f"DROP DATABASE {name} WITH (FORCE)")
        for name in commands.HOMES + ["template1"]:
            with pq.Session(name, client_min_messages="error") as session:
                try:
                    session.run("DROP EXTENSION IF EXISTS dynpgext CASCADE")
                except pq.Error as error:
                    self.differ(f"the last DROP EXTENSION dynpgext in {name}: {error}")
        end = time.monotonic() + 20
        while self.server.of_ours() and time.monotonic() < end:
            time.sleep(0.1)
        preloaded = False
        with pq.Session("postgres") as session:
            preloaded = session.value("SHOW shared_preload_libraries") != ""
        left = [t for t in self.server.of_ours().values() if not (preloaded and t == server_module.LAUNCHER)]
        if left:
            self.differ(f"after the last DROP EXTENSION dynpgext: {left}")
        with pq.Session("postgres", client_min_messages="error") as session:
            for name, in session.run("SELECT quote_ident(extname) FROM pg_extension WHERE extname ~* '^dx'"):
                session.run(f"DROP EXTENSION IF EXISTS {name} CASCADE")
            session.run("CREATE EXTENSION dynpgext")
            used = int(session.value("SELECT memory_used FROM dynpgext.status"))
        if used != self.only_dynpgext:
            self.differ(f"memory_used is {used} when all is dropped; it was {self.only_dynpgext} at first")

    def run(self):
        print(f"seed {self.seed}, {self.minutes} minute(s), {SESSIONS} sessions", flush=True)
        self.prepare()
        end = time.monotonic() + 60 * self.minutes
        while time.monotonic() < end:
            self.round()
            if self.rounds % 10 == 0:
                print(f"{self.rounds} rounds, {self.commands} commands, {sum(self.faults.values())} faults, "
                      f"{len(self.differences)} differences", flush=True)
        self.tear_down()
        self.report()
        return 1 if self.differences else 0

    def report(self):
        for title, counter in (("faults", self.faults), ("warnings in the log", self.warnings),
                               ("errors of commands", self.errors)):
            print(f"== {title}")
            for what, number in counter.most_common():
                print(f"{number:7} {what}")
        print(f"== seed {self.seed}: {self.rounds} rounds, {self.commands} commands, "
              f"{sum(self.faults.values())} faults injected, {self.restarts_compared} comparisons with a restart, "
              f"at most {self.most_segments[0]} segments with {self.most_segments[1] >> 20} MiB, "
              f"{len(self.differences)} differences")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(1000000)))
    parser.add_argument("--without", action="append", default=[], choices=situations.NAMES)
    arguments = parser.parse_args()
    sys.exit(Soak(arguments.seed, arguments.minutes, set(arguments.without)).run())


main()
