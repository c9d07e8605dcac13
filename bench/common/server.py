"""The private server: its processes in /proc, its log, stopping and starting it."""

import os
import re
import signal
import struct
import subprocess
import time

import pq

# titles of processes started by dynpgext
OURS = re.compile(r"^(dx |dynpgext |worker$)")
LAUNCHER = "dynpgext launcher"
VISIT = "dynpgext provisioning"
SQL_RUNNER = "dynpgext sql runner"  # runs the commands of a database
# added to the title of a process that reports its state
STATE = re.compile(r"(?<=^dynpgext sql runner) .*$")


class Server:
    """The server with its socket and data in this folder."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder + "/data"
        self.log_file = folder + "/log"
        self.clock_file = folder + "/clock"
        self.environment = dict(os.environ)
        if "CLOCK_SHIM_LIBRARY" in os.environ:
            self.environment.update(LD_PRELOAD=os.environ["CLOCK_SHIM_LIBRARY"], CLOCK_SHIM=self.clock_file)
        self.set_clock(0)

    def set_clock(self, seconds):
        """Sets the wall clock of all its processes, relative to the real one; see t/lib/clock_shim.c."""
        with open(self.clock_file, "r+b" if os.path.exists(self.clock_file) else "wb") as file:
            file.write(struct.pack("q", int(seconds * 1_000_000)))

    # --- processes ---

    def postmaster(self):
        try:
            with open(self.data + "/postmaster.pid", encoding="ascii") as file:
                return int(file.readline())
        except (OSError, ValueError):
            return 0

    def processes(self):
        """pid -> title of the postmaster's running children."""
        parent = self.postmaster()
        found = {}
        if not parent:
            return found
        for folder in os.listdir("/proc"):
            if not folder.isdigit():
                continue
            try:
                with open(f"/proc/{folder}/stat", encoding="utf-8", errors="replace") as file:
                    state, ppid = file.read().rpartition(") ")[2].split()[:2]
                if int(ppid) != parent or state == "Z":
                    continue
                with open(f"/proc/{folder}/cmdline", encoding="utf-8", errors="replace") as file:
                    title = file.read().rstrip("\0 ")
            except (OSError, ValueError):
                continue
            if title.startswith("postgres: "):
                found[int(folder)] = STATE.sub("", title[len("postgres: "):])
        return found

    def of_ours(self):
        return {pid: title for pid, title in self.processes().items() if OURS.match(title)}

    def launcher(self):
        return next(pid for pid, title in self.processes().items() if title == LAUNCHER)

    @staticmethod
    def kill(pid, how):
        try:
            os.kill(pid, how)
            return True
        except (ProcessLookupError, PermissionError):
            return False

    # --- end and start ---

    def restart(self, mode):
        subprocess.run(
            ["pg_ctl", "restart", "-s", "-w", "-t", "120", "-m", mode, "-D", self.data, "-l", self.log_file],
            check=True, stdout=subprocess.DEVNULL, env=self.environment)

    def start(self, **settings):
        """Starts it with these settings (a.b is a__b); returns when it accepts connections."""
        with open(self.data + "/postgresql.conf", "a", encoding="utf-8") as file:
            for name, value in settings.items():
                file.write(f"{name.replace('__', '.')} = '{value}'\n")
        self.restart("fast")
        self.wait()

    def wait(self, seconds=120):
        """Waits until it accepts connections."""
        end = time.monotonic() + seconds
        while True:
            try:
                with self.session("postgres") as session:
                    session.run("SELECT 1")
                    return
            except pq.Error:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    # --- sessions ---

    def session(self, database, **options):
        return pq.Session(database, host=self.folder, **options)

    def run(self, database, sql, **options):
        """The rows of one statement, in its own session."""
        with self.session(database, **options) as session:
            return session.run(sql)

    # --- files ---

    def log_offset(self):
        return os.path.getsize(self.log_file)

    def log(self, offset):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            file.seek(offset)
            return file.read()

    def segments(self):
        """The number of dynamic shared memory segments (which are files), and their bytes."""
        folder = self.data + "/pg_dynshmem"
        sizes = []
        for name in os.listdir(folder):
            try:
                sizes.append(os.path.getsize(f"{folder}/{name}"))
            except FileNotFoundError:  # gone meanwhile
                pass
        return len(sizes), sum(sizes)


SIGTERM, SIGKILL = signal.SIGTERM, signal.SIGKILL
