--
-- A worker from a DBA's view: it starts with the commit and ends with the drop, and can be stopped,
-- started and restarted in between.
--
-- Waits for other processes by polling, until statement_timeout.
SET statement_timeout = '3min';
CREATE EXTENSION dynpgext;
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
  reached boolean;
BEGIN
  LOOP
    EXECUTE 'SELECT ' || condition INTO reached;
    EXIT WHEN reached;
  END LOOP;
END $$;

-- It has one worker in each database with the extension, and one for the server.
BEGIN;
CREATE EXTENSION dx_worker;
SELECT name, scope, state, starts FROM dynpgext.workers ORDER BY name;
COMMIT;
CALL wait_for($$count(*) = 2 FROM dynpgext.workers WHERE state = 'running'$$);
SELECT name, type, scope, database = current_database() AS here, state, pid IS NOT NULL AS has_pid, starts,
       last_started_at IS NOT NULL AS has_started, last_exit_code, last_error
  FROM dynpgext.workers ORDER BY name;

-- A stopped worker stays stopped until it is started.
SELECT dynpgext.stop_worker('dx_worker', 'dx local');
SELECT dynpgext.stop_worker('dx_worker', 'dx local') AS again;
SELECT name, state, pid, starts FROM dynpgext.workers WHERE name = 'dx local';
SELECT * FROM dynpgext.reload();
SELECT dynpgext.start_worker('dx_worker', 'dx local');
SELECT dynpgext.start_worker('dx_worker', 'dx local') AS again;
SELECT name, state, starts FROM dynpgext.workers WHERE name = 'dx local';
SELECT dynpgext.restart_worker('dx_worker', 'dx local');
SELECT name, state, starts FROM dynpgext.workers WHERE name = 'dx local';

-- A worker that ends with an error is shown with the error, and started by a reload.
CALL wait_for($$i.listening AND i.pid = w.pid FROM dx_worker_info('local') i, dynpgext.workers w WHERE w.name = 'dx local'$$);
SELECT dx_worker_command('local', 'error');
CALL wait_for($$state = 'failed' FROM dynpgext.workers WHERE name = 'dx local'$$);
SELECT name, state, pid, last_exit_code, last_error FROM dynpgext.workers WHERE name = 'dx local';
SELECT * FROM dynpgext.reload(dry_run => true);
SELECT * FROM dynpgext.reload();
CALL wait_for($$state = 'running' FROM dynpgext.workers WHERE name = 'dx local'$$);

-- An update replaces both workers.
ALTER EXTENSION dx_worker UPDATE TO '0.2';
CALL wait_for($$count(*) = 2 FROM dynpgext.workers WHERE state = 'running' AND version = '0.2'$$);
SELECT name, version, library, state FROM dynpgext.workers ORDER BY name;

-- A drop ends them.
DROP EXTENSION dx_worker;
CALL wait_for($$count(*) = 0 FROM dynpgext.workers WHERE scope = 'database'$$);
DROP PROCEDURE wait_for;
DROP EXTENSION dynpgext;
