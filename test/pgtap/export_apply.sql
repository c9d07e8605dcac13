-- export() and apply(): the state of a database as one document.
\ir include/helpers.sql
SELECT no_plan();
CREATE ROLE dx_super SUPERUSER LOGIN;

CREATE FUNCTION pg_temp.faults(manifest jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
  code text;
BEGIN
  PERFORM dynpgext.apply(manifest);
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE;
  RETURN code || ' ' || found;
END $$;

-- An empty database

SELECT is(dynpgext.export(), '{"dynpgext": 1, "extensions": []}', 'nothing is registered');
SELECT is_empty($$SELECT * FROM dynpgext.apply(dynpgext.export())$$, 'nothing is applied');
SELECT throws_ok($$SELECT dynpgext.export('dx_none')$$, '42704', 'extension "dx_none" does not exist');
CREATE EXTENSION dx_plain;
SELECT throws_ok($$SELECT dynpgext.export('dx_plain')$$, '55000', 'extension "dx_plain" does not take part in dynpgext');

-- Registrations and settings, by SQL and by a library

CREATE EXTENSION dx_declared;
CREATE EXTENSION dx_worker;
CREATE EXTENSION dx_memory;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always', restart_delay => '1500 ms'),
       dynpgext.configure_worker('dx_declared', 'dx bell', enabled => false) \g /dev/null
SELECT is(dynpgext.export('dx_declared') #- '{workers,0,run_as}' #- '{workers,1,run_as}', '{
  "dynpgext": 1, "extension": "dx_declared", "version": "0.1",
  "allocations": [{"name": "dx_declared:global", "size": 16, "scope": "global", "initial_hex": "00ff"},
                  {"name": "dx_declared:state", "size": 64, "initial": "hello"}],
  "workers": [{"name": "dx bell", "command": "INSERT INTO public.dx_declared_log (worker) VALUES (''bell'')", "channel": "dx_declared"},
              {"name": "dx tick", "command": "INSERT INTO public.dx_declared_log (worker) VALUES (''tick 0.1'')", "interval": "50 ms"}],
  "settings": [{"worker": "dx bell", "enabled": false}]}', 'of one extension');
SELECT is(dynpgext.export('dx_declared') #>> '{workers,1,run_as}', current_user::text, 'the role of a command, by name');
SELECT is(dynpgext.export('dx_worker') -> 'settings', '[{"worker": "dx local", "restart": {"policy": "always", "delay": "1500 ms"}}]',
  'settings of a worker of a library');
SELECT is(dynpgext.export('dx_worker') #>> '{library,name}', '$libdir/dx_worker-0.1', 'registrations of its library');
SELECT is(jsonb_array_length(dynpgext.export('dx_worker') #> '{library,workers}'), 2, 'is there, too');
SELECT is(jsonb_path_query_array(dynpgext.export(), '$.extensions[*].extension'), '["dx_declared", "dx_memory", "dx_worker"]', 'of a database');
SELECT is_empty($$SELECT * FROM dynpgext.apply(dynpgext.export())$$, 'applied where it comes from, it does nothing');
SELECT is_empty(format($$SELECT * FROM dynpgext.apply(dynpgext.export(%L))$$, e), 'nor that of ' || e)
  FROM unnest(ARRAY['dx_declared', 'dx_worker', 'dx_memory']) e;
SELECT dynpgext.export() AS document \gset

-- Changed, shown, applied, and applied again

SELECT ok(pg_temp.worker_becomes('dx_declared', 'dx bell', 'disabled') AND pg_temp.worker_becomes('dx_declared', 'dx tick', 'running'),
  'the workers have come to rest');
CREATE TEMPORARY TABLE wanted AS SELECT jsonb_set(jsonb_set(dynpgext.export('dx_declared'), '{workers,1,interval}', '"20 ms"'), '{settings}',
    '[{"worker": "dx tick", "restart": {"policy": "never"}}]')
  || '{"allocations": [{"name": "dx_declared:new", "size": 8}, {"name": "dx_declared:state", "size": 64, "initial": "other"}]}' AS manifest;
CREATE TEMPORARY TABLE rows_shown (object text, name text, extension name, action text, detail text);
CREATE TEMPORARY TABLE rows_done (LIKE rows_shown);
INSERT INTO rows_shown SELECT a.* FROM wanted, dynpgext.apply(manifest, dry_run => true) a;
SELECT is(dynpgext.export(), :'document', 'a dry run changes nothing');
SELECT results_eq('SELECT object, name, action FROM rows_shown ORDER BY 1, 2, 3', $$VALUES
    ('allocation', 'dx_declared:global', 'drain'), ('allocation', 'dx_declared:new', 'allocate'),
    ('allocation', 'dx_declared:state', 'configure'), ('extension', 'dx_declared', 'provision'),
    ('worker', 'dx bell', 'start'), ('worker', 'dx tick', 'replace')$$, 'it shows what follows');
INSERT INTO rows_done SELECT a.* FROM wanted, dynpgext.apply(manifest) a;
SELECT results_eq('SELECT * FROM rows_done ORDER BY object, name', 'SELECT * FROM rows_shown ORDER BY object, name', 'which is what is done');
SELECT is(dynpgext.export('dx_declared'), manifest, 'and exported afterwards') FROM wanted;
SELECT is_empty('SELECT a.* FROM wanted, dynpgext.apply(manifest) a', 'a second time it does nothing');
SELECT ok(pg_temp.eventually($$SELECT bool_and(state = 'running') FROM dynpgext.workers WHERE extension = 'dx_declared'$$), 'its workers run');
SELECT is(restart, 'never', 'as they are set') FROM dynpgext.workers WHERE name = 'dx tick';
SELECT is(dynpgext.peek('dx_declared:state', 0, 5), convert_to('hello', 'UTF8'), 'memory that stays keeps its content');
SELECT ok(pg_temp.eventually('SELECT NOT EXISTS (SELECT FROM dynpgext.reload(dry_run => true))'), 'a reload has nothing to do');
SELECT is(count(*), 1::bigint, 'it is kept for dumps') FROM dynpgext.manifests;

-- A worker's definition and its settings in one document

CREATE TEMPORARY TABLE twofold AS SELECT jsonb_set(dynpgext.export('dx_declared'), '{workers,1,command}', '"SELECT 40"')
  || '{"settings": [{"worker": "dx tick", "restart": {"policy": "always"}}]}' AS manifest;
SELECT results_eq('SELECT name, action FROM twofold, dynpgext.apply(manifest)', $$VALUES ('dx tick', 'replace')$$, 'both change');
SELECT is(dynpgext.export('dx_declared'), manifest, 'as the document says') FROM twofold;

-- The whole database: extensions that are not named lose everything

SELECT is(count(*) > 3, true, 'the first document again') FROM dynpgext.apply(:'document');
SELECT is(dynpgext.export(), :'document', 'restores the first state');
SELECT results_eq($$SELECT object, name, action FROM dynpgext.apply('{"dynpgext": 1, "extensions": []}') ORDER BY 1, 2, 3$$, $$VALUES
    ('allocation', 'dx_declared:global', 'drain'), ('allocation', 'dx_declared:state', 'drain'),
    ('worker', 'dx bell', 'stop'), ('worker', 'dx local', 'configure'), ('worker', 'dx tick', 'stop')$$, 'a document without extensions');
SELECT is_empty('SELECT * FROM dynpgext.worker_settings', 'revokes settings');
SELECT is(dynpgext.export() #- '{extensions,0,version}' -> 'extensions' -> 0, '{"extension": "dx_declared"}', 'and registrations in SQL');
SELECT is(count(*), 2::bigint, 'not what libraries register') FROM dynpgext.workers WHERE extension = 'dx_worker' AND state = 'running';
SELECT ok(pg_temp.eventually('SELECT NOT EXISTS (SELECT FROM dynpgext.reload(dry_run => true))'), 'a reload has nothing to do');

-- A rollback

BEGIN;
SELECT count(*) FROM dynpgext.apply(:'document') \g /dev/null
SELECT is(dynpgext.export(), :'document', 'within a transaction');
ROLLBACK;
SELECT is(dynpgext.export() #- '{extensions,0,version}' -> 'extensions' -> 0, '{"extension": "dx_declared"}', 'a rollback undoes it');
SELECT is(count(*), 0::bigint, 'of the settings, too') FROM dynpgext.worker_settings;
SELECT ok(pg_temp.eventually('SELECT NOT EXISTS (SELECT FROM dynpgext.reload(dry_run => true))'), 'a reload has nothing to do');

-- Settings of a database-local worker are removed with its registration

SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "goes", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s"}]}'),
       dynpgext.configure_worker('dx_plain', 'goes', enabled => false),
       dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "comes", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s"}]}') \g /dev/null
SELECT is(dynpgext.export('dx_plain') -> 'settings', NULL, 'a worker that is not registered has no settings to export');
SELECT is_empty('SELECT * FROM dynpgext.apply(dynpgext.export())', 'the exported document can be applied');
SELECT is(pg_temp.faults(dynpgext.export('dx_plain') || '{"settings": [{"worker": "goes", "enabled": true}]}'),
  '22023 /settings/0/worker: the extension has no worker "goes"', 'it cannot be set');
SELECT is_empty('SELECT * FROM dynpgext.worker_settings', 'the settings are gone');
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "goes", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s"}]}') \g /dev/null
SELECT isnt(state, 'disabled', 'also for the worker when it is back') FROM dynpgext.workers WHERE name = 'goes';
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}') \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT NOT EXISTS (SELECT FROM dynpgext.workers WHERE name = 'goes')$$), 'it has ended');
SELECT results_eq($$SELECT name, action FROM dynpgext.apply('{"dynpgext": 1, "extension": "dx_plain", "workers": [{"name": "goes", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s"}]}')$$,
  $$VALUES ('goes', 'start')$$, 'a document that has it again');
SELECT is_empty('SELECT * FROM dynpgext.worker_settings', 'also shows its settings');

-- A name that moves from one extension to another in one document

SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "allocations": [{"name": "moves", "size": 8, "initial": "old"}, {"name": "stays", "size": 8}]}');
SELECT is(pg_temp.faults('{"dynpgext": 1, "extension": "dx_declared", "allocations": [{"name": "moves", "size": 8}]}'),
  '22023 /allocations/0/name: the name is taken by extension "dx_plain" in this database', 'a name that is taken');
SELECT is(count(*) > 0, true, 'is taken over in one document') FROM dynpgext.apply('{"dynpgext": 1, "extensions": [
  {"extension": "dx_declared", "allocations": [{"name": "moves", "size": 8, "initial": "new"}]},
  {"extension": "dx_plain", "allocations": [{"name": "stays", "size": 8}]}]}');
SELECT is(string_agg(name || ' ' || extension || ' ' || state, ', ' ORDER BY name), 'moves dx_declared allocated, stays dx_plain allocated',
  'and belongs to the other one') FROM dynpgext.allocations WHERE name IN ('moves', 'stays');
SELECT is(dynpgext.peek('moves', 0, 3), 'new', 'with new memory');
SELECT ok(pg_temp.eventually('SELECT NOT EXISTS (SELECT FROM dynpgext.reload(dry_run => true))'), 'a reload has nothing to do');

-- Leaving an extension out of a document takes from it, which only its owner may do

SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always') \g /dev/null
CREATE ROLE dx_low;
GRANT EXECUTE ON FUNCTION dynpgext.apply TO dx_low;
SET ROLE dx_low;
SELECT is(pg_temp.faults('{"dynpgext": 1, "extensions": []}'),
  E'22023 /extensions: must be owner of extension "dx_declared", which it leaves out\n'
  '/extensions: must be owner of extension "dx_plain", which it leaves out\n'
  '/extensions: must be owner of extension "dx_worker", which it leaves out', 'a role that owns none of them');
RESET ROLE;
SELECT is(count(*), 1::bigint, 'has changed nothing') FROM dynpgext.worker_settings;
REVOKE EXECUTE ON FUNCTION dynpgext.apply FROM dx_low;
DROP ROLE dx_low;
SELECT count(*) FROM dynpgext.apply('{"dynpgext": 1, "extensions": []}') \g /dev/null

-- Faults, with the place in the document

SELECT is(pg_temp.faults('{"dynpgext": 1, "extensions": [
    {"extension": "dx_none"}, {"extension": "dx_worker", "settings": [{"worker": "none", "enabled": true}]},
    {"extension": "dx_memory", "version": "9", "allocations": [{"name": "dx_memory:local", "size": 8}]}]}'),
  E'22023 /extensions/0/extension: extension "dx_none" does not exist\n/extensions/1/settings/0/worker: the extension has no worker "none"\n'
  '/extensions/2/allocations/0/name: the library of the extension registers it', 'faults that only the server can find');
SELECT is(pg_temp.faults('{"dynpgext": 1}') ~ '^22023 /extension: ', true, 'one without a name of its extension');
SELECT throws_ok($$SELECT dynpgext.apply(NULL)$$, '22004');
SELECT throws_ok($$SELECT dynpgext.apply('{}', NULL)$$, '22004');

-- A library's registrations are code, and cannot be applied

SET client_min_messages = error;
SELECT is_empty($$SELECT * FROM dynpgext.apply(dynpgext.export('dx_worker') #- '{library,workers}')$$, 'a difference there is a warning');
RESET client_min_messages;
SET client_min_messages = warning;

DROP EXTENSION dx_declared, dx_worker, dx_memory, dx_plain;
SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT is_empty('SELECT * FROM dynpgext.manifests', 'and so is the kept file');
SELECT is_empty('SELECT * FROM dynpgext.identities', 'also the roles of its commands');
DROP ROLE dx_super;
SELECT * FROM finish();
