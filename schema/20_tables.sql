-- Used in constraints, which also apply when triggers do not fire.  They run as the role that writes
-- the table.
CREATE FUNCTION dynpgext_internal.may_configure(extension name, worker text) RETURNS boolean
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_may_configure';
COMMENT ON FUNCTION dynpgext_internal.may_configure(name, text) IS 'internal: refuses non-superusers for workers that are global or not registered';

CREATE FUNCTION dynpgext_internal.may_write("table" text) RETURNS boolean
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_may_write';
COMMENT ON FUNCTION dynpgext_internal.may_write(text) IS 'internal: refuses everyone where only dynpgext writes; non-superusers in identities and hosted_libraries, and in manifests if they may not register or no trigger checks rows';

-- Registrations.  Written by dynpgext only.  Not dumped: restored extensions register again.  The
-- order of columns is that of the lists of members in src/model/registration.h and command.h.

CREATE TABLE dynpgext.registered_extension (
    extension name NOT NULL PRIMARY KEY,
    version text NOT NULL,
    library text NOT NULL,
    eager boolean NOT NULL,
    loaded boolean NOT NULL,
    boot bigint NOT NULL,
    incarnation bigint NOT NULL,
    is_library boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_extension'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_extension IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_extension IS 'extensions of this database that take part in dynpgext; read dynpgext.extensions instead';
COMMENT ON COLUMN dynpgext.registered_extension.extension IS 'name of the extension, as in pg_extension';
COMMENT ON COLUMN dynpgext.registered_extension.version IS 'last provisioned version';
COMMENT ON COLUMN dynpgext.registered_extension.library IS 'library that takes part';
COMMENT ON COLUMN dynpgext.registered_extension.eager IS 'is provisioned without dynpgext.load()';
COMMENT ON COLUMN dynpgext.registered_extension.loaded IS 'has not been unloaded';
COMMENT ON COLUMN dynpgext.registered_extension.boot IS 'if not eager: the run of the server in which it was loaded';
COMMENT ON COLUMN dynpgext.registered_extension.incarnation IS 'changes with each CREATE EXTENSION';
COMMENT ON COLUMN dynpgext.registered_extension.is_library IS 'a hosted library, not an extension';

CREATE TABLE dynpgext.registered_allocation (
    name text NOT NULL PRIMARY KEY,
    extension name NOT NULL,
    scope text NOT NULL CHECK (scope IN ('global', 'database')),
    size bigint NOT NULL CHECK (size > 0),
    declared boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_allocation'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_allocation IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_allocation IS 'shared memory that extensions of this database have registered; read dynpgext.allocations instead';
COMMENT ON COLUMN dynpgext.registered_allocation.name IS 'as given to allocate_shmem';
COMMENT ON COLUMN dynpgext.registered_allocation.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.registered_allocation.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.registered_allocation.size IS 'in bytes';
COMMENT ON COLUMN dynpgext.registered_allocation.declared IS 'with dynpgext.register() or apply(), not by the library';

CREATE TABLE dynpgext.registered_worker (
    extension name NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('global', 'database')),
    library text NOT NULL,
    function text NOT NULL,
    flags integer NOT NULL,
    start integer NOT NULL,
    notify boolean NOT NULL,
    callback boolean NOT NULL,
    extra bytea NOT NULL,
    argument bigint NOT NULL,
    restart text NOT NULL CHECK (restart IN ('never', 'on_failure', 'always')),
    restart_delay bigint NOT NULL,
    deadline bigint NOT NULL,
    servers text NOT NULL,
    declared boolean NOT NULL,
    hosted boolean NOT NULL,
    process text NOT NULL CHECK (process IN ('shared', 'own')),
    PRIMARY KEY (extension, name),
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_worker'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_worker IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_worker IS 'background workers that extensions of this database have registered; read dynpgext.workers instead';
COMMENT ON COLUMN dynpgext.registered_worker.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.registered_worker.name IS 'bgw_name';
COMMENT ON COLUMN dynpgext.registered_worker.type IS 'bgw_type';
COMMENT ON COLUMN dynpgext.registered_worker.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.registered_worker.library IS 'library of the function';
COMMENT ON COLUMN dynpgext.registered_worker.function IS 'bgw_function_name';
COMMENT ON COLUMN dynpgext.registered_worker.flags IS 'bgw_flags';
COMMENT ON COLUMN dynpgext.registered_worker.start IS 'bgw_start_time';
COMMENT ON COLUMN dynpgext.registered_worker.notify IS 'the process that starts it is notified of state changes';
COMMENT ON COLUMN dynpgext.registered_worker.callback IS 'the process that starts it first runs the init, for its callback';
COMMENT ON COLUMN dynpgext.registered_worker.extra IS 'bgw_extra';
COMMENT ON COLUMN dynpgext.registered_worker.argument IS 'bgw_main_arg of a global worker';
COMMENT ON COLUMN dynpgext.registered_worker.restart IS 'restart policy set by its author: never, on_failure or always';
COMMENT ON COLUMN dynpgext.registered_worker.restart_delay IS 'before the first restart, in milliseconds';
COMMENT ON COLUMN dynpgext.registered_worker.deadline IS 'maximum time between two heartbeats, in milliseconds; 0: it sends none';
COMMENT ON COLUMN dynpgext.registered_worker.servers IS 'servers it runs on: primary, standby, both, or by start time (bgw_start_time)';
COMMENT ON COLUMN dynpgext.registered_worker.declared IS 'with dynpgext.register() or apply(), not by the library';
COMMENT ON COLUMN dynpgext.registered_worker.hosted IS 'runs a command, in a process of dynpgext that is connected as its role';
COMMENT ON COLUMN dynpgext.registered_worker.process IS 'if it runs a command: shared (with others of its database and role) or own';

CREATE TABLE dynpgext.registered_command (
    extension name NOT NULL,
    worker text NOT NULL,
    command text NOT NULL,
    run_interval bigint NOT NULL,
    channel text NOT NULL,
    run_as oid NOT NULL,
    deadline bigint NOT NULL,
    registered_by oid NOT NULL,
    superuser boolean NOT NULL,
    without_login boolean NOT NULL,
    by_hand boolean NOT NULL,
    atomic boolean NOT NULL,
    decided_in text NOT NULL,
    schemas text NOT NULL,
    owners text NOT NULL,
    foreign_owner text NOT NULL,
    first_run bigint NOT NULL,
    PRIMARY KEY (extension, worker),
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_command'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_command IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_command IS 'commands of SQL workers of this database; read dynpgext.commands instead';
COMMENT ON COLUMN dynpgext.registered_command.extension IS 'extension that registered the worker';
COMMENT ON COLUMN dynpgext.registered_command.worker IS 'name of the worker';
COMMENT ON COLUMN dynpgext.registered_command.command IS 'SQL';
COMMENT ON COLUMN dynpgext.registered_command.run_interval IS 'time between the starts of two runs, in milliseconds; 0: only when notified';
COMMENT ON COLUMN dynpgext.registered_command.channel IS 'notification channel; empty: none';
COMMENT ON COLUMN dynpgext.registered_command.run_as IS 'role that runs it; 0: none, and it does not run';
COMMENT ON COLUMN dynpgext.registered_command.deadline IS 'time limit of one run, in milliseconds; 0: no limit';
COMMENT ON COLUMN dynpgext.registered_command.registered_by IS 'role that registered it';
COMMENT ON COLUMN dynpgext.registered_command.superuser IS 'a superuser has named a superuser as run_as';
COMMENT ON COLUMN dynpgext.registered_command.without_login IS 'a superuser has named a role without LOGIN as run_as';
COMMENT ON COLUMN dynpgext.registered_command.by_hand IS 'registered by hand, or by a script that did not run as a superuser';
COMMENT ON COLUMN dynpgext.registered_command.atomic IS 'it runs in one transaction; otherwise each statement has its own';
COMMENT ON COLUMN dynpgext.registered_command.schemas IS 'schemas of the extension and its members at registration; if their names differ now, a command of its script does not run';
COMMENT ON COLUMN dynpgext.registered_command.owners IS 'OIDs of accepted owners of the database in decided_in: known when its role was decided, or members of that role';
COMMENT ON COLUMN dynpgext.registered_command.foreign_owner IS 'a later owner of the database, or of the original of this copy, that is not a member of run_as: the command does not run until a superuser registers it again; empty: none';
COMMENT ON COLUMN dynpgext.registered_command.first_run IS 'delay after its start, in milliseconds; 0: none; -1: one interval';
COMMENT ON COLUMN dynpgext.registered_command.decided_in IS 'mark of the database in which its role was decided; in a copy, that of the original';

CREATE TABLE dynpgext.registered_content (
    extension name NOT NULL,
    allocation text NOT NULL PRIMARY KEY,
    content bytea NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_content'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_content IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_content IS 'initial content of shared memory in manifests of this database';
COMMENT ON COLUMN dynpgext.registered_content.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.registered_content.allocation IS 'name of the allocation';
COMMENT ON COLUMN dynpgext.registered_content.content IS 'its first bytes; the rest is 0';

-- Settings that DBAs make with configure_worker().  Dumped, and so restored.  Rows are deleted with
-- their extension.
CREATE TABLE dynpgext.worker_settings (
    extension name NOT NULL,
    worker text NOT NULL,
    enabled boolean,
    restart text CHECK (restart IN ('never', 'on_failure', 'always')),
    restart_delay interval CHECK (restart_delay BETWEEN INTERVAL '0' AND INTERVAL '24 hours'),
    run_interval interval CHECK (run_interval BETWEEN INTERVAL '10 milliseconds' AND INTERVAL '366 days'),
    PRIMARY KEY (extension, worker),
    CONSTRAINT may_configure CHECK (dynpgext_internal.may_configure(extension, worker))
);
COMMENT ON CONSTRAINT may_configure ON dynpgext.worker_settings IS 'only superusers configure global workers';
COMMENT ON TABLE dynpgext.worker_settings IS 'how background workers of this database are supervised; set by DBAs with dynpgext.configure_worker()';
COMMENT ON COLUMN dynpgext.worker_settings.extension IS 'extension that registers the worker';
COMMENT ON COLUMN dynpgext.worker_settings.worker IS 'bgw_name';
COMMENT ON COLUMN dynpgext.worker_settings.enabled IS 'false: it does not run; NULL: it does';
COMMENT ON COLUMN dynpgext.worker_settings.restart IS 'never, on_failure or always; NULL: as set by its author';
COMMENT ON COLUMN dynpgext.worker_settings.restart_delay IS 'delay before the first restart; NULL: as set by its author';
COMMENT ON COLUMN dynpgext.worker_settings.run_interval IS 'for SQL workers: time between the starts of two runs; NULL: as set by its author';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.worker_settings', '');

-- Registrations that DBAs make by hand, with register() or apply(); they replace those of the
-- extension's script.  Dumped, and so restored.  Rows are deleted with their extension.
CREATE TABLE dynpgext.manifests (
    extension name NOT NULL PRIMARY KEY,
    manifest jsonb NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('manifests'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.manifests IS 'non-superusers write only rows that a trigger checks';
COMMENT ON TABLE dynpgext.manifests IS 'manual registrations by DBAs for extensions of this database, with dynpgext.register() or apply()';
COMMENT ON COLUMN dynpgext.manifests.extension IS 'extension that it is registered for';
COMMENT ON COLUMN dynpgext.manifests.manifest IS 'its allocations and workers; see docs/manifest.md';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.manifests', '');

-- The manifests in effect.  Rows written without triggers (pg_restore --disable-triggers, logical
-- replication) only take effect when a process next checks the table, and may turn out to be invalid
-- then.
CREATE TABLE dynpgext.registered_manifest (
    extension name NOT NULL PRIMARY KEY,
    digest text NOT NULL,
    refusal text,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_manifest'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_manifest IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_manifest IS 'rows of dynpgext.manifests that took effect or were refused';
COMMENT ON COLUMN dynpgext.registered_manifest.extension IS 'extension it is for';
COMMENT ON COLUMN dynpgext.registered_manifest.digest IS 'of its text';
COMMENT ON COLUMN dynpgext.registered_manifest.refusal IS 'reason for the refusal, as in the WARNING; NULL: it took effect';

-- Has a row while this database is being restored; meanwhile no worker runs in it.  Not dumped.
CREATE TABLE dynpgext.restore (
    began_at timestamptz NOT NULL,
    boot bigint NOT NULL,
    until_told boolean NOT NULL,
    brings_dynpgext boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('restore'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.restore IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.restore IS 'one row while this database is being restored and runs no background workers';
COMMENT ON COLUMN dynpgext.restore.began_at IS 'time when the restore was detected';
COMMENT ON COLUMN dynpgext.restore.boot IS 'run of the server in which it began; another run, or 0: interrupted, lasts until dynpgext.end_restore() or another restore';
COMMENT ON COLUMN dynpgext.restore.until_told IS 'lasts until dynpgext.end_restore(), even if the restoring sessions end earlier';
COMMENT ON COLUMN dynpgext.restore.brings_dynpgext IS 'it created dynpgext here, so the roles in its rows of dynpgext.identities count';

-- The roles that commands run as, in a form for pg_dump: registered_command stores OIDs, this table
-- stores the roles' current names.  Restored rows override the registrations that scripts have made
-- by then, so a command may temporarily have two rows, and the table has no key.
-- dynpgext writes decided_in below SQL.  SQL cannot: the column is NULL in every row written by a
-- restore, logical replication or a user, until dynpgext has accepted the row.
-- The type is in this schema because dumps name it: REVOKE ALL ON TYPE dynpgext.role FROM PUBLIC.
CREATE TYPE dynpgext.role;
CREATE FUNCTION dynpgext_internal.role_in(cstring) RETURNS dynpgext.role
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_role_in';
COMMENT ON FUNCTION dynpgext_internal.role_in(cstring) IS 'internal: input; the role need not exist';
CREATE FUNCTION dynpgext_internal.role_out(dynpgext.role) RETURNS cstring
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_role_out';
COMMENT ON FUNCTION dynpgext_internal.role_out(dynpgext.role) IS 'internal: its current name';
CREATE TYPE dynpgext.role (INPUT = dynpgext_internal.role_in, OUTPUT = dynpgext_internal.role_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4);
COMMENT ON TYPE dynpgext.role IS 'internal: a role, stored as OID, written as name';

CREATE TABLE dynpgext.identities (
    extension name NOT NULL,
    worker text NOT NULL,
    run_as dynpgext.role,
    registered_by dynpgext.role,
    superuser boolean NOT NULL,
    without_login boolean NOT NULL,
    by_hand boolean NOT NULL,
    decided_in text GENERATED ALWAYS AS (NULL::text) STORED,
    foreign_owner text,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('identities'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.identities IS 'only superusers write it';
COMMENT ON TABLE dynpgext.identities IS 'roles of the SQL workers of this database, for pg_dump; read dynpgext.commands instead';
COMMENT ON COLUMN dynpgext.identities.extension IS 'extension that registered the worker';
COMMENT ON COLUMN dynpgext.identities.worker IS 'name of the worker';
COMMENT ON COLUMN dynpgext.identities.run_as IS 'role that runs it; NULL: none, and it does not run';
COMMENT ON COLUMN dynpgext.identities.registered_by IS 'role that registered it';
COMMENT ON COLUMN dynpgext.identities.superuser IS 'a superuser has named a superuser as run_as';
COMMENT ON COLUMN dynpgext.identities.without_login IS 'a superuser has named a role without LOGIN as run_as';
COMMENT ON COLUMN dynpgext.identities.by_hand IS 'registered by hand, or by a script that did not run as a superuser';
COMMENT ON COLUMN dynpgext.identities.decided_in IS 'mark of the database in which it was decided; in a copy, that of the original; NULL: SQL wrote the row, and it does not count';
COMMENT ON COLUMN dynpgext.identities.foreign_owner IS 'a later owner of the database that is not a member of run_as: the worker does not run; NULL: none';
CREATE FUNCTION dynpgext_internal.is_dumped(run_as dynpgext.role, by_hand boolean, decided_in text, foreign_owner text) RETURNS boolean
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'dynpgext_is_dumped';
COMMENT ON FUNCTION dynpgext_internal.is_dumped(dynpgext.role, boolean, text, text) IS 'internal: omits from dumps rows that do not count, and roles that the owner of a copy may not use';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.identities', 'WHERE dynpgext_internal.is_dumped(run_as, by_hand, decided_in, foreign_owner)');

-- Holds the roles of commands, see src/pg/role_hold.h.
CREATE FOREIGN DATA WRAPPER dynpgext;
COMMENT ON FOREIGN DATA WRAPPER dynpgext IS 'connects to nothing';
CREATE SERVER dynpgext_workers FOREIGN DATA WRAPPER dynpgext;
COMMENT ON SERVER dynpgext_workers IS 'its user mappings protect the roles that SQL workers need from DROP ROLE';

-- Libraries for shared_preload_libraries that the server hosts for this database.  Dumped: a restored
-- database hosts them again.  dynpgext writes it below SQL.
CREATE TABLE dynpgext.hosted_libraries (
    library name NOT NULL PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('global', 'database')),
    position integer NOT NULL,
    settings jsonb,
    sessions boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('hosted_libraries'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.hosted_libraries IS 'only superusers write it with SQL';
COMMENT ON TABLE dynpgext.hosted_libraries IS 'libraries hosted from this database; read dynpgext.hosted instead';
COMMENT ON COLUMN dynpgext.hosted_libraries.library IS 'name of the library in $libdir';
COMMENT ON COLUMN dynpgext.hosted_libraries.scope IS 'global: one instance for the server; database: one for this database';
COMMENT ON COLUMN dynpgext.hosted_libraries.position IS 'order of loading, ascending';
COMMENT ON COLUMN dynpgext.hosted_libraries.settings IS 'values of settings for this instance';
COMMENT ON COLUMN dynpgext.hosted_libraries.sessions IS 'sessions load it when they start';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.hosted_libraries', '');
