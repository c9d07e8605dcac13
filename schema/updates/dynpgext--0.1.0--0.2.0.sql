-- From 0.1.0 to 0.2.0.  Every change in schema/*.sql needs one here: t/102_update.pl compares the
-- results of both.  Views are replaced, not dropped, to keep users' views that are based on them.
\echo Use "ALTER EXTENSION dynpgext UPDATE" to load this file. \quit

-- Moves objects that are not part of the interface.  Roles with USAGE on schema dynpgext get it on
-- the new one; grants on the functions stay.
CREATE SCHEMA dynpgext_internal;
COMMENT ON SCHEMA dynpgext_internal IS 'internal: what the views, triggers and constraints of dynpgext call; may change in any version';
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
COMMENT ON FUNCTION dynpgext_internal.reset_privileges(text[]) IS 'internal: for the install script, and for new objects in updates, before they grant anything';

CREATE FUNCTION dynpgext_internal.server_versions(OUT launcher_version text, OUT oldest_version text, OUT newest_version text)
RETURNS SETOF record ROWS 1 LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_versions';
COMMENT ON FUNCTION dynpgext_internal.server_versions() IS 'internal: which versions of the library processes run';

CREATE OR REPLACE VIEW dynpgext.status AS
SELECT version, preloaded, launcher_pid, memory_used, memory_limit, databases, allocations, workers,
       dynpgext_internal.count_states('extension') AS extensions_by_state,
       dynpgext_internal.count_states('allocation') AS allocations_by_state,
       dynpgext_internal.count_states('worker') AS workers_by_state,
       launcher_version, oldest_version, newest_version
  FROM dynpgext_internal.server_status(), dynpgext_internal.server_versions();
COMMENT ON COLUMN dynpgext.status.launcher_version IS 'version of the library that the launcher runs; NULL: there is no launcher';
COMMENT ON COLUMN dynpgext.status.oldest_version IS 'oldest version of the library that a process runs which uses dynpgext';
COMMENT ON COLUMN dynpgext.status.newest_version IS 'newest version of it that a process runs';

COMMENT ON COLUMN dynpgext.cluster_workers.stale IS 'the file of its library, or of dynpgext''s, is no longer the one that its process runs';
COMMENT ON COLUMN dynpgext.workers.stale IS 'the file of its library, or of dynpgext''s, is no longer the one that its process runs';

CREATE FUNCTION dynpgext.run_worker(extension name, worker text) RETURNS interval
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_run_worker';
COMMENT ON FUNCTION dynpgext.run_worker(name, text) IS 'runs the command of an SQL worker now, and waits for the end of the run; returns its duration, or raises its error';

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
COMMENT ON VIEW dynpgext.runs IS 'the last runs of SQL workers, of this database and global ones, since the start of the server';
COMMENT ON COLUMN dynpgext.runs.extension IS 'extension that registered the worker';
COMMENT ON COLUMN dynpgext.runs.worker IS 'name of the worker; see dynpgext.commands';
COMMENT ON COLUMN dynpgext.runs.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.runs.database IS 'database in which it ran, or its OID after a drop';
COMMENT ON COLUMN dynpgext.runs.started_at IS 'start of the run';
COMMENT ON COLUMN dynpgext.runs.duration IS 'duration of the run';
COMMENT ON COLUMN dynpgext.runs.outcome IS 'succeeded, failed, or canceled: the worker was stopped meanwhile';
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
COMMENT ON COLUMN dynpgext.registered_command.first_run IS 'from its start, in milliseconds; 0: at once; -1: after one interval';

ALTER TABLE dynpgext.registered_worker ADD COLUMN process text NOT NULL DEFAULT 'shared' CHECK (process IN ('shared', 'own'));
ALTER TABLE dynpgext.registered_worker ALTER COLUMN process DROP DEFAULT;
COMMENT ON COLUMN dynpgext.registered_worker.hosted IS 'runs a command, in a process of dynpgext''s that has connected as its role';
COMMENT ON COLUMN dynpgext.registered_worker.process IS 'of one that runs a command: shared, with the others of its database and role; or own';

ALTER TABLE dynpgext.worker_settings ADD COLUMN run_interval interval CHECK (run_interval BETWEEN INTERVAL '10 milliseconds' AND INTERVAL '366 days');
COMMENT ON COLUMN dynpgext.worker_settings.run_interval IS 'of an SQL worker: time between the starts of two runs; NULL: as set by its author';

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
COMMENT ON FUNCTION dynpgext.configure_worker(name, text, boolean, text, interval, interval) IS 'sets whether a worker runs, after which end it is restarted (never, on_failure, always), how long after, and the interval of an SQL worker; NULL keeps what is set; kept by pg_dump';

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
COMMENT ON COLUMN dynpgext.cluster_commands.process IS 'shared: it runs in the process of its database and role; own: in a process of its own; NULL: it is of another database';

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
