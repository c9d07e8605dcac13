-- load() and unload(): installed extensions that are provisioned at a DBA's request.
\ir include/helpers.sql
SELECT no_plan();

-- An extension that declines to be provisioned by CREATE EXTENSION

CREATE EXTENSION dx_memory;  -- for its dx_read()
SELECT pg_temp.footprint() AS before \gset
CREATE EXTENSION dx_lazy;
SELECT results_eq($$SELECT version, state, error, allocations, workers FROM dynpgext.extensions WHERE extension = 'dx_lazy'$$,
  $$VALUES ('0.1', 'unloaded', NULL, 0::bigint, 0::bigint)$$, 'a lazy extension is not provisioned');
SELECT is(dx_read('dx_lazy:memory'), NULL, 'it has no memory');
SELECT is_empty($$SELECT * FROM dynpgext.workers WHERE extension = 'dx_lazy'$$, 'and no worker');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload does not change that');
SELECT is(dynpgext.unload('dx_lazy'), false, 'there is nothing to unload');

SELECT is(dynpgext.load('dx_lazy'), '0.1', 'load() returns the version');
SELECT is(pg_temp.state_of_extension('dx_lazy'), 'provisioned', 'then it is provisioned');
SELECT is(pg_temp.memory_of('dx_lazy'), 'dx_lazy:memory database 64', 'with its memory');
SELECT ok(pg_temp.worker_becomes('dx_lazy', 'dx lazy', 'running'), 'and its worker');
SELECT pg_temp.pid_of_worker('dx_lazy', 'dx lazy') AS pid \gset
SELECT is(dynpgext.load('dx_lazy', '0.1'), '0.1', 'load() again changes nothing');
SELECT is(pg_temp.pid_of_worker('dx_lazy', 'dx lazy'), :pid, 'it is the same process');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');

SELECT is(dynpgext.unload('dx_lazy'), true, 'unload()');
SELECT is(pg_temp.state_of_extension('dx_lazy'), 'unloaded', 'then it is unloaded');
SELECT is(dx_read('dx_lazy:memory'), NULL, 'its memory is gone');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx lazy') = 0$$), 'so is its worker');
SELECT is(dynpgext.unload('dx_lazy'), false, 'unload() again does nothing');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload does not load it');

-- In transactions

BEGIN;
SELECT is(dynpgext.load('dx_lazy'), '0.1', 'load() in a transaction');
SELECT is(dx_read('dx_lazy:memory'), '', 'gives memory at once');
SELECT is(pg_temp.state_of_worker('dx_lazy', 'dx lazy'), 'registered', 'its worker waits for the commit');
ROLLBACK;
SELECT is(pg_temp.state_of_extension('dx_lazy'), 'unloaded', 'a rollback undoes it');
SELECT is(dx_read('dx_lazy:memory'), NULL, 'with its memory');
SELECT dynpgext.load('dx_lazy') \g /dev/null
BEGIN;
SELECT is(dynpgext.unload('dx_lazy'), true, 'unload() in a transaction');
SELECT is(dx_read('dx_lazy:memory'), NULL, 'hides the memory at once');
ROLLBACK;
SELECT is(dx_read('dx_lazy:memory'), '', 'until it is rolled back');
SELECT ok(pg_temp.worker_becomes('dx_lazy', 'dx lazy', 'running'), 'the worker has not noticed');

DROP EXTENSION dx_lazy;
SELECT dx_release('dx_lazy:memory') \g /dev/null
SELECT ok(pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'DROP EXTENSION ends it');
SELECT is(pg_temp.footprint(), :'before', 'nothing of it is left');

-- An extension provisioned by CREATE EXTENSION can also be unloaded

SELECT dx_write('dx_memory:local', 'content'), dx_release('dx_memory:local') \g /dev/null
SELECT is(dynpgext.unload('dx_memory'), true, 'unload() of an eager extension');
SELECT is(extversion, '0.1', 'it stays installed') FROM pg_extension WHERE extname = 'dx_memory';
SELECT is(dx_read('dx_memory:local'), NULL, 'without memory');
SELECT is_empty($$SELECT * FROM dynpgext.allocations WHERE extension = 'dx_memory'$$, 'in the view, too');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload does not load it');
ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT is(pg_temp.state_of_extension('dx_memory'), 'unloaded', 'an update does not, either');
SELECT is(dynpgext.load('dx_memory'), '0.2', 'load() does');
SELECT is(dx_read('dx_memory:local'), '', 'its memory is new');
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:coming database 4096, dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:local database 64',
  'that of the version installed');

-- Errors

SELECT throws_ok($$SELECT dynpgext.load('dx_memory', '0.1')$$, '22023',
  'extension "dx_memory" is installed in version "0.2", not "0.1"', 'load() of another version');
SELECT throws_ok($$SELECT dynpgext.load('dx_lazy')$$, '42704', 'extension "dx_lazy" does not exist',
  'load() of one that is not installed');
SELECT throws_ok($$SELECT dynpgext.unload('dx_lazy')$$, '42704', 'extension "dx_lazy" does not exist',
  'unload() of one that is not installed');
CREATE EXTENSION dx_plain;
SELECT throws_ok($$SELECT dynpgext.load('dx_plain')$$, '55000', 'extension "dx_plain" does not take part in dynpgext',
  'load() of one that does not take part');
SELECT is(dynpgext.unload('dx_plain'), false, 'unload() of one that does not take part');
DROP EXTENSION dx_plain;
SELECT throws_ok($$SELECT dynpgext.load('dynpgext')$$, '55000', 'extension "dynpgext" does not take part in dynpgext',
  'load() of dynpgext itself');

-- Fini runs at unload, once

CREATE TABLE dx_log (event text, name text, version text);
SET dx_fini.log = 'public.dx_log';
CREATE EXTENSION dx_fini;
SELECT dynpgext.unload('dx_fini') \g /dev/null
SELECT results_eq('SELECT * FROM dx_log', $$VALUES ('fini', 'dx_fini', '0.1')$$, 'unload() runs fini');
DROP EXTENSION dx_fini;
SELECT is(count(*), 1::bigint, 'dropping what is unloaded does not run it again') FROM dx_log;
DROP TABLE dx_log;
DROP EXTENSION dx_memory;

SELECT * FROM finish();
