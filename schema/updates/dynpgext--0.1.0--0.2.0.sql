-- From 0.1.0 to 0.2.0.  Every change in schema/*.sql needs one here: t/102_update.pl compares the
-- results of both.  Views are replaced, not dropped, to keep users' views that are based on them.
\echo Use "ALTER EXTENSION dynpgext UPDATE" to load this file. \quit

-- Moves objects that are not part of the interface.  Roles with USAGE on schema dynpgext get it on
-- the new one; grants on the functions stay.
CREATE SCHEMA dynpgext_internal;
COMMENT ON SCHEMA dynpgext_internal IS 'internal: called by the views, triggers and constraints of dynpgext; may change in any version';
ALTER FUNCTION dynpgext.may_configure(name, text) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.may_write(text) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.role_in(cstring) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.role_out(dynpgext.role) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.is_dumped(dynpgext.role, boolean, text, text) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.live_extensions(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.live_provisioners() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.live_allocations(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.live_workers(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.live_commands(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.published_allocations(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.published_workers(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.published_extensions() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.list_events() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.boot() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.server_status() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.live_hosted() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.adopt_installed_extensions() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.known_allocations(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.known_workers(boolean) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.known_objects() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.count_states(text) SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_change() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_command_start() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_settings() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.before_settings() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_manifests() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.before_manifests() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_replicated() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_alter() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.on_identities() SET SCHEMA dynpgext_internal;
ALTER FUNCTION dynpgext.only_superusers() SET SCHEMA dynpgext_internal;
SELECT pg_catalog.pg_extension_config_dump('dynpgext.identities', 'WHERE dynpgext_internal.is_dumped(run_as, by_hand, decided_in, foreign_owner)');

DROP FUNCTION dynpgext.reset_privileges();
CREATE FUNCTION dynpgext_internal.reset_privileges(objects text[] DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_reset_privileges';
COMMENT ON FUNCTION dynpgext_internal.reset_privileges(text[]) IS 'internal: for the install script, and for new objects in updates, before any GRANT';

CREATE FUNCTION dynpgext_internal.server_versions(OUT launcher_version text, OUT oldest_version text, OUT newest_version text)
RETURNS SETOF record ROWS 1 LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_versions';
COMMENT ON FUNCTION dynpgext_internal.server_versions() IS 'internal: library versions that processes run';

CREATE OR REPLACE VIEW dynpgext.status AS
SELECT version, preloaded, launcher_pid, memory_used, memory_limit, databases, allocations, workers,
       dynpgext_internal.count_states('extension') AS extensions_by_state,
       dynpgext_internal.count_states('allocation') AS allocations_by_state,
       dynpgext_internal.count_states('worker') AS workers_by_state,
       launcher_version, oldest_version, newest_version
  FROM dynpgext_internal.server_status(), dynpgext_internal.server_versions();
COMMENT ON COLUMN dynpgext.status.launcher_version IS 'version of the library that the launcher runs; NULL: no launcher';
COMMENT ON COLUMN dynpgext.status.oldest_version IS 'oldest library version in any process that uses dynpgext';
COMMENT ON COLUMN dynpgext.status.newest_version IS 'newest version in any such process';

COMMENT ON COLUMN dynpgext.cluster_workers.stale IS 'whether the file of its library or dynpgext''s has changed since its process loaded it';
COMMENT ON COLUMN dynpgext.workers.stale IS 'whether the file of its library or dynpgext''s has changed since its process loaded it';

CREATE FUNCTION dynpgext.run_worker(extension name, worker text) RETURNS interval
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_run_worker';
COMMENT ON FUNCTION dynpgext.run_worker(name, text) IS 'runs the command of an SQL worker now and waits for it to finish; returns its duration, or raises its error';

CREATE FUNCTION dynpgext_internal.list_runs(
    OUT extension name, OUT worker text, OUT home oid, OUT ran_in oid, OUT started_at timestamptz,
    OUT duration interval, OUT outcome text, OUT error text)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_list_runs';
COMMENT ON FUNCTION dynpgext_internal.list_runs() IS 'internal: the rows of dynpgext.runs';

CREATE VIEW dynpgext.runs AS
SELECT r.extension,
       r.worker,
       CASE WHEN r.home OPERATOR(pg_catalog.=) 0 THEN 'global' ELSE 'database' END AS scope,
       COALESCE(d.datname, r.ran_in::pg_catalog.text::pg_catalog.name) AS database,
       r.started_at,
       r.duration,
       r.outcome,
       r.error
  FROM dynpgext_internal.list_runs() r
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) r.ran_in;
COMMENT ON VIEW dynpgext.runs IS 'the last runs of SQL workers of this database and of global ones, since the server started';
COMMENT ON COLUMN dynpgext.runs.extension IS 'extension that registered the worker';
COMMENT ON COLUMN dynpgext.runs.worker IS 'name of the worker; see dynpgext.commands';
COMMENT ON COLUMN dynpgext.runs.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.runs.database IS 'database in which it ran, or its OID after a drop';
COMMENT ON COLUMN dynpgext.runs.started_at IS 'start of the run';
COMMENT ON COLUMN dynpgext.runs.duration IS 'duration of the run';
COMMENT ON COLUMN dynpgext.runs.outcome IS 'succeeded, failed, or canceled (worker stopped during the run)';
COMMENT ON COLUMN dynpgext.runs.error IS 'SQLSTATE and message of the error, up to 255 bytes; NULL: it has not failed';

-- Since 0.2.0, CREATE EXTENSION declares that the database is not a copy, see docs/hosting.md; for
-- existing databases the update does so.
DO $$
BEGIN
    EXECUTE pg_catalog.format('ALTER ROLE %I IN DATABASE %I SET dynpgext_database.original = %L',
        (SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) 10), pg_catalog.current_database(), 'on');
END $$;

-- the default is for existing rows, which dynpgext also reads
ALTER TABLE dynpgext.registered_command ADD COLUMN first_run bigint NOT NULL DEFAULT 0;
ALTER TABLE dynpgext.registered_command ALTER COLUMN first_run DROP DEFAULT;
COMMENT ON COLUMN dynpgext.registered_command.first_run IS 'delay after its start, in milliseconds; 0: none; -1: one interval';

ALTER TABLE dynpgext.registered_worker ADD COLUMN process text NOT NULL DEFAULT 'shared' CHECK (process IN ('shared', 'own'));
ALTER TABLE dynpgext.registered_worker ALTER COLUMN process DROP DEFAULT;
COMMENT ON COLUMN dynpgext.registered_worker.hosted IS 'runs a command, in a process of dynpgext that is connected as its role';
COMMENT ON COLUMN dynpgext.registered_worker.process IS 'if it runs a command: shared (with others of its database and role) or own';

ALTER TABLE dynpgext.worker_settings ADD COLUMN run_interval interval CHECK (run_interval BETWEEN INTERVAL '10 milliseconds' AND INTERVAL '366 days');
COMMENT ON COLUMN dynpgext.worker_settings.run_interval IS 'for SQL workers: time between the starts of two runs; NULL: as set by its author';

-- A new argument makes a new function.  It gets the grants on the old one, which count as made by
-- hand: pg_dump dumps differences from pg_init_privs.
DO $$
DECLARE
    grants text[] := ARRAY(
        SELECT pg_catalog.format('GRANT EXECUTE ON FUNCTION dynpgext.configure_worker(name, text, boolean, text, interval, interval) TO %s%s',
                                 CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
                                 CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
          FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
         WHERE p.oid OPERATOR(pg_catalog.=) 'dynpgext.configure_worker(name, text, boolean, text, interval)'::pg_catalog.regprocedure
           AND a.grantee OPERATOR(pg_catalog.<>) p.proowner);
    initial pg_catalog.aclitem[];
    command text;
BEGIN
    DROP FUNCTION dynpgext.configure_worker(name, text, boolean, text, interval);
    CREATE FUNCTION dynpgext.configure_worker(
        extension name, worker text, enabled boolean DEFAULT NULL, restart text DEFAULT NULL,
        restart_delay interval DEFAULT NULL, run_interval interval DEFAULT NULL)
    RETURNS void LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_configure_worker';
    PERFORM dynpgext_internal.reset_privileges(ARRAY['FUNCTION dynpgext.configure_worker(name,text,boolean,text,interval,interval)']);
    SELECT i.initprivs INTO initial FROM pg_catalog.pg_init_privs i
     WHERE i.objoid OPERATOR(pg_catalog.=) 'dynpgext.configure_worker(name, text, boolean, text, interval, interval)'::pg_catalog.regprocedure
       AND i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass;
    FOREACH command IN ARRAY grants LOOP
        EXECUTE command;
    END LOOP;
    UPDATE pg_catalog.pg_init_privs i SET initprivs = initial
     WHERE i.objoid OPERATOR(pg_catalog.=) 'dynpgext.configure_worker(name, text, boolean, text, interval, interval)'::pg_catalog.regprocedure
       AND i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass;
END $$;
COMMENT ON FUNCTION dynpgext.configure_worker(name, text, boolean, text, interval, interval) IS 'sets whether a worker runs, its restart policy (never, on_failure, always) and delay, and the interval of an SQL worker; NULL keeps the current value; dumped by pg_dump';

CREATE OR REPLACE VIEW dynpgext.commands AS
SELECT r.extension,
       r.worker,
       w.scope,
       CASE WHEN w.scope OPERATOR(pg_catalog.=) 'database' THEN d.datname ELSE s.datname END AS database,
       r.command,
       COALESCE(c.run_interval, CASE WHEN r.run_interval OPERATOR(pg_catalog.>) 0
            THEN r.run_interval OPERATOR(pg_catalog.*) INTERVAL '1 millisecond' END) AS run_interval,
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
       b.rolname AS registered_by,
       w.process
  FROM dynpgext.registered_command r
       JOIN dynpgext.registered_worker w
         ON w.extension OPERATOR(pg_catalog.=) r.extension AND w.name OPERATOR(pg_catalog.=) r.worker
       JOIN dynpgext.registered_extension e ON e.extension OPERATOR(pg_catalog.=) r.extension
       JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       LEFT JOIN dynpgext.worker_settings c
         ON c.extension OPERATOR(pg_catalog.=) r.extension AND c.worker OPERATOR(pg_catalog.=) r.worker
       LEFT JOIN dynpgext_internal.live_commands(false) l
         ON l.extension OPERATOR(pg_catalog.=) r.extension AND l.worker OPERATOR(pg_catalog.=) r.worker
        AND l.home OPERATOR(pg_catalog.=) CASE w.scope WHEN 'database' THEN d.oid ELSE 0 END
       LEFT JOIN pg_catalog.pg_database s ON s.oid OPERATOR(pg_catalog.=) l.source
       LEFT JOIN pg_catalog.pg_roles a ON a.oid OPERATOR(pg_catalog.=) r.run_as
       LEFT JOIN pg_catalog.pg_roles b ON b.oid OPERATOR(pg_catalog.=) r.registered_by
 WHERE e.loaded AND (e.eager OR e.boot OPERATOR(pg_catalog.=) (SELECT dynpgext_internal.boot()));
COMMENT ON COLUMN dynpgext.commands.pid IS 'pid of its process; NULL: none';
COMMENT ON COLUMN dynpgext.commands.process IS 'shared: it runs in the process of its database and role; own: in a process of its own';

CREATE OR REPLACE VIEW dynpgext.cluster_commands AS
SELECT CASE WHEN p.scope OPERATOR(pg_catalog.=) 'database' THEN d.datname ELSE s.datname END AS database,
       p.extension,
       p.name AS worker,
       p.scope,
       r.command,
       COALESCE(c.run_interval, CASE WHEN r.run_interval OPERATOR(pg_catalog.>) 0
            THEN r.run_interval OPERATOR(pg_catalog.*) INTERVAL '1 millisecond' END) AS run_interval,
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
       b.rolname AS registered_by,
       w.process
  FROM dynpgext_internal.published_workers(true) p
       JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.database
       LEFT JOIN dynpgext_internal.live_commands(true) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.extension OPERATOR(pg_catalog.=) p.extension
        AND l.worker OPERATOR(pg_catalog.=) p.name
       LEFT JOIN pg_catalog.pg_database s ON s.oid OPERATOR(pg_catalog.=) l.source
       LEFT JOIN dynpgext.registered_command r
         ON r.extension OPERATOR(pg_catalog.=) p.extension AND r.worker OPERATOR(pg_catalog.=) p.name
        AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       LEFT JOIN dynpgext.worker_settings c
         ON c.extension OPERATOR(pg_catalog.=) r.extension AND c.worker OPERATOR(pg_catalog.=) r.worker
       LEFT JOIN dynpgext.registered_worker w
         ON w.extension OPERATOR(pg_catalog.=) r.extension AND w.name OPERATOR(pg_catalog.=) r.worker
       LEFT JOIN pg_catalog.pg_roles a ON a.oid OPERATOR(pg_catalog.=) p.run_as
       LEFT JOIN pg_catalog.pg_roles b ON b.oid OPERATOR(pg_catalog.=) r.registered_by
 WHERE p.is_command;
COMMENT ON COLUMN dynpgext.cluster_commands.pid IS 'pid of its process; NULL: none';
COMMENT ON COLUMN dynpgext.cluster_commands.process IS 'shared: it runs in the process of its database and role; own: in a process of its own; NULL: in another database';

-- ALTER DEFAULT PRIVILEGES has given privileges on new objects.
SELECT dynpgext_internal.reset_privileges(ARRAY['SCHEMA dynpgext_internal', 'TABLE dynpgext.runs', 'TYPE dynpgext.runs',
    'FUNCTION dynpgext.run_worker(name,text)', 'FUNCTION dynpgext_internal.list_runs()',
    'FUNCTION dynpgext_internal.server_versions()', 'FUNCTION dynpgext_internal.reset_privileges(text[])']);
DO $$
DECLARE
    who text;
BEGIN
    FOR who IN
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
          FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
         WHERE n.nspname OPERATOR(pg_catalog.=) 'dynpgext' AND a.privilege_type OPERATOR(pg_catalog.=) 'USAGE'
           AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner
    LOOP
        EXECUTE 'GRANT USAGE ON SCHEMA dynpgext_internal TO ' OPERATOR(pg_catalog.||) who;
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION dynpgext_internal.server_versions(), dynpgext_internal.list_runs() TO pg_monitor;
GRANT SELECT ON dynpgext.runs TO pg_monitor;

-- Reworded comments.
COMMENT ON FUNCTION dynpgext_internal.may_configure(name, text) IS 'internal: refuses non-superusers for workers that are global or not registered';
COMMENT ON FUNCTION dynpgext_internal.may_write(text) IS 'internal: refuses everyone where only dynpgext writes; non-superusers in identities and hosted_libraries, and in manifests if they may not register or no trigger checks rows';
COMMENT ON COLUMN dynpgext.registered_extension.version IS 'last provisioned version';
COMMENT ON COLUMN dynpgext.registered_extension.library IS 'library that takes part';
COMMENT ON COLUMN dynpgext.registered_extension.boot IS 'if not eager: the run of the server in which it was loaded';
COMMENT ON COLUMN dynpgext.registered_extension.incarnation IS 'changes with each CREATE EXTENSION';
COMMENT ON COLUMN dynpgext.registered_extension.is_library IS 'a hosted library, not an extension';
COMMENT ON COLUMN dynpgext.registered_worker.notify IS 'the process that starts it is notified of state changes';
COMMENT ON COLUMN dynpgext.registered_worker.callback IS 'the process that starts it first runs the init, for its callback';
COMMENT ON COLUMN dynpgext.registered_worker.restart IS 'restart policy set by its author: never, on_failure or always';
COMMENT ON COLUMN dynpgext.registered_worker.deadline IS 'maximum time between two heartbeats, in milliseconds; 0: it sends none';
COMMENT ON COLUMN dynpgext.registered_worker.servers IS 'servers it runs on: primary, standby, both, or by start time (bgw_start_time)';
COMMENT ON COLUMN dynpgext.registered_command.run_interval IS 'time between the starts of two runs, in milliseconds; 0: only when notified';
COMMENT ON COLUMN dynpgext.registered_command.channel IS 'notification channel; empty: none';
COMMENT ON COLUMN dynpgext.registered_command.run_as IS 'role that runs it; 0: none, and it does not run';
COMMENT ON COLUMN dynpgext.registered_command.deadline IS 'time limit of one run, in milliseconds; 0: no limit';
COMMENT ON COLUMN dynpgext.registered_command.schemas IS 'schemas of the extension and its members at registration; if their names differ now, a command of its script does not run';
COMMENT ON COLUMN dynpgext.registered_command.owners IS 'OIDs of accepted owners of the database in decided_in: known when its role was decided, or members of that role';
COMMENT ON COLUMN dynpgext.registered_command.foreign_owner IS 'a later owner of the database, or of the original of this copy, that is not a member of run_as: the command does not run until a superuser registers it again; empty: none';
COMMENT ON COLUMN dynpgext.registered_command.by_hand IS 'registered by hand, or by a script that did not run as a superuser';
COMMENT ON COLUMN dynpgext.registered_command.decided_in IS 'mark of the database in which its role was decided; in a copy, that of the original';
COMMENT ON TABLE dynpgext.registered_content IS 'initial content of shared memory in manifests of this database';
COMMENT ON TABLE dynpgext.worker_settings IS 'how background workers of this database are supervised; set by DBAs with dynpgext.configure_worker()';
COMMENT ON CONSTRAINT may_write ON dynpgext.manifests IS 'non-superusers write only rows that a trigger checks';
COMMENT ON TABLE dynpgext.manifests IS 'manual registrations by DBAs for extensions of this database, with dynpgext.register() or apply()';
COMMENT ON TABLE dynpgext.registered_manifest IS 'rows of dynpgext.manifests that took effect or were refused';
COMMENT ON COLUMN dynpgext.registered_manifest.extension IS 'extension it is for';
COMMENT ON COLUMN dynpgext.registered_manifest.refusal IS 'reason for the refusal, as in the WARNING; NULL: it took effect';
COMMENT ON TABLE dynpgext.restore IS 'one row while this database is being restored and runs no background workers';
COMMENT ON COLUMN dynpgext.restore.began_at IS 'time when the restore was detected';
COMMENT ON COLUMN dynpgext.restore.boot IS 'run of the server in which it began; another run, or 0: interrupted, lasts until dynpgext.end_restore() or another restore';
COMMENT ON COLUMN dynpgext.restore.until_told IS 'lasts until dynpgext.end_restore(), even if the restoring sessions end earlier';
COMMENT ON COLUMN dynpgext.restore.brings_dynpgext IS 'it created dynpgext here, so the roles in its rows of dynpgext.identities count';
COMMENT ON FUNCTION dynpgext_internal.role_in(cstring) IS 'internal: input; the role need not exist';
COMMENT ON FUNCTION dynpgext_internal.role_out(dynpgext.role) IS 'internal: its current name';
COMMENT ON TYPE dynpgext.role IS 'internal: a role, stored as OID, written as name';
COMMENT ON TABLE dynpgext.identities IS 'roles of the SQL workers of this database, for pg_dump; read dynpgext.commands instead';
COMMENT ON COLUMN dynpgext.identities.by_hand IS 'registered by hand, or by a script that did not run as a superuser';
COMMENT ON COLUMN dynpgext.identities.decided_in IS 'mark of the database in which it was decided; in a copy, that of the original; NULL: SQL wrote the row, and it does not count';
COMMENT ON COLUMN dynpgext.identities.foreign_owner IS 'a later owner of the database that is not a member of run_as: the worker does not run; NULL: none';
COMMENT ON FUNCTION dynpgext_internal.is_dumped(dynpgext.role, boolean, text, text) IS 'internal: omits from dumps rows that do not count, and roles that the owner of a copy may not use';
COMMENT ON SERVER dynpgext_workers IS 'its user mappings protect the roles that SQL workers need from DROP ROLE';
COMMENT ON TABLE dynpgext.hosted_libraries IS 'libraries hosted from this database; read dynpgext.hosted instead';
COMMENT ON FUNCTION dynpgext_internal.live_extensions(boolean) IS 'internal: states of extensions of this database, or of all';
COMMENT ON FUNCTION dynpgext_internal.live_provisioners() IS 'internal: processes that hold the provisioning lock and run extension code, in all databases';
COMMENT ON FUNCTION dynpgext_internal.live_allocations(boolean) IS 'internal: existing memory of this database and global memory, or all';
COMMENT ON FUNCTION dynpgext_internal.live_workers(boolean) IS 'internal: states of workers of this database and global ones, or of all';
COMMENT ON FUNCTION dynpgext_internal.live_commands(boolean) IS 'internal: states of SQL workers of this database and global ones, or of all';
COMMENT ON FUNCTION dynpgext_internal.published_allocations(boolean) IS 'internal: registered memory of this database and global memory, or all';
COMMENT ON FUNCTION dynpgext_internal.published_workers(boolean) IS 'internal: registered workers of this database and global ones, or all';
COMMENT ON FUNCTION dynpgext_internal.published_extensions() IS 'internal: registered, wanted extensions of all databases, and how much they register';
COMMENT ON FUNCTION dynpgext_internal.boot() IS 'internal: ID of the server''s current shared memory';
COMMENT ON COLUMN dynpgext.extensions.version IS 'provisioned version';
COMMENT ON COLUMN dynpgext.extensions.library IS 'library that takes part; NULL: it takes part by SQL alone';
COMMENT ON VIEW dynpgext.cluster_allocations IS 'shared memory of extensions, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_allocations.allocated_at IS 'time of the allocation';
COMMENT ON VIEW dynpgext.allocations IS 'shared memory of extensions of this database, and global memory';
COMMENT ON COLUMN dynpgext.allocations.allocated_at IS 'time of the allocation';
COMMENT ON VIEW dynpgext.cluster_workers IS 'background workers of extensions, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_workers.version IS 'extension version that runs or last ran; the highest, if global and never run';
COMMENT ON COLUMN dynpgext.cluster_workers.last_exited_at IS 'last exit time';
COMMENT ON COLUMN dynpgext.cluster_workers.last_exit_code IS 'last exit code';
COMMENT ON COLUMN dynpgext.cluster_workers.waits_for IS 'in state waiting: the reason, such as a limit or the end of recovery or a restore';
COMMENT ON VIEW dynpgext.workers IS 'background workers of extensions of this database, and global ones';
COMMENT ON COLUMN dynpgext.workers.version IS 'extension version that runs or last ran';
COMMENT ON COLUMN dynpgext.workers.last_exited_at IS 'last exit time';
COMMENT ON COLUMN dynpgext.workers.last_exit_code IS 'last exit code';
COMMENT ON COLUMN dynpgext.workers.waits_for IS 'in state waiting: the reason, such as a limit or the end of recovery or a restore';
COMMENT ON VIEW dynpgext.commands IS 'SQL workers of this database: their commands and runs';
COMMENT ON VIEW dynpgext.events IS 'the last dynpgext.max_events events of extensions, allocations and workers of the cluster, since the start of the server';
COMMENT ON VIEW dynpgext.hosted IS 'hosted libraries for shared_preload_libraries, for the server or this database';
COMMENT ON COLUMN dynpgext.hosted.hosted_at IS 'time of hosting in this run of the server';
COMMENT ON VIEW dynpgext.cluster_extensions IS 'extensions that take part in dynpgext, except unloaded ones, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_extensions.version IS 'provisioned version';
COMMENT ON COLUMN dynpgext.cluster_extensions.library IS 'library that takes part; NULL: it takes part by SQL alone';
COMMENT ON VIEW dynpgext.cluster_commands IS 'SQL workers and their runs, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_commands.command IS 'SQL; NULL: in the tables of another database';
COMMENT ON COLUMN dynpgext.cluster_commands.run_interval IS 'time between the starts of two runs; NULL: it runs on notification only, or is in another database';
COMMENT ON COLUMN dynpgext.cluster_commands.channel IS 'notification channel; NULL: none, or in another database';
COMMENT ON COLUMN dynpgext.cluster_commands.registered_by IS 'role that registered it; NULL: in another database';
COMMENT ON FUNCTION dynpgext_internal.known_objects() IS 'internal: full rows of dynpgext.overview';
COMMENT ON VIEW dynpgext.overview IS 'workers and allocations of the cluster, one line each, for terminals';
COMMENT ON COLUMN dynpgext.overview.since IS 'last change of state: its time if today, otherwise its date; NULL: none';
COMMENT ON COLUMN dynpgext.overview.pid IS 'pid of the worker''s process; NULL: none';
COMMENT ON FUNCTION dynpgext_internal.count_states(text) IS 'internal: number of extensions, allocations or workers of the cluster in each state';
COMMENT ON FUNCTION dynpgext.version() IS 'version of the loaded library';
COMMENT ON FUNCTION dynpgext.health() IS 'lists problems in all databases, the worst first, and what to do about them; no row: no problem';
COMMENT ON FUNCTION dynpgext.reload(name, boolean) IS 'makes the live state of this database equal to the registrations, of one extension or all; returns what it did, or with dry_run would do';
COMMENT ON FUNCTION dynpgext.load(name, text) IS 'provisions an extension that is not eager, or was unloaded; returns its version';
COMMENT ON FUNCTION dynpgext.unload(name) IS 'ends the workers and frees the memory of an extension until load(); it stays installed; false if it was not loaded';
COMMENT ON FUNCTION dynpgext.start_worker(name, text) IS 'starts a worker that is not running; false if there was nothing to start';
COMMENT ON FUNCTION dynpgext.stop_worker(name, text) IS 'stops a worker until start_worker() or a restart of the server; false if there was nothing to stop';
COMMENT ON FUNCTION dynpgext.restart_worker(name, text) IS 'stops a worker if it runs, and starts it; false if it could not be started';
COMMENT ON FUNCTION dynpgext.preload(boolean) IS 'adds dynpgext to shared_preload_libraries, or removes it, for the next restart of the server; returns the new setting';
COMMENT ON FUNCTION dynpgext.reset_worker(name, text) IS 'deletes the settings of configure_worker(); false if none were set';
COMMENT ON FUNCTION dynpgext.release(name) IS 'ends the quarantine of an extension and its workers, clears their crashes, and starts them; false if there were none';
COMMENT ON FUNCTION dynpgext.register(name, jsonb) IS 'registers shared memory and workers for an extension, replacing its earlier registrations by script or by hand';
COMMENT ON FUNCTION dynpgext.export(name) IS 'manifest of an extension or of this database: registrations and settings';
COMMENT ON FUNCTION dynpgext.apply(jsonb, boolean) IS 'makes SQL registrations and settings equal to a manifest; returns what it did, or with dry_run would do';
COMMENT ON FUNCTION dynpgext.peek(text, bigint, bigint) IS 'reads up to length bytes of shared memory, starting at offset, as they currently are';
COMMENT ON FUNCTION dynpgext.begin_restore() IS 'stops the workers of this database until end_restore(); false if already in effect';
COMMENT ON FUNCTION dynpgext.end_restore() IS 'ends the restore of this database: its workers start; false if it was not being restored';
COMMENT ON FUNCTION dynpgext.can_host(text) IS 'shows the needs of a library for shared_preload_libraries, and whether hosting can meet them: hosted, limited or refused; reads its file without running it';
COMMENT ON FUNCTION dynpgext.unhost(text) IS 'reverses host(); sessions that have loaded the library keep it until they end; false if this database does not host it';
COMMENT ON FUNCTION dynpgext.rehost(text) IS 'hosts a library again, from its current file and with the current settings, new memory and new workers; returns its state';
COMMENT ON FUNCTION dynpgext.attach_hosted() IS 'loads into this session the libraries hosted since it began; returns their number';
COMMENT ON FUNCTION dynpgext_internal.on_change() IS 'internal: compares pg_extension with the registrations';
COMMENT ON FUNCTION dynpgext_internal.on_command_start() IS 'internal: stops workers of the extensions that a command affects; checks at commit whether dynpgext itself was dropped';
COMMENT ON EVENT TRIGGER dynpgext_on_drop IS 'follows every drop of an extension';
COMMENT ON EVENT TRIGGER dynpgext_on_command_start IS 'stops workers of an extension before it is changed; records who runs its script; detects the drop of dynpgext itself, after which its other triggers are gone; serializes sessions that enable triggers of its tables';
COMMENT ON TRIGGER on_settings ON dynpgext.worker_settings IS 'follows restores and changes by hand';
COMMENT ON FUNCTION dynpgext_internal.before_settings() IS 'internal: only superusers change settings of global workers';
COMMENT ON TRIGGER before_settings ON dynpgext.worker_settings IS 'only superusers change settings of global workers';
COMMENT ON TRIGGER before_truncate ON dynpgext.worker_settings IS 'only superusers remove settings of global workers';
COMMENT ON FUNCTION dynpgext_internal.on_manifests() IS 'internal: repeats registrations by hand when they are restored';
COMMENT ON TRIGGER on_manifests ON dynpgext.manifests IS 'follows restores and changes by hand';
COMMENT ON FUNCTION dynpgext_internal.before_manifests() IS 'internal: non-superusers change or delete only rows of their own extensions';
COMMENT ON TRIGGER before_manifests ON dynpgext.manifests IS 'non-superusers change or delete only rows of their own extensions';
COMMENT ON TRIGGER before_truncate ON dynpgext.manifests IS 'non-superusers remove only rows of their own extensions';
COMMENT ON FUNCTION dynpgext_internal.on_replicated() IS 'internal: a visit follows replicated changes';
COMMENT ON FUNCTION dynpgext_internal.on_alter() IS 'internal: follows rows written while triggers were disabled';
COMMENT ON EVENT TRIGGER dynpgext_on_alter IS 'detects when triggers of dynpgext''s tables are enabled';
COMMENT ON FUNCTION dynpgext_internal.on_identities() IS 'internal: commands keep their roles after a restore, or have none';
COMMENT ON FUNCTION dynpgext_internal.only_superusers() IS 'internal: refuses non-superusers';
