-- Shared memory: from registration to the last process that releases it.
\ir include/helpers.sql
SELECT no_plan();

CREATE EXTENSION dx_memory;

-- The views

SELECT results_eq($$SELECT extension, version, library, state, error, allocations, workers,
                           provisioned_at <= clock_timestamp() FROM dynpgext.extensions$$,
  $$VALUES ('dx_memory'::name, '0.1', '$libdir/dx_memory-0.1', 'provisioned', NULL, 4::bigint, 0::bigint, true)$$,
  'dynpgext.extensions shows it');
PREPARE memory AS
  SELECT name, extension, version, scope, database, size, state, attached, allocated_at <= clock_timestamp()
    FROM dynpgext.allocations ORDER BY name COLLATE "C";
PREPARE cluster_memory AS
  SELECT name, extension, version, scope, database, size, state, attached, allocated_at <= clock_timestamp()
    FROM dynpgext.cluster_allocations ORDER BY name COLLATE "C";
PREPARE wanted AS VALUES
  ('dx_memory:global', 'dx_memory'::name, '0.1', 'global', NULL::name, 1048576::bigint, 'allocated', 0, true),
  ('dx_memory:global_small', 'dx_memory', '0.1', 'global', NULL, 100, 'allocated', 0, true),
  ('dx_memory:going', 'dx_memory', '0.1', 'database', current_database(), 4096, 'allocated', 0, true),
  ('dx_memory:local', 'dx_memory', '0.1', 'database', current_database(), 64, 'allocated', 0, true);
SELECT results_eq('memory', 'wanted', 'dynpgext.allocations shows its memory');
SELECT results_eq('cluster_memory', 'wanted', 'so does dynpgext.cluster_allocations');
SELECT is(allocations, 4::bigint, 'so does dynpgext.status') FROM dynpgext.status;

-- The memory itself

SELECT ok(dx_present(), 'dynpgext_loader_present()');
SELECT ok(dx_aligned(name), name || ' is aligned to a cache line') FROM dynpgext.allocations ORDER BY 1;
SELECT ok(dx_zero(name, size), name || ' is zeroed') FROM dynpgext.allocations
 WHERE name <> 'dx_memory:global_small' ORDER BY 1;
SELECT is(dx_callbacks(), 1, 'the callback has run once');
SELECT is(dx_read('dx_memory:global_small'), 'dx_memory 0.1 callback 1', 'with its data');
SELECT is(count(DISTINCT dx_address(name)), 4::bigint, 'each has an address of its own') FROM dynpgext.allocations;
SELECT is(dx_address('dx_memory:local'), dx_address('dx_memory:local'), 'which stays');
SELECT ok(dx_write('dx_memory:local', 'local'), 'it can be written');
SELECT is(dx_read('dx_memory:local'), 'local', 'and read');
SELECT is(dx_read('dx_memory:nothing'), NULL, 'an unregistered name is NULL');
SELECT is(dx_read(NULL), NULL, 'so is a NULL name');
SELECT is(dx_read(''), NULL, 'so is an empty one');
SELECT is(dx_read(repeat('n', 10000)), NULL, 'so is one longer than any name');
SELECT is(dx_read('DX_MEMORY:LOCAL'), NULL, 'names are case-sensitive');
SELECT is(dx_read('dx_memory:loca'), NULL, 'a part of a name is not the name');
SELECT is(dx_many_lookups('dx_memory:local', 100000), 0::bigint, 'lookups leak nothing, database-local');
SELECT is(dx_many_lookups('dx_memory:global', 100000), 0::bigint, 'nor global');
SELECT is(dx_many_lookups('dx_memory:nothing', 100000), 0::bigint, 'nor of missing objects');

-- Parallel workers

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT name AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SET :parallel = on;
CREATE TABLE dx_numbers AS SELECT generate_series(1, 1000) AS n;
ANALYZE dx_numbers;
SELECT is(array_agg(DISTINCT dx_parallel_read('dx_memory:local', n)), ARRAY['local'], 'parallel workers read it')
  FROM dx_numbers;
RESET :parallel;
DROP TABLE dx_numbers;

-- Attached processes

CREATE FUNCTION pg_temp.attached(of_name text) RETURNS integer LANGUAGE sql AS $$
  SELECT attached FROM dynpgext.allocations WHERE name = of_name AND state = 'allocated'
$$;
SELECT ok(pg_temp.eventually($$SELECT pg_temp.attached('dx_memory:local') = 1$$), 'this process has looked it up, and counts once');
SELECT ok(dx_release('dx_memory:local'), 'it can be released');
SELECT is(pg_temp.attached('dx_memory:local'), 0, 'then it does not count');
SELECT ok(NOT dx_release('dx_memory:local'), 'but once only');
SELECT ok(NOT dx_release('dx_memory:nothing'), 'and not of memory that it has never looked up');
SELECT is(dx_read('dx_memory:local'), 'local', 'another lookup finds it unchanged');

-- Dropped while this process has it mapped, and registered again

SELECT dx_write('dx_memory:global', 'old'), dx_read('dx_memory:going'), dx_release('dx_memory:global_small') \g /dev/null
DROP EXTENSION dx_memory;
SELECT results_eq($$SELECT name, extension, version, scope, state, attached FROM dynpgext.allocations ORDER BY name COLLATE "C"$$,
  $$VALUES ('dx_memory:global', 'dx_memory'::name, NULL, 'global', 'draining', 1),
           ('dx_memory:going', 'dx_memory', NULL, 'database', 'draining', 1),
           ('dx_memory:local', 'dx_memory', NULL, 'database', 'draining', 1)$$,
  'a dropped allocation drains while it is looked up');
CREATE EXTENSION dx_memory;
SELECT is(dx_read('dx_memory:local'), '', 'after drop and create the memory is new');
SELECT is(dx_read('dx_memory:global'), '', 'the global one too');
SELECT is(dx_callbacks(), 1, 'and its callback has run in the new one');
SELECT ok(dx_release(name), 'let go of ' || name) FROM unnest(ARRAY['dx_memory:global', 'dx_memory:going', 'dx_memory:local']) name;
SELECT is_empty($$SELECT name FROM dynpgext.allocations WHERE state = 'draining'$$, 'then nothing drains any more');
SELECT is(dx_release('dx_memory:global_small'), true, 'the last one is released');
DROP EXTENSION dx_memory;
SELECT is_empty('SELECT name FROM dynpgext.cluster_allocations', 'memory that no process has looked up is freed at once');

-- 1 MiB costs 1 MiB and its bookkeeping

SELECT memory_used AS before FROM dynpgext.status \gset
CREATE EXTENSION dx_bytes;
SELECT cmp_ok(memory_used - :before, '>=', 1024 * 1024::bigint, 'memory_used grows by what is registered') FROM dynpgext.status;
SELECT cmp_ok(memory_used - :before, '<', 1024 * 1024 + 2048::bigint, 'and little more') FROM dynpgext.status;
DROP EXTENSION dx_bytes;
SELECT is(memory_used, :before::bigint, 'all of it is given back') FROM dynpgext.status;

-- Which extensions take part

CREATE EXTENSION dx_no_c_functions;
SELECT is(pg_temp.memory_of('dx_no_c_functions'), 'dx_no_c_functions:memory database 64', 'a library that only the control file names');
DROP EXTENSION dx_no_c_functions;

CREATE EXTENSION dx_old_header;
SELECT is(dx_old_header_value(), 'old header', 'a library compiled with an old header');
SELECT ok(pg_temp.worker_becomes('dx_old_header', 'dx old header', 'running'), 'its worker, too');
DROP EXTENSION dx_old_header;

CREATE EXTENSION dx_plain;
CREATE EXTENSION dx_sql_only;
SELECT is_empty('SELECT * FROM dynpgext.extensions', 'others do not take part');
SELECT is(dx_plain() + dx_sql_only(), 2, 'and are as they were');
DROP EXTENSION dx_plain, dx_sql_only;

CREATE EXTENSION dx_usage;
CREATE EXTENSION dx_usage_cpp;
SELECT is(dx_usage_value(), 'usage', 'the usage text of the design, C11');
SELECT is(dx_usage_cpp_value(), 'usage in C++', 'and in C++17');
SELECT ok(pg_temp.worker_becomes(extension, 'worker', 'running'), 'the worker of ' || extension)
  FROM unnest(ARRAY['dx_usage', 'dx_usage_cpp']) extension;
DROP EXTENSION dx_usage, dx_usage_cpp;

SELECT * FROM finish();
