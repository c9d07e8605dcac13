-- Used in constraints, which also apply when triggers do not fire.  They run as the role that writes
-- the table.
CREATE FUNCTION dynpgext_internal.may_configure(extension name, worker text) RETURNS boolean
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_may_configure';
COMMENT ON FUNCTION dynpgext_internal.may_configure(name, text) IS 'internal: is refused to others than superusers for a worker that is global, or not registered';

CREATE FUNCTION dynpgext_internal.may_write("table" text) RETURNS boolean
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_may_write';
COMMENT ON FUNCTION dynpgext_internal.may_write(text) IS 'internal: refuses all where only dynpgext writes; others than superusers in identities; and in manifests where they may not register, or no trigger would check what they write';

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
COMMENT ON COLUMN dynpgext.registered_extension.version IS 'version that was provisioned last';
COMMENT ON COLUMN dynpgext.registered_extension.library IS 'library by which it takes part';
COMMENT ON COLUMN dynpgext.registered_extension.eager IS 'is provisioned without dynpgext.load()';
COMMENT ON COLUMN dynpgext.registered_extension.loaded IS 'has not been unloaded';
COMMENT ON COLUMN dynpgext.registered_extension.boot IS 'of one that is not eager: the run of the server in which it was loaded';
COMMENT ON COLUMN dynpgext.registered_extension.incarnation IS 'differs between one CREATE EXTENSION and the next';
COMMENT ON COLUMN dynpgext.registered_extension.is_library IS 'a library that is hosted, and no extension';

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
COMMENT ON COLUMN dynpgext.registered_worker.notify IS 'the process that starts it is told when its state changes';
COMMENT ON COLUMN dynpgext.registered_worker.callback IS 'whoever starts it runs the extension''s init first, for its callback';
COMMENT ON COLUMN dynpgext.registered_worker.extra IS 'bgw_extra';
COMMENT ON COLUMN dynpgext.registered_worker.argument IS 'bgw_main_arg of a global worker';
COMMENT ON COLUMN dynpgext.registered_worker.restart IS 'after which end it is started again, as its author says: never, on_failure or always';
COMMENT ON COLUMN dynpgext.registered_worker.restart_delay IS 'before the first restart, in milliseconds';
COMMENT ON COLUMN dynpgext.registered_worker.deadline IS 'longest silence between two heartbeats, in milliseconds; 0: it sends none';
COMMENT ON COLUMN dynpgext.registered_worker.servers IS 'servers it runs on: primary, standby, both, or by start time: as bgw_start_time says';
COMMENT ON COLUMN dynpgext.registered_worker.declared IS 'with dynpgext.register() or apply(), not by the library';
COMMENT ON COLUMN dynpgext.registered_worker.hosted IS 'runs a command, in a process of dynpgext''s that has connected as its role';
COMMENT ON COLUMN dynpgext.registered_worker.process IS 'of one that runs a command: shared, with the others of its database and role; or own';

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
COMMENT ON COLUMN dynpgext.registered_command.run_interval IS 'between the starts of two runs, in milliseconds; 0: it runs only when notified';
COMMENT ON COLUMN dynpgext.registered_command.channel IS 'it runs when notified on it; empty: on none';
COMMENT ON COLUMN dynpgext.registered_command.run_as IS 'role that it runs as; 0: none, and it does not run';
COMMENT ON COLUMN dynpgext.registered_command.deadline IS 'longest that one run may take, in milliseconds; 0: any';
COMMENT ON COLUMN dynpgext.registered_command.registered_by IS 'role that registered it';
COMMENT ON COLUMN dynpgext.registered_command.superuser IS 'a superuser has named a superuser as run_as';
COMMENT ON COLUMN dynpgext.registered_command.without_login IS 'a superuser has named a role without LOGIN as run_as';
COMMENT ON COLUMN dynpgext.registered_command.by_hand IS 'registered by hand, not by the script of the extension';
COMMENT ON COLUMN dynpgext.registered_command.atomic IS 'it runs in one transaction; otherwise each statement has its own';
COMMENT ON COLUMN dynpgext.registered_command.schemas IS 'of the extension, and those of its members, when it was registered: a command of its script does not run where they are called otherwise by now';
COMMENT ON COLUMN dynpgext.registered_command.owners IS 'OIDs of roles that have owned that database and may: they were known when its role was decided, or are members of it';
COMMENT ON COLUMN dynpgext.registered_command.foreign_owner IS 'a role that has owned the database since its role was decided, or the one that this is a copy of, and is no member of it: it does not run until a superuser registers it again; empty: none';
COMMENT ON COLUMN dynpgext.registered_command.first_run IS 'from its start, in milliseconds; 0: at once; -1: after one interval';
COMMENT ON COLUMN dynpgext.registered_command.decided_in IS 'mark of the database in which its role was decided; of another one where this one is a copy';

CREATE TABLE dynpgext.registered_content (
    extension name NOT NULL,
    allocation text NOT NULL PRIMARY KEY,
    content bytea NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_content'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_content IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_content IS 'what shared memory begins with that manifests of this database declare';
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
COMMENT ON TABLE dynpgext.worker_settings IS 'how DBAs want background workers of this database to be supervised; set with dynpgext.configure_worker()';
COMMENT ON COLUMN dynpgext.worker_settings.extension IS 'extension that registers the worker';
COMMENT ON COLUMN dynpgext.worker_settings.worker IS 'bgw_name';
COMMENT ON COLUMN dynpgext.worker_settings.enabled IS 'false: it does not run; NULL: it does';
COMMENT ON COLUMN dynpgext.worker_settings.restart IS 'never, on_failure or always; NULL: as set by its author';
COMMENT ON COLUMN dynpgext.worker_settings.restart_delay IS 'delay before the first restart; NULL: as set by its author';
COMMENT ON COLUMN dynpgext.worker_settings.run_interval IS 'of an SQL worker: time between the starts of two runs; NULL: as set by its author';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.worker_settings', '');

-- Registrations that DBAs make by hand, with register() or apply(); they replace those of the
-- extension's script.  Dumped, and so restored.  Rows are deleted with their extension.
CREATE TABLE dynpgext.manifests (
    extension name NOT NULL PRIMARY KEY,
    manifest jsonb NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('manifests'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.manifests IS 'others than superusers write nothing that no trigger checks';
COMMENT ON TABLE dynpgext.manifests IS 'what DBAs have registered by hand for extensions of this database, with dynpgext.register() or apply()';
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
COMMENT ON TABLE dynpgext.registered_manifest IS 'rows of dynpgext.manifests that have been followed, or cannot be';
COMMENT ON COLUMN dynpgext.registered_manifest.extension IS 'that the manifest is for';
COMMENT ON COLUMN dynpgext.registered_manifest.digest IS 'of its text';
COMMENT ON COLUMN dynpgext.registered_manifest.refusal IS 'why it cannot be followed, as a WARNING has said; NULL: it has been';

-- Has a row while this database is being restored; meanwhile no worker runs in it.  Not dumped.
CREATE TABLE dynpgext.restore (
    began_at timestamptz NOT NULL,
    boot bigint NOT NULL,
    until_told boolean NOT NULL,
    brings_dynpgext boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext_internal.may_write('restore'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.restore IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.restore IS 'one row while this database is being restored: no background worker runs in it then';
COMMENT ON COLUMN dynpgext.restore.began_at IS 'time at which the restore was noticed';
COMMENT ON COLUMN dynpgext.restore.boot IS 'the run of the server in which it began; of another one, or 0: interrupted, and lasts until dynpgext.end_restore() or another restore';
COMMENT ON COLUMN dynpgext.restore.until_told IS 'lasts until dynpgext.end_restore(), not only as long as the sessions that restore';
COMMENT ON COLUMN dynpgext.restore.brings_dynpgext IS 'it has created dynpgext here: the roles in its rows of dynpgext.identities count';

-- The roles that commands run as, in a form for pg_dump: registered_command stores OIDs, this table
-- stores the roles' current names.  Restored rows override the registrations that scripts have made
-- by then, so a command may temporarily have two rows, and the table has no key.
-- dynpgext writes decided_in below SQL.  SQL cannot: the column is NULL in every row written by a
-- restore, logical replication or a user, until dynpgext has accepted the row.
-- The type is in this schema because dumps name it: REVOKE ALL ON TYPE dynpgext.role FROM PUBLIC.
CREATE TYPE dynpgext.role;
CREATE FUNCTION dynpgext_internal.role_in(cstring) RETURNS dynpgext.role
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_role_in';
COMMENT ON FUNCTION dynpgext_internal.role_in(cstring) IS 'internal: of a name, which need not exist';
CREATE FUNCTION dynpgext_internal.role_out(dynpgext.role) RETURNS cstring
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_role_out';
COMMENT ON FUNCTION dynpgext_internal.role_out(dynpgext.role) IS 'internal: to its name of now';
CREATE TYPE dynpgext.role (INPUT = dynpgext_internal.role_in, OUTPUT = dynpgext_internal.role_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4);
COMMENT ON TYPE dynpgext.role IS 'internal: a role, kept by OID and written by name';

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
COMMENT ON TABLE dynpgext.identities IS 'whom the SQL workers of this database run as, for pg_dump; read dynpgext.commands instead';
COMMENT ON COLUMN dynpgext.identities.extension IS 'extension that registered the worker';
COMMENT ON COLUMN dynpgext.identities.worker IS 'name of the worker';
COMMENT ON COLUMN dynpgext.identities.run_as IS 'role that runs it; NULL: none, and it does not run';
COMMENT ON COLUMN dynpgext.identities.registered_by IS 'role that registered it';
COMMENT ON COLUMN dynpgext.identities.superuser IS 'a superuser has named a superuser as run_as';
COMMENT ON COLUMN dynpgext.identities.without_login IS 'a superuser has named a role without LOGIN as run_as';
COMMENT ON COLUMN dynpgext.identities.by_hand IS 'registered by hand, not by the script of the extension';
COMMENT ON COLUMN dynpgext.identities.decided_in IS 'mark of the database in which it was decided; of another one where this one is a copy; NULL: SQL has written the row, and it does not count';
COMMENT ON COLUMN dynpgext.identities.foreign_owner IS 'a role that has owned the database since, and is no member of run_as: the worker does not run; NULL: none';
CREATE FUNCTION dynpgext_internal.is_dumped(run_as dynpgext.role, by_hand boolean, decided_in text, foreign_owner text) RETURNS boolean
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'dynpgext_is_dumped';
COMMENT ON FUNCTION dynpgext_internal.is_dumped(dynpgext.role, boolean, text, text) IS 'internal: leaves out of a dump what does not count, and what the owner of a copy may not have run';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.identities', 'WHERE dynpgext_internal.is_dumped(run_as, by_hand, decided_in, foreign_owner)');

-- Holds the roles of commands, see src/pg/role_hold.h.
CREATE FOREIGN DATA WRAPPER dynpgext;
COMMENT ON FOREIGN DATA WRAPPER dynpgext IS 'connects to nothing';
CREATE SERVER dynpgext_workers FOREIGN DATA WRAPPER dynpgext;
COMMENT ON SERVER dynpgext_workers IS 'user mappings for the roles that SQL workers need: DROP ROLE is refused for them';

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
COMMENT ON TABLE dynpgext.hosted_libraries IS 'libraries that this database has the server host; read dynpgext.hosted instead';
COMMENT ON COLUMN dynpgext.hosted_libraries.library IS 'name of the library in $libdir';
COMMENT ON COLUMN dynpgext.hosted_libraries.scope IS 'global: one instance for the server; database: one for this database';
COMMENT ON COLUMN dynpgext.hosted_libraries.position IS 'order of loading, ascending';
COMMENT ON COLUMN dynpgext.hosted_libraries.settings IS 'values of settings for this instance';
COMMENT ON COLUMN dynpgext.hosted_libraries.sessions IS 'sessions load it when they start';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.hosted_libraries', '');
