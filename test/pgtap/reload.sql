-- reload(): makes the live objects equal to the registered ones.
\ir include/helpers.sql
SELECT no_plan();

CREATE EXTENSION dx_memory;
CREATE EXTENSION dx_old_header;
SELECT pg_temp.worker_becomes('dx_old_header', 'dx old header', 'running') \g /dev/null

-- Nothing to do

SELECT pg_temp.footprint() AS before, pg_temp.pid_of_worker('dx_old_header', 'dx old header') AS pid,
       dx_address('dx_memory:local') AS address \gset
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'reload with nothing to do returns no row');
SELECT is_empty($$SELECT * FROM dynpgext.reload('dx_memory')$$, 'nor that of one extension');
SELECT is_empty('SELECT * FROM dynpgext.reload(dry_run => true)', 'nor does a dry run');
SELECT is(pg_temp.footprint(), :'before', 'it changes nothing');
SELECT is(pg_temp.pid_of_worker('dx_old_header', 'dx old header'), :pid, 'no worker');
SELECT is(dx_address('dx_memory:local'), :address, 'no memory');
CREATE EXTENSION dx_plain;
SELECT is_empty($$SELECT * FROM dynpgext.reload('dx_plain')$$, 'nor for an extension that does not take part');
DROP EXTENSION dx_plain;

-- Installed while the event triggers were off

ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
CREATE EXTENSION dx_trusted;
CREATE EXTENSION dx_usage;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
SELECT is(pg_temp.state_of_extension('dx_trusted'), NULL, 'with event triggers off an extension is not registered');

PREPARE found AS VALUES ('extension', 'dx_trusted', 'dx_trusted'::name, 'provision', 'adopted, version 0.1'),
                        ('extension', 'dx_usage', 'dx_usage', 'provision', 'adopted, version 0.1');
SELECT results_eq('SELECT * FROM dynpgext.reload(dry_run => true) ORDER BY name', 'found', 'a dry run reports the adoption');
SELECT is(pg_temp.state_of_extension('dx_trusted'), NULL, 'and adopts nothing');
SELECT is(pg_temp.footprint(), :'before', 'it changes nothing at all');
SELECT results_eq($$SELECT * FROM dynpgext.reload('dx_trusted')$$,
  $$VALUES ('extension', 'dx_trusted', 'dx_trusted'::name, 'provision', 'adopted, version 0.1')$$, 'reload of one extension adopts it');
SELECT is(pg_temp.state_of_extension('dx_trusted'), 'provisioned', 'then it is provisioned');
SELECT is(pg_temp.memory_of('dx_trusted'), 'dx_trusted:memory database 64', 'with its memory');
SELECT is(pg_temp.state_of_extension('dx_usage'), NULL, 'the other is left alone');
SELECT results_eq('SELECT * FROM dynpgext.reload()',
  $$VALUES ('extension', 'dx_usage', 'dx_usage'::name, 'provision', 'adopted, version 0.1')$$, 'reload of all adopts the rest');
SELECT is(dx_usage_value(), 'usage', 'its memory is there');
SELECT ok(pg_temp.worker_becomes('dx_usage', 'worker', 'running'), 'its worker runs');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a second reload has nothing to do');

-- Updated and dropped while they were off

ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
ALTER EVENT TRIGGER dynpgext_on_drop DISABLE;
ALTER EXTENSION dx_memory UPDATE TO '0.2';
DROP EXTENSION dx_usage;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
ALTER EVENT TRIGGER dynpgext_on_drop ENABLE ALWAYS;
SELECT results_eq('SELECT * FROM dynpgext.reload(dry_run => true) ORDER BY name',
  $$VALUES ('extension', 'dx_memory', 'dx_memory'::name, 'provision', 'updated to version 0.2'),
           ('extension', 'dx_usage', 'dx_usage', 'drain', 'no longer installed, version 0.1')$$, 'a dry run finds an update and a drop');
SELECT isnt_empty('SELECT * FROM dynpgext.reload()', 'a reload follows them');
SELECT results_eq($$SELECT version, state FROM dynpgext.extensions WHERE extension = 'dx_memory'$$,
  $$VALUES ('0.2', 'provisioned')$$, 'the new version is provisioned');
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:coming database 4096, dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:local database 64',
  'with its memory');
SELECT is(pg_temp.state_of_extension('dx_usage'), NULL, 'dropped objects are gone');
SELECT ok(pg_temp.eventually($$SELECT count(*) = 0 FROM dynpgext.cluster_workers WHERE extension = 'dx_usage'$$), 'with its worker');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a second reload has nothing to do');

-- Undone with its transaction

ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
CREATE EXTENSION dx_usage;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
BEGIN;
SELECT isnt_empty('SELECT * FROM dynpgext.reload()', 'a reload in a transaction');
SELECT is(dx_usage_value(), 'usage', 'gives memory at once');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a second one has nothing to do');
ROLLBACK;
SELECT is(dx_usage_value(), NULL, 'a rollback undoes it');
SELECT is(pg_temp.state_of_extension('dx_usage'), NULL, 'and the registration');
SELECT isnt_empty('SELECT * FROM dynpgext.reload()', 'the next one finds the same');
SELECT is(dx_usage_value(), 'usage', 'and stays so');
DROP EXTENSION dx_usage;

-- A failing extension does not block the rest, and is tried again

ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
CREATE EXTENSION dx_raise;
CREATE EXTENSION dx_usage;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
SET client_min_messages = error;
SET dx_raise.at = 'between';
SELECT lives_ok('SELECT * FROM dynpgext.reload()', 'a reload with one that fails');
SELECT results_eq($$SELECT state, error, allocations, workers FROM dynpgext.extensions WHERE extension = 'dx_raise'$$,
  $$VALUES ('failed', 'dx_raise raises: between', 0::bigint, 0::bigint)$$, 'shows it as failed, and why');
SELECT is(dx_usage_value(), 'usage', 'and provisions the rest');
SELECT lives_ok($$SELECT * FROM dynpgext.reload('dx_raise')$$, 'it is tried again');
SELECT is(pg_temp.state_of_extension('dx_raise'), 'failed', 'and fails again');
SET dx_raise.at = 'none';
SELECT isnt_empty('SELECT * FROM dynpgext.reload()', 'until it succeeds');
SELECT results_eq($$SELECT state, error, allocations, workers FROM dynpgext.extensions WHERE extension = 'dx_raise'$$,
  $$VALUES ('provisioned', NULL, 2::bigint, 1::bigint)$$, 'then it is provisioned');
SELECT ok(pg_temp.worker_becomes('dx_raise', 'dx raise', 'running'), 'and its worker runs');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'and there is nothing left to do');
SET client_min_messages = warning;

-- The init of one extension runs again, and depends on settings

SET dx_bad.allocations = 'dx_bad:same:64:local,dx_bad:sized:64:local,dx_bad:going:64:local,dx_bad:everywhere:32:global';
CREATE EXTENSION dx_bad;
SELECT ok(dx_write('dx_bad:same', 'kept') AND dx_write('dx_bad:sized', 'old'), 'memory has content');
SELECT is_empty($$SELECT * FROM dynpgext.reload('dx_bad')$$, 'an init that registers the same changes nothing');
SELECT is(dx_read('dx_bad:sized'), 'old', 'content stays');
SET dx_bad.allocations = 'dx_bad:same:64:local,dx_bad:sized:128:local,dx_bad:coming:64:local,dx_bad:everywhere:48:global';
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload of all runs no init that has been run');
BEGIN;
SELECT isnt_empty($$SELECT * FROM dynpgext.reload('dx_bad')$$, 'a reload of one does');
SELECT is(pg_temp.memory_of('dx_bad'), 'dx_bad:coming database 64, dx_bad:everywhere global 48, dx_bad:same database 64, dx_bad:sized database 128',
  'what it registers is seen at once');
SELECT is(dx_read('dx_bad:sized'), '', 'another size is other memory');
ROLLBACK;
SELECT is(dx_read('dx_bad:sized'), 'old', 'until a rollback');
SELECT results_eq($$SELECT object, name, action, detail FROM dynpgext.reload('dx_bad') ORDER BY object, name$$,
  $$VALUES ('allocation', 'dx_bad:coming', 'allocate', '64 bytes'),
           ('allocation', 'dx_bad:everywhere', 'replace', '48 bytes'),
           ('allocation', 'dx_bad:going', 'drain', 'no longer registered'),
           ('allocation', 'dx_bad:sized', 'replace', '128 bytes'),
           ('extension', 'dx_bad', 'provision', 'registers other things')$$, 'the rows show the changes');
SELECT is(pg_temp.memory_of('dx_bad'), 'dx_bad:coming database 64, dx_bad:everywhere global 48, dx_bad:same database 64, dx_bad:sized database 128',
  'it has changed');
SELECT is(dx_read('dx_bad:same'), 'kept', 'memory of the same size keeps its content');
SELECT is(dx_read('dx_bad:sized'), '', 'memory of another size is new');
SELECT is(dx_read('dx_bad:going'), NULL, 'objects that are no longer registered are gone');
SELECT is_empty($$SELECT * FROM dynpgext.reload('dx_bad')$$, 'a second one in a row changes nothing');
SET dx_bad.allocations = 'dx_bad:same:64:local,dx_memory:local:64:local';
SELECT throws_ok($$SELECT * FROM dynpgext.reload('dx_bad')$$, '42710', NULL, 'an init that fails fails the reload');
SELECT is(pg_temp.state_of_extension('dx_bad'), 'provisioned', 'and leaves the extension unchanged');
SELECT is(dx_read('dx_bad:same'), 'kept', 'with its memory');
SET default_transaction_read_only = on;
SELECT throws_ok($$SELECT * FROM dynpgext.reload('dx_bad')$$, NULL, NULL, 'so does one that cannot write');
RESET dx_bad.allocations;
SELECT throws_ok($$SELECT * FROM dynpgext.reload('dx_bad')$$, '25006', NULL, 'in a read-only transaction');
SELECT is_empty($$SELECT * FROM dynpgext.reload('dx_memory')$$, 'where one that registers the same may be run');
RESET default_transaction_read_only;
DROP EXTENSION dx_bad;

-- Workers

SET dx_supervised.workers = 2;
SET dx_supervised.deadline = '0,0';
CREATE EXTENSION dx_supervised;
SELECT ok(pg_temp.worker_becomes('dx_supervised', 'dx supervised ' || n, 'running'), 'runs') FROM generate_series(1, 2) n;
SELECT pg_temp.pid_of_worker('dx_supervised', 'dx supervised 1') AS pid1, pg_temp.pid_of_worker('dx_supervised', 'dx supervised 2') AS pid2 \gset
SET dx_supervised.deadline = '0,3600000';
SET dx_supervised.workers = 3;
SELECT isnt_empty($$SELECT * FROM dynpgext.reload('dx_supervised')$$, 'workers that are registered otherwise');
SELECT ok(pg_temp.worker_becomes('dx_supervised', 'dx supervised ' || n, 'running'), 'run') FROM generate_series(1, 3) n;
SELECT is(pg_temp.pid_of_worker('dx_supervised', 'dx supervised 1'), :pid1, 'an unchanged one continues');
SELECT ok(pg_temp.eventually(format($$SELECT pid <> %s AND state = 'running' FROM dynpgext.workers WHERE name = 'dx supervised 2'$$, :pid2)),
  'one with another definition is replaced');
DROP EXTENSION dx_supervised;

DROP EXTENSION dx_raise, dx_usage, dx_memory, dx_old_header, dx_trusted;
SELECT * FROM finish();
