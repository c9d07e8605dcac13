-- dynpgext's install script; put together from schema/*.sql by the Makefile.
\echo Use "CREATE EXTENSION dynpgext" to load this file. \quit

-- Made here rather than by the control file: if somebody has made one before, this fails.
CREATE SCHEMA dynpgext;
COMMENT ON SCHEMA dynpgext IS 'shared memory and background workers of extensions, provisioned at run time';

-- In constraints, which hold also where triggers do not fire; whoever writes the tables calls them.
CREATE FUNCTION dynpgext.may_configure(extension name, worker text) RETURNS boolean
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_may_configure';
COMMENT ON FUNCTION dynpgext.may_configure(name, text) IS 'internal: is refused to others than superusers for a worker that is global, or not registered';

CREATE FUNCTION dynpgext.may_write("table" text) RETURNS boolean
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_may_write';
COMMENT ON FUNCTION dynpgext.may_write(text) IS 'internal: refuses all where only dynpgext writes; others than superusers in identities; and in manifests where they may not register, or no trigger would check what they write';

-- Registrations.  Written by dynpgext only.  Not dumped: the extensions register again when
-- they are restored.  The order of columns is that of the lists of members
-- in src/model/registration.h and command.h.

CREATE TABLE dynpgext.registered_extension (
    extension name NOT NULL PRIMARY KEY,
    version text NOT NULL,
    library text NOT NULL,
    eager boolean NOT NULL,
    loaded boolean NOT NULL,
    boot bigint NOT NULL,
    incarnation bigint NOT NULL,
    is_library boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext.may_write('registered_extension'))
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
    CONSTRAINT may_write CHECK (dynpgext.may_write('registered_allocation'))
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
    PRIMARY KEY (extension, name),
    CONSTRAINT may_write CHECK (dynpgext.may_write('registered_worker'))
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
COMMENT ON COLUMN dynpgext.registered_worker.hosted IS 'runs a command, in the process that does so for all of the database';

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
    PRIMARY KEY (extension, worker),
    CONSTRAINT may_write CHECK (dynpgext.may_write('registered_command'))
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
COMMENT ON COLUMN dynpgext.registered_command.decided_in IS 'mark of the database in which its role was decided; of another one where this one is a copy';

CREATE TABLE dynpgext.registered_content (
    extension name NOT NULL,
    allocation text NOT NULL PRIMARY KEY,
    content bytea NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext.may_write('registered_content'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_content IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_content IS 'what shared memory begins with that manifests of this database declare';
COMMENT ON COLUMN dynpgext.registered_content.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.registered_content.allocation IS 'name of the allocation';
COMMENT ON COLUMN dynpgext.registered_content.content IS 'its first bytes; the rest is 0';

-- What DBAs set with configure_worker().  Dumped: a restored database has it again.  Rows go with
-- their extension.
CREATE TABLE dynpgext.worker_settings (
    extension name NOT NULL,
    worker text NOT NULL,
    enabled boolean,
    restart text CHECK (restart IN ('never', 'on_failure', 'always')),
    restart_delay interval CHECK (restart_delay BETWEEN INTERVAL '0' AND INTERVAL '24 hours'),
    PRIMARY KEY (extension, worker),
    CONSTRAINT may_configure CHECK (dynpgext.may_configure(extension, worker))
);
COMMENT ON CONSTRAINT may_configure ON dynpgext.worker_settings IS 'only superusers configure global workers';
COMMENT ON TABLE dynpgext.worker_settings IS 'how DBAs want background workers of this database to be supervised; set with dynpgext.configure_worker()';
COMMENT ON COLUMN dynpgext.worker_settings.extension IS 'extension that registers the worker';
COMMENT ON COLUMN dynpgext.worker_settings.worker IS 'bgw_name';
COMMENT ON COLUMN dynpgext.worker_settings.enabled IS 'false: it does not run; NULL: it does';
COMMENT ON COLUMN dynpgext.worker_settings.restart IS 'never, on_failure or always; NULL: as set by its author';
COMMENT ON COLUMN dynpgext.worker_settings.restart_delay IS 'delay before the first restart; NULL: as set by its author';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.worker_settings', '');

-- What DBAs have registered by hand, with register() or apply(), in place of what the extension's
-- script registers.  Dumped: a restored database has it again.  Rows go with their extension.
CREATE TABLE dynpgext.manifests (
    extension name NOT NULL PRIMARY KEY,
    manifest jsonb NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext.may_write('manifests'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.manifests IS 'others than superusers write nothing that no trigger checks';
COMMENT ON TABLE dynpgext.manifests IS 'what DBAs have registered by hand for extensions of this database, with dynpgext.register() or apply()';
COMMENT ON COLUMN dynpgext.manifests.extension IS 'extension that it is registered for';
COMMENT ON COLUMN dynpgext.manifests.manifest IS 'its allocations and workers; see docs/manifest.md';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.manifests', '');

-- Which of them are in effect.  Rows that were written without triggers (pg_restore --disable-triggers,
-- logical replication) are not, until somebody looks; and then perhaps cannot be.
CREATE TABLE dynpgext.registered_manifest (
    extension name NOT NULL PRIMARY KEY,
    digest text NOT NULL,
    refusal text,
    CONSTRAINT may_write CHECK (dynpgext.may_write('registered_manifest'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.registered_manifest IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.registered_manifest IS 'rows of dynpgext.manifests that have been followed, or cannot be';
COMMENT ON COLUMN dynpgext.registered_manifest.extension IS 'that the manifest is for';
COMMENT ON COLUMN dynpgext.registered_manifest.digest IS 'of its text';
COMMENT ON COLUMN dynpgext.registered_manifest.refusal IS 'why it cannot be followed, as a WARNING has said; NULL: it has been';

-- A row while this database is being restored, and no worker runs in it.  Not dumped.
CREATE TABLE dynpgext.restore (
    began_at timestamptz NOT NULL,
    boot bigint NOT NULL,
    until_told boolean NOT NULL,
    brings_dynpgext boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext.may_write('restore'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.restore IS 'only dynpgext writes it, below SQL';
COMMENT ON TABLE dynpgext.restore IS 'one row while this database is being restored: no background worker runs in it then';
COMMENT ON COLUMN dynpgext.restore.began_at IS 'time at which the restore was noticed';
COMMENT ON COLUMN dynpgext.restore.boot IS 'the run of the server in which it began; of another one, or 0: interrupted, and lasts until dynpgext.end_restore() or another restore';
COMMENT ON COLUMN dynpgext.restore.until_told IS 'lasts until dynpgext.end_restore(), not only as long as the sessions that restore';
COMMENT ON COLUMN dynpgext.restore.brings_dynpgext IS 'it has created dynpgext here: the roles in its rows of dynpgext.identities count';

-- Whom commands run as, for pg_dump: by names, as registered_command has it by OIDs.  A role is written
-- with the name that it has at the moment.  A restore compares the rows with what scripts have
-- registered by then, and the restored ones hold: so there may be two for a command, and no key.
-- dynpgext writes decided_in below SQL.  SQL cannot: the column is NULL in every row that a restore, logical
-- replication or a user writes, until dynpgext has accepted the row.
CREATE TYPE dynpgext.role;
CREATE FUNCTION dynpgext.role_in(cstring) RETURNS dynpgext.role
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_role_in';
COMMENT ON FUNCTION dynpgext.role_in(cstring) IS 'internal: of a name, which need not exist';
CREATE FUNCTION dynpgext.role_out(dynpgext.role) RETURNS cstring
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_role_out';
COMMENT ON FUNCTION dynpgext.role_out(dynpgext.role) IS 'internal: to its name of now';
CREATE TYPE dynpgext.role (INPUT = dynpgext.role_in, OUTPUT = dynpgext.role_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4);
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
    CONSTRAINT may_write CHECK (dynpgext.may_write('identities'))
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
CREATE FUNCTION dynpgext.is_dumped(run_as dynpgext.role, by_hand boolean, decided_in text, foreign_owner text) RETURNS boolean
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'dynpgext_is_dumped';
COMMENT ON FUNCTION dynpgext.is_dumped(dynpgext.role, boolean, text, text) IS 'internal: leaves out of a dump what does not count, and what the owner of a copy may not have run';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.identities', 'WHERE dynpgext.is_dumped(run_as, by_hand, decided_in, foreign_owner)');

-- Holds the roles of commands: src/pg/role_hold.h.
CREATE FOREIGN DATA WRAPPER dynpgext;
COMMENT ON FOREIGN DATA WRAPPER dynpgext IS 'connects to nothing';
CREATE SERVER dynpgext_workers FOREIGN DATA WRAPPER dynpgext;
COMMENT ON SERVER dynpgext_workers IS 'user mappings for the roles that SQL workers need: DROP ROLE is refused for them';

-- Libraries for shared_preload_libraries that this database has the server host.  Dumped: a restored
-- database hosts them again.  dynpgext writes it below SQL.
CREATE TABLE dynpgext.hosted_libraries (
    library name NOT NULL PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('global', 'database')),
    position integer NOT NULL,
    settings jsonb,
    sessions boolean NOT NULL,
    CONSTRAINT may_write CHECK (dynpgext.may_write('hosted_libraries'))
);
COMMENT ON CONSTRAINT may_write ON dynpgext.hosted_libraries IS 'only superusers write it with SQL';
COMMENT ON TABLE dynpgext.hosted_libraries IS 'libraries that this database has the server host; read dynpgext.hosted instead';
COMMENT ON COLUMN dynpgext.hosted_libraries.library IS 'name of the library in $libdir';
COMMENT ON COLUMN dynpgext.hosted_libraries.scope IS 'global: one instance for the server; database: one for this database';
COMMENT ON COLUMN dynpgext.hosted_libraries.position IS 'order of loading, ascending';
COMMENT ON COLUMN dynpgext.hosted_libraries.settings IS 'values of settings for this instance';
COMMENT ON COLUMN dynpgext.hosted_libraries.sessions IS 'sessions load it when they start';
SELECT pg_catalog.pg_extension_config_dump('dynpgext.hosted_libraries', '');
-- What the views are made of.  Not an interface: these may change in any version.

CREATE FUNCTION dynpgext.live_extensions(
    whole boolean DEFAULT true, OUT database oid, OUT extension name, OUT state text, OUT error text, OUT provisioned_at timestamptz,
    OUT since timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_extensions';
COMMENT ON FUNCTION dynpgext.live_extensions(boolean) IS 'internal: state of extensions: of this database, or of all';

CREATE FUNCTION dynpgext.live_provisioners(OUT database oid, OUT extension name, OUT pid integer)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_provisioners';
COMMENT ON FUNCTION dynpgext.live_provisioners() IS 'internal: processes that hold the provisioning lock and run code of an extension, all databases';

CREATE FUNCTION dynpgext.live_allocations(
    whole boolean DEFAULT true, OUT home oid, OUT name text, OUT extension name, OUT size bigint, OUT state text, OUT attached integer,
    OUT allocated_at timestamptz, OUT since timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_allocations';
COMMENT ON FUNCTION dynpgext.live_allocations(boolean) IS 'internal: memory that exists: this database''s and the global one, or all';

CREATE FUNCTION dynpgext.live_workers(
    whole boolean DEFAULT true, OUT home oid, OUT extension name, OUT name text, OUT version text, OUT type text, OUT library text,
    OUT function text, OUT state text, OUT pid integer, OUT starts bigint, OUT last_started_at timestamptz,
    OUT last_exited_at timestamptz, OUT last_exit_code integer, OUT last_error text, OUT leaving boolean,
    OUT restart text, OUT next_start_at timestamptz, OUT stale boolean, OUT waits_for text,
    OUT since timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_workers';
COMMENT ON FUNCTION dynpgext.live_workers(boolean) IS 'internal: workers as they run: this database''s and the global ones, or all';

CREATE FUNCTION dynpgext.live_commands(
    whole boolean DEFAULT true, OUT home oid, OUT extension name, OUT worker text, OUT source oid, OUT state text, OUT pid integer, OUT runs bigint,
    OUT failures bigint, OUT last_run_at timestamptz, OUT last_duration interval, OUT last_failed_at timestamptz,
    OUT last_error text, OUT next_run_at timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_commands';
COMMENT ON FUNCTION dynpgext.live_commands(boolean) IS 'internal: SQL workers as they run: this database''s and the global ones, or all';

CREATE FUNCTION dynpgext.published_allocations(
    whole boolean DEFAULT true, OUT home oid, OUT database oid, OUT name text, OUT extension name, OUT version text, OUT scope text,
    OUT size bigint)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_published_allocations';
COMMENT ON FUNCTION dynpgext.published_allocations(boolean) IS 'internal: registered memory: this database''s and the global one, or all';

CREATE FUNCTION dynpgext.published_workers(
    whole boolean DEFAULT true, OUT home oid, OUT database oid, OUT extension name, OUT version text, OUT name text, OUT type text,
    OUT scope text, OUT library text, OUT function text, OUT restart text, OUT is_command boolean, OUT run_as oid)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_published_workers';
COMMENT ON FUNCTION dynpgext.published_workers(boolean) IS 'internal: registered workers: this database''s and the global ones, or all';

CREATE FUNCTION dynpgext.published_extensions(
    OUT database oid, OUT extension name, OUT version text, OUT library text,
    OUT allocations bigint, OUT workers bigint)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_published_extensions';
COMMENT ON FUNCTION dynpgext.published_extensions() IS 'internal: extensions that are registered and wanted, and how much they register, all databases';

CREATE FUNCTION dynpgext.list_events(
    OUT at timestamptz, OUT extension name, OUT object text, OUT name text, OUT home oid, OUT event text,
    OUT detail text)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_list_events';
COMMENT ON FUNCTION dynpgext.list_events() IS 'internal: the rows of dynpgext.events';

CREATE FUNCTION dynpgext.boot() RETURNS bigint
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_boot';
COMMENT ON FUNCTION dynpgext.boot() IS 'internal: identifies this run of the server''s shared memory';

CREATE FUNCTION dynpgext.server_status(
    OUT version text, OUT preloaded boolean, OUT launcher_pid integer, OUT memory_used bigint,
    OUT memory_limit bigint, OUT databases bigint, OUT allocations bigint, OUT workers bigint)
RETURNS SETOF record ROWS 1 LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_status';
COMMENT ON FUNCTION dynpgext.server_status() IS 'internal: the row of dynpgext.status';

CREATE FUNCTION dynpgext.live_hosted(
    OUT library name, OUT home oid, OUT source oid, OUT "position" integer, OUT state text, OUT error text,
    OUT memory_requested bigint, OUT memory_used bigint, OUT workers integer, OUT settings text,
    OUT sessions integer, OUT stale boolean, OUT hosted_at timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_hosted';
COMMENT ON FUNCTION dynpgext.live_hosted() IS 'internal: instances of hosted libraries';

-- For this script alone.

CREATE FUNCTION dynpgext.adopt_installed_extensions() RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_adopt';
COMMENT ON FUNCTION dynpgext.adopt_installed_extensions() IS 'internal: for the install script';

CREATE FUNCTION dynpgext.reset_privileges() RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_reset_privileges';
COMMENT ON FUNCTION dynpgext.reset_privileges() IS 'internal: for the install script and updates, before they grant anything';
-- The views.  Registrations are read from the tables, so a transaction sees what it has done
-- itself; how they are doing is read from shared memory.

CREATE VIEW dynpgext.extensions AS
SELECT r.extension,
       r.version,
       CASE WHEN r.library OPERATOR(pg_catalog.<>) '' THEN r.library END AS library,
       CASE WHEN NOT (r.loaded AND (r.eager OR r.boot OPERATOR(pg_catalog.=) b.boot)) THEN 'unloaded'
            ELSE COALESCE(l.state, 'pending') END AS state,
       CASE WHEN r.loaded AND (r.eager OR r.boot OPERATOR(pg_catalog.=) b.boot) THEN l.error END AS error,
       (SELECT pg_catalog.count(*) FROM dynpgext.registered_allocation a
         WHERE a.extension OPERATOR(pg_catalog.=) r.extension) AS allocations,
       (SELECT pg_catalog.count(*) FROM dynpgext.registered_worker w
         WHERE w.extension OPERATOR(pg_catalog.=) r.extension) AS workers,
       l.provisioned_at,
       p.pid AS provisioning_pid
  FROM dynpgext.registered_extension r
       JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       CROSS JOIN (SELECT dynpgext.boot() AS boot) b
       LEFT JOIN dynpgext.live_extensions(false) l
         ON l.extension OPERATOR(pg_catalog.=) r.extension AND l.database OPERATOR(pg_catalog.=) d.oid
       LEFT JOIN dynpgext.live_provisioners() p
         ON p.extension OPERATOR(pg_catalog.=) r.extension AND p.database OPERATOR(pg_catalog.=) d.oid
 WHERE NOT r.is_library;
COMMENT ON VIEW dynpgext.extensions IS 'extensions of this database that take part in dynpgext';
COMMENT ON COLUMN dynpgext.extensions.extension IS 'name of the extension, as in pg_extension';
COMMENT ON COLUMN dynpgext.extensions.version IS 'version that is provisioned';
COMMENT ON COLUMN dynpgext.extensions.library IS 'library by which it takes part; NULL: it takes part by SQL alone';
COMMENT ON COLUMN dynpgext.extensions.state IS 'pending, provisioned, failed, quarantined or unloaded';
COMMENT ON COLUMN dynpgext.extensions.error IS 'reason, in state failed; reason and time, in state quarantined';
COMMENT ON COLUMN dynpgext.extensions.allocations IS 'number of allocations that it has registered';
COMMENT ON COLUMN dynpgext.extensions.workers IS 'number of workers that it has registered';
COMMENT ON COLUMN dynpgext.extensions.provisioned_at IS 'time of the last successful init since the server started';
COMMENT ON COLUMN dynpgext.extensions.provisioning_pid IS 'pid of the process that is running code of the extension; commands that change registrations wait for it';

-- Memory of every database: what is registered, and what was dropped but is still looked up.
-- Memory as far as it is known to all processes: of this database and global, or of the cluster.
CREATE FUNCTION dynpgext.known_allocations(whole boolean)
RETURNS TABLE (name text, extension name, version text, scope text, database name, size bigint, state text,
    attached integer, allocated_at timestamptz)
LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
SELECT p.name,
       p.extension,
       p.version,
       p.scope,
       d.datname AS database,
       p.size,
       COALESCE(l.state, CASE WHEN x.state OPERATOR(pg_catalog.=) 'failed' THEN 'failed' ELSE 'registered' END) AS state,
       COALESCE(l.attached, 0) AS attached,
       l.allocated_at
  FROM dynpgext.published_allocations(whole) p
       LEFT JOIN dynpgext.live_allocations(whole) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.name OPERATOR(pg_catalog.=) p.name
        AND l.state OPERATOR(pg_catalog.<>) 'draining'
       LEFT JOIN dynpgext.live_extensions(whole) x
         ON x.database OPERATOR(pg_catalog.=) p.database AND x.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.home
UNION ALL
SELECT l.name, l.extension, NULL, CASE WHEN l.home OPERATOR(pg_catalog.=) 0 THEN 'global' ELSE 'database' END,
       d.datname, l.size, l.state, l.attached, l.allocated_at
  FROM dynpgext.live_allocations(whole) l
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.home
 WHERE l.state OPERATOR(pg_catalog.=) 'draining';
END;
COMMENT ON FUNCTION dynpgext.known_allocations(boolean) IS 'internal: the rows of dynpgext.cluster_allocations';

CREATE VIEW dynpgext.cluster_allocations AS
SELECT name, extension, version, scope, database, size, state, attached, allocated_at
  FROM dynpgext.known_allocations(true);
COMMENT ON VIEW dynpgext.cluster_allocations IS 'shared memory of extensions, all databases; those that the launcher has not reached yet are missing';
COMMENT ON COLUMN dynpgext.cluster_allocations.name IS 'as given to allocate_shmem and dynpgext_lookup_shmem';
COMMENT ON COLUMN dynpgext.cluster_allocations.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.cluster_allocations.version IS 'version of the extension; the highest, if global; NULL after a drop';
COMMENT ON COLUMN dynpgext.cluster_allocations.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.cluster_allocations.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.cluster_allocations.size IS 'size in bytes, as registered';
COMMENT ON COLUMN dynpgext.cluster_allocations.state IS 'registered, allocated, draining or failed';
COMMENT ON COLUMN dynpgext.cluster_allocations.attached IS 'number of processes that have looked it up and not released it';
COMMENT ON COLUMN dynpgext.cluster_allocations.allocated_at IS 'time at which the memory was made';

CREATE VIEW dynpgext.allocations AS
SELECT r.name,
       r.extension,
       e.version,
       r.scope,
       CASE WHEN r.scope OPERATOR(pg_catalog.=) 'database' THEN d.datname END AS database,
       r.size,
       COALESCE(l.state, CASE WHEN x.state OPERATOR(pg_catalog.=) 'failed' THEN 'failed' ELSE 'registered' END) AS state,
       COALESCE(l.attached, 0) AS attached,
       l.allocated_at
  FROM dynpgext.registered_allocation r
       JOIN dynpgext.registered_extension e ON e.extension OPERATOR(pg_catalog.=) r.extension
       JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       LEFT JOIN dynpgext.live_allocations(false) l
         ON l.name OPERATOR(pg_catalog.=) r.name AND l.state OPERATOR(pg_catalog.<>) 'draining'
        AND l.home OPERATOR(pg_catalog.=) CASE r.scope WHEN 'database' THEN d.oid ELSE 0 END
       LEFT JOIN dynpgext.live_extensions(false) x
         ON x.database OPERATOR(pg_catalog.=) d.oid AND x.extension OPERATOR(pg_catalog.=) r.extension
 WHERE e.loaded AND (e.eager OR e.boot OPERATOR(pg_catalog.=) (SELECT dynpgext.boot()))
UNION ALL
SELECT c.name, c.extension, c.version, c.scope, c.database, c.size, c.state, c.attached, c.allocated_at
  FROM dynpgext.known_allocations(false) c
 WHERE (c.state OPERATOR(pg_catalog.=) 'draining'
        AND (c.scope OPERATOR(pg_catalog.=) 'global' OR c.database OPERATOR(pg_catalog.=) pg_catalog.current_database()))
    OR (c.scope OPERATOR(pg_catalog.=) 'global' AND c.state OPERATOR(pg_catalog.<>) 'draining'
        AND NOT EXISTS (SELECT FROM dynpgext.registered_allocation r WHERE r.name OPERATOR(pg_catalog.=) c.name));
COMMENT ON VIEW dynpgext.allocations IS 'shared memory of extensions: this database''s and the global one';
COMMENT ON COLUMN dynpgext.allocations.name IS 'as given to allocate_shmem and dynpgext_lookup_shmem';
COMMENT ON COLUMN dynpgext.allocations.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.allocations.version IS 'version of the extension; NULL after a drop';
COMMENT ON COLUMN dynpgext.allocations.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.allocations.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.allocations.size IS 'size in bytes, as registered';
COMMENT ON COLUMN dynpgext.allocations.state IS 'registered (no memory yet), allocated, draining (dropped but still looked up) or failed';
COMMENT ON COLUMN dynpgext.allocations.attached IS 'number of processes that have looked it up and not released it';
COMMENT ON COLUMN dynpgext.allocations.allocated_at IS 'time at which the memory was made';

-- The same of workers.
CREATE FUNCTION dynpgext.known_workers(whole boolean)
RETURNS TABLE (extension name, version text, name text, type text, scope text, database name, library text,
    function text, state text, pid integer, restart text, starts bigint, last_started_at timestamptz,
    last_exited_at timestamptz, last_exit_code integer, last_error text, next_start_at timestamptz, stale boolean,
    waits_for text)
LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
SELECT COALESCE(p.extension, l.extension) AS extension,
       COALESCE(l.version, p.version) AS version,
       COALESCE(p.name, l.name) AS name,
       COALESCE(l.type, p.type) AS type,
       CASE WHEN COALESCE(p.home, l.home) OPERATOR(pg_catalog.=) 0 THEN 'global' ELSE 'database' END AS scope,
       d.datname AS database,
       COALESCE(l.library, p.library) AS library,
       COALESCE(l.function, p.function) AS function,
       COALESCE(l.state, 'registered') AS state,
       l.pid,
       COALESCE(l.restart, p.restart) AS restart,
       COALESCE(l.starts, 0) AS starts,
       l.last_started_at,
       l.last_exited_at,
       l.last_exit_code,
       l.last_error,
       l.next_start_at,
       COALESCE(l.stale, false) AS stale,
       l.waits_for
  FROM dynpgext.published_workers(whole) p
       FULL JOIN dynpgext.live_workers(whole) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.extension OPERATOR(pg_catalog.=) p.extension
        AND l.name OPERATOR(pg_catalog.=) p.name
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) COALESCE(p.home, l.home);
END;
COMMENT ON FUNCTION dynpgext.known_workers(boolean) IS 'internal: the rows of dynpgext.cluster_workers';

CREATE VIEW dynpgext.cluster_workers AS
SELECT extension, version, name, type, scope, database, library, function, state, pid, restart, starts, last_started_at,
       last_exited_at, last_exit_code, last_error, next_start_at, stale, waits_for
  FROM dynpgext.known_workers(true);
COMMENT ON VIEW dynpgext.cluster_workers IS 'background workers of extensions, all databases; those that the launcher has not reached yet are missing';
COMMENT ON COLUMN dynpgext.cluster_workers.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.cluster_workers.version IS 'version of the extension that runs, or ran last; the highest, if global and never run';
COMMENT ON COLUMN dynpgext.cluster_workers.name IS 'bgw_name';
COMMENT ON COLUMN dynpgext.cluster_workers.type IS 'bgw_type; backend_type in pg_stat_activity';
COMMENT ON COLUMN dynpgext.cluster_workers.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.cluster_workers.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.cluster_workers.library IS 'library of the function';
COMMENT ON COLUMN dynpgext.cluster_workers.function IS 'bgw_function_name';
COMMENT ON COLUMN dynpgext.cluster_workers.state IS 'registered, starting, running, unresponsive, stopping, stopped, failed, backoff, waiting, disabled or quarantined';
COMMENT ON COLUMN dynpgext.cluster_workers.pid IS 'pid of its process; NULL: none';
COMMENT ON COLUMN dynpgext.cluster_workers.restart IS 'restart policy: never, on_failure or always';
COMMENT ON COLUMN dynpgext.cluster_workers.starts IS 'number of starts since the server started';
COMMENT ON COLUMN dynpgext.cluster_workers.last_started_at IS 'time of the last start';
COMMENT ON COLUMN dynpgext.cluster_workers.last_exited_at IS 'time of the last end';
COMMENT ON COLUMN dynpgext.cluster_workers.last_exit_code IS 'exit code of the last end';
COMMENT ON COLUMN dynpgext.cluster_workers.last_error IS 'SQLSTATE and message of the error that ended it; in state quarantined the reason and time';
COMMENT ON COLUMN dynpgext.cluster_workers.next_start_at IS 'in state backoff: time of the next start';
COMMENT ON COLUMN dynpgext.cluster_workers.stale IS 'the file of its library is no longer the one that its process runs';
COMMENT ON COLUMN dynpgext.cluster_workers.waits_for IS 'in state waiting: the reason, such as a limit, the end of recovery or of a restore';

CREATE VIEW dynpgext.workers AS
SELECT r.extension,
       COALESCE(l.version, e.version) AS version,
       r.name,
       COALESCE(l.type, r.type) AS type,
       r.scope,
       CASE WHEN r.scope OPERATOR(pg_catalog.=) 'database' THEN d.datname END AS database,
       COALESCE(l.library, r.library) AS library,
       COALESCE(l.function, r.function) AS function,
       COALESCE(l.state, 'registered') AS state,
       l.pid,
       CASE WHEN r.scope OPERATOR(pg_catalog.=) 'database' THEN COALESCE(w.restart, r.restart)
            ELSE COALESCE(l.restart, w.restart, r.restart) END AS restart,
       COALESCE(l.starts, 0) AS starts,
       l.last_started_at,
       l.last_exited_at,
       l.last_exit_code,
       l.last_error,
       l.next_start_at,
       COALESCE(l.stale, false) AS stale,
       l.waits_for
  FROM dynpgext.registered_worker r
       JOIN dynpgext.registered_extension e ON e.extension OPERATOR(pg_catalog.=) r.extension
       JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       LEFT JOIN dynpgext.live_workers(false) l
         ON l.extension OPERATOR(pg_catalog.=) r.extension AND l.name OPERATOR(pg_catalog.=) r.name
        AND l.home OPERATOR(pg_catalog.=) CASE r.scope WHEN 'database' THEN d.oid ELSE 0 END
       LEFT JOIN dynpgext.worker_settings w
         ON w.extension OPERATOR(pg_catalog.=) r.extension AND w.worker OPERATOR(pg_catalog.=) r.name
 WHERE e.loaded AND (e.eager OR e.boot OPERATOR(pg_catalog.=) (SELECT dynpgext.boot()))
UNION ALL
SELECT c.extension, c.version, c.name, c.type, c.scope, c.database, c.library, c.function, c.state, c.pid, c.restart,
       c.starts, c.last_started_at, c.last_exited_at, c.last_exit_code, c.last_error, c.next_start_at, c.stale, c.waits_for
  FROM dynpgext.known_workers(false) c
 WHERE (c.scope OPERATOR(pg_catalog.=) 'global' OR c.database OPERATOR(pg_catalog.=) pg_catalog.current_database())
   AND NOT EXISTS (SELECT FROM dynpgext.registered_worker r
                    WHERE r.extension OPERATOR(pg_catalog.=) c.extension AND r.name OPERATOR(pg_catalog.=) c.name
                      AND r.scope OPERATOR(pg_catalog.=) c.scope);
COMMENT ON VIEW dynpgext.workers IS 'background workers of extensions: this database''s and the global ones';
COMMENT ON COLUMN dynpgext.workers.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.workers.version IS 'version of the extension that runs, or ran last';
COMMENT ON COLUMN dynpgext.workers.name IS 'bgw_name';
COMMENT ON COLUMN dynpgext.workers.type IS 'bgw_type; backend_type in pg_stat_activity';
COMMENT ON COLUMN dynpgext.workers.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.workers.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.workers.library IS 'library of the function';
COMMENT ON COLUMN dynpgext.workers.function IS 'bgw_function_name';
COMMENT ON COLUMN dynpgext.workers.state IS 'registered, starting, running, unresponsive, stopping, stopped, failed, backoff, waiting, disabled or quarantined';
COMMENT ON COLUMN dynpgext.workers.pid IS 'pid of its process; NULL: none';
COMMENT ON COLUMN dynpgext.workers.restart IS 'restart policy: never, on_failure or always';
COMMENT ON COLUMN dynpgext.workers.starts IS 'number of starts since the server started';
COMMENT ON COLUMN dynpgext.workers.last_started_at IS 'time of the last start';
COMMENT ON COLUMN dynpgext.workers.last_exited_at IS 'time of the last end';
COMMENT ON COLUMN dynpgext.workers.last_exit_code IS 'exit code of the last end';
COMMENT ON COLUMN dynpgext.workers.last_error IS 'SQLSTATE and message of the error that ended it; in state quarantined the reason and time';
COMMENT ON COLUMN dynpgext.workers.next_start_at IS 'in state backoff: time of the next start';
COMMENT ON COLUMN dynpgext.workers.stale IS 'the file of its library is no longer the one that its process runs';
COMMENT ON COLUMN dynpgext.workers.waits_for IS 'in state waiting: the reason, such as a limit, the end of recovery or of a restore';

CREATE VIEW dynpgext.commands AS
SELECT r.extension,
       r.worker,
       w.scope,
       CASE WHEN w.scope OPERATOR(pg_catalog.=) 'database' THEN d.datname ELSE s.datname END AS database,
       r.command,
       CASE WHEN r.run_interval OPERATOR(pg_catalog.>) 0
            THEN r.run_interval OPERATOR(pg_catalog.*) INTERVAL '1 millisecond' END AS run_interval,
       NULLIF(r.channel, '') AS channel,
       a.rolname AS run_as,
       COALESCE(l.state, 'registered') AS state,
       l.pid,
       COALESCE(l.runs, 0) AS runs,
       COALESCE(l.failures, 0) AS failures,
       l.last_run_at,
       l.last_duration,
       l.last_failed_at,
       l.last_error,
       l.next_run_at,
       b.rolname AS registered_by
  FROM dynpgext.registered_command r
       JOIN dynpgext.registered_worker w
         ON w.extension OPERATOR(pg_catalog.=) r.extension AND w.name OPERATOR(pg_catalog.=) r.worker
       JOIN dynpgext.registered_extension e ON e.extension OPERATOR(pg_catalog.=) r.extension
       JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       LEFT JOIN dynpgext.live_commands(false) l
         ON l.extension OPERATOR(pg_catalog.=) r.extension AND l.worker OPERATOR(pg_catalog.=) r.worker
        AND l.home OPERATOR(pg_catalog.=) CASE w.scope WHEN 'database' THEN d.oid ELSE 0 END
       LEFT JOIN pg_catalog.pg_database s ON s.oid OPERATOR(pg_catalog.=) l.source
       LEFT JOIN pg_catalog.pg_roles a ON a.oid OPERATOR(pg_catalog.=) r.run_as
       LEFT JOIN pg_catalog.pg_roles b ON b.oid OPERATOR(pg_catalog.=) r.registered_by
 WHERE e.loaded AND (e.eager OR e.boot OPERATOR(pg_catalog.=) (SELECT dynpgext.boot()));
COMMENT ON VIEW dynpgext.commands IS 'SQL workers of this database: what they run, and how that goes';
COMMENT ON COLUMN dynpgext.commands.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.commands.worker IS 'name of the worker; see dynpgext.workers';
COMMENT ON COLUMN dynpgext.commands.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.commands.database IS 'database in which it runs; NULL: global, and has not run';
COMMENT ON COLUMN dynpgext.commands.command IS 'SQL';
COMMENT ON COLUMN dynpgext.commands.run_interval IS 'time between the starts of two runs; NULL: it runs on notification only';
COMMENT ON COLUMN dynpgext.commands.channel IS 'notification channel; NULL: none';
COMMENT ON COLUMN dynpgext.commands.run_as IS 'role that runs it; NULL: none, and it does not run';
COMMENT ON COLUMN dynpgext.commands.state IS 'state of the worker, as in dynpgext.workers';
COMMENT ON COLUMN dynpgext.commands.pid IS 'pid of the process that runs the commands of this database and role; NULL: none';
COMMENT ON COLUMN dynpgext.commands.runs IS 'number of completed runs since the server started';
COMMENT ON COLUMN dynpgext.commands.failures IS 'number of failed runs';
COMMENT ON COLUMN dynpgext.commands.last_run_at IS 'start of the last run';
COMMENT ON COLUMN dynpgext.commands.last_duration IS 'duration of the last run';
COMMENT ON COLUMN dynpgext.commands.last_failed_at IS 'start of the last failed run';
COMMENT ON COLUMN dynpgext.commands.last_error IS 'SQLSTATE and message of the last failure';
COMMENT ON COLUMN dynpgext.commands.next_run_at IS 'time of the next run; NULL: no interval, or it does not run';
COMMENT ON COLUMN dynpgext.commands.registered_by IS 'role that registered it; must be a member of run_as at each run';

CREATE VIEW dynpgext.events AS
SELECT e.at,
       e.extension,
       e.object,
       e.name,
       CASE WHEN e.home OPERATOR(pg_catalog.<>) 0 THEN COALESCE(d.datname, e.home::pg_catalog.text::pg_catalog.name) END AS database,
       e.event,
       e.detail
  FROM dynpgext.list_events() e
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) e.home;
COMMENT ON VIEW dynpgext.events IS 'what has happened to extensions, allocations and workers of the cluster: the last dynpgext.max_events, since the start of the server';
COMMENT ON COLUMN dynpgext.events.at IS 'time of the event';
COMMENT ON COLUMN dynpgext.events.extension IS 'extension concerned';
COMMENT ON COLUMN dynpgext.events.object IS 'extension, allocation or worker';
COMMENT ON COLUMN dynpgext.events.name IS 'name of the extension, allocation or worker';
COMMENT ON COLUMN dynpgext.events.database IS 'name of the database, or its OID after a drop; NULL: global';
COMMENT ON COLUMN dynpgext.events.event IS 'such as provisioned, failed, allocated, drained, started, exited, restarted, waiting, quarantined';
COMMENT ON COLUMN dynpgext.events.detail IS 'details';

-- This database's, and those of the whole server; and rows of this database that nobody has followed yet.
CREATE VIEW dynpgext.hosted AS
SELECT l.library,
       CASE WHEN l.home OPERATOR(pg_catalog.=) 0 THEN 'global' ELSE 'database' END AS scope,
       d.datname AS database,
       l.position,
       l.state,
       l.error,
       l.memory_requested,
       l.memory_used,
       l.workers,
       l.settings::pg_catalog.jsonb AS settings,
       l.sessions,
       l.stale,
       l.hosted_at
  FROM dynpgext.live_hosted() l
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.home
 WHERE l.home OPERATOR(pg_catalog.=) 0 OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
UNION ALL
SELECT r.library, r.scope, CASE WHEN r.scope OPERATOR(pg_catalog.=) 'database' THEN pg_catalog.current_database() END,
       r.position, 'pending', NULL, NULL, NULL, 0, r.settings, 0, NULL, NULL
  FROM dynpgext.hosted_libraries r
 WHERE NOT EXISTS (
       SELECT FROM dynpgext.live_hosted() l JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.source
        WHERE l.library OPERATOR(pg_catalog.=) r.library AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
COMMENT ON VIEW dynpgext.hosted IS 'libraries for shared_preload_libraries that are hosted: for the server, or for this database';
COMMENT ON COLUMN dynpgext.hosted.library IS 'name of the library in $libdir';
COMMENT ON COLUMN dynpgext.hosted.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.hosted.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.hosted.position IS 'order of loading, ascending';
COMMENT ON COLUMN dynpgext.hosted.state IS 'pending, hosted, failed, quarantined or refused';
COMMENT ON COLUMN dynpgext.hosted.error IS 'reason, in state failed, refused or quarantined';
COMMENT ON COLUMN dynpgext.hosted.memory_requested IS 'bytes of shared memory that the library requests when it is loaded';
COMMENT ON COLUMN dynpgext.hosted.memory_used IS 'bytes of its memory in use';
COMMENT ON COLUMN dynpgext.hosted.workers IS 'number of background workers, static and dynamic';
COMMENT ON COLUMN dynpgext.hosted.settings IS 'values of settings for this instance; NULL: none';
COMMENT ON COLUMN dynpgext.hosted.sessions IS 'number of sessions that have loaded it; older sessions use attach_hosted()';
COMMENT ON COLUMN dynpgext.hosted.stale IS 'whether its file has been replaced; then use rehost()';
COMMENT ON COLUMN dynpgext.hosted.hosted_at IS 'time of hosting, since the server started';
-- The cluster, for whoever looks at a terminal: what all databases have, and why it is as it is.

CREATE VIEW dynpgext.cluster_extensions AS
SELECT d.datname AS database,
       p.extension,
       p.version,
       p.library,
       COALESCE(l.state, 'pending') AS state,
       l.error,
       p.allocations,
       p.workers,
       l.provisioned_at,
       c.pid AS provisioning_pid
  FROM dynpgext.published_extensions() p
       JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.database
       LEFT JOIN dynpgext.live_extensions(true) l
         ON l.database OPERATOR(pg_catalog.=) p.database AND l.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN dynpgext.live_provisioners() c
         ON c.database OPERATOR(pg_catalog.=) p.database AND c.extension OPERATOR(pg_catalog.=) p.extension;
COMMENT ON VIEW dynpgext.cluster_extensions IS 'extensions that take part in dynpgext, all databases; those that are unloaded, or that the launcher has not reached yet, are missing';
COMMENT ON COLUMN dynpgext.cluster_extensions.database IS 'database in which it is installed';
COMMENT ON COLUMN dynpgext.cluster_extensions.extension IS 'name of the extension, as in pg_extension';
COMMENT ON COLUMN dynpgext.cluster_extensions.version IS 'version that is provisioned';
COMMENT ON COLUMN dynpgext.cluster_extensions.library IS 'library by which it takes part; NULL: it takes part by SQL alone';
COMMENT ON COLUMN dynpgext.cluster_extensions.state IS 'pending, provisioned, failed or quarantined';
COMMENT ON COLUMN dynpgext.cluster_extensions.error IS 'reason, in state failed; reason and time, in state quarantined';
COMMENT ON COLUMN dynpgext.cluster_extensions.allocations IS 'number of allocations that it has registered';
COMMENT ON COLUMN dynpgext.cluster_extensions.workers IS 'number of workers that it has registered';
COMMENT ON COLUMN dynpgext.cluster_extensions.provisioned_at IS 'time of the last successful init since the server started';
COMMENT ON COLUMN dynpgext.cluster_extensions.provisioning_pid IS 'pid of the process that is running code of the extension; commands that change registrations wait for it';

-- Commands themselves are in the tables of their database alone.
CREATE VIEW dynpgext.cluster_commands AS
SELECT CASE WHEN p.scope OPERATOR(pg_catalog.=) 'database' THEN d.datname ELSE s.datname END AS database,
       p.extension,
       p.name AS worker,
       p.scope,
       r.command,
       CASE WHEN r.run_interval OPERATOR(pg_catalog.>) 0
            THEN r.run_interval OPERATOR(pg_catalog.*) INTERVAL '1 millisecond' END AS run_interval,
       NULLIF(r.channel, '') AS channel,
       a.rolname AS run_as,
       COALESCE(l.state, 'registered') AS state,
       l.pid,
       COALESCE(l.runs, 0) AS runs,
       COALESCE(l.failures, 0) AS failures,
       l.last_run_at,
       l.last_duration,
       l.last_failed_at,
       l.last_error,
       l.next_run_at,
       b.rolname AS registered_by
  FROM dynpgext.published_workers(true) p
       JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.database
       LEFT JOIN dynpgext.live_commands(true) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.extension OPERATOR(pg_catalog.=) p.extension
        AND l.worker OPERATOR(pg_catalog.=) p.name
       LEFT JOIN pg_catalog.pg_database s ON s.oid OPERATOR(pg_catalog.=) l.source
       LEFT JOIN dynpgext.registered_command r
         ON r.extension OPERATOR(pg_catalog.=) p.extension AND r.worker OPERATOR(pg_catalog.=) p.name
        AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       LEFT JOIN pg_catalog.pg_roles a ON a.oid OPERATOR(pg_catalog.=) p.run_as
       LEFT JOIN pg_catalog.pg_roles b ON b.oid OPERATOR(pg_catalog.=) r.registered_by
 WHERE p.is_command;
COMMENT ON VIEW dynpgext.cluster_commands IS 'SQL workers of all databases, and how their runs go; those that the launcher has not reached yet are missing';
COMMENT ON COLUMN dynpgext.cluster_commands.database IS 'database in which it runs; NULL: global, and has not run';
COMMENT ON COLUMN dynpgext.cluster_commands.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.cluster_commands.worker IS 'name of the worker; see dynpgext.workers';
COMMENT ON COLUMN dynpgext.cluster_commands.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.cluster_commands.command IS 'SQL; NULL: of another database, which keeps it in its own tables';
COMMENT ON COLUMN dynpgext.cluster_commands.run_interval IS 'time between the starts of two runs; NULL: it runs on notification only, or is of another database';
COMMENT ON COLUMN dynpgext.cluster_commands.channel IS 'notification channel; NULL: none, or it is of another database';
COMMENT ON COLUMN dynpgext.cluster_commands.run_as IS 'role that runs it; NULL: none, and it does not run';
COMMENT ON COLUMN dynpgext.cluster_commands.state IS 'state of the worker, as in dynpgext.cluster_workers';
COMMENT ON COLUMN dynpgext.cluster_commands.pid IS 'pid of the process that runs the commands of this database and role; NULL: none';
COMMENT ON COLUMN dynpgext.cluster_commands.runs IS 'number of completed runs since the server started';
COMMENT ON COLUMN dynpgext.cluster_commands.failures IS 'number of failed runs';
COMMENT ON COLUMN dynpgext.cluster_commands.last_run_at IS 'start of the last run';
COMMENT ON COLUMN dynpgext.cluster_commands.last_duration IS 'duration of the last run';
COMMENT ON COLUMN dynpgext.cluster_commands.last_failed_at IS 'start of the last failed run';
COMMENT ON COLUMN dynpgext.cluster_commands.last_error IS 'SQLSTATE and message of the last failure';
COMMENT ON COLUMN dynpgext.cluster_commands.next_run_at IS 'time of the next run; NULL: no interval, or it does not run';
COMMENT ON COLUMN dynpgext.cluster_commands.registered_by IS 'role that registered it; NULL: it is of another database';

-- Workers and allocations alike, with the reason for each state that has one.
CREATE FUNCTION dynpgext.known_objects()
RETURNS TABLE (database name, extension name, object text, name text, state text, since timestamptz, pid integer, why text)
LANGUAGE sql STABLE
BEGIN ATOMIC
WITH x AS MATERIALIZED (SELECT e.database, e.extension, e.state, e.error FROM dynpgext.live_extensions(true) e)
SELECT d.datname AS database,
       COALESCE(p.extension, l.extension) AS extension,
       'worker' AS object,
       COALESCE(p.name, l.name) AS name,
       COALESCE(l.state, 'registered') AS state,
       l.since,
       l.pid,
       CASE COALESCE(l.state, 'registered')
            WHEN 'waiting' THEN l.waits_for
            WHEN 'registered' THEN 'extension ' OPERATOR(pg_catalog.||) COALESCE(x.state, 'pending')
            WHEN 'disabled' THEN 'by configure_worker()'
            WHEN 'unresponsive' THEN 'no heartbeat'
            WHEN 'stopping' THEN 'told to end'
            WHEN 'starting' THEN NULL
            WHEN 'running' THEN CASE WHEN l.stale THEN 'library replaced' END
            ELSE COALESCE(l.last_error, 'exit code ' OPERATOR(pg_catalog.||) l.last_exit_code::pg_catalog.text)
       END AS why
  FROM dynpgext.published_workers(true) p
       FULL JOIN dynpgext.live_workers(true) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.extension OPERATOR(pg_catalog.=) p.extension
        AND l.name OPERATOR(pg_catalog.=) p.name
       LEFT JOIN x ON x.database OPERATOR(pg_catalog.=) p.database AND x.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) COALESCE(p.home, l.home)
UNION ALL
SELECT d.datname,
       p.extension,
       'allocation',
       p.name,
       COALESCE(l.state, CASE WHEN x.state OPERATOR(pg_catalog.=) 'failed' THEN 'failed' ELSE 'registered' END),
       l.since,
       NULL,
       CASE WHEN l.state IS NULL
            THEN CASE WHEN x.state OPERATOR(pg_catalog.=) 'failed' THEN COALESCE(x.error, 'extension failed')
                      ELSE 'extension ' OPERATOR(pg_catalog.||) COALESCE(x.state, 'pending') END END
  FROM dynpgext.published_allocations(true) p
       LEFT JOIN dynpgext.live_allocations(true) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.name OPERATOR(pg_catalog.=) p.name
        AND l.state OPERATOR(pg_catalog.<>) 'draining'
       LEFT JOIN x ON x.database OPERATOR(pg_catalog.=) p.database AND x.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.home
UNION ALL
SELECT d.datname, l.extension, 'allocation', l.name, l.state, l.since, NULL,
       'looked up by ' OPERATOR(pg_catalog.||) l.attached::pg_catalog.text
  FROM dynpgext.live_allocations(true) l
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.home
 WHERE l.state OPERATOR(pg_catalog.=) 'draining';
END;
COMMENT ON FUNCTION dynpgext.known_objects() IS 'internal: the rows of dynpgext.overview, uncut';

-- A row with names of usual lengths fits into 120 characters: 22 of them are for the reason.
CREATE VIEW dynpgext.overview AS
SELECT o.database,
       o.extension,
       o.object,
       o.name,
       o.state,
       pg_catalog.to_char(o.since, CASE WHEN pg_catalog.date_trunc('day', o.since) OPERATOR(pg_catalog.=)
                                             pg_catalog.date_trunc('day', pg_catalog.now())
                                        THEN 'HH24:MI:SS' ELSE 'YYYY-MM-DD' END) AS since,
       o.pid,
       CASE WHEN pg_catalog.length(s.why) OPERATOR(pg_catalog.>) 22
            THEN pg_catalog.left(s.why, 19) OPERATOR(pg_catalog.||) '...' ELSE s.why END AS why
  FROM dynpgext.known_objects() o
       CROSS JOIN LATERAL (
         SELECT CASE WHEN o.state OPERATOR(pg_catalog.=) 'waiting' 
                     THEN pg_catalog.regexp_replace(pg_catalog.regexp_replace(o.why, '^dynpgext\.', ''), '^a command on (its|the) ', 'command on ')
                     WHEN o.state OPERATOR(pg_catalog.=) 'quarantined'
                     THEN COALESCE('crashed ' OPERATOR(pg_catalog.||)
                                   pg_catalog.substring(o.why, 'took the server down ([0-9]+ times)'), o.why)
                     -- the SQLSTATE
                     ELSE pg_catalog.regexp_replace(o.why, '^[0-9A-Z]{5}: ', '') END AS why) s
 ORDER BY o.database NULLS FIRST, o.extension, o.object, o.name;
COMMENT ON VIEW dynpgext.overview IS 'workers and allocations of the cluster, one line for each, for a terminal';
COMMENT ON COLUMN dynpgext.overview.database IS 'database of the object; NULL: global';
COMMENT ON COLUMN dynpgext.overview.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.overview.object IS 'allocation or worker';
COMMENT ON COLUMN dynpgext.overview.name IS 'name of the allocation or worker';
COMMENT ON COLUMN dynpgext.overview.state IS 'state, as in dynpgext.cluster_allocations and cluster_workers';
COMMENT ON COLUMN dynpgext.overview.since IS 'time of the last change of state: the time of today, or the day; NULL: there was none';
COMMENT ON COLUMN dynpgext.overview.pid IS 'pid of the process of a worker; NULL: none';
COMMENT ON COLUMN dynpgext.overview.why IS 'reason for the state, cut to 22 characters; dynpgext.health() and last_error in dynpgext.cluster_workers have the whole message';

CREATE FUNCTION dynpgext.count_states(object text) RETURNS jsonb
LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
SELECT COALESCE(pg_catalog.jsonb_object_agg(n.state, n.count), '{}')
  FROM (SELECT a.state, pg_catalog.count(*) AS count
          FROM (SELECT o.state FROM dynpgext.known_objects() o
                 WHERE count_states.object OPERATOR(pg_catalog.=) o.object
                UNION ALL
                SELECT e.state FROM dynpgext.cluster_extensions e
                 WHERE count_states.object OPERATOR(pg_catalog.=) 'extension') a
         GROUP BY a.state) n;
END;
COMMENT ON FUNCTION dynpgext.count_states(text) IS 'internal: how many extensions, allocations or workers of the cluster are in which state';

CREATE VIEW dynpgext.status AS
SELECT version, preloaded, launcher_pid, memory_used, memory_limit, databases, allocations, workers,
       dynpgext.count_states('extension') AS extensions_by_state,
       dynpgext.count_states('allocation') AS allocations_by_state,
       dynpgext.count_states('worker') AS workers_by_state
  FROM dynpgext.server_status();
COMMENT ON VIEW dynpgext.status IS 'dynpgext on this server, in one row';
COMMENT ON COLUMN dynpgext.status.version IS 'version of the loaded library';
COMMENT ON COLUMN dynpgext.status.preloaded IS 'whether dynpgext is in shared_preload_libraries';
COMMENT ON COLUMN dynpgext.status.launcher_pid IS 'pid of the launcher; NULL: none runs';
COMMENT ON COLUMN dynpgext.status.memory_used IS 'bytes of shared memory taken, bookkeeping and draining memory included';
COMMENT ON COLUMN dynpgext.status.memory_limit IS 'dynpgext.memory_limit in bytes; NULL: no limit';
COMMENT ON COLUMN dynpgext.status.databases IS 'number of databases that are known to have dynpgext';
COMMENT ON COLUMN dynpgext.status.allocations IS 'number of allocations with memory, draining ones included';
COMMENT ON COLUMN dynpgext.status.workers IS 'number of running workers';
COMMENT ON COLUMN dynpgext.status.extensions_by_state IS 'number of extensions of all databases in each state; states without any are left out';
COMMENT ON COLUMN dynpgext.status.allocations_by_state IS 'the same for allocations';
COMMENT ON COLUMN dynpgext.status.workers_by_state IS 'the same for workers';
-- What a DBA calls.

CREATE FUNCTION dynpgext.version() RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dynpgext_version';
COMMENT ON FUNCTION dynpgext.version() IS 'version of the library that is loaded';

CREATE FUNCTION dynpgext.health()
RETURNS TABLE(severity text, object text, name text, database name, problem text, since timestamptz, remedy text)
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_health';
COMMENT ON FUNCTION dynpgext.health() IS 'what is not as it should be, all databases, the worst first, and what to do about it; no row: all is well';

CREATE FUNCTION dynpgext.reload(extension name DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE(object text, name text, extension name, action text, detail text)
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_reload';
COMMENT ON FUNCTION dynpgext.reload(name, boolean) IS 'makes what is live in this database equal to what is registered, of one extension or all; returns what was done, or with dry_run would be';

CREATE FUNCTION dynpgext.load(extension name, version text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_load';
COMMENT ON FUNCTION dynpgext.load(name, text) IS 'provisions an extension that is not provisioned by itself, or was unloaded; returns its version';

CREATE FUNCTION dynpgext.unload(extension name) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_unload';
COMMENT ON FUNCTION dynpgext.unload(name) IS 'ends the workers and gives back the memory of an extension, which stays installed, until load(); false when it was not loaded';

CREATE FUNCTION dynpgext.start_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_start_worker';
COMMENT ON FUNCTION dynpgext.start_worker(name, text) IS 'starts a worker that does not run; false when there was nothing to start';

CREATE FUNCTION dynpgext.stop_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_stop_worker';
COMMENT ON FUNCTION dynpgext.stop_worker(name, text) IS 'ends a worker, until start_worker() or a restart of the server; false when there was nothing to stop';

CREATE FUNCTION dynpgext.restart_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_restart_worker';
COMMENT ON FUNCTION dynpgext.restart_worker(name, text) IS 'ends a worker, if it runs, and starts it; false when it could not be started';

CREATE FUNCTION dynpgext.preload(enable boolean DEFAULT true) RETURNS text
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_preload';
COMMENT ON FUNCTION dynpgext.preload(boolean) IS 'puts dynpgext into shared_preload_libraries, or takes it out, for the next restart of the server; returns the new setting';

CREATE FUNCTION dynpgext.configure_worker(
    extension name, worker text, enabled boolean DEFAULT NULL, restart text DEFAULT NULL,
    restart_delay interval DEFAULT NULL)
RETURNS void LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_configure_worker';
COMMENT ON FUNCTION dynpgext.configure_worker(name, text, boolean, text, interval) IS 'sets whether a worker runs, after which end it is restarted (never, on_failure, always) and how long after; NULL keeps what is set; kept by pg_dump';

CREATE FUNCTION dynpgext.reset_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_reset_worker';
COMMENT ON FUNCTION dynpgext.reset_worker(name, text) IS 'forgets what configure_worker() has set; false when nothing was set';

CREATE FUNCTION dynpgext.release(extension name) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_release';
COMMENT ON FUNCTION dynpgext.release(name) IS 'ends the quarantine of an extension and its workers, forgets their crashes, and starts them; false when there was none';

CREATE FUNCTION dynpgext.register(extension name, manifest jsonb) RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_register';
COMMENT ON FUNCTION dynpgext.register(name, jsonb) IS 'registers shared memory and workers for an extension, in place of what was registered so before: in its script, or by hand';

CREATE FUNCTION dynpgext.export(extension name DEFAULT NULL) RETURNS jsonb
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'dynpgext_export';
COMMENT ON FUNCTION dynpgext.export(name) IS 'the manifest of an extension, or of this database: what is registered and set';

CREATE FUNCTION dynpgext.apply(manifest jsonb, dry_run boolean DEFAULT false)
RETURNS TABLE(object text, name text, extension name, action text, detail text)
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_apply';
COMMENT ON FUNCTION dynpgext.apply(jsonb, boolean) IS 'makes what SQL registers, and what is set, equal to a manifest; returns what that does, or with dry_run would do';

-- OFFSET is a reserved word.
CREATE FUNCTION dynpgext.peek(name text, "offset" bigint DEFAULT 0, length bigint DEFAULT 64) RETURNS bytea
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_peek';
COMMENT ON FUNCTION dynpgext.peek(text, bigint, bigint) IS 'reads up to length bytes of shared memory, from the offset on, as they are at the moment';

CREATE FUNCTION dynpgext.begin_restore() RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_begin_restore';
COMMENT ON FUNCTION dynpgext.begin_restore() IS 'ends the workers of this database, and keeps them from running until end_restore(); false when that was so before';

CREATE FUNCTION dynpgext.end_restore() RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_end_restore';
COMMENT ON FUNCTION dynpgext.end_restore() IS 'the restore of this database is over: its workers start; false when it was not being restored';

-- Hosting: libraries for shared_preload_libraries, without it.

CREATE FUNCTION dynpgext.can_host(library text)
RETURNS TABLE(need text, detail text, verdict text)
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_can_host';
COMMENT ON FUNCTION dynpgext.can_host(text) IS 'what a library for shared_preload_libraries needs, and whether it could do without being preloaded: hosted, limited or refused; reads its file, and runs nothing of it';

CREATE FUNCTION dynpgext.host(library text, scope text DEFAULT 'global', settings jsonb DEFAULT NULL, sessions boolean DEFAULT true)
RETURNS text LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_host';
COMMENT ON FUNCTION dynpgext.host(text, text, jsonb, boolean) IS 'hosts a library for shared_preload_libraries, without a restart: for the server (global) or this database; returns its state';

CREATE FUNCTION dynpgext.unhost(library text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_unhost';
COMMENT ON FUNCTION dynpgext.unhost(text) IS 'takes host() back; sessions that have the library keep it until they end; false when this database does not have it hosted';

CREATE FUNCTION dynpgext.rehost(library text) RETURNS text
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_rehost';
COMMENT ON FUNCTION dynpgext.rehost(text) IS 'hosts a library anew, from its present file and with the present settings, with new memory and new workers; returns its state';

CREATE FUNCTION dynpgext.attach_hosted() RETURNS integer
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_attach_hosted';
COMMENT ON FUNCTION dynpgext.attach_hosted() IS 'loads into this session what has been hosted since it began; returns how many libraries';
-- Capture.  C functions, owned by the superuser who installs; they do not use search_path, but
-- it is pinned all the same.

CREATE FUNCTION dynpgext.on_change() RETURNS event_trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_change';
COMMENT ON FUNCTION dynpgext.on_change() IS 'internal: compares pg_extension with what is registered';

-- Not SECURITY DEFINER: it asks what the current user may do, and looks names up as that user's command does.
CREATE FUNCTION dynpgext.on_command_start() RETURNS event_trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'dynpgext_on_command_start';
COMMENT ON FUNCTION dynpgext.on_command_start() IS 'internal: stops workers of the extensions that a command is about; looks at the commit whether dynpgext itself was dropped';

CREATE EVENT TRIGGER dynpgext_on_create ON ddl_command_end
    WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION') EXECUTE FUNCTION dynpgext.on_change();
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_create IS 'follows CREATE EXTENSION and ALTER EXTENSION';

-- Any DROP ... CASCADE may end in an extension.
CREATE EVENT TRIGGER dynpgext_on_drop ON sql_drop EXECUTE FUNCTION dynpgext.on_change();
ALTER EVENT TRIGGER dynpgext_on_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_drop IS 'follows whatever drops an extension';

-- CREATE EXTENSION: who runs the script.
-- ALTER TABLE: of dynpgext's own tables, whose triggers it switches on.
-- ALTER SCHEMA: RENAME, of one that workers may name.
-- Of the other drops only those with CASCADE matter, which may end in an extension.
CREATE EVENT TRIGGER dynpgext_on_command_start ON ddl_command_start
    WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION', 'ALTER SCHEMA', 'ALTER TABLE', 'DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED', 'DROP TABLE', 'DROP FOREIGN TABLE', 'DROP VIEW',
                 'DROP MATERIALIZED VIEW', 'DROP SEQUENCE', 'DROP TYPE', 'DROP DOMAIN', 'DROP FUNCTION', 'DROP PROCEDURE', 'DROP ROUTINE',
                 'DROP AGGREGATE')
    EXECUTE FUNCTION dynpgext.on_command_start();
ALTER EVENT TRIGGER dynpgext_on_command_start ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_command_start IS 'stops workers of an extension before it is changed; notes who runs its script; notices the drop of dynpgext itself, after which its other triggers are gone; lets sessions that switch triggers of its tables on take turns';

CREATE FUNCTION dynpgext.on_settings() RETURNS trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_settings';
COMMENT ON FUNCTION dynpgext.on_settings() IS 'internal: settings of workers take effect with the commit';

CREATE TRIGGER on_settings AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON dynpgext.worker_settings
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.on_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER on_settings;
COMMENT ON TRIGGER on_settings ON dynpgext.worker_settings IS 'follows a restore, and changes by hand';

-- With the rights of whoever writes: settings of a global worker are for superusers to take back.
CREATE FUNCTION dynpgext.before_settings() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_before_settings';
COMMENT ON FUNCTION dynpgext.before_settings() IS 'internal: only superusers take back settings of global workers';

CREATE TRIGGER before_settings BEFORE UPDATE OR DELETE ON dynpgext.worker_settings
    FOR EACH ROW EXECUTE FUNCTION dynpgext.before_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_settings;
COMMENT ON TRIGGER before_settings ON dynpgext.worker_settings IS 'only superusers take back settings of global workers';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.worker_settings
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.before_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.worker_settings IS 'takes turns with configure_worker() and apply()';

CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.worker_settings
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.before_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.worker_settings IS 'only superusers take back settings of global workers';

-- With the rights of whoever writes: what he may not register, he may not write.
CREATE FUNCTION dynpgext.on_manifests() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_manifests';
COMMENT ON FUNCTION dynpgext.on_manifests() IS 'internal: what was registered by hand is registered again by a restore';

CREATE TRIGGER on_manifests AFTER INSERT OR UPDATE ON dynpgext.manifests
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.on_manifests();
ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER on_manifests;
COMMENT ON TRIGGER on_manifests ON dynpgext.manifests IS 'follows a restore, and changes by hand';

CREATE FUNCTION dynpgext.before_manifests() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_before_manifests';
COMMENT ON FUNCTION dynpgext.before_manifests() IS 'internal: others than superusers take back rows of their own extensions only';

CREATE TRIGGER before_manifests BEFORE UPDATE OR DELETE ON dynpgext.manifests
    FOR EACH ROW EXECUTE FUNCTION dynpgext.before_manifests();
ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER before_manifests;
COMMENT ON TRIGGER before_manifests ON dynpgext.manifests IS 'others than superusers take back rows of their own extensions only';

CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.manifests
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.before_manifests();
ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.manifests IS 'others than superusers take back rows of their own extensions only';

-- Logical replication fires triggers for rows alone; and pg_restore --disable-triggers none.
CREATE FUNCTION dynpgext.on_replicated() RETURNS trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_replicated';
COMMENT ON FUNCTION dynpgext.on_replicated() IS 'internal: a visit follows what is replicated';

CREATE TRIGGER on_replicated AFTER INSERT OR UPDATE OR DELETE ON dynpgext.worker_settings
    FOR EACH ROW EXECUTE FUNCTION dynpgext.on_replicated();
ALTER TABLE dynpgext.worker_settings ENABLE REPLICA TRIGGER on_replicated;
COMMENT ON TRIGGER on_replicated ON dynpgext.worker_settings IS 'follows logical replication';

CREATE TRIGGER on_replicated AFTER INSERT OR UPDATE OR DELETE ON dynpgext.manifests
    FOR EACH ROW EXECUTE FUNCTION dynpgext.on_replicated();
ALTER TABLE dynpgext.manifests ENABLE REPLICA TRIGGER on_replicated;
COMMENT ON TRIGGER on_replicated ON dynpgext.manifests IS 'follows logical replication';

CREATE FUNCTION dynpgext.on_alter() RETURNS event_trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_alter';
COMMENT ON FUNCTION dynpgext.on_alter() IS 'internal: follows rows that were written while triggers were off';

CREATE EVENT TRIGGER dynpgext_on_alter ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION dynpgext.on_alter();
ALTER EVENT TRIGGER dynpgext_on_alter ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_alter IS 'notices that the triggers of dynpgext''s tables are on again';

CREATE FUNCTION dynpgext.on_identities() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_identities';
COMMENT ON FUNCTION dynpgext.on_identities() IS 'internal: whom commands run as is the same after a restore, or nobody';

CREATE TRIGGER on_identities AFTER INSERT OR UPDATE ON dynpgext.identities
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.on_identities();
ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER on_identities;
COMMENT ON TRIGGER on_identities ON dynpgext.identities IS 'follows a restore';

-- What only dynpgext writes, below SQL: members of pg_write_all_data need no grant to write it.  For each row,
-- because logical replication fires no others.
CREATE FUNCTION dynpgext.only_superusers() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_only_superusers';
COMMENT ON FUNCTION dynpgext.only_superusers() IS 'internal: refuses others than superusers';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_extension
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_extension ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_extension IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_extension
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_extension ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_extension IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_allocation
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_allocation ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_allocation IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_allocation ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_allocation IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_worker
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_worker ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_worker IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_worker
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_worker ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_worker IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_command
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_command ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_command IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_command
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_command ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_command IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_content
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_content ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_content IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_content
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_content ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_content IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_manifest
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_manifest ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_manifest IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_manifest
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.registered_manifest ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_manifest IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.restore
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.restore ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.restore IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.restore
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.restore ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.restore IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.identities
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.identities IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.identities
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.identities IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.hosted_libraries
    FOR EACH ROW EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.hosted_libraries ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.hosted_libraries IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.hosted_libraries
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext.only_superusers();
ALTER TABLE dynpgext.hosted_libraries ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.hosted_libraries IS 'only superusers write it';
-- Nothing for PUBLIC but the schema, so that a GRANT on one function is all a role needs;
-- the views for pg_monitor.

-- Every object above has the privileges that ALTER DEFAULT PRIVILEGES gave it.  They end here, with
-- those of PUBLIC on functions and on row types: a column of such a type would block an update.
SELECT dynpgext.reset_privileges();

GRANT USAGE ON SCHEMA dynpgext TO PUBLIC;
-- Constraints call them as whoever writes the tables.  They tell no more than a refusal of configure_worker(),
-- and whether a trigger is on.
GRANT EXECUTE ON FUNCTION dynpgext.may_configure(name, text), dynpgext.may_write(text) TO PUBLIC;
-- pg_dump calls it as whoever dumps.
GRANT EXECUTE ON FUNCTION dynpgext.is_dumped(dynpgext.role, boolean, text, text) TO PUBLIC;

GRANT SELECT ON dynpgext.extensions, dynpgext.allocations, dynpgext.workers, dynpgext.cluster_allocations,
    dynpgext.cluster_workers, dynpgext.cluster_extensions, dynpgext.cluster_commands, dynpgext.overview, dynpgext.commands, dynpgext.events, dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities,
    dynpgext.restore, dynpgext.status, dynpgext.hosted, dynpgext.hosted_libraries TO pg_monitor;
GRANT EXECUTE ON FUNCTION dynpgext.live_extensions(boolean), dynpgext.live_provisioners(), dynpgext.live_allocations(boolean), dynpgext.live_workers(boolean), dynpgext.live_commands(boolean),
    dynpgext.published_allocations(boolean), dynpgext.published_workers(boolean), dynpgext.published_extensions(), dynpgext.known_allocations(boolean), dynpgext.known_objects(), dynpgext.count_states(text), dynpgext.health(), dynpgext.known_workers(boolean), dynpgext.list_events(), dynpgext.live_hosted(), dynpgext.boot(), dynpgext.server_status(),
    dynpgext.version() TO pg_monitor;

-- pg_dump by the owner of the database reads what it dumps.
GRANT SELECT ON dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities, dynpgext.hosted_libraries TO pg_database_owner;
-- Last: what is installed already takes part from now on.
SELECT dynpgext.adopt_installed_extensions();
