"""After a round: do the live objects equal the registered ones?  Every answer is a list of differences, as
sentences; the expected one is empty."""

import collections
import time

import commands
import pq
import server as server_module

PATIENCE = 30  # seconds within which things settle by themselves

# No SQL worker runs in a database with another owner since its registration, until it is registered again;
# and a copy does not run a global one whose role its owner may not become.
REFUSED = """
SELECT c.extension, c.worker FROM dynpgext.registered_command c
  JOIN dynpgext.registered_worker w ON w.extension = c.extension AND w.name = c.worker
  JOIN pg_database d ON d.datname = current_database()
 WHERE c.run_as <> 0 AND (c.foreign_owner <> '' OR w.scope = 'global' AND c.decided_in IS DISTINCT FROM (
     SELECT split_part(kept, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS kept
      WHERE setdatabase = d.oid AND setrole = 10 AND kept ~ '^dynpgext_database.mark=')
   AND NOT pg_has_role(d.datdba, c.run_as, 'MEMBER'))"""

# Differences that do not disappear by themselves: to_repair.  A global worker may be that of another
# database.
COMPLAINTS = """
WITH unprovisioned AS (SELECT extension FROM dynpgext_internal.live_extensions() WHERE state = 'failed')
SELECT what, to_repair FROM (
  SELECT format('extension %s is %s: %s', extension, state, error), state = 'failed' FROM dynpgext.extensions
   WHERE state NOT IN ('provisioned', 'unloaded')
  UNION ALL
  SELECT format('allocation %s is %s', name, state), state = 'failed' FROM dynpgext.allocations
   WHERE state <> 'allocated' AND scope = 'database'
  UNION ALL
  SELECT format('worker %s of %s is %s: %s', name, extension, state, last_error),
         state IN ('failed', 'stopped') OR state IN ('registered', 'waiting') AND extension IN (SELECT extension FROM unprovisioned)
    FROM dynpgext.workers WHERE state NOT IN ('running', 'disabled')
     AND extension IN (SELECT extension FROM dynpgext.extensions WHERE state <> 'unloaded')
     AND NOT (state IN ('registered', 'failed') AND (extension, name) IN (""" + REFUSED + """))
  UNION ALL
  SELECT format('to do: %s %s %s (%s)', action, object, name, detail),
         (object, action) IN (('extension', 'provision'), ('allocation', 'allocate')) OR detail IS NOT DISTINCT FROM 'was failed'
         OR (object, action) = ('worker', 'start') AND extension IN (SELECT extension FROM unprovisioned)
    FROM dynpgext.reload(dry_run => true)
   WHERE object <> 'worker' OR (extension, name) NOT IN (""" + REFUSED + """)
) AS c(what, to_repair)"""


class Checks:
    def __init__(self, server):
        self.server = server

    # --- the present state ---

    def databases(self):
        """name -> oid of the databases that allow connections"""
        with pq.Session("postgres") as session:
            return dict(session.run("""SELECT datname, oid FROM pg_database
                                        WHERE datallowconn AND datconnlimit <> -2 ORDER BY oid"""))

    def with_dynpgext(self):
        found = {}
        for name, oid in self.databases().items():
            with pq.Session(name) as session:
                if session.run("SELECT FROM pg_extension WHERE extname = 'dynpgext'"):
                    found[name] = int(oid)
        return found

    def complaints(self, databases, except_to_repair):
        found = []
        for name in databases:
            with pq.Session(name, statement_timeout="30s") as session:
                rows = session.run(COMPLAINTS)
            found += [f"{name}: {what}" for what, to_repair in rows if to_repair == "f" or not except_to_repair]
        return found

    def wait_settled(self, databases, except_to_repair=False):
        """The differences that remain in the end."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                left = self.complaints(databases, except_to_repair)
                visits = [t for t in self.server.of_ours().values() if t == server_module.VISIT]
                if visits:
                    left.append(f"{len(visits)} visit(s) under way")
                with pq.Session("postgres") as session:
                    left += [f"something of the dropped database {row[0]} is live" for row in session.run("""
                        SELECT DISTINCT home FROM (SELECT home FROM dynpgext_internal.live_allocations()
                                                   UNION ALL SELECT home FROM dynpgext_internal.live_workers()) AS l
                         WHERE home <> 0 AND home NOT IN (SELECT oid FROM pg_database)""")]
            except pq.Error as error:
                left = [str(error)]
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.1)

    # --- one comparison ---

    def compare(self, databases):
        found = []
        wanted = collections.Counter()  # title -> processes
        identities, global_workers, global_memory = set(), {}, {}
        expected_memory, with_commands, global_commands = set(), set(), set()
        for name, oid in sorted(databases.items(), key=lambda item: item[1]):
            with pq.Session(name, statement_timeout="30s") as session:
                found += self.compare_extensions(name, session)
                for extension, worker, scope, hosted, role, enabled in session.run("""
                        SELECT w.extension, w.name, w.scope, w.hosted, c.run_as, s.enabled FROM dynpgext.registered_worker w
                          JOIN dynpgext.extensions e USING (extension)
                          LEFT JOIN dynpgext.registered_command c ON c.extension = w.extension AND c.worker = w.name
                          LEFT JOIN dynpgext.worker_settings s ON s.extension = w.extension AND s.worker = w.name
                         WHERE e.state = 'provisioned' AND (w.extension, w.name) NOT IN (""" + REFUSED + ")"):
                    if scope == "global" and hosted == "t":
                        global_commands.add((extension, worker))
                    if scope == "database":
                        if enabled != "f":
                            identities.add((str(oid), extension, worker))
                            if hosted == "t":
                                with_commands.add((str(oid), role))
                            else:
                                wanted[worker] += 1
                    else:  # the lowest OID that says something counts
                        known = global_workers.get((extension, worker))
                        global_workers[(extension, worker)] = enabled if known is None else known
                for memory, scope, size in session.run("""
                        SELECT a.name, a.scope, a.size FROM dynpgext.registered_allocation a
                          JOIN dynpgext.extensions e USING (extension) WHERE e.state = 'provisioned'"""):
                    expected_memory.add((str(oid) if scope == "database" else "0", memory, size))
                    if scope == "global" and global_memory.setdefault(memory, size) != size:
                        found.append(f"global {memory} is registered with {size} and {global_memory[memory]} bytes")
                found += self.compare_contents(name, oid, session)
        for (extension, worker), enabled in global_workers.items():
            if enabled != "f":
                identities.add(("0", extension, worker))
                if (extension, worker) not in global_commands:
                    wanted[worker] += 1
        with pq.Session("postgres", statement_timeout="30s") as session:
            found += self.compare_live(session, expected_memory, identities)
            found += self.compare_runners(session, with_commands)
            wanted[server_module.SQL_RUNNER] = len(with_commands)
        found += self.compare_processes(wanted)
        found += self.compare_runs(databases)
        return found

    @staticmethod
    def compare_extensions(name, session):
        installed = {row[0] for row in session.run("SELECT extname FROM pg_extension")} & commands.PARTICIPANTS
        registered = {row[0] for row in session.run("SELECT extension FROM dynpgext.registered_extension")}
        found = []
        by_hand = {row[0] for row in session.run("SELECT extension FROM dynpgext.manifests")}
        # apply() registers refused workers by hand, see REFUSED
        if (commands.BY_HAND in registered) != (commands.BY_HAND in by_hand) or not by_hand <= registered:
            found.append(f"{name}: {sorted(by_hand)} registered by hand, registered are {sorted(registered)}")
        registered.discard(commands.BY_HAND)
        try:
            # apply() registers again, and so lifts a refusal
            for row in session.run("SELECT action, object, name, detail FROM dynpgext.apply(dynpgext.export(), true)"
                                   f" WHERE object <> 'worker' OR name NOT IN (SELECT worker FROM ({REFUSED}) r)"):
                found.append(f"{name}: what is exported differs from what is there: {row}")
        except pq.Error as error:
            found.append(f"{name}: what is exported cannot be applied: {error}")
        if installed != registered:
            found.append(f"{name}: installed {sorted(installed)}, registered {sorted(registered)}")
        for extension, registered_as, version in session.run("""
                SELECT extension, r.version, e.extversion FROM dynpgext.registered_extension r
                  JOIN pg_extension e ON e.extname = r.extension WHERE r.version <> e.extversion"""):
            found.append(f"{name}: {extension} is registered as {registered_as}, and installed as {version}")
        return found

    @staticmethod
    def compare_contents(name, oid, session):
        found = []
        if session.run("SELECT FROM dynpgext.extensions WHERE extension = 'dx_memory' AND state = 'provisioned'"):
            for memory in ("local", "global", "global_small"):
                if session.value(f"SELECT dx_read('dx_memory:{memory}') IS NULL") != "f":
                    found.append(f"{name}: no dx_memory:{memory} for a lookup")
            content = session.value("SELECT dx_read('dx_memory:local')")
            if content not in (None, "", f"of {oid}"):
                found.append(f"{name} ({oid}): dx_memory:local has \"{content}\"")
            if session.value("SELECT dx_callbacks()") != "1":
                found.append(f"{name}: the callback of dx_memory:global_small did not run once")
        if session.run("""SELECT FROM dynpgext.workers WHERE name = 'dx local' AND extension = 'dx_worker'
                          AND state = 'running'"""):
            shown = session.value("SELECT pid FROM dynpgext.workers WHERE name = 'dx local'")
            rows = session.run("SELECT pid, argument FROM dx_worker_info('local')")
            if rows and rows[0] != (shown, str(oid)):
                found.append(f"{name} ({oid}): dx local is process {shown}, and says {rows[0]}")
        return found

    @staticmethod
    def compare_live(session, expected_memory, identities):
        found = []
        live = set()
        for home, memory, size, state, attached in session.run(
                "SELECT home, name, size, state, attached FROM dynpgext_internal.live_allocations()"):
            if state != "allocated":
                found.append(f"live memory {memory} of {home} is {state}, attached {attached}")
            live.add((home, memory, size))
        for what, names in (("is live and not registered", live - expected_memory),
                            ("is registered and not live", expected_memory - live)):
            found += [f"memory {item} {what}" for item in sorted(names)[:10]]
            if len(names) > 10:
                found.append(f"and {len(names) - 10} more: memory that {what}")
        running, pids = set(), collections.Counter()
        for home, extension, worker, function, pid, state, leaving in session.run(
                "SELECT home, extension, name, function, pid, state, leaving FROM dynpgext_internal.live_workers()"):
            if leaving == "t":
                found.append(f"worker {worker} of {extension} in {home} is still leaving ({state})")
            if pid is not None:
                running.add((home, extension, worker))
                if function != "dynpgext_sql_worker":
                    pids[pid] += 1
        found += [f"process {pid} is shown {count} times" for pid, count in pids.items() if count > 1]
        found += [f"worker {item} runs, and should not" for item in sorted(running - identities)]
        found += [f"worker {item} should run" for item in sorted(identities - running)]
        found += [f"two processes of {row}" for row in session.run(
            """SELECT datname, backend_type, count(*) FROM pg_stat_activity
                WHERE backend_type ~ '^dx .*type$' GROUP BY 1, 2 HAVING count(*) > 1""")]
        return found

    @staticmethod
    def compare_runners(session, with_commands):
        """One process runs all commands of a database and a role; global ones run in one of the databases,
        which is added to with_commands."""
        found, runners = [], {}
        connected = {pid: (database, role) for pid, database, role in session.run(
            "SELECT pid, datid, usesysid FROM pg_stat_activity WHERE backend_type = 'dynpgext sql'")}
        for home, worker, source, pid in session.run(
                "SELECT home, worker, source, pid FROM dynpgext_internal.live_commands() WHERE pid IS NOT NULL"):
            where = connected.get(pid, ("nothing", ""))
            if where[0] != source:
                found.append(f"{worker} in {source} runs in process {pid}, which is connected to {where[0]}")
                continue
            if home == "0":
                with_commands.add(where)
            if runners.setdefault(where, pid) != pid:
                found.append(f"{worker} in {where} runs in process {pid}, others in {runners[where]}")
        if set(runners) != with_commands:
            found.append(f"commands run in {sorted(runners)}, and should in {sorted(with_commands)}")
        return found

    @staticmethod
    def runs(databases, only, notify=False):
        """(database, extension, worker) -> runs, of commands that run"""
        found = {}
        for name in databases:
            with pq.Session(name, statement_timeout="30s") as session:
                if notify:
                    session.run("NOTIFY dx_soak")
                    session.run("NOTIFY dx_declared")
                for extension, worker, runs in session.run(
                        f"SELECT extension, worker, runs FROM dynpgext.commands WHERE state = 'running' AND {only}"):
                    found[(name, extension, worker)] = int(runs)
        return found

    def compare_runs(self, databases):
        """Commands continue at their registered intervals, and when they are notified."""
        found = []
        for only, notify in (("run_interval IS NOT NULL", False), ("channel IS NOT NULL", True)):
            # if a NOTIFY came before the process listened, the run at its start counts for it
            before, end = self.runs(databases, only), time.monotonic() + PATIENCE
            self.runs(databases, only, notify)
            while True:
                now = self.runs(databases, only)
                behind = [key for key, runs in before.items() if now.get(key, 0) <= runs]
                if not behind or time.monotonic() > end:
                    break
                time.sleep(0.05)
            found += [f"{key} does not run ({only})" for key in behind]
        for name in databases:
            with pq.Session(name, statement_timeout="30s") as session:
                version = session.value("""SELECT e.extversion FROM pg_extension e JOIN dynpgext.commands c ON c.extension = e.extname
                                            WHERE c.worker = 'dx tick' AND c.state = 'running' AND c.extension = 'dx_declared'""")
                if version is None:
                    continue
                # in the schema public of another role's database, no script's command runs as a superuser
                stranger = session.value("""SELECT pg_get_userbyid(datdba) FROM pg_database
                                             WHERE datname = current_database() AND datdba <> 10""")
                if stranger is not None:
                    error = session.value("SELECT last_error FROM dynpgext.commands WHERE worker = 'dx tick'")
                    refusals = (f'42501: role "{stranger}" can create objects', "42501: this database is a copy")
                    if not (error or "").startswith(refusals):
                        found.append(f"{name} of {stranger}: dx_declared last failed with {error}")
                    continue
                # the newest row, whatever the clock showed
                last = session.run("""SELECT l.worker, l.who, l.pid = c.pid FROM dx_declared_log l, dynpgext.commands c
                                       WHERE l.worker ~ 'tick' AND c.worker = 'dx tick' ORDER BY l.ctid DESC LIMIT 1""")
                owner = session.value("""SELECT pg_get_userbyid(extowner) FROM pg_extension WHERE extname = 'dx_declared'""")
                if last != [(f"tick {version}", owner, "t")]:
                    found.append(f"{name}: dx_declared {version} of {owner} last ran {last}")
        return found

    def compare_processes(self, wanted):
        wanted = wanted + collections.Counter({server_module.LAUNCHER: 1})
        end = time.monotonic() + 5  # a process that was called off may be on its way out
        while True:
            there = collections.Counter(self.server.of_ours().values())
            if there == wanted or time.monotonic() > end:
                break
            time.sleep(0.1)
        return [f"{there[title]} process(es) \"{title}\", and there should be {wanted[title]}"
                for title in sorted(set(there) | set(wanted)) if there[title] != wanted[title]]

    def compare_slots(self, all_slots):
        """All slots are free except those of existing processes."""
        end = time.monotonic() + 5
        with pq.Session("postgres") as session:
            while True:
                free = int(session.value("SELECT dx_free_slots()"))
                expected = all_slots - len(self.server.of_ours())
                if free == expected:
                    return []
                if time.monotonic() > end:
                    return [f"{free} free worker slots, and there should be {expected}"]
                time.sleep(0.1)

    def memory_used(self):
        with pq.Session("postgres") as session:
            return int(session.value("SELECT memory_used FROM dynpgext.status"))
