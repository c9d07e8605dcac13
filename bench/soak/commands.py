"""The actions of a session: steps of one or more statements, chosen by a random.Random."""

import json
import os

# Extensions that take part, with the names of their memory for lookups.
EXTENSIONS = [
    "dx_memory", "dx_memory", "dx_worker", "dx_worker", "dx_usage", "dx_usage_cpp", "dx_supervised",
    "dx_fini", "dx_lazy", "dx_bytes", "dx_thousand", "dx_requires", "dx_raise", '"Dx Quoted ""name"',
    "dx_declared", "dx_declared", "dx_declared", "dx_busy", "dx_busy",
]
BUSY = "dx_busy"  # its worker holds locks in the opposite order of its DDL
ENDS = "dx ends"  # its worker ends its process at every run
BY_HAND = "dx_sql_only"  # takes part while it has a registration by hand
PARTICIPANTS = {
    "dx_memory", "dx_worker", "dx_usage", "dx_usage_cpp", "dx_supervised", "dx_fini", "dx_lazy",
    "dx_bytes", "dx_thousand", "dx_requires", "dx_raise", 'Dx Quoted "name', "dx_declared", "dx_busy",
}
VERSIONS = {"dx_memory": ["0.1", "0.2", "0.3"], "dx_worker": ["0.1", "0.2"], "dx_fini": ["0.1", "0.2"],
            "dx_declared": ["0.1", "0.2"], "dx_busy": ["0.1", "0.2"]}
WORKERS = [
    ("dx_worker", "dx local"), ("dx_worker", "dx global"), ("dx_usage", "worker"),
    ("dx_supervised", "dx supervised 1"), ("dx_lazy", "dx lazy"), ("dx_raise", "dx raise"),
    ("dx_declared", "dx tick"), ("dx_declared", "dx bell"), ("dx_busy", "dx busy"), (BY_HAND, "dx often"), (BY_HAND, "dx everywhere"),
]
MEMORY = [
    "dx_memory:local", "dx_memory:local", "dx_memory:global", "dx_memory:global_small", "dx_memory:going",
    "dx_memory:coming", "dx_fini:memory", "dx_thousand:7", "dx_bytes:mib", "my_ext:0.1:value",
    "dx_declared:state", "dx_sql_only:memory",
]
HOMES = ["postgres", "soak1", "soak2", "soak3"]  # never dropped; postgres keeps dynpgext
TEMPLATE = "soak_template"
SUPERUSER = os.environ.get("PGUSER", "postgres")
OWNER = "soak_owner"  # sometimes owns a database; not a superuser
PASSING = ["passing1", "passing2", "passing3", "passing4"]  # created and dropped
SETTINGS = {
    "dynpgext.naptime": ["10ms", "200ms", "1s"],
    "dynpgext.max_workers": ["-1", "0", "3"],
    "dynpgext.max_database_workers": ["-1", "1"],
    "dynpgext.memory_limit": ["-1", "3MB", "300kB"],
    "dynpgext.start_concurrency": ["1", "4"],
    "dynpgext.stop_timeout": ["10s", "500ms"],
    "dynpgext.max_events": ["10", "1000"],
    "dynpgext.allowed_extensions": ["*", "!dx_usage,*", "!dx_memory, *"],
}
SOAK_READ = "SELECT dx_read('dx_memory:local'), (SELECT oid FROM pg_database WHERE datname = current_database())"


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def target_version(rng, extension):
    return f"ALTER EXTENSION {extension} UPDATE TO '{rng.choice(VERSIONS[extension])}'"


def create(rng, extension):
    if extension in VERSIONS and rng.random() < 0.4:
        return f"CREATE EXTENSION {extension} VERSION '{rng.choice(VERSIONS[extension][:2])}' CASCADE"
    return f"CREATE EXTENSION {extension} CASCADE"


def declare(rng):
    """Declares something for an extension without its own registrations."""
    allocations = [
        {"name": "dx_sql_only:memory", "size": rng.choice([64, 64, 4096]), "initial": "by hand"},
        {"name": "dx_sql_only:global", "size": 32, "scope": "global"},
    ]
    workers = [
        {"name": "dx often", "command": f"SELECT {rng.randint(1, 3)}", "interval": "20 ms", "channel": "dx_soak"},
        {"name": "dx fails", "command": "SELECT 1 / 0", "interval": "100 ms"},
        # not pg_sleep(): if the clock is set back, a running one takes longer by that time
        {"name": "dx told", "command": "SELECT count(*) FROM generate_series(1, 50000)", "channel": "dx_soak"},
        {"name": ENDS, "command": "SELECT pg_terminate_backend(pg_backend_pid())", "interval": "150 ms"},
        {"name": "dx everywhere", "command": "SELECT 1", "interval": "50 ms", "scope": "global"},
    ]
    # a superuser's identity must be named
    manifest = {"dynpgext": 1, "allocations": [a for a in allocations if rng.random() < 0.6],
                "workers": [w | {"run_as": SUPERUSER} for w in workers if rng.random() < 0.6]}
    return f"SELECT dynpgext.register('{BY_HAND}', {literal(json.dumps(manifest))})"


def with_manifests(rng):
    whose = rng.choice(["", literal(BY_HAND), "'dx_declared'"])
    dry_run = rng.choice(["true", "false"])
    return rng.choice([
        f"CREATE EXTENSION {BY_HAND}", f"CREATE EXTENSION {BY_HAND}", f"DROP EXTENSION {BY_HAND}",
        declare(rng), declare(rng), declare(rng), declare(rng),
        f"SELECT count(*) FROM dynpgext.apply(dynpgext.export({whose}), {dry_run})",
        "NOTIFY dx_declared", "NOTIFY dx_soak", "TRUNCATE dx_declared_log",
        "SELECT count(*) FROM dynpgext.commands",
        "SELECT pg_cancel_backend(pid) FROM (SELECT DISTINCT pid FROM dynpgext.commands) AS c",
    ])


def plain(rng):
    """One statement that is allowed in a transaction."""
    extension = rng.choice(EXTENSIONS)
    name = extension.removeprefix('"').removesuffix('"').replace('""', '"')
    owner, worker = rng.choice(WORKERS)
    which = f"{literal(owner)}, {literal(worker)}"
    memory = literal(rng.choice(MEMORY))
    if rng.random() < 0.15:
        return with_manifests(rng)
    choice = rng.random()
    if choice < 0.26:
        return create(rng, extension)
    if choice < 0.40:
        return f"DROP EXTENSION {extension} CASCADE"
    if choice < 0.48:
        return target_version(rng, rng.choice(list(VERSIONS)))
    if choice < 0.58:
        return rng.choice([
            f"SELECT dx_write('dx_memory:local', 'of ' || oid) FROM pg_database WHERE datname = current_database()",
            SOAK_READ, SOAK_READ,
            f"SELECT dx_read({memory}), dx_aligned({memory})", f"SELECT dx_release({memory})",
            f"SELECT dynpgext.peek({memory}, length => 1048576)",
            f"SELECT dx_many_lookups({memory}, 50)", f"SELECT dx_callbacks(), dx_zero({memory}, 8)",
            "SELECT * FROM dx_worker_info('local')", "SELECT dx_usage_value()",
        ])
    if choice < 0.66:
        return rng.choice([
            "SELECT count(*) FROM dynpgext.reload()", f"SELECT count(*) FROM dynpgext.reload({literal(name)})",
            "SELECT count(*) FROM dynpgext.reload(dry_run => true)"])
    if choice < 0.72:
        return f"SELECT dynpgext.{rng.choice(['load', 'unload'])}({literal(rng.choice([name, 'dx_lazy']))})"
    if choice < 0.82:
        return f"SELECT dynpgext.{rng.choice(['start', 'stop', 'restart'])}_worker({which})"
    if choice < 0.90:
        return rng.choice([
            f"SELECT dynpgext.configure_worker({which}, restart => '{rng.choice(['never', 'on_failure', 'always'])}',"
            f" restart_delay => '{rng.choice([0, 5, 50])} ms')",
            f"SELECT dynpgext.configure_worker({which}, enabled => {rng.choice(['true', 'false'])})",
            f"SELECT dynpgext.reset_worker({which})", f"SELECT dynpgext.reset_worker({which})",
            "DELETE FROM dynpgext.worker_settings", f"SELECT dynpgext.release({literal(name)})"])
    if choice < 0.95:
        return rng.choice([
            "SELECT count(*) FROM dynpgext.cluster_workers", "SELECT count(*) FROM dynpgext.cluster_allocations",
            "SELECT count(*) FROM dynpgext.workers", "SELECT count(*) FROM dynpgext.allocations",
            "SELECT count(*) FROM dynpgext.events", "SELECT * FROM dynpgext.status",
            "SELECT count(*) FROM dynpgext.extensions"])
    return rng.choice([
        f"SELECT dx_worker_command('{rng.choice(['local', 'global'])}', "
        f"'{rng.choice(['return', 'exit0', 'exit1', 'error', 'fatal'])}')",
        f"SELECT dx_supervised_command(1, '{rng.choice(['return', 'exit0', 'exit1', 'error', 'fatal'])}')",
        f"SET dx_raise.at = '{rng.choice(['none', 'none', 'before', 'between', 'after', 'callback', 'worker_callback', 'fini'])}'",
    ])


def transaction(rng):
    steps, depth = ["BEGIN"], 0
    for _ in range(rng.randint(1, 5)):
        choice = rng.random()
        if choice < 0.25:
            depth += 1
            steps.append(f"SAVEPOINT s{depth}")
        elif choice < 0.45 and depth:
            steps.append(f"ROLLBACK TO s{rng.randint(1, depth)}")
            depth = int(steps[-1][-1])
        elif choice < 0.5 and depth:
            steps.append(f"RELEASE s{depth}")
            depth -= 1
        else:
            steps.append(plain(rng))
    if depth and rng.random() < 0.5:
        steps.append("ROLLBACK TO s1")
    return steps


def on_databases(rng):
    name, other = rng.choice(PASSING), rng.choice(PASSING)
    choice = rng.random()
    if choice < 0.45:
        template = rng.choice([TEMPLATE, TEMPLATE, "template1", name])
        strategy = rng.choice(["wal_log", "wal_log", "file_copy"])
        return [f"CREATE DATABASE {other} TEMPLATE {template} STRATEGY {strategy}"]
    if choice < 0.70:
        return [f"DROP DATABASE {name}" + rng.choice(["", " WITH (FORCE)"])]
    if choice < 0.76:
        return [f"SET ROLE {OWNER}", f"DROP DATABASE {name}" + rng.choice(["", " WITH (FORCE)"])]
    if choice < 0.82:
        return [f"ALTER DATABASE {name} OWNER TO {rng.choice([OWNER, OWNER, 'postgres'])}"]
    if choice < 0.91:
        return [f"ALTER DATABASE {name} RENAME TO {other}"]
    if choice < 0.96:
        return [f"ALTER DATABASE {name} SET TABLESPACE {rng.choice(['pg_default', 'soak_space'])}"]
    return [f"ALTER DATABASE {name} ALLOW_CONNECTIONS {rng.choice(['true', 'false', 'true'])}"]


def settings(rng):
    name = rng.choice(list(SETTINGS))
    return [f"ALTER SYSTEM SET {name} = '{rng.choice(SETTINGS[name])}'", "SELECT pg_reload_conf()"]


def step(rng, gid):
    """A list of statements.  If it ends with PREPARE TRANSACTION, the transaction is left behind."""
    choice = rng.random()
    if choice < 0.50:
        return [plain(rng)]
    if choice < 0.72:
        return transaction(rng) + [rng.choice(["COMMIT", "COMMIT", "ROLLBACK"])]
    if choice < 0.79:
        return transaction(rng) + [f"PREPARE TRANSACTION '{gid}'"]
    if choice < 0.84:
        return rng.choice([
            ["DROP EXTENSION dynpgext CASCADE"], ["CREATE EXTENSION dynpgext"],
            ["DROP EXTENSION dynpgext CASCADE", "CREATE EXTENSION dynpgext"],
            ["BEGIN", "DROP EXTENSION dynpgext CASCADE", plain(rng), "CREATE EXTENSION dynpgext", plain(rng),
             rng.choice(["COMMIT", "ROLLBACK"])]])
    if choice < 0.86:
        return ["CREATE EXTENSION IF NOT EXISTS dynpgext"]
    if choice < 0.95:
        return on_databases(rng)
    return settings(rng)
