-- Background workers: from registration to the end of their process.
\ir include/helpers.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.becomes(worker text, wanted text) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_temp.worker_becomes('dx_worker', worker, wanted)
$$;
-- Sends the worker a command, once it listens.
CREATE FUNCTION pg_temp.tell(scope text, command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.becomes('dx ' || scope, 'running');
  PERFORM pg_temp.eventually(format(
    'SELECT i.pid = pg_temp.pid_of_worker(''dx_worker'', %L) AND i.listening FROM dx_worker_info(%L) i', 'dx ' || scope, scope));
  IF NOT dx_worker_command(scope, command) THEN
    RAISE EXCEPTION 'no worker listens';
  END IF;
END $$;

-- A rolled-back registration never starts a worker

BEGIN;
CREATE EXTENSION dx_worker;
SELECT results_eq($$SELECT name, scope, state, pid, starts FROM dynpgext.workers ORDER BY name COLLATE "C"$$,
  $$VALUES ('dx global', 'global', 'registered', NULL::integer, 0::bigint),
           ('dx local', 'database', 'registered', NULL, 0)$$, 'before the commit workers are registered');
SELECT throws_ok($$SELECT dynpgext.start_worker('dx_worker', 'dx local')$$, '55000',
  'background worker "dx local" of extension "dx_worker" is not committed yet', 'and cannot be started');
ROLLBACK;
SELECT is_empty('SELECT * FROM dynpgext.workers', 'after a rollback there are none');

-- After the commit they run

CREATE EXTENSION dx_worker;
SELECT ok(pg_temp.becomes('dx local', 'running'), 'after the commit the database-local worker runs');
SELECT ok(pg_temp.becomes('dx global', 'running'), 'so does the global one');
PREPARE shown AS
  SELECT extension, version, name, type, scope, database, library, function, state, pid > 0, restart, starts,
         last_started_at <= clock_timestamp(), last_exited_at, last_exit_code, last_error, next_start_at
    FROM dynpgext.workers ORDER BY name COLLATE "C";
PREPARE cluster_shown AS
  SELECT extension, version, name, type, scope, database, library, function, state, pid > 0, restart, starts,
         last_started_at <= clock_timestamp(), last_exited_at, last_exit_code, last_error, next_start_at
    FROM dynpgext.cluster_workers ORDER BY name COLLATE "C";
PREPARE wanted AS VALUES
  ('dx_worker'::name, '0.1', 'dx global', 'dx global type', 'global', NULL::name, '$libdir/dx_worker-0.1', 'dx_worker_global',
   'running', true, 'never', 1::bigint, true, NULL::timestamptz, NULL::integer, NULL, NULL::timestamptz),
  ('dx_worker', '0.1', 'dx local', 'dx local type', 'database', current_database(), '$libdir/dx_worker-0.1', 'dx_worker_local',
   'running', true, 'never', 1, true, NULL, NULL, NULL, NULL);
SELECT results_eq('shown', 'wanted', 'dynpgext.workers shows them');
SELECT results_eq('cluster_shown', 'wanted', 'so does dynpgext.cluster_workers');
SELECT is(workers, 2::bigint, 'so does dynpgext.status') FROM dynpgext.status;

SELECT ok(pg_temp.eventually($$SELECT starts = 1 AND callbacks = 1 AND listening FROM dx_worker_info('local')$$),
  'the local worker is ready');
SELECT ok(pg_temp.eventually($$SELECT starts = 1 AND callbacks = 1 AND listening FROM dx_worker_info('global')$$),
  'the global worker is ready');
SELECT results_eq($$SELECT version, name, type, extra, library, function, argument FROM dx_worker_info('local')$$,
  $$SELECT '0.1', 'dx local', 'dx local type', 'dx local extra', '$libdir/dx_worker-0.1', 'dx_worker_local', oid::bigint
      FROM pg_database WHERE datname = current_database()$$, 'the local worker gets the registered values');
SELECT results_eq($$SELECT version, name, type, extra, library, function, argument FROM dx_worker_info('global')$$,
  $$VALUES ('0.1', 'dx global', 'dx global type', 'dx global extra', '$libdir/dx_worker-0.1', 'dx_worker_global', 42::bigint)$$,
  'so it is for the global one');
SELECT ok(address_before <> 0 AND address_before = address_after,
  scope || ': a lookup before and after the connection gives the same')
  FROM unnest(ARRAY['local', 'global']) scope, dx_worker_info(scope);
SELECT is(starter_pid, pg_backend_pid(), scope || ': the callback ran in this process')
  FROM unnest(ARRAY['local', 'global']) scope, dx_worker_info(scope);
SELECT is(waited_status, 'started', scope || ': with a handle that can be waited with')
  FROM unnest(ARRAY['local', 'global']) scope, dx_worker_info(scope);
SELECT is(waited_pid, pid, scope || ': for the process of the worker')
  FROM unnest(ARRAY['local', 'global']) scope, dx_worker_info(scope);
SELECT is(pid, pg_temp.pid_of_worker('dx_worker', 'dx ' || scope), scope || ': which is the one in the view')
  FROM unnest(ARRAY['local', 'global']) scope, dx_worker_info(scope);
SELECT is(pg_temp.processes('dx local'), 1::bigint, 'there is one process');
SELECT results_eq($$SELECT datname, backend_type FROM pg_stat_activity
                     WHERE pid = pg_temp.pid_of_worker('dx_worker', 'dx local')$$,
  $$VALUES (current_database(), 'dx local type')$$, 'connected to its database, with its type');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');

-- stop, start, restart

SELECT pg_temp.pid_of_worker('dx_worker', 'dx local') AS pid \gset
SELECT is(dynpgext.start_worker('dx_worker', 'dx local'), false, 'one that runs is not started');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'it is the same process');
SELECT is(dynpgext.stop_worker('dx_worker', 'dx local'), true, 'stop_worker()');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'stopped', 'it has ended when the function returns');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), NULL, 'its pid is gone');
SELECT is(pg_temp.processes('dx local'), 0::bigint, 'its process too');
SELECT isnt(last_exited_at, NULL, 'when it ended is known') FROM dynpgext.workers WHERE name = 'dx local';
SELECT is(dynpgext.stop_worker('dx_worker', 'dx local'), false, 'one that has ended is not stopped');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload does not start stopped workers');
SELECT is(dynpgext.start_worker('dx_worker', 'dx local'), true, 'start_worker()');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'running', 'it runs when the function returns');
SELECT isnt(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'as another process');
SELECT is(starts, 2::bigint, 'the second') FROM dynpgext.workers WHERE name = 'dx local';
SELECT pg_temp.pid_of_worker('dx_worker', 'dx local') AS pid \gset
SELECT is(dynpgext.restart_worker('dx_worker', 'dx local'), true, 'restart_worker()');
SELECT isnt(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'the process is another');
SELECT is(starts, 3::bigint, 'the third') FROM dynpgext.workers WHERE name = 'dx local';
SELECT is(pg_temp.processes('dx local'), 1::bigint, 'there is one of it');
SELECT is(dynpgext.stop_worker('dx_worker', 'dx global'), true, 'a global one can be stopped');
SELECT is(dynpgext.restart_worker('dx_worker', 'dx global'), true, 'and restarted when it does not run');
SELECT is(pg_temp.processes('dx global'), 1::bigint, 'there is one of it');

-- How it ends

CREATE FUNCTION pg_temp.ends(command text, state text, code integer, error text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM dynpgext.start_worker('dx_worker', 'dx local');
  PERFORM pg_temp.tell('local', command);
  RETURN NEXT ok(pg_temp.becomes('dx local', state), format('after %s it is %s', command, state));
  RETURN NEXT results_eq($q$SELECT last_exit_code, last_error, pid FROM dynpgext.workers WHERE name = 'dx local'$q$,
    format('VALUES (%s, %L, NULL::integer)', code, error), format('after %s its exit code and last error are known', command));
END $$;
SELECT pg_temp.ends('return', 'stopped', 0, NULL);
SELECT pg_temp.ends('error', 'failed', 1, 'P0001: dx_worker was told to raise an error');
SELECT pg_temp.ends('exit0', 'stopped', 0, NULL);
SELECT pg_temp.ends('fatal', 'failed', 1, 'P0001: dx_worker was told to end fatally');
SELECT pg_temp.ends('exit1', 'failed', 1, NULL);

-- A reload starts a failed worker, and reports it

SELECT results_eq('SELECT * FROM dynpgext.reload(dry_run => true)',
  $$VALUES ('worker', 'dx local', 'dx_worker'::name, 'start', 'was failed')$$, 'a reload would start one that has failed');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'failed', 'a dry run does not');
SELECT results_eq('SELECT * FROM dynpgext.reload()',
  $$VALUES ('worker', 'dx local', 'dx_worker'::name, 'start', 'was failed')$$, 'a reload does');
SELECT ok(pg_temp.becomes('dx local', 'running'), 'then it runs');

-- An update replaces it; the content of memory stays

SELECT pg_temp.pid_of_worker('dx_worker', 'dx local') AS local, pg_temp.pid_of_worker('dx_worker', 'dx global') AS global,
       (SELECT starts FROM dx_worker_info('local')) AS starts \gset
ALTER EXTENSION dx_worker UPDATE TO '0.2';
SELECT ok(pg_temp.eventually(format(
  $$SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running' AND version = '0.2' AND pid NOT IN (%s, %s)$$, :local, :global)),
  'after an update the workers are those of the new version');
SELECT ok(pg_temp.eventually($$SELECT version = '0.2' FROM dx_worker_info('local')$$), 'from the new library');
SELECT cmp_ok(starts, '>', :starts, 'in the memory they had before') FROM dx_worker_info('local');
SELECT ok(pg_temp.eventually(format('SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid IN (%s, %s))', :local, :global)),
  'the old processes have ended');
SELECT is(pg_temp.processes('dx local'), 1::bigint, 'there is one of each');

-- A rolled-back drop: stopped workers run again, and those not in its way have continued

SELECT pg_temp.pid_of_worker('dx_worker', 'dx local') AS pid, pg_temp.pid_of_worker('dx_worker', 'dx global') AS global \gset
BEGIN;
DROP EXTENSION dx_worker;
ROLLBACK;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), 'after a rolled-back drop the worker runs again');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx global'), :global, 'and one without a database has continued');
BEGIN;
DROP EXTENSION dx_worker;
CREATE EXTENSION dx_worker;
COMMIT;
SELECT ok(pg_temp.eventually(format(
  $$SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running' AND version = '0.1' AND pid <> %s$$, :pid)),
  'after drop and create in one transaction there are new ones');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx local') = 1 AND pg_temp.processes('dx global') = 1$$),
  'one process of each');

-- A committed drop ends them

DROP EXTENSION dx_worker;
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx local') + pg_temp.processes('dx global') = 0$$),
  'after a committed drop the processes end');
SELECT ok(pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'and the views show none');
SELECT ok(pg_temp.eventually('SELECT workers = 0 FROM dynpgext.status'), 'nor does the status');

SELECT * FROM finish();
