-- The library is newer than dynpgext's tables in this database: a package was updated, and ALTER
-- EXTENSION dynpgext UPDATE has not been run yet.  Missing columns count as having default values.
\ir include/helpers.sql
SELECT plan(6);

CREATE EXTENSION dx_worker;
SELECT ok(pg_temp.eventually($$SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running'$$), 'two workers run');
BEGIN;
ALTER EXTENSION dynpgext DROP VIEW dynpgext.commands;
ALTER EXTENSION dynpgext DROP VIEW dynpgext.cluster_commands;
DROP VIEW dynpgext.commands, dynpgext.cluster_commands;
ALTER TABLE dynpgext.registered_worker DROP COLUMN servers, DROP COLUMN deadline, DROP COLUMN process;
ALTER TABLE dynpgext.worker_settings DROP COLUMN restart_delay, DROP COLUMN run_interval;
SELECT is_empty($$SELECT * FROM dynpgext.reload()$$, 'a reload finds nothing to do');
SELECT lives_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true)$$, 'a worker can be configured');
SELECT lives_ok($$CREATE EXTENSION dx_memory$$, 'another extension can be created');
SELECT is(count(*), 2::bigint, 'the workers are still there') FROM dynpgext.workers;
ROLLBACK;
SELECT is_empty($$SELECT * FROM dynpgext.reload()$$, 'all is well afterwards');
DROP EXTENSION dx_worker;
