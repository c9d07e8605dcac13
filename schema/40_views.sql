-- The views.  They read registrations from the tables, so that a transaction sees its own changes,
-- and the live state from shared memory.

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
       CROSS JOIN (SELECT dynpgext_internal.boot() AS boot) b
       LEFT JOIN dynpgext_internal.live_extensions(false) l
         ON l.extension OPERATOR(pg_catalog.=) r.extension AND l.database OPERATOR(pg_catalog.=) d.oid
       LEFT JOIN dynpgext_internal.live_provisioners() p
         ON p.extension OPERATOR(pg_catalog.=) r.extension AND p.database OPERATOR(pg_catalog.=) d.oid
 WHERE NOT r.is_library;
COMMENT ON VIEW dynpgext.extensions IS 'extensions of this database that take part in dynpgext';
COMMENT ON COLUMN dynpgext.extensions.extension IS 'name of the extension, as in pg_extension';
COMMENT ON COLUMN dynpgext.extensions.version IS 'provisioned version';
COMMENT ON COLUMN dynpgext.extensions.library IS 'library that takes part; NULL: it takes part by SQL alone';
COMMENT ON COLUMN dynpgext.extensions.state IS 'pending, provisioned, failed, quarantined or unloaded';
COMMENT ON COLUMN dynpgext.extensions.error IS 'reason, in state failed; reason and time, in state quarantined';
COMMENT ON COLUMN dynpgext.extensions.allocations IS 'number of allocations that it has registered';
COMMENT ON COLUMN dynpgext.extensions.workers IS 'number of workers that it has registered';
COMMENT ON COLUMN dynpgext.extensions.provisioned_at IS 'time of the last successful init since the server started';
COMMENT ON COLUMN dynpgext.extensions.provisioning_pid IS 'pid of the process that is running code of the extension; commands that change registrations wait for it';

-- Memory of every database: registered, or dropped but still looked up.
-- Memory known to all processes: global, and of this database; or of the whole cluster.
CREATE FUNCTION dynpgext_internal.known_allocations(whole boolean)
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
  FROM dynpgext_internal.published_allocations(whole) p
       LEFT JOIN dynpgext_internal.live_allocations(whole) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.name OPERATOR(pg_catalog.=) p.name
        AND l.state OPERATOR(pg_catalog.<>) 'draining'
       LEFT JOIN dynpgext_internal.live_extensions(whole) x
         ON x.database OPERATOR(pg_catalog.=) p.database AND x.extension OPERATOR(pg_catalog.=) p.extension
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.home
UNION ALL
SELECT l.name, l.extension, NULL, CASE WHEN l.home OPERATOR(pg_catalog.=) 0 THEN 'global' ELSE 'database' END,
       d.datname, l.size, l.state, l.attached, l.allocated_at
  FROM dynpgext_internal.live_allocations(whole) l
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.home
 WHERE l.state OPERATOR(pg_catalog.=) 'draining';
END;
COMMENT ON FUNCTION dynpgext_internal.known_allocations(boolean) IS 'internal: the rows of dynpgext.cluster_allocations';

CREATE VIEW dynpgext.cluster_allocations AS
SELECT name, extension, version, scope, database, size, state, attached, allocated_at
  FROM dynpgext_internal.known_allocations(true);
COMMENT ON VIEW dynpgext.cluster_allocations IS 'shared memory of extensions, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_allocations.name IS 'as given to allocate_shmem and dynpgext_lookup_shmem';
COMMENT ON COLUMN dynpgext.cluster_allocations.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.cluster_allocations.version IS 'version of the extension; the highest, if global; NULL after a drop';
COMMENT ON COLUMN dynpgext.cluster_allocations.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.cluster_allocations.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.cluster_allocations.size IS 'size in bytes, as registered';
COMMENT ON COLUMN dynpgext.cluster_allocations.state IS 'registered, allocated, draining or failed';
COMMENT ON COLUMN dynpgext.cluster_allocations.attached IS 'number of processes that have looked it up and not released it';
COMMENT ON COLUMN dynpgext.cluster_allocations.allocated_at IS 'time of the allocation';

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
       LEFT JOIN dynpgext_internal.live_allocations(false) l
         ON l.name OPERATOR(pg_catalog.=) r.name AND l.state OPERATOR(pg_catalog.<>) 'draining'
        AND l.home OPERATOR(pg_catalog.=) CASE r.scope WHEN 'database' THEN d.oid ELSE 0 END
       LEFT JOIN dynpgext_internal.live_extensions(false) x
         ON x.database OPERATOR(pg_catalog.=) d.oid AND x.extension OPERATOR(pg_catalog.=) r.extension
 WHERE e.loaded AND (e.eager OR e.boot OPERATOR(pg_catalog.=) (SELECT dynpgext_internal.boot()))
UNION ALL
SELECT c.name, c.extension, c.version, c.scope, c.database, c.size, c.state, c.attached, c.allocated_at
  FROM dynpgext_internal.known_allocations(false) c
 WHERE (c.state OPERATOR(pg_catalog.=) 'draining'
        AND (c.scope OPERATOR(pg_catalog.=) 'global' OR c.database OPERATOR(pg_catalog.=) pg_catalog.current_database()))
    OR (c.scope OPERATOR(pg_catalog.=) 'global' AND c.state OPERATOR(pg_catalog.<>) 'draining'
        AND NOT EXISTS (SELECT FROM dynpgext.registered_allocation r WHERE r.name OPERATOR(pg_catalog.=) c.name));
COMMENT ON VIEW dynpgext.allocations IS 'shared memory of extensions of this database, and global memory';
COMMENT ON COLUMN dynpgext.allocations.name IS 'as given to allocate_shmem and dynpgext_lookup_shmem';
COMMENT ON COLUMN dynpgext.allocations.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.allocations.version IS 'version of the extension; NULL after a drop';
COMMENT ON COLUMN dynpgext.allocations.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.allocations.database IS 'database that it belongs to; NULL: global';
COMMENT ON COLUMN dynpgext.allocations.size IS 'size in bytes, as registered';
COMMENT ON COLUMN dynpgext.allocations.state IS 'registered (no memory yet), allocated, draining (dropped but still looked up) or failed';
COMMENT ON COLUMN dynpgext.allocations.attached IS 'number of processes that have looked it up and not released it';
COMMENT ON COLUMN dynpgext.allocations.allocated_at IS 'time of the allocation';

-- The same for workers.
CREATE FUNCTION dynpgext_internal.known_workers(whole boolean)
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
  FROM dynpgext_internal.published_workers(whole) p
       FULL JOIN dynpgext_internal.live_workers(whole) l
         ON l.home OPERATOR(pg_catalog.=) p.home AND l.extension OPERATOR(pg_catalog.=) p.extension
        AND l.name OPERATOR(pg_catalog.=) p.name
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) COALESCE(p.home, l.home);
END;
COMMENT ON FUNCTION dynpgext_internal.known_workers(boolean) IS 'internal: the rows of dynpgext.cluster_workers';

CREATE VIEW dynpgext.cluster_workers AS
SELECT extension, version, name, type, scope, database, library, function, state, pid, restart, starts, last_started_at,
       last_exited_at, last_exit_code, last_error, next_start_at, stale, waits_for
  FROM dynpgext_internal.known_workers(true);
COMMENT ON VIEW dynpgext.cluster_workers IS 'background workers of extensions, in all databases that the launcher has reached so far';
COMMENT ON COLUMN dynpgext.cluster_workers.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.cluster_workers.version IS 'extension version that runs or last ran; the highest, if global and never run';
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
COMMENT ON COLUMN dynpgext.cluster_workers.last_exited_at IS 'last exit time';
COMMENT ON COLUMN dynpgext.cluster_workers.last_exit_code IS 'last exit code';
COMMENT ON COLUMN dynpgext.cluster_workers.last_error IS 'SQLSTATE and message of the error that ended it; in state quarantined the reason and time';
COMMENT ON COLUMN dynpgext.cluster_workers.next_start_at IS 'in state backoff: time of the next start';
COMMENT ON COLUMN dynpgext.cluster_workers.stale IS 'whether the file of its library or dynpgext''s has changed since its process loaded it';
COMMENT ON COLUMN dynpgext.cluster_workers.waits_for IS 'in state waiting: the reason, such as a limit or the end of recovery or a restore';

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
       LEFT JOIN dynpgext_internal.live_workers(false) l
         ON l.extension OPERATOR(pg_catalog.=) r.extension AND l.name OPERATOR(pg_catalog.=) r.name
        AND l.home OPERATOR(pg_catalog.=) CASE r.scope WHEN 'database' THEN d.oid ELSE 0 END
       LEFT JOIN dynpgext.worker_settings w
         ON w.extension OPERATOR(pg_catalog.=) r.extension AND w.worker OPERATOR(pg_catalog.=) r.name
 WHERE e.loaded AND (e.eager OR e.boot OPERATOR(pg_catalog.=) (SELECT dynpgext_internal.boot()))
UNION ALL
SELECT c.extension, c.version, c.name, c.type, c.scope, c.database, c.library, c.function, c.state, c.pid, c.restart,
       c.starts, c.last_started_at, c.last_exited_at, c.last_exit_code, c.last_error, c.next_start_at, c.stale, c.waits_for
  FROM dynpgext_internal.known_workers(false) c
 WHERE (c.scope OPERATOR(pg_catalog.=) 'global' OR c.database OPERATOR(pg_catalog.=) pg_catalog.current_database())
   AND NOT EXISTS (SELECT FROM dynpgext.registered_worker r
                    WHERE r.extension OPERATOR(pg_catalog.=) c.extension AND r.name OPERATOR(pg_catalog.=) c.name
                      AND r.scope OPERATOR(pg_catalog.=) c.scope);
COMMENT ON VIEW dynpgext.workers IS 'background workers of extensions of this database, and global ones';
COMMENT ON COLUMN dynpgext.workers.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.workers.version IS 'extension version that runs or last ran';
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
COMMENT ON COLUMN dynpgext.workers.last_exited_at IS 'last exit time';
COMMENT ON COLUMN dynpgext.workers.last_exit_code IS 'last exit code';
COMMENT ON COLUMN dynpgext.workers.last_error IS 'SQLSTATE and message of the error that ended it; in state quarantined the reason and time';
COMMENT ON COLUMN dynpgext.workers.next_start_at IS 'in state backoff: time of the next start';
COMMENT ON COLUMN dynpgext.workers.stale IS 'whether the file of its library or dynpgext''s has changed since its process loaded it';
COMMENT ON COLUMN dynpgext.workers.waits_for IS 'in state waiting: the reason, such as a limit or the end of recovery or a restore';

CREATE VIEW dynpgext.commands AS
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
COMMENT ON VIEW dynpgext.commands IS 'SQL workers of this database: their commands and runs';
COMMENT ON COLUMN dynpgext.commands.extension IS 'extension that registered it';
COMMENT ON COLUMN dynpgext.commands.worker IS 'name of the worker; see dynpgext.workers';
COMMENT ON COLUMN dynpgext.commands.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.commands.database IS 'database in which it runs; NULL: global, and has not run';
COMMENT ON COLUMN dynpgext.commands.command IS 'SQL';
COMMENT ON COLUMN dynpgext.commands.run_interval IS 'time between the starts of two runs; NULL: it runs on notification only';
COMMENT ON COLUMN dynpgext.commands.channel IS 'notification channel; NULL: none';
COMMENT ON COLUMN dynpgext.commands.run_as IS 'role that runs it; NULL: none, and it does not run';
COMMENT ON COLUMN dynpgext.commands.state IS 'state of the worker, as in dynpgext.workers';
COMMENT ON COLUMN dynpgext.commands.pid IS 'pid of its process; NULL: none';
COMMENT ON COLUMN dynpgext.commands.runs IS 'number of completed runs since the server started';
COMMENT ON COLUMN dynpgext.commands.failures IS 'number of failed runs';
COMMENT ON COLUMN dynpgext.commands.last_run_at IS 'start of the last run';
COMMENT ON COLUMN dynpgext.commands.last_duration IS 'duration of the last run';
COMMENT ON COLUMN dynpgext.commands.last_failed_at IS 'start of the last failed run';
COMMENT ON COLUMN dynpgext.commands.last_error IS 'SQLSTATE and message of the last failure';
COMMENT ON COLUMN dynpgext.commands.next_run_at IS 'time of the next run; NULL: no interval, or it does not run';
COMMENT ON COLUMN dynpgext.commands.registered_by IS 'role that registered it; must be a member of run_as at each run';
COMMENT ON COLUMN dynpgext.commands.process IS 'shared: it runs in the process of its database and role; own: in a process of its own';

CREATE VIEW dynpgext.events AS
SELECT e.at,
       e.extension,
       e.object,
       e.name,
       CASE WHEN e.home OPERATOR(pg_catalog.<>) 0 THEN COALESCE(d.datname, e.home::pg_catalog.text::pg_catalog.name) END AS database,
       e.event,
       e.detail
  FROM dynpgext_internal.list_events() e
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) e.home;
COMMENT ON VIEW dynpgext.events IS 'the last dynpgext.max_events events of extensions, allocations and workers of the cluster, since the start of the server';
COMMENT ON COLUMN dynpgext.events.at IS 'time of the event';
COMMENT ON COLUMN dynpgext.events.extension IS 'extension concerned';
COMMENT ON COLUMN dynpgext.events.object IS 'extension, allocation or worker';
COMMENT ON COLUMN dynpgext.events.name IS 'name of the extension, allocation or worker';
COMMENT ON COLUMN dynpgext.events.database IS 'name of the database, or its OID after a drop; NULL: global';
COMMENT ON COLUMN dynpgext.events.event IS 'such as provisioned, failed, allocated, drained, started, exited, restarted, waiting, quarantined';
COMMENT ON COLUMN dynpgext.events.detail IS 'details';

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

-- Libraries of this database and of the whole server, and rows of this database that have not been
-- followed yet.
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
  FROM dynpgext_internal.live_hosted() l
       LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.home
 WHERE l.home OPERATOR(pg_catalog.=) 0 OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
UNION ALL
SELECT r.library, r.scope, CASE WHEN r.scope OPERATOR(pg_catalog.=) 'database' THEN pg_catalog.current_database() END,
       r.position, 'pending', NULL, NULL, NULL, 0, r.settings, 0, NULL, NULL
  FROM dynpgext.hosted_libraries r
 WHERE NOT EXISTS (
       SELECT FROM dynpgext_internal.live_hosted() l JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.source
        WHERE l.library OPERATOR(pg_catalog.=) r.library AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
COMMENT ON VIEW dynpgext.hosted IS 'hosted libraries for shared_preload_libraries, for the server or this database';
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
COMMENT ON COLUMN dynpgext.hosted.hosted_at IS 'time of hosting in this run of the server';
