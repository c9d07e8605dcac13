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
