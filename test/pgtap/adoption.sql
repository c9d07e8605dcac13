-- CREATE EXTENSION dynpgext: installed extensions take part from then on, and a failing one does not
-- affect the others.  DROP EXTENSION dynpgext: everything ends.
\ir include/helpers.sql
SELECT no_plan();

-- Extensions that exist without dynpgext, and get nothing from it

DROP EXTENSION dynpgext;
CREATE EXTENSION dx_memory;
CREATE EXTENSION dx_worker;
CREATE EXTENSION dx_lazy;
CREATE EXTENSION dx_plain;
SELECT is(dx_read('dx_memory:local'), NULL, 'without dynpgext there is no memory');
SELECT is(pg_temp.processes('dx local'), 0::bigint, 'and no worker');
SELECT hasnt_schema('dynpgext');

-- Installed and rolled back

BEGIN;
CREATE EXTENSION dynpgext;
SELECT is(dx_read('dx_memory:local'), '', 'it is adopted within the transaction');
ROLLBACK;
SELECT is(dx_read('dx_memory:local'), NULL, 'and not after a rollback');

-- Installed

CREATE EXTENSION dynpgext;
SELECT results_eq($$SELECT extension, version, state, allocations, workers FROM dynpgext.extensions ORDER BY extension$$,
  $$VALUES ('dx_lazy'::name, '0.1', 'unloaded', 0::bigint, 0::bigint), ('dx_memory', '0.1', 'provisioned', 4, 0),
           ('dx_worker', '0.1', 'provisioned', 2, 2)$$, 'extensions that take part are adopted');
SELECT is(dx_read('dx_memory:local'), '', 'their memory is there');
SELECT ok(pg_temp.worker_becomes('dx_worker', worker, 'running'), worker || ' runs')
  FROM unnest(ARRAY['dx local', 'dx global']) worker;
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'and there is nothing left to do');

-- Dropped: memory and workers go, the extensions stay

SELECT dx_write('dx_memory:local', 'old') \g /dev/null
DROP EXTENSION dynpgext;
SELECT is(dx_read('dx_memory:local'), NULL, 'DROP EXTENSION dynpgext takes the memory');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx local') + pg_temp.processes('dx global') = 0$$), 'and ends the workers');
SELECT is(count(*), 4::bigint, 'the extensions stay') FROM pg_extension WHERE extname LIKE 'dx%';
CREATE EXTENSION dynpgext;
SELECT is(dx_read('dx_memory:local'), '', 'after CREATE EXTENSION dynpgext there is new memory');
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), 'and the worker runs again');

-- Dropped and rolled back

SELECT dx_write('dx_memory:local', 'kept') \g /dev/null
BEGIN;
DROP EXTENSION dynpgext;
ROLLBACK;
SELECT is(dx_read('dx_memory:local'), 'kept', 'a rolled-back drop keeps the memory');
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), 'and the stopped worker runs again');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'there is nothing to do');

-- Fini runs when dynpgext is dropped

CREATE TABLE dx_log (event text, name text, version text);
SET dx_fini.log = 'public.dx_log';
CREATE EXTENSION dx_fini;
DROP EXTENSION dynpgext;
SELECT results_eq('SELECT * FROM dx_log', $$VALUES ('fini', 'dx_fini', '0.1')$$, 'DROP EXTENSION dynpgext runs fini');
DROP TABLE dx_log;
RESET dx_fini.log;
DROP EXTENSION dx_fini;
DROP EXTENSION dx_lazy;

-- An extension that fails does not block

CREATE EXTENSION dx_raise;
CREATE EXTENSION dx_magic_abi;
CREATE EXTENSION dx_no_init;
SET client_min_messages = error;
SET dx_raise.at = 'after';
SELECT lives_ok('CREATE EXTENSION dynpgext', 'CREATE EXTENSION dynpgext with extensions that fail');
SET client_min_messages = warning;
SELECT results_eq($$SELECT extension, state, error FROM dynpgext.extensions ORDER BY extension$$,
  $$VALUES ('dx_magic_abi'::name, 'failed', 'library "$libdir/dx_magic_abi" of extension "dx_magic_abi" was built for another interface of dynpgext'),
           ('dx_memory', 'provisioned', NULL),
           ('dx_no_init', 'failed', 'library "$libdir/dx_no_init" of extension "dx_no_init" does not define _Dynpgext_init'),
           ('dx_raise', 'failed', 'dx_raise raises: after'), ('dx_worker', 'provisioned', NULL)$$,
  'they have failed, the others are provisioned');
SELECT is(pg_temp.memory_of('dx_raise'), NULL, 'nothing of a failed object is left');
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), 'the others work');
SET dx_raise.at = 'none';
SET client_min_messages = error;
SELECT isnt_empty($$SELECT * FROM dynpgext.reload()$$, 'a reload tries again');
SET client_min_messages = warning;
SELECT is(pg_temp.state_of_extension('dx_raise'), 'provisioned', 'extensions that succeed now are provisioned');
SELECT is(pg_temp.state_of_extension('dx_no_init'), 'failed', 'those that cannot are failed as before');
SELECT lives_ok('DROP EXTENSION dx_magic_abi, dx_no_init', 'a failed extension can be dropped');
SELECT is_empty($$SELECT * FROM dynpgext.extensions WHERE state = 'failed'$$, 'then it is gone');

DROP EXTENSION dx_raise, dx_memory, dx_worker, dx_plain;
SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT * FROM finish();
