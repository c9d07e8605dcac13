-- From 0.1.0 to 0.2.0.  Whoever changes schema/*.sql changes this, too: t/102_update.pl compares what
-- both lead to.  Views are replaced, so that those of users that are based on them stay.
\echo Use "ALTER EXTENSION dynpgext UPDATE" to load this file. \quit

CREATE FUNCTION dynpgext.server_versions(OUT launcher_version text, OUT oldest_version text, OUT newest_version text)
RETURNS SETOF record ROWS 1 LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_versions';
COMMENT ON FUNCTION dynpgext.server_versions() IS 'internal: which versions of the library processes run';
REVOKE ALL ON FUNCTION dynpgext.server_versions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dynpgext.server_versions() TO pg_monitor;

CREATE OR REPLACE VIEW dynpgext.status AS
SELECT version, preloaded, launcher_pid, memory_used, memory_limit, databases, allocations, workers,
       dynpgext.count_states('extension') AS extensions_by_state,
       dynpgext.count_states('allocation') AS allocations_by_state,
       dynpgext.count_states('worker') AS workers_by_state,
       launcher_version, oldest_version, newest_version
  FROM dynpgext.server_status(), dynpgext.server_versions();
COMMENT ON COLUMN dynpgext.status.launcher_version IS 'version of the library that the launcher runs; NULL: there is no launcher';
COMMENT ON COLUMN dynpgext.status.oldest_version IS 'oldest version of the library that a process runs which uses dynpgext';
COMMENT ON COLUMN dynpgext.status.newest_version IS 'newest version of it that a process runs';

COMMENT ON COLUMN dynpgext.cluster_workers.stale IS 'the file of its library, or of dynpgext''s, is no longer the one that its process runs';
COMMENT ON COLUMN dynpgext.workers.stale IS 'the file of its library, or of dynpgext''s, is no longer the one that its process runs';

CREATE FUNCTION dynpgext.run_worker(extension name, worker text) RETURNS interval
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_run_worker';
COMMENT ON FUNCTION dynpgext.run_worker(name, text) IS 'runs the command of an SQL worker now, and waits for the end of the run; returns its duration, or raises its error';

REVOKE ALL ON FUNCTION dynpgext.run_worker(name, text) FROM PUBLIC;

CREATE FUNCTION dynpgext.list_runs(
    OUT extension name, OUT worker text, OUT home oid, OUT ran_in oid, OUT started_at timestamptz,
    OUT duration interval, OUT outcome text, OUT error text)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_list_runs';
COMMENT ON FUNCTION dynpgext.list_runs() IS 'internal: the rows of dynpgext.runs';
REVOKE ALL ON FUNCTION dynpgext.list_runs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dynpgext.list_runs() TO pg_monitor;

CREATE VIEW dynpgext.runs AS
SELECT r.extension,
       r.worker,
       CASE WHEN r.home OPERATOR(pg_catalog.=) 0 THEN 'global' ELSE 'database' END AS scope,
       COALESCE(d.datname, r.ran_in::pg_catalog.text::pg_catalog.name) AS database,
       r.started_at,
       r.duration,
       r.outcome,
       r.error
  FROM dynpgext.list_runs() r
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) r.ran_in;
COMMENT ON VIEW dynpgext.runs IS 'the last runs of SQL workers, of this database and global ones, since the start of the server';
COMMENT ON COLUMN dynpgext.runs.extension IS 'extension that registered the worker';
COMMENT ON COLUMN dynpgext.runs.worker IS 'name of the worker; see dynpgext.commands';
COMMENT ON COLUMN dynpgext.runs.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.runs.database IS 'database in which it ran, or its OID after a drop';
COMMENT ON COLUMN dynpgext.runs.started_at IS 'start of the run';
COMMENT ON COLUMN dynpgext.runs.duration IS 'duration of the run';
COMMENT ON COLUMN dynpgext.runs.outcome IS 'succeeded, failed, or canceled: the worker was told to end meanwhile';
COMMENT ON COLUMN dynpgext.runs.error IS 'SQLSTATE and message of the error, up to 255 bytes; NULL: it has not failed';
GRANT SELECT ON dynpgext.runs TO pg_monitor;
REVOKE ALL ON TYPE dynpgext.runs FROM PUBLIC;

-- CREATE EXTENSION says since then that the database is no copy, see docs/hosting.md; who updates it decides so.
DO $$
BEGIN
    EXECUTE pg_catalog.format('ALTER ROLE %I IN DATABASE %I SET dynpgext_database.original = %L',
        (SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) 10), pg_catalog.current_database(), 'on');
END $$;

-- dynpgext reads it in old rows, too
ALTER TABLE dynpgext.registered_command ADD COLUMN first_run bigint NOT NULL DEFAULT 0;
ALTER TABLE dynpgext.registered_command ALTER COLUMN first_run DROP DEFAULT;
COMMENT ON COLUMN dynpgext.registered_command.first_run IS 'from its start, in milliseconds; 0: at once; -1: after one interval';
