-- Registrations are made, changed and removed with the transaction, including savepoints.
\ir include/helpers.sql
SELECT no_plan();

-- dx_read() and others, in a database where only these are installed
CREATE EXTENSION dx_memory;
SELECT pg_temp.footprint() AS before \gset

-- Commit and rollback

BEGIN;
CREATE EXTENSION dx_trusted;
SELECT is(dx_read('dx_trusted:memory'), '', 'a lookup in the transaction that registers');
SELECT dx_write('dx_trusted:memory', 'written before the commit') \g /dev/null
SELECT is(state, 'allocated', 'the view shows the memory') FROM dynpgext.allocations WHERE name = 'dx_trusted:memory';
COMMIT;
SELECT is(dx_read('dx_trusted:memory'), 'written before the commit', 'the commit keeps it');

BEGIN;
DROP EXTENSION dx_trusted;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'a lookup in the transaction that drops');
ROLLBACK;
SELECT is(dx_read('dx_trusted:memory'), 'written before the commit', 'a rollback of the drop');
DROP EXTENSION dx_trusted;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'after the drop there is none');
SELECT dx_release('dx_trusted:memory') \g /dev/null

BEGIN;
CREATE EXTENSION dx_trusted;
SELECT is(dx_read('dx_trusted:memory'), '', 'objects registered again are new');
ROLLBACK;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'a rollback of the registration');
SELECT dx_release('dx_trusted:memory') \g /dev/null
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- Savepoints

BEGIN;
SAVEPOINT a;
CREATE EXTENSION dx_trusted;
SELECT dx_write('dx_trusted:memory', 'first') \g /dev/null
ROLLBACK TO a;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'rollback to a savepoint: it is removed at once');
CREATE EXTENSION dx_trusted;
SELECT is(dx_read('dx_trusted:memory'), '', 'created again it is new');
SELECT dx_write('dx_trusted:memory', 'second') \g /dev/null
SAVEPOINT b;
DROP EXTENSION dx_trusted;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'dropped in a savepoint');
ROLLBACK TO b;
SELECT is(dx_read('dx_trusted:memory'), 'second', 'rolled back to the savepoint: it is there');
SAVEPOINT c;
SAVEPOINT d;
DROP EXTENSION dx_trusted;
RELEASE d;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'a released savepoint is the one above');
ROLLBACK TO c;
SELECT is(dx_read('dx_trusted:memory'), 'second', 'and rolled back with it');
COMMIT;
SELECT is(dx_read('dx_trusted:memory'), 'second', 'the commit keeps the rest');
DROP EXTENSION dx_trusted;
SELECT dx_release('dx_trusted:memory') \g /dev/null
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- Rollback to a savepoint, then commit: no worker of an extension that does not exist

BEGIN;
SAVEPOINT a;
CREATE EXTENSION dx_old_header;
ROLLBACK TO a;
COMMIT;
SELECT is_empty('SELECT * FROM dynpgext.cluster_workers', 'no worker is registered');
SELECT is(pg_temp.processes('dx old header'), 0::bigint, 'none runs');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- DO with an exception handler

DO $$
BEGIN
  CREATE EXTENSION dx_trusted;
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
  NULL;
END $$;
SELECT is(dx_read('dx_trusted:memory'), NULL, 'rollback of a DO block with an exception handler');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

DO $$
BEGIN
  BEGIN
    CREATE EXTENSION dx_trusted;
    CREATE EXTENSION dx_old_header;
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    CREATE EXTENSION dx_old_header;
  END;
END $$;
SELECT is(pg_temp.state_of_extension('dx_trusted'), NULL, 'objects that the handler has not made again are gone');
SELECT ok(pg_temp.worker_becomes('dx_old_header', 'dx old header', 'running'), 'its objects exist');
SELECT is(dx_old_header_value(), 'old header', 'with its memory');
DROP EXTENSION dx_old_header;
SELECT dx_release('dx_old_header:value') \g /dev/null
SELECT pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers') \g /dev/null
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- Drop and create in one transaction

CREATE EXTENSION dx_old_header;
SELECT pg_temp.worker_becomes('dx_old_header', 'dx old header', 'running'),
       dx_write('dx_old_header:value', 'changed') \g /dev/null
SELECT pg_temp.pid_of_worker('dx_old_header', 'dx old header') AS pid \gset
BEGIN;
DROP EXTENSION dx_old_header;
CREATE EXTENSION dx_old_header;
SELECT is(dx_old_header_value(), 'old header', 'drop and create in one transaction: the memory is new');
COMMIT;
SELECT is(dx_old_header_value(), 'old header', 'after the commit, too');
SELECT ok(pg_temp.eventually(format($$SELECT state = 'running' AND pid <> %s FROM dynpgext.workers$$, :pid)), 'the worker is another');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx old header') = 1$$), 'and the only one');
BEGIN;
DROP EXTENSION dx_old_header;
CREATE EXTENSION dx_old_header;
DROP EXTENSION dx_old_header;
COMMIT;
SELECT dx_release('dx_old_header:value') \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx old header') = 0$$), 'dropped at last: no worker');
SELECT ok(pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'in the views, too');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- Create and drop in one transaction

BEGIN;
CREATE EXTENSION dx_old_header;
DROP EXTENSION dx_old_header;
COMMIT;
SELECT is_empty('SELECT * FROM dynpgext.cluster_workers', 'create and drop in one transaction: no worker');
SELECT is(pg_temp.processes('dx old header'), 0::bigint, 'no process');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- In a read-only transaction nothing is registered; lookups and views work

BEGIN READ ONLY;
SELECT is(dx_read('dx_memory:local'), '', 'a lookup in a read-only transaction');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload with nothing to do in one');
SELECT is(count(*), 1::bigint, 'the views in one') FROM dynpgext.extensions;
COMMIT;

-- Many cycles in one session do not accumulate anything

DO $$
BEGIN
  FOR i IN 1 .. 50 LOOP
    CREATE EXTENSION dx_trusted;
    PERFORM dx_read('dx_trusted:memory'), dx_release('dx_trusted:memory');
    DROP EXTENSION dx_trusted;
  END LOOP;
END $$;
SELECT is(pg_temp.footprint(), :'before', 'fifty cycles in one transaction leave nothing');

DROP EXTENSION dx_memory;
SELECT * FROM finish();
