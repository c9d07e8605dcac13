-- The objects of all databases, with reasons for their states, laid out for a terminal.

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
  FROM dynpgext_internal.published_extensions() p
       JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.database
       LEFT JOIN dynpgext_internal.live_extensions(true) l
         ON l.database OPERATOR(pg_catalog.=) p.database AND l.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN dynpgext_internal.live_provisioners() c
         ON c.database OPERATOR(pg_catalog.=) p.database AND c.extension OPERATOR(pg_catalog.=) p.extension;
COMMENT ON VIEW dynpgext.cluster_extensions IS 'extensions that take part in dynpgext, except unloaded ones, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_extensions.database IS 'database in which it is installed';
COMMENT ON COLUMN dynpgext.cluster_extensions.extension IS 'name of the extension, as in pg_extension';
COMMENT ON COLUMN dynpgext.cluster_extensions.version IS 'provisioned version';
COMMENT ON COLUMN dynpgext.cluster_extensions.library IS 'library that takes part; NULL: it takes part by SQL alone';
COMMENT ON COLUMN dynpgext.cluster_extensions.state IS 'pending, provisioned, failed or quarantined';
COMMENT ON COLUMN dynpgext.cluster_extensions.error IS 'reason, in state failed; reason and time, in state quarantined';
COMMENT ON COLUMN dynpgext.cluster_extensions.allocations IS 'number of allocations that it has registered';
COMMENT ON COLUMN dynpgext.cluster_extensions.workers IS 'number of workers that it has registered';
COMMENT ON COLUMN dynpgext.cluster_extensions.provisioned_at IS 'time of the last successful init since the server started';
COMMENT ON COLUMN dynpgext.cluster_extensions.provisioning_pid IS 'pid of the process that is running code of the extension; commands that change registrations wait for it';

-- The commands themselves are only in the tables of their database.
CREATE VIEW dynpgext.cluster_commands AS
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
COMMENT ON VIEW dynpgext.cluster_commands IS 'SQL workers and their runs, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_commands.database IS 'database in which it runs; NULL: global, and has not run';
COMMENT ON COLUMN dynpgext.cluster_commands.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.cluster_commands.worker IS 'name of the worker; see dynpgext.workers';
COMMENT ON COLUMN dynpgext.cluster_commands.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.cluster_commands.command IS 'SQL; NULL: in the tables of another database';
COMMENT ON COLUMN dynpgext.cluster_commands.run_interval IS 'time between the starts of two runs; NULL: it runs on notification only, or is in another database';
COMMENT ON COLUMN dynpgext.cluster_commands.channel IS 'notification channel; NULL: none, or in another database';
COMMENT ON COLUMN dynpgext.cluster_commands.run_as IS 'role that runs it; NULL: none, and it does not run';
COMMENT ON COLUMN dynpgext.cluster_commands.state IS 'state of the worker, as in dynpgext.cluster_workers';
COMMENT ON COLUMN dynpgext.cluster_commands.pid IS 'pid of its process; NULL: none';
COMMENT ON COLUMN dynpgext.cluster_commands.runs IS 'number of completed runs since the server started';
COMMENT ON COLUMN dynpgext.cluster_commands.failures IS 'number of failed runs';
COMMENT ON COLUMN dynpgext.cluster_commands.last_run_at IS 'start of the last run';
COMMENT ON COLUMN dynpgext.cluster_commands.last_duration IS 'duration of the last run';
COMMENT ON COLUMN dynpgext.cluster_commands.last_failed_at IS 'start of the last failed run';
COMMENT ON COLUMN dynpgext.cluster_commands.last_error IS 'SQLSTATE and message of the last failure';
COMMENT ON COLUMN dynpgext.cluster_commands.next_run_at IS 'time of the next run; NULL: no interval, or it does not run';
COMMENT ON COLUMN dynpgext.cluster_commands.registered_by IS 'role that registered it; NULL: in another database';
COMMENT ON COLUMN dynpgext.cluster_commands.process IS 'shared: it runs in the process of its database and role; own: in a process of its own; NULL: in another database';

-- Both workers and allocations, with the reason for each state that has one.
CREATE FUNCTION dynpgext_internal.known_objects()
RETURNS TABLE (database name, extension name, object text, name text, state text, since timestamptz, pid integer, why text)
LANGUAGE sql STABLE
BEGIN ATOMIC
WITH x AS MATERIALIZED (SELECT e.database, e.extension, e.state, e.error FROM dynpgext_internal.live_extensions(true) e)
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
  FROM dynpgext_internal.published_workers(true) p
       FULL JOIN dynpgext_internal.live_workers(true) l
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
  FROM dynpgext_internal.published_allocations(true) p
       LEFT JOIN dynpgext_internal.live_allocations(true) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.name OPERATOR(pg_catalog.=) p.name
        AND l.state OPERATOR(pg_catalog.<>) 'draining'
       LEFT JOIN x ON x.database OPERATOR(pg_catalog.=) p.database AND x.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.home
UNION ALL
SELECT d.datname, l.extension, 'allocation', l.name, l.state, l.since, NULL,
       'looked up by ' OPERATOR(pg_catalog.||) l.attached::pg_catalog.text
  FROM dynpgext_internal.live_allocations(true) l
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.home
 WHERE l.state OPERATOR(pg_catalog.=) 'draining';
END;
COMMENT ON FUNCTION dynpgext_internal.known_objects() IS 'internal: full rows of dynpgext.overview';

-- A row with names of usual length fits into 120 characters, 22 of them for the reason.
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
  FROM dynpgext_internal.known_objects() o
       CROSS JOIN LATERAL (
         SELECT CASE WHEN o.state OPERATOR(pg_catalog.=) 'waiting' 
                     THEN pg_catalog.regexp_replace(pg_catalog.regexp_replace(o.why, '^dynpgext\.', ''), '^a command on (its|the) ', 'command on ')
                     WHEN o.state OPERATOR(pg_catalog.=) 'quarantined'
                     THEN COALESCE('crashed ' OPERATOR(pg_catalog.||)
                                   pg_catalog.substring(o.why, 'took the server down ([0-9]+ times)'), o.why)
                     -- the SQLSTATE
                     ELSE pg_catalog.regexp_replace(o.why, '^[0-9A-Z]{5}: ', '') END AS why) s
 ORDER BY o.database NULLS FIRST, o.extension, o.object, o.name;
COMMENT ON VIEW dynpgext.overview IS 'workers and allocations of the cluster, one line each, for terminals';
COMMENT ON COLUMN dynpgext.overview.database IS 'database of the object; NULL: global';
COMMENT ON COLUMN dynpgext.overview.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.overview.object IS 'allocation or worker';
COMMENT ON COLUMN dynpgext.overview.name IS 'name of the allocation or worker';
COMMENT ON COLUMN dynpgext.overview.state IS 'state, as in dynpgext.cluster_allocations and cluster_workers';
COMMENT ON COLUMN dynpgext.overview.since IS 'last change of state: its time if today, otherwise its date; NULL: none';
COMMENT ON COLUMN dynpgext.overview.pid IS 'pid of the worker''s process; NULL: none';
COMMENT ON COLUMN dynpgext.overview.why IS 'reason for the state, cut to 22 characters; dynpgext.health() and last_error in dynpgext.cluster_workers have the whole message';

CREATE FUNCTION dynpgext_internal.count_states(object text) RETURNS jsonb
LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
SELECT COALESCE(pg_catalog.jsonb_object_agg(n.state, n.count), '{}')
  FROM (SELECT a.state, pg_catalog.count(*) AS count
          FROM (SELECT o.state FROM dynpgext_internal.known_objects() o
                 WHERE count_states.object OPERATOR(pg_catalog.=) o.object
                UNION ALL
                SELECT e.state FROM dynpgext.cluster_extensions e
                 WHERE count_states.object OPERATOR(pg_catalog.=) 'extension') a
         GROUP BY a.state) n;
END;
COMMENT ON FUNCTION dynpgext_internal.count_states(text) IS 'internal: number of extensions, allocations or workers of the cluster in each state';

CREATE VIEW dynpgext.status AS
SELECT version, preloaded, launcher_pid, memory_used, memory_limit, databases, allocations, workers,
       dynpgext_internal.count_states('extension') AS extensions_by_state,
       dynpgext_internal.count_states('allocation') AS allocations_by_state,
       dynpgext_internal.count_states('worker') AS workers_by_state,
       launcher_version, oldest_version, newest_version
  FROM dynpgext_internal.server_status(), dynpgext_internal.server_versions();
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
COMMENT ON COLUMN dynpgext.status.launcher_version IS 'version of the library that the launcher runs; NULL: no launcher';
COMMENT ON COLUMN dynpgext.status.oldest_version IS 'oldest library version in any process that uses dynpgext';
COMMENT ON COLUMN dynpgext.status.newest_version IS 'newest version in any such process';
