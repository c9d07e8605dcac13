-- peek(): reads bytes of shared memory, without attaching to it.
\ir include/helpers.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.attached(of_name text) RETURNS integer LANGUAGE sql AS $$
  SELECT sum(attached)::integer FROM dynpgext.allocations WHERE name = of_name
$$;

-- The whole error: SQLSTATE, message, detail, hint, one per line; NULL if there is none.
CREATE FUNCTION pg_temp.error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text;
  detail text;
  hint text;
BEGIN
  EXECUTE query;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', sqlstate, message, nullif(detail, ''), nullif(hint, ''));
END $$;

SELECT pg_temp.footprint() AS empty \gset
CREATE EXTENSION dx_memory;

-- Bytes

SELECT dx_write('dx_memory:local', 'local content'), dx_write('dx_memory:global', 'global content') \g /dev/null
SELECT is(dynpgext.peek('dx_memory:local'), 'local content'::bytea || decode(repeat('00', 64 - 13), 'hex'),
  'the content, and the zeros behind it, of database-local memory');
SELECT is(dynpgext.peek('dx_memory:global'), 'global content'::bytea || decode(repeat('00', 64 - 14), 'hex'),
  '64 bytes of larger global memory');
SELECT is(dynpgext.peek('dx_memory:global_small', length => 25), 'dx_memory 0.1 callback 1\000'::bytea,
  'what a callback has written, by a named argument');
SELECT is(dynpgext.peek('dx_memory:global_small', 96), '\x01000000'::bytea, 'binary content') WHERE
  (SELECT pg_read_binary_file('/proc/self/exe', 5, 1)) = '\x01'::bytea;  -- little-endian
SELECT is(dynpgext.peek('dx_memory:local', "offset" => 6, length => 7), 'content'::bytea, 'both arguments named');
SELECT is(dynpgext.peek('dx_memory:local', "offset" => 6), 'content'::bytea || decode(repeat('00', 64 - 13), 'hex'),
  'from an offset to the end');
SELECT is(dynpgext.peek('dx_memory:local', 6, 3), 'con'::bytea, 'or by position');
SELECT is(peek, 'local'::bytea, 'as a table') FROM dynpgext.peek('dx_memory:local', length => 5);
SELECT is(dynpgext.peek(name, 0, 1), '\x00', name || ' is zeroed')
  FROM dynpgext.allocations WHERE name = 'dx_memory:going';

-- Edges

SELECT is(octet_length(dynpgext.peek('dx_memory:local', at, length)), expected, format('%s bytes from %s on: %s', length, at, expected))
  FROM (VALUES (0, 0, 0), (0, 1, 1), (0, 63, 63), (0, 64, 64), (0, 65, 64), (0, 1073741819, 64), (63, 1, 1), (63, 2, 1),
               (63, 0, 0), (64, 0, 0), (64, 1, 0), (64, 1073741819, 0), (32, 32, 32)) v (at, length, expected);
SELECT is(dynpgext.peek('dx_memory:local', 64), ''::bytea, 'from the end on there is nothing');
SELECT is(octet_length(dynpgext.peek('dx_memory:global', length => 1048576)), 1048576, 'all of a mebibyte');
SELECT is(octet_length(dynpgext.peek('dx_memory:global', 1048570, 1073741819)), 6, 'the end of it');
SELECT is((SELECT string_agg(dynpgext.peek('dx_memory:global', at, 100000), '' ORDER BY at) FROM generate_series(0, 1048575, 100000) at),
  dynpgext.peek('dx_memory:global', length => 1048576), 'its parts are the whole');
SELECT is(dynpgext.peek(NULL), NULL, 'NULL for a NULL name');
SELECT is(dynpgext.peek('dx_memory:local', NULL), NULL, 'for a NULL offset');
SELECT is(dynpgext.peek('dx_memory:local', length => NULL), NULL, 'and for a NULL length');

SELECT is(pg_temp.error_of(query), error, query) FROM (VALUES
  ($$SELECT dynpgext.peek('dx_memory:local', -1)$$,
   E'22023\ncannot read shared memory "dx_memory:local" from a negative offset\nThe offset is -1.'),
  ($$SELECT dynpgext.peek('dx_memory:local', -9223372036854775808, 1)$$,
   E'22023\ncannot read shared memory "dx_memory:local" from a negative offset\nThe offset is -9223372036854775808.'),
  ($$SELECT dynpgext.peek('dx_memory:local', length => -1)$$,
   E'22023\ncannot read a negative number of bytes of shared memory "dx_memory:local"\nThe length is -1.'),
  ($$SELECT dynpgext.peek('dx_memory:local', 65)$$,
   E'22023\noffset 65 is beyond the end of shared memory "dx_memory:local"\n'
   'Extension "dx_memory" has registered it with 64 bytes.'),
  ($$SELECT dynpgext.peek('dx_memory:local', 9223372036854775807, 0)$$,
   E'22023\noffset 9223372036854775807 is beyond the end of shared memory "dx_memory:local"\n'
   'Extension "dx_memory" has registered it with 64 bytes.'),
  ($$SELECT dynpgext.peek('dx_memory:local', length => 1073741820)$$,
   E'54000\ncannot read 1073741820 bytes of shared memory "dx_memory:local" at once\nAt most 1073741819 are possible.\n'
   'Read it in parts, each from another offset.'),
  ($$SELECT dynpgext.peek('dx_memory:local', 64, 9223372036854775807)$$,
   E'54000\ncannot read 9223372036854775807 bytes of shared memory "dx_memory:local" at once\nAt most 1073741819 are possible.\n'
   'Read it in parts, each from another offset.'),
  ($$SELECT dynpgext.peek('dx_unknown')$$,
   E'42704\nshared memory "dx_unknown" does not exist\nSELECT name FROM dynpgext.allocations lists all names.'),
  ($$SELECT dynpgext.peek('')$$,
   E'42704\nshared memory "" does not exist\nSELECT name FROM dynpgext.allocations lists all names.'),
  ($$SELECT dynpgext.peek(repeat('n', 256))$$,
   E'42622\nthe name of shared memory has at most 255 bytes\nThe given one has 256.')) v (query, error);

-- A name of maximum length; its beginning does not find it.

SET dx_bad."case" = 'name_255';
CREATE EXTENSION dx_bad;
RESET dx_bad."case";
SELECT is(octet_length(dynpgext.peek(repeat('n', 255))), 64, 'a name of 255 bytes');
SELECT is(pg_temp.result_of(format('SELECT dynpgext.peek(repeat(''n'', %s))', length)), error, format('a name of %s bytes', length))
  FROM (VALUES (254, '42704 shared memory "' || repeat('n', 254) || '" does not exist'),
               (256, '42622 the name of shared memory has at most 255 bytes'),
               (10000, '42622 the name of shared memory has at most 255 bytes')) v (length, error);
DROP EXTENSION dx_bad;

-- The process stays unattached.

SELECT dx_release('dx_memory:local'), dx_release('dx_memory:global') \g /dev/null
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'no process has looked it up');
SELECT is(dynpgext.peek('dx_memory:local', length => 13), 'local content'::bytea, 'peek');
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'has not either');
SELECT is(count(dynpgext.peek('dx_memory:local')), 1000::bigint, 'nor have many') FROM generate_series(1, 1000);
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'peeks');
SELECT is(pg_temp.result_of($$SELECT dynpgext.peek('dx_memory:local', 65)$$),
  '22023 offset 65 is beyond the end of shared memory "dx_memory:local"', 'nor one that fails');
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'after it has found the memory');
SELECT is(dx_release('dx_memory:local'), false, 'there is nothing to release');
SELECT is(dx_read('dx_memory:local'), 'local content', 'a lookup by the same process');
SELECT is(pg_temp.attached('dx_memory:local'), 1, 'attaches it');
SELECT is(dynpgext.peek('dx_memory:local', length => 13), 'local content'::bytea, 'peek after it');
SELECT is(pg_temp.attached('dx_memory:local'), 1, 'leaves it attached');
SELECT dx_write('dx_memory:local', 'written since') \g /dev/null
SELECT is(dynpgext.peek('dx_memory:local', length => 13), 'written since'::bytea, 'and sees what it writes');
SELECT is(dx_release('dx_memory:local'), true, 'until it is released');
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'then no process has it');
SELECT is(pg_temp.attached('dx_memory:global') + pg_temp.attached('dx_memory:global_small') + pg_temp.attached('dx_memory:going'), 0,
  'nor any other');

-- Transactions

SELECT pg_temp.footprint() AS before \gset
BEGIN;
CREATE EXTENSION dx_trusted;
SELECT is(dynpgext.peek('dx_trusted:memory'), decode(repeat('00', 64), 'hex'), 'registrations of this transaction');
SELECT is(pg_temp.attached('dx_trusted:memory'), 0, 'is not attached');
SAVEPOINT a;
DROP EXTENSION dx_trusted;
SELECT throws_ok($$SELECT dynpgext.peek('dx_trusted:memory')$$, '42704', NULL, 'dropped objects do not exist');
ROLLBACK TO a;
SELECT is(octet_length(dynpgext.peek('dx_trusted:memory')), 64, 'until that is rolled back');
SELECT is(dynpgext.peek('dx_memory:local', length => 13), 'written since'::bytea, 'the previous list');
ROLLBACK;
SELECT throws_ok($$SELECT dynpgext.peek('dx_trusted:memory')$$, '42704', NULL, 'a rollback takes it away');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

BEGIN;
DROP EXTENSION dx_memory;
SELECT throws_ok($$SELECT dynpgext.peek('dx_memory:local')$$, '42704', NULL, 'dropped by this transaction');
CREATE EXTENSION dx_memory;
SELECT is(dynpgext.peek('dx_memory:local', length => 13), decode(repeat('00', 13), 'hex'), 'and registered again: the new one');
ROLLBACK;
SELECT is(dynpgext.peek('dx_memory:local', length => 13), 'written since'::bytea, 'rolled back: the old one');
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'attached to neither');

BEGIN READ ONLY;
SELECT is(dynpgext.peek('dx_memory:local', length => 13), 'written since'::bytea, 'in a read-only transaction');
COMMIT;

-- Draining memory exists for processes that still have it mapped, and for no others
-- (t/011_draining.pl).

CREATE EXTENSION dx_trusted;
SELECT dynpgext.peek('dx_trusted:memory') \g /dev/null
DROP EXTENSION dx_trusted;
SELECT is_empty($$SELECT * FROM dynpgext.allocations WHERE name = 'dx_trusted:memory'$$, 'after a peek dropped memory is freed');
SELECT throws_ok($$SELECT dynpgext.peek('dx_trusted:memory')$$, '42704', NULL, 'and not found');
CREATE EXTENSION dx_trusted;
SELECT dx_write('dx_trusted:memory', 'first') \g /dev/null
DROP EXTENSION dx_trusted;
SELECT is(state, 'draining', 'after a lookup it drains') FROM dynpgext.allocations WHERE name = 'dx_trusted:memory';
SELECT is(dynpgext.peek('dx_trusted:memory', length => 5), 'first'::bytea, 'and is found, for this process has it');
CREATE EXTENSION dx_trusted;
SELECT is(dynpgext.peek('dx_trusted:memory', length => 5), '\x0000000000', 'registrations take precedence over it');
SELECT dx_write('dx_trusted:memory', 'other') \g /dev/null
DROP EXTENSION dx_trusted;
SELECT is(dynpgext.peek('dx_trusted:memory', length => 5), 'other'::bytea, 'of two that drain the newer one');
SELECT is(dx_read('dx_trusted:memory'), NULL, 'where a lookup finds nothing');
SELECT is(pg_temp.attached('dx_trusted:memory'), 2, 'both are still attached');
SELECT dx_release('dx_trusted:memory') \g /dev/null
SELECT throws_ok($$SELECT dynpgext.peek('dx_trusted:memory')$$, '42704', NULL, 'released, there is none');

-- unload(), load()

SELECT dynpgext.unload('dx_memory') \g /dev/null
SELECT throws_ok($$SELECT dynpgext.peek('dx_memory:local')$$, '42704', NULL, 'unloaded');
SELECT dynpgext.load('dx_memory') \g /dev/null
SELECT is(dynpgext.peek('dx_memory:local', length => 13), decode(repeat('00', 13), 'hex'), 'loaded again');

-- Privileges: only EXECUTE, which no role has initially

CREATE ROLE dx_monitor IN ROLE pg_monitor;
CREATE ROLE dx_reader;
SET ROLE dx_monitor;
SELECT throws_ok($$SELECT dynpgext.peek('dx_memory:local')$$, '42501', 'permission denied for function peek', 'not for pg_monitor');
SET ROLE dx_reader;
SELECT throws_ok($$SELECT dynpgext.peek('dx_memory:local')$$, '42501', 'permission denied for function peek', 'nor for others');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dynpgext.peek TO dx_reader;
SET ROLE dx_reader;
SELECT is(octet_length(dynpgext.peek('dx_memory:local')), 64, 'except with EXECUTE');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION dynpgext.peek FROM dx_reader;
DROP ROLE dx_monitor, dx_reader;

DROP EXTENSION dx_memory;
SELECT is(pg_temp.footprint(), :'empty', 'nothing is left');

-- Without dynpgext

CREATE FUNCTION pg_temp.peek(text, bigint, bigint) RETURNS bytea LANGUAGE C AS '$libdir/dynpgext', 'dynpgext_peek';
DROP EXTENSION dynpgext;
SELECT throws_ok($$SELECT pg_temp.peek('x', 0, 1)$$, '55000', 'extension "dynpgext" is not installed in this database',
  'where dynpgext is not installed');
CREATE EXTENSION dynpgext;

SELECT * FROM finish();
