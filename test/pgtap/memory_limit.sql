-- dynpgext.memory_limit: exceeding it is an error, and nothing changes.
--
-- A changed configuration applies to sessions begun after its reload, once they have loaded the
-- library.
SELECT dynpgext.version() \g /dev/null
ALTER SYSTEM SET dynpgext.memory_limit = '8MB';
SELECT pg_reload_conf() \g /dev/null
\c
\ir include/helpers.sql
SELECT plan(14);

SELECT is(memory_limit, 8 * 1024 * 1024::bigint, 'the status shows the limit') FROM dynpgext.status;

CREATE EXTENSION dx_memory;
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:going database 4096, dx_memory:local database 64',
  'memory within the limit exists');
SELECT dx_write('dx_memory:global', 'kept') \g /dev/null

CREATE FUNCTION pg_temp.over(bytes bigint, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  before text := pg_temp.footprint();
BEGIN
  PERFORM set_config('dx_bad.case', 'size_limit', false), set_config('dx_bad.size', bytes::text, false);
  RETURN NEXT throws_ok('CREATE EXTENSION dx_bad', '53400',
    format('extension "dx_bad" cannot have %s bytes of shared memory for "dx_bad:size": dynpgext.memory_limit would be exceeded', bytes),
    what);
  RETURN NEXT is(pg_temp.footprint(), before, what || ': nothing changed');
END $$;

SELECT pg_temp.over(memory_limit - memory_used + 1, 'a byte more than is left') FROM dynpgext.status;
SELECT pg_temp.over(memory_limit, 'all of it') FROM dynpgext.status;
SELECT pg_temp.over(memory_limit + 1024 * 1024 * 1024, '1 GiB over the limit') FROM dynpgext.status;

SELECT set_config('dx_bad.case', '', false),
       set_config('dx_bad.allocations', 'dx_bad:one:4000000:local,dx_bad:two:4000000:local', false) \g /dev/null
SELECT pg_temp.footprint() AS before \gset
SELECT throws_ok('CREATE EXTENSION dx_bad', '53400', NULL, 'two that fit alone, but not together');
SELECT is(pg_temp.footprint(), :'before', 'neither exists');

SELECT set_config('dx_bad.allocations', 'dx_bad:one:4000000:local', false) \g /dev/null
SELECT lives_ok('CREATE EXTENSION dx_bad', 'one alone fits');
SELECT ok(memory_used <= memory_limit, 'memory_used stays below the limit') FROM dynpgext.status;
SELECT is(dx_read('dx_memory:global'), 'kept', 'existing objects are unchanged');
DROP EXTENSION dx_bad;
SELECT lives_ok('CREATE EXTENSION dx_bad', 'freed memory is available again');
DROP EXTENSION dx_bad, dx_memory;

SELECT * FROM finish();
ALTER SYSTEM RESET dynpgext.memory_limit;
SELECT pg_reload_conf() \g /dev/null
