-- Bad input: a clear error that names extension and object; the transaction stays intact, and nothing
-- is left behind.
\ir include/helpers.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.set_case(text) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('dx_bad.case', $1, false)
$$;

-- The registrations of dx_bad in this case are refused, without a trace.
CREATE FUNCTION pg_temp.refused(in_case text, code text, message text, command text = 'CREATE EXTENSION dx_bad')
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  before text := pg_temp.footprint();
BEGIN
  PERFORM pg_temp.set_case(in_case);
  RETURN NEXT throws_ok(command, code, message, in_case || ': refused');
  RETURN NEXT is(pg_temp.footprint(), before, in_case || ': nothing is left behind');
  PERFORM pg_temp.set_case('');
END $$;

-- Runs CREATE EXTENSION and DROP EXTENSION in this case; returns the state in between.
CREATE FUNCTION pg_temp.accepted(in_case text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM pg_temp.set_case(in_case);
  CREATE EXTENSION dx_bad;
  EXECUTE what INTO result;
  PERFORM pg_temp.set_case('');
  DROP EXTENSION dx_bad;
  RETURN result;
END $$;

-- Names of shared memory

SELECT pg_temp.refused('null_name', '22004', 'extension "dx_bad" registers shared memory without a name');
SELECT pg_temp.refused('empty_name', '42602', 'extension "dx_bad" registers shared memory with an empty name');
SELECT pg_temp.refused('name_256', '42622', 'extension "dx_bad" registers shared memory with a name of 256 bytes');
SELECT pg_temp.refused('name_10k', '42622', 'extension "dx_bad" registers shared memory with a name of 10000 bytes');
SELECT pg_temp.refused('bad_utf8', '22021',
  'the name of shared memory that extension "dx_bad" registers is not valid in the encoding of the database');

SELECT is(pg_temp.accepted('name_' || length, $$SELECT memory FROM pg_temp.memory_of('dx_bad') memory$$),
  repeat('n', length) || ' database 64', format('a name of %s bytes is not cut', length))
  FROM (VALUES (127), (128), (255)) v (length);

-- Sizes

SELECT pg_temp.refused('size_0', '22023', 'extension "dx_bad", shared memory "dx_bad:size": size 0 is out of range');
SELECT pg_temp.refused('size_max', '22023',
  'extension "dx_bad", shared memory "dx_bad:size": size 18446744073709551615 is out of range');
CREATE FUNCTION pg_temp.more_than_there_is(bytes bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('dx_bad.size', bytes::text, false);
  RETURN QUERY SELECT pg_temp.refused('size_limit', '53200', format(
    'extension "dx_bad" cannot have %s bytes of shared memory for "dx_bad:size": out of shared memory', bytes));
END $$;
SELECT pg_temp.more_than_there_is(bytes::bigint) FROM unnest(ARRAY[2 ^ 40, 2 ^ 39]) bytes;
SELECT set_config('dx_bad.size', (2 ^ 40 + 1)::bigint::text, false) \g /dev/null
SELECT pg_temp.refused('size_limit', '22023',
  'extension "dx_bad", shared memory "dx_bad:size": size 1099511627777 is out of range');
SELECT is(pg_temp.accepted('size_1', $$SELECT memory FROM pg_temp.memory_of('dx_bad') memory$$),
  'dx_bad:size database 1', 'one byte is a size');

-- Flags

SELECT pg_temp.refused('flags_unknown_shmem', '22023',
  'extension "dx_bad", shared memory "dx_bad:flags": unknown flag bits 0x4');
SELECT pg_temp.refused('shmem_notify_flag', '22023',
  'extension "dx_bad", shared memory "dx_bad:flags": unknown flag bits 0x2');
SELECT pg_temp.refused('flags_unknown_worker', '22023',
  'extension "dx_bad", background worker "dx bad": unknown flag bits 0x4');

-- Workers

SELECT pg_temp.refused('null_bgw', '22004', 'extension "dx_bad" registers a background worker that is NULL');
SELECT pg_temp.refused('empty_worker_name', '42602', 'extension "dx_bad" registers a background worker without a name');
SELECT pg_temp.refused('unterminated_worker_name', '22023',
  'extension "dx_bad", background worker: bgw_name has no end within its 96 bytes');
SELECT pg_temp.refused('empty_function', '42602',
  'extension "dx_bad", background worker "dx bad": bgw_function_name is empty');
SELECT pg_temp.refused('missing_function', '42883',
  'extension "dx_bad", background worker "dx bad": library "$libdir/dx_bad" has no function "dx_bad_no_such_function"');
SELECT pg_temp.refused('missing_library', '58P01', NULL);
SELECT pg_temp.set_case('missing_library') \g /dev/null
SELECT matches(pg_temp.result_of('CREATE EXTENSION dx_bad'), '"dx_bad".*"dx bad".*"\$libdir/dx_no_such_library"',
  'missing_library: the message names extension, worker and library');
SELECT pg_temp.refused('no_shmem_access', '22023',
  'extension "dx_bad", background worker "dx bad": bgw_flags 0 is not possible');
SELECT pg_temp.refused('db_connection_postmaster_start', '22023',
  'extension "dx_bad", background worker "dx bad": bgw_start_time is not possible');
SELECT is(pg_temp.accepted('null_callback', $$SELECT allocations || ' ' || workers FROM dynpgext.extensions
                                               WHERE extension = 'dx_bad'$$),
  '1 1', 'callbacks may be NULL');

-- Numbers

SELECT pg_temp.refused('thousand_and_one', '54000',
  'extension "dx_bad" registers more than 1000 allocations and background workers');
SELECT is(pg_temp.accepted('thousand', $$SELECT count(*) FROM dynpgext.allocations
                                          WHERE extension = 'dx_bad' AND state = 'allocated'$$),
  '1000', 'a thousand registrations are possible');
CREATE EXTENSION dx_thousand;
SELECT is(allocations, 1000::bigint, 'a thousand registrations can be committed')
  FROM dynpgext.extensions WHERE extension = 'dx_thousand';
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'and a reload finds nothing to do');
DROP EXTENSION dx_thousand;

-- The same name twice in one init

SELECT is(pg_temp.accepted('same_twice_same', $$SELECT memory FROM pg_temp.memory_of('dx_bad') memory$$),
  'dx_bad:twice database 64', 'the same shared memory twice is the same');
SELECT pg_temp.refused('same_twice_other_size', '42710',
  'extension "dx_bad" registers shared memory "dx_bad:twice" twice with different size or scope');
SELECT pg_temp.refused('same_twice_other_scope', '42710',
  'extension "dx_bad" registers shared memory "dx_bad:twice" twice with different size or scope');
SELECT is(pg_temp.accepted('worker_twice_same', $$SELECT workers FROM dynpgext.extensions WHERE extension = 'dx_bad'$$),
  '1', 'the same worker twice is the same');
SELECT pg_temp.refused('worker_twice_other', '42710',
  'extension "dx_bad" registers background worker "dx bad" twice with different definitions');

-- Names of another extension

SELECT set_config('dx_taken.global', 'taken:global', false), set_config('dx_taken.local', 'taken:local', false) \g /dev/null
CREATE EXTENSION dx_taken;
SELECT is(pg_temp.memory_of('dx_taken'), 'taken:global global 64, taken:local database 64', 'the names are taken');

CREATE FUNCTION pg_temp.refused_allocation(allocation text, message text)
RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('dx_bad.allocations', 'dx_bad:first:64:local,' || allocation, false);
  RETURN QUERY SELECT replace(r, ': refused', ' ' || allocation || ': refused')
                 FROM pg_temp.refused('', '42710', message) r;
  PERFORM set_config('dx_bad.allocations', '', false);
END $$;

SELECT pg_temp.refused_allocation(allocation,
  format('extension "dx_bad" cannot register shared memory "%s": the name is taken', name))
  FROM (VALUES ('taken:global:64:global', 'taken:global'), ('taken:local:64:local', 'taken:local'),
               ('taken:global:64:local', 'taken:global'), ('taken:local:64:global', 'taken:local'),
               ('taken:global:65:global', 'taken:global'), ('taken:local:65:local', 'taken:local')) v (allocation, name);
DROP EXTENSION dx_taken;
SELECT set_config('dx_bad.allocations', 'taken:global:65:local,taken:local:65:global', false) \g /dev/null
CREATE EXTENSION dx_bad;
SELECT is(pg_temp.memory_of('dx_bad'), 'taken:global database 65, taken:local global 65',
  'once they are free, anybody may have them in any scope and size');

-- An extension's own names, with another size or scope than before

SELECT set_config('dx_bad.allocations', 'taken:global:66:local,taken:local:65:global', false) \g /dev/null
SELECT throws_ok($$SELECT dynpgext.unload('dx_bad'), dynpgext.load('dx_bad')$$, '42710',
  'extension "dx_bad" cannot register shared memory "taken:global": it exists with another size or scope',
  'another size is refused while the memory is there');
SELECT set_config('dx_bad.allocations', 'taken:global:65:global,taken:local:65:global', false) \g /dev/null
SELECT throws_ok($$SELECT dynpgext.unload('dx_bad'), dynpgext.load('dx_bad')$$, '42710',
  'extension "dx_bad" cannot register shared memory "taken:global": it exists with another size or scope',
  'so is another scope');
SELECT is(pg_temp.memory_of('dx_bad'), 'taken:global database 65, taken:local global 65',
  'what was there before the error is there');
SELECT set_config('dx_bad.allocations', '', false) \g /dev/null
DROP EXTENSION dx_bad;

-- Libraries

SELECT pg_temp.refused('wrong interface', '55000',
  'library "$libdir/dx_magic_abi" of extension "dx_magic_abi" was built for another interface of dynpgext',
  'CREATE EXTENSION dx_magic_abi');
SELECT pg_temp.refused('wrong size of the magic', '55000',
  'library "$libdir/dx_magic_size" of extension "dx_magic_size" was built for another interface of dynpgext',
  'CREATE EXTENSION dx_magic_size');
SELECT pg_temp.refused('no init', '42883',
  'library "$libdir/dx_no_init" of extension "dx_no_init" does not define _Dynpgext_init',
  'CREATE EXTENSION dx_no_init');

-- An init that raises an error

CREATE FUNCTION pg_temp.raises_at(place text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('dx_raise.at', place, false);
  RETURN QUERY SELECT pg_temp.refused('init raises: ' || place, 'P0001', 'dx_raise raises: ' || place,
                                      'CREATE EXTENSION dx_raise');
END $$;
SELECT pg_temp.raises_at(place) FROM unnest(ARRAY['before', 'between', 'after', 'callback']) place;

-- In a reload: the extension stays as it is, in state failed.

SET dx_raise.at = 'none';
CREATE EXTENSION dx_raise;
SELECT dynpgext.unload('dx_raise') \g /dev/null
SET dx_raise.at = 'after';
SELECT throws_ok($$SELECT dynpgext.load('dx_raise')$$, 'P0001', 'dx_raise raises: after', 'load() raises the error of init');
SELECT is(pg_temp.state_of_extension('dx_raise'), 'unloaded', 'and unloaded extensions stay unloaded');
SET dx_raise.at = 'none';
SELECT is(dynpgext.load('dx_raise'), '0.1', 'until init does not raise');

-- A fini that raises an error fails the command.

SET dx_raise.at = 'fini';
SELECT throws_ok('DROP EXTENSION dx_raise', 'P0001', 'dx_raise raises: fini', 'a fini that raises fails DROP EXTENSION');
SELECT throws_ok($$SELECT dynpgext.unload('dx_raise')$$, 'P0001', 'dx_raise raises: fini', 'and unload()');
SELECT is(pg_temp.state_of_extension('dx_raise'), 'provisioned', 'the extension is unchanged');
SELECT is(pg_temp.memory_of('dx_raise'), 'dx_raise:first database 64, dx_raise:second global 64', 'so is its memory');
SELECT ok(pg_temp.worker_becomes('dx_raise', 'dx raise', 'running'), 'so is its worker');
SET dx_raise.at = 'none';
DROP EXTENSION dx_raise;

-- An init that catches errors in a subtransaction

-- otherwise another process could start the worker, and its init registers other objects
SELECT ok(pg_temp.eventually($$SELECT NOT EXISTS (SELECT FROM dynpgext.cluster_workers)$$), 'its worker has ended');
SET dx_raise.at = 'subtransaction';
-- a visit must register the same
SELECT format('ALTER DATABASE %I SET dx_raise.at = %L', current_database(), 'subtransaction') \gexec
CREATE EXTENSION dx_raise;
SELECT is(pg_temp.memory_of('dx_raise'), 'dx_raise:first database 64, dx_raise:kept database 64, dx_raise:second global 64',
  'a subtransaction within an init keeps what it commits');
SELECT is_empty($$SELECT * FROM dynpgext.workers WHERE name = 'dx undone'$$, 'and undoes the rest');
SELECT ok(pg_temp.worker_becomes('dx_raise', 'dx raise', 'running'), 'its worker runs');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SET dx_raise.at = 'none';
SELECT format('ALTER DATABASE %I RESET dx_raise.at', current_database()) \gexec
DROP EXTENSION dx_raise;

-- An error in a worker's callback after the commit is a warning.

SET dx_raise.at = 'worker_callback';
SET client_min_messages = error;
SELECT lives_ok('CREATE EXTENSION dx_raise', 'a callback that raises after the commit fails nothing');
SET client_min_messages = warning;
SELECT ok(pg_temp.worker_becomes('dx_raise', 'dx raise', 'running'), 'its worker runs');
SET dx_raise.at = 'none';
DROP EXTENSION dx_raise;

-- At the wrong time

SELECT pg_temp.set_case('stale_handle') \g /dev/null
CREATE EXTENSION dx_bad;
SELECT throws_like('SELECT dx_bad_stale()', '%dx_bad%', 'a stale handle is refused, with the name of the extension');
SELECT throws_ok('SELECT dx_bad_stale()', '55000', NULL, 'its SQLSTATE is 55000');
SELECT pg_temp.set_case('fini_registers') \g /dev/null
SELECT throws_like('DROP EXTENSION dx_bad', '%dx_bad%', 'fini may not register, the message names the extension');
SELECT throws_ok('DROP EXTENSION dx_bad', '55000', NULL, 'its SQLSTATE is 55000');
SELECT is(pg_temp.state_of_extension('dx_bad'), 'provisioned', 'the extension is unchanged');
SELECT pg_temp.set_case('') \g /dev/null
DROP EXTENSION dx_bad;

-- An init that catches an error continues.

SELECT is(pg_temp.accepted('caught', $$SELECT memory FROM pg_temp.memory_of('dx_bad') memory$$),
  'dx_bad:good database 64', 'registrations rolled back in init do not exist');

-- The transaction is intact.

CREATE TABLE dx_rows (n integer);
SELECT pg_temp.footprint() AS before \gset
BEGIN;
INSERT INTO dx_rows VALUES (1);
SAVEPOINT a;
SELECT pg_temp.set_case('same_twice_other_size') \g /dev/null
SELECT throws_ok('CREATE EXTENSION dx_bad', '42710', NULL, 'an error amid a transaction');
ROLLBACK TO a;
INSERT INTO dx_rows VALUES (2);
SELECT pg_temp.set_case('size_1') \g /dev/null
CREATE EXTENSION dx_bad;
COMMIT;
SELECT results_eq('SELECT n FROM dx_rows', ARRAY[1, 2], 'the rest of the transaction is committed');
SELECT is(pg_temp.memory_of('dx_bad'), 'dx_bad:size database 1', 'a good CREATE EXTENSION after it, too');
DROP EXTENSION dx_bad;
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');
DROP TABLE dx_rows;

-- Odd but valid names

CREATE EXTENSION "Dx Quoted ""name";
SELECT results_eq($$SELECT extension, state, allocations FROM dynpgext.extensions$$,
  $$VALUES ('Dx Quoted "name'::name, 'provisioned', 1::bigint)$$, 'quotes and capitals in the name of an extension');
SELECT is(pg_temp.memory_of('Dx Quoted "name'), 'dx_quoted:memory database 64', 'its memory is there');
SELECT is(dynpgext.unload('Dx Quoted "name'), true, 'it can be unloaded');
SELECT is(dynpgext.load('Dx Quoted "name'), '0.1', 'and loaded');
SELECT is_empty($$SELECT * FROM dynpgext.reload('Dx Quoted "name')$$, 'and reloaded');
DROP EXTENSION "Dx Quoted ""name";
CREATE EXTENSION dx_spaces;
SELECT results_eq($$SELECT library, state FROM dynpgext.extensions WHERE extension = 'dx_spaces'$$,
  $$VALUES ('$libdir/dx spaces/dx spaces', 'provisioned')$$, 'spaces in the path of a library');
DROP EXTENSION dx_spaces;
SELECT is_empty('SELECT extension FROM dynpgext.extensions', 'all are gone');

-- Functions

SELECT throws_ok($$SELECT * FROM dynpgext.reload('dx_unknown')$$, '42704', 'extension "dx_unknown" does not exist', 'reload of an unknown extension');
SELECT throws_ok($$SELECT * FROM dynpgext.reload(dry_run => NULL)$$, '22004', 'dynpgext.reload(): dry_run must not be null', 'dry_run is NULL');
SELECT throws_ok($$SELECT dynpgext.load('dx_unknown')$$, '42704', 'extension "dx_unknown" does not exist', 'load() of an unknown extension');
SELECT throws_ok($$SELECT dynpgext.load(NULL)$$, '22004', 'dynpgext.load(): extension must not be null', 'load(NULL)');
SELECT throws_ok($$SELECT dynpgext.unload('dx_unknown')$$, '42704', 'extension "dx_unknown" does not exist', 'unload() of an unknown extension');
SELECT is(dynpgext.unload(NULL), NULL, 'unload(NULL)');
SELECT throws_ok(format('SELECT dynpgext.%I(%L, %L)', f, 'dx_unknown', 'w'), '42704',
  'extension "dx_unknown" has no background worker "w" in this database', f || '() of an unknown worker')
  FROM unnest(ARRAY['start_worker', 'stop_worker', 'restart_worker', 'run_worker']) f;
SELECT is(dynpgext.start_worker(NULL, NULL), NULL, 'start_worker(NULL, NULL)');
SELECT is(dynpgext.preload(NULL), NULL, 'preload(NULL)');

SELECT * FROM finish();
