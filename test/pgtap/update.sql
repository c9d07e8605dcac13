-- ALTER EXTENSION ... UPDATE: kept, removed and new names; init before fini; all or nothing.
\ir include/helpers.sql
SELECT no_plan();

CREATE EXTENSION dx_memory;
SELECT dx_write(name, 'content of ' || name) FROM dynpgext.allocations \g /dev/null
SELECT dx_address('dx_memory:local') AS local, dx_address('dx_memory:global') AS global \gset

-- 0.1 to 0.2

ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT results_eq($$SELECT version, library, state, allocations FROM dynpgext.extensions$$,
  $$VALUES ('0.2', '$libdir/dx_memory-0.2', 'provisioned', 4::bigint)$$, 'the new version is provisioned');
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:coming database 4096, dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:local database 64',
  'a name has come, one has gone');
SELECT set_eq($$SELECT DISTINCT version FROM dynpgext.allocations WHERE state = 'allocated'$$, ARRAY['0.2'], 'all of the new version');
SELECT is(dx_address('dx_memory:local'), :local, 'a name in both versions keeps its memory');
SELECT is(dx_address('dx_memory:global'), :global, 'a global one, too');
SELECT is(dx_read('dx_memory:' || name), 'content of dx_memory:' || name, name || ' keeps its content')
  FROM unnest(ARRAY['local', 'global', 'global_small']) name;
SELECT is(dx_callbacks(), 1, 'its callback has not run again');
SELECT is(dx_read('dx_memory:going'), NULL, 'memory of the old version is gone');
SELECT ok(dx_zero('dx_memory:coming', 4096), 'new memory exists, zeroed');
SELECT results_eq($$SELECT name, extension, version, attached FROM dynpgext.allocations WHERE state = 'draining'$$,
  $$VALUES ('dx_memory:going', 'dx_memory'::name, NULL, 1)$$, 'the old one drains, because this process has looked it up');
SELECT ok(dx_release('dx_memory:going'), 'until it is released');
SELECT is_empty($$SELECT * FROM dynpgext.allocations WHERE state = 'draining'$$, 'then it is free');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');

-- 0.3 has another size for dx_memory:local

SELECT pg_temp.footprint() AS before \gset
SELECT throws_ok($$ALTER EXTENSION dx_memory UPDATE TO '0.3'$$, '42710',
  'extension "dx_memory" cannot register shared memory "dx_memory:local": it exists with another size or scope',
  'a version with another size for the name is refused');
SELECT is(extversion, '0.2', 'the version is as it was') FROM pg_extension WHERE extname = 'dx_memory';
SELECT is(pg_temp.footprint(), :'before', 'nothing has changed');
SELECT results_eq($$SELECT version, state FROM dynpgext.extensions$$, $$VALUES ('0.2', 'provisioned')$$, 'the old version is provisioned');
SELECT is(dx_address('dx_memory:local'), :local, 'its memory is where it was');
SELECT is(dx_read('dx_memory:local'), 'content of dx_memory:local', 'with its content');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT dx_release(name) FROM dynpgext.allocations \g /dev/null
DROP EXTENSION dx_memory;

-- Rolled back

CREATE EXTENSION dx_memory;
SELECT dx_write('dx_memory:local', 'kept'), dx_write('dx_memory:going', 'kept, too') \g /dev/null
SELECT pg_temp.footprint() AS before, dx_address('dx_memory:going') AS going \gset
BEGIN;
ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT is(dx_read('dx_memory:going'), NULL, 'in the transaction the old name is gone');
SELECT ok(dx_zero('dx_memory:coming', 4096), 'and the new one there');
SELECT is(dx_read('dx_memory:local'), 'kept', 'memory that stays keeps its content');
ROLLBACK;
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:going database 4096, dx_memory:local database 64',
  'after a rollback the old version has its memory');
SELECT is(dx_address('dx_memory:going'), :going, 'the very same');
SELECT is(dx_read('dx_memory:going'), 'kept, too', 'with its content');
SELECT is(dx_read('dx_memory:local'), 'kept', 'all of it');
SELECT is(dx_read('dx_memory:coming'), NULL, 'objects of the new version are gone');
SELECT dx_release('dx_memory:coming') \g /dev/null
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- To a savepoint, and then committed

BEGIN;
SAVEPOINT a;
ALTER EXTENSION dx_memory UPDATE TO '0.2';
ROLLBACK TO a;
SELECT is(dx_read('dx_memory:going'), 'kept, too', 'after a rollback to a savepoint the old version is there');
ALTER EXTENSION dx_memory UPDATE TO '0.2';
COMMIT;
SELECT is(dx_read('dx_memory:local'), 'kept', 'memory that stays keeps its content');
SELECT is(dx_read('dx_memory:going'), NULL, 'removed names are gone');
DROP EXTENSION dx_memory;

-- Fini of the old version, after init of the new one, once

CREATE TABLE dx_log (event text, name text, version text);
SET dx_fini.log = 'public.dx_log';
CREATE EXTENSION dx_fini;
SELECT is(dx_fini_library(), '0.1', 'the old library');
ALTER EXTENSION dx_fini UPDATE TO '0.2';
SELECT is(dx_fini_library(), '0.2', 'the new library');
SELECT results_eq('SELECT * FROM dx_log', $$VALUES ('fini', 'dx_fini', '0.1')$$, 'fini of the old version has run');
BEGIN;
DROP EXTENSION dx_fini;
ROLLBACK;
SELECT is(count(*), 1::bigint, 'what fini does is rolled back with the drop') FROM dx_log;
DROP EXTENSION dx_fini;
SELECT results_eq('SELECT * FROM dx_log', $$VALUES ('fini', 'dx_fini', '0.1'), ('fini', 'dx_fini', '0.2')$$,
  'a drop runs fini of the version that goes');
DROP TABLE dx_log;

SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT * FROM finish();
