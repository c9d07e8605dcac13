"""The clusters of script/bench --scale, --simulate and --turns.  Every database except the maintenance
database and PLAIN is a copy of the first one, so all have the same registrations."""

import json
import os
import re
import time
import uuid

import process
import server as server_module

MEASURED = "scale0"  # all measured commands run here
PLAIN = "plain"  # without dynpgext: the cost of the server alone
ORIGINAL = "original"  # simulated databases share its files
FIRST_SIMULATED = 1_000_000  # OIDs from here on are theirs
DECLARED = "dynpgext_bench_declared"
CONTENT = 64  # bytes of each allocation, none of them 0: see in_use()
CHANNEL = "bench_quiet"  # never notified, so no command runs after its first run
ROLE = "bench_role"
PAGE = 4096
PATIENCE = 900  # seconds
# a hold of the lock for more than SHORT microseconds, in the format of src/pg/lock_times.h
HELD = re.compile(r"^dynpgext lock: (\d+) ns of CPU, \d+ ns, src/(\S+)$", re.MULTILINE)
SHORT = 20


def manifest(registrations, interval=None):
    """Half allocations, half SQL workers."""
    allocations = registrations // 2
    due = {"channel": CHANNEL} if interval is None else {"interval": interval}
    return {
        "dynpgext": 1,
        "allocations": [{"name": f"{DECLARED}:memory {n}", "size": CONTENT, "initial": "x" * CONTENT}
                        for n in range(allocations)],
        "workers": [{"name": f"bench command {n}", "command": "SELECT 1", "run_as": ROLE, **due}
                    for n in range(registrations - allocations)],
    }


class Cluster(server_module.Server):
    """A server with this many databases, and this many registrations in each."""

    def __init__(self, folder, databases, registrations, interval=None):
        super().__init__(folder)
        self.databases, self.registrations = databases, registrations
        self.manifest = manifest(registrations, interval)
        self.log_read = 0
        self.workers = len(self.manifest["workers"])

    def mean_size(self):
        """Mean bytes of a registration's texts (extension, names, type, command, channel) and content."""
        total = len(DECLARED) * self.registrations
        for allocation in self.manifest["allocations"]:
            total += len(allocation["name"]) + CONTENT
        for worker in self.manifest["workers"]:
            total += 2 * len(worker["name"]) + len(worker["command"]) + len(worker.get("channel", ""))
        return total / self.registrations

    def make_first(self):
        """Makes the databases from which all others are copied.  script/bench has started the server
        without a slot for a worker, so that no process is connected to them."""
        with self.session("postgres") as session:
            session.run(f"CREATE ROLE {ROLE} LOGIN")
            session.run(f"CREATE DATABASE {PLAIN} STRATEGY file_copy")
            session.run(f"CREATE DATABASE {MEASURED} STRATEGY file_copy")
            for database in ("postgres", MEASURED):
                self.run(database, "CREATE EXTENSION dynpgext")
            with self.session(MEASURED) as first:
                first.run(f"CREATE EXTENSION {DECLARED}")
                first.run(f"SELECT dynpgext.register('{DECLARED}', '{json.dumps(self.manifest)}')")

    def make(self):
        self.make_first()
        with self.session("postgres") as session:
            for number in range(1, self.databases):
                session.run(f"CREATE DATABASE scale{number} TEMPLATE {MEASURED} STRATEGY file_copy")

    def simulate(self):
        """The server has rows for all of them in the shared catalogs, and connects to them as usual.  The
        folder of each is a link to that of ORIGINAL, which is no longer written: see check_original()."""
        self.make_first()
        self.run("postgres", f"CREATE DATABASE {ORIGINAL} TEMPLATE {MEASURED} STRATEGY file_copy")
        # the writes of the first visit to a copy; and hint bits, which the first reader of a row would
        # write
        self.run("postgres", f"ALTER ROLE CURRENT_USER IN DATABASE {ORIGINAL}"
                             f" SET dynpgext_database.mark = '{uuid.uuid4()}'")
        self.run(ORIGINAL, "SELECT * FROM dynpgext.reload()")
        self.run(ORIGINAL, "VACUUM FREEZE")
        with self.session("postgres") as session:
            original = session.value(f"SELECT oid FROM pg_database WHERE datname = '{ORIGINAL}'")
            for number in range(1, self.databases):
                os.symlink(original, f"{self.data}/base/{FIRST_SIMULATED + number}")
            simulated = f"generate_series(1, {self.databases - 1}) AS n"
            session.run("INSERT INTO pg_db_role_setting"
                        f" SELECT {FIRST_SIMULATED} + n, setrole, setconfig FROM pg_db_role_setting, {simulated}"
                        f" WHERE setdatabase = {original}")
            copied = [name for name, in session.run(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'pg_database'::regclass AND attnum > 0"
                " AND NOT attisdropped AND attname NOT IN ('oid', 'datname')")]
            session.run(f"INSERT INTO pg_database (oid, datname, {', '.join(copied)})"
                        f" SELECT {FIRST_SIMULATED} + n, 'scale' || n, {', '.join(copied)}"
                        f" FROM pg_database, {simulated} WHERE datname = '{ORIGINAL}'")
            session.run(f"ALTER DATABASE {ORIGINAL} ALLOW_CONNECTIONS false")
            session.run("CHECKPOINT")
        self.original = f"{self.data}/base/{original}"
        self.original_before = self.original_files()

    def original_files(self):
        """The content of its tables and indexes, without the server's cache files."""
        found = {}
        for name in os.listdir(self.original):
            if re.fullmatch(r"\d+(_[a-z]+)?(\.\d+)?", name):
                with open(f"{self.original}/{name}", "rb") as file:
                    found[name] = file.read()
        return found

    def check_original(self):
        """A change in one database would be a change in all, and the results would be meaningless."""
        self.run("postgres", "CHECKPOINT")
        now = self.original_files()
        changed = sorted(name for name in now.keys() | self.original_before.keys()
                         if now.get(name) != self.original_before.get(name))
        if changed:
            raise AssertionError(f"files that the databases share have changed: {', '.join(changed)}")

    # --- its start ---

    def open_databases(self, count):
        """Allows connections to the first `count` databases only: the others do not take part."""
        self.run("postgres", "UPDATE pg_database SET datallowconn = substr(datname, 6)::int < "
                             f"{count} WHERE datname ~ '^scale[0-9]'")

    def time_start(self, databases, **settings):
        """Seconds from the start of the postmaster until everything is provisioned and each command has
        run.  The view of all commands is read only once all memory exists, because reading it slows down
        the measured work."""
        self.start(**settings)
        allocations = databases * (self.registrations - self.workers)
        memory = f"SELECT databases >= {databases} AND allocations >= {allocations} FROM dynpgext.status"
        workers = (f"SELECT count(*) >= {databases * self.workers} FROM dynpgext.cluster_commands"
                   " WHERE runs > 0")
        with self.session("postgres") as session:
            for condition in (memory, workers):
                while True:
                    asked = time.monotonic()
                    holds, since = session.run(f"SELECT ({condition}),"
                                               " extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())")[0]
                    if holds == "t":
                        break
                    if float(since) > PATIENCE:
                        raise TimeoutError(f"not all of {databases} databases have started: {condition}")
                    time.sleep(max(0.05, time.monotonic() - asked))
        return float(since)

    # --- at rest ---

    def settle(self, seconds=2):
        """Waits until the launcher has used no CPU time for a moment, so that no measurement includes the
        end of the previous one.  Gives up if the launcher never rests."""
        pid, end = self.launcher(), time.monotonic() + seconds
        before = process.cpu_seconds(pid)
        while time.monotonic() < end:
            time.sleep(0.03)
            now = process.cpu_seconds(pid)
            if now == before:
                return
            before = now

    def lock_holds(self):
        """Place in the source -> its longest hold of the lock, in microseconds of CPU, since the last
        call."""
        longest = {}
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            file.seek(self.log_read)
            for nanoseconds, place in HELD.findall(file.read()):
                longest[place] = max(longest.get(place, 0), int(nanoseconds) / 1000)
            self.log_read = file.tell()
        return longest

    def memory_used(self):
        return int(self.run("postgres", "SELECT memory_used FROM dynpgext.status")[0][0])

    def segments_mapped(self):
        """Dynamic shared memory segments of the server: path and bytes of each."""
        return process.segments(self.processes())

    def in_use(self):
        """Bytes of those pages in the segments that have any content.  A segment is twice as large as the
        previous one and initially zero, so its mapped size means little."""
        empty, used = bytes(PAGE), 0
        for path in self.segments_mapped():
            with open(path, "rb") as file:
                while page := file.read(PAGE):
                    used += PAGE if page != empty else 0
        return used
