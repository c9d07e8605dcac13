-- register(): registrations with a manifest, by an extension's script, or by a superuser by hand.
\ir include/helpers.sql
SELECT no_plan();
CREATE ROLE dx_super SUPERUSER LOGIN;

-- The registrations, as "allocation NAME SIZE SCOPE" and "worker NAME SCOPE RESTART".
CREATE FUNCTION pg_temp.registered(of_extension text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('allocation %s %s %s', name, size, scope) FROM dynpgext.allocations WHERE extension = of_extension::name
  UNION ALL
  SELECT format('worker %s %s %s', name, scope, restart) FROM dynpgext.workers WHERE extension = of_extension::name
  ORDER BY 1
$$;
-- The DETAIL of an error, with one line for each fault.
CREATE FUNCTION pg_temp.faults(manifest jsonb, of_extension name DEFAULT 'dx_plain') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
  code text;
BEGIN
  PERFORM dynpgext.register(of_extension, manifest);
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE;
  RETURN code || ' ' || found;
END $$;
CREATE FUNCTION pg_temp.runs(of_worker text, at_least bigint DEFAULT 1) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_temp.eventually(format('SELECT runs >= %s FROM dynpgext.commands WHERE worker = %L', at_least, of_worker))
$$;

-- In the script of an extension without a library.

SELECT pg_temp.footprint() AS before \gset
CREATE EXTENSION dx_declared;
SELECT is(concat_ws('|', version, library IS NULL, state, error IS NULL, allocations, workers), '0.1|t|provisioned|t|2|2',
  'it takes part without a library') FROM dynpgext.extensions;
SELECT results_eq($$SELECT pg_temp.registered('dx_declared')$$,
  $$VALUES ('allocation dx_declared:global 16 global'), ('allocation dx_declared:state 64 database'),
           ('worker dx bell database always'), ('worker dx tick database always')$$, 'with its manifest');
SELECT is(dynpgext.peek('dx_declared:state', 0, 8), convert_to('hello', 'UTF8') || '\x000000', 'memory begins with its content');
SELECT is(dynpgext.peek('dx_declared:global'), '\x00ff0000000000000000000000000000', 'also with bytes');
SELECT ok(pg_temp.runs('dx tick', 3), 'a command runs repeatedly');
SELECT ok(pg_temp.runs('dx bell'), 'one that is to be notified runs once at its start');
SELECT is(count(DISTINCT pid), 1::bigint, 'in one process') FROM dx_declared_log;
SELECT results_eq('SELECT DISTINCT pid FROM dx_declared_log', 'SELECT DISTINCT pid FROM dynpgext.workers', 'which the view shows');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT is(count(*), 0::bigint, 'nothing is kept for dumps') FROM dynpgext.manifests;

-- An update of it

ALTER EXTENSION dx_declared UPDATE TO '0.2';
SELECT is(concat_ws(' ', version, state), '0.2 provisioned', 'after an update it has the new version') FROM dynpgext.extensions;
SELECT results_eq($$SELECT pg_temp.registered('dx_declared')$$,
  $$VALUES ('allocation dx_declared:more 8 database'), ('allocation dx_declared:state 64 database'),
           ('worker dx bell database always'), ('worker dx tick database always')$$, 'and registers the objects of the new manifest');
SELECT is(dynpgext.peek('dx_declared:state', 0, 5), convert_to('hello', 'UTF8'), 'memory in both versions keeps its content');
SELECT ok(pg_temp.eventually($$SELECT EXISTS (SELECT FROM dx_declared_log WHERE worker = 'tick 0.2')$$), 'the new command runs');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');

-- unload(), load(): declarations are not forgotten

SELECT is(dynpgext.unload('dx_declared'), true, 'unloaded');
SELECT is_empty('SELECT * FROM dynpgext.workers', 'it has no workers');
SELECT is(dynpgext.load('dx_declared'), '0.2', 'loaded');
SELECT is(count(*), 2::bigint, 'it has them again') FROM dynpgext.workers;
SELECT ok(pg_temp.eventually($$SELECT bool_and(state = 'running') FROM dynpgext.workers$$), 'and they run');

-- Transactions

BEGIN;
SELECT dynpgext.register('dx_declared', '{"dynpgext": 1, "allocations": [{"name": "dx_declared:state", "size": 64}, {"name": "dx_declared:mine", "size": 3, "initial": "abc"}]}');
SELECT is(dynpgext.peek('dx_declared:mine'), 'abc', 'a transaction sees its own registrations');
SELECT is(dynpgext.export('dx_declared') -> 'workers', NULL, 'and not what it no longer has');
SAVEPOINT s;
SELECT dynpgext.register('dx_declared', '{"dynpgext": 1}');
SELECT is(dynpgext.export('dx_declared') - 'version', '{"dynpgext": 1, "extension": "dx_declared"}', 'an empty manifest registers nothing');
ROLLBACK TO s;
SELECT is(dynpgext.peek('dx_declared:mine'), 'abc', 'back to the savepoint');
ROLLBACK;
SELECT results_eq($$SELECT pg_temp.registered('dx_declared')$$,
  $$VALUES ('allocation dx_declared:more 8 database'), ('allocation dx_declared:state 64 database'),
           ('worker dx bell database always'), ('worker dx tick database always')$$, 'a rollback leaves everything unchanged');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'including live objects');

DROP EXTENSION dx_declared;
SELECT ok(pg_temp.eventually($$SELECT NOT EXISTS (SELECT pg_temp.registered('dx_declared'))$$), 'a drop takes all away');
SELECT is(count(*), 0::bigint, 'the rows of commands and contents, too')
  FROM (SELECT 1 FROM dynpgext.registered_command UNION ALL SELECT 1 FROM dynpgext.registered_content) r;
SELECT ok(pg_temp.eventually(format('SELECT pg_temp.footprint() = %L', :'before')), 'and the memory');

-- By hand, for an extension that does not take part

CREATE EXTENSION dx_plain;
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "allocations": [{"name": "by hand", "size": 8}],
  "workers": [{"name": "by hand", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 h"}]}');
SELECT results_eq($$SELECT pg_temp.registered('dx_plain')$$, $$VALUES ('allocation by hand 8 database'), ('worker by hand database always')$$,
  'by hand it is made to take part');
SELECT is(count(*), 1::bigint, 'which is kept for dumps') FROM dynpgext.manifests WHERE extension = 'dx_plain';
SELECT ok(pg_temp.runs('by hand'), 'its command runs');
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}');
SELECT ok(pg_temp.eventually($$SELECT NOT EXISTS (SELECT pg_temp.registered('dx_plain'))$$), 'and is undone');
PREPARE taking_part AS SELECT extension, state, allocations, workers FROM dynpgext.extensions;
SELECT results_eq('taking_part', $$VALUES ('dx_plain'::name, 'provisioned', 0::bigint, 0::bigint)$$, 'though it still takes part');
SELECT manifest FROM dynpgext.manifests \gset
DROP EXTENSION dx_plain;
CREATE EXTENSION dx_plain;
INSERT INTO dynpgext.manifests VALUES ('dx_plain', :'manifest');
SELECT results_eq('taking_part', $$VALUES ('dx_plain'::name, 'provisioned', 0::bigint, 0::bigint)$$, 'also where the row is restored');

-- By hand, for an extension whose script registers in CREATE EXTENSION, and not in an update

CREATE EXTENSION dx_trusted_sql VERSION '0.1';
SELECT dynpgext.register('dx_trusted_sql', '{"dynpgext": 1}') \g /dev/null
ALTER EXTENSION dx_trusted_sql UPDATE TO '0.2';
SELECT results_eq($$SELECT manifest -> 'workers', version FROM dynpgext.manifests JOIN dynpgext.extensions USING (extension) WHERE extension = 'dx_trusted_sql'$$,
  $$VALUES (NULL::jsonb, '0.2')$$, 'a restore must know that its worker was removed');
DROP EXTENSION dx_trusted_sql;

-- By hand, for an extension with a library: in addition to the library's registrations

CREATE EXTENSION dx_memory;
SELECT count(*) AS n FROM dynpgext.allocations WHERE extension = 'dx_memory' \gset
SELECT dynpgext.register('dx_memory', '{"dynpgext": 1, "extension": "dx_memory", "allocations": [{"name": "beside", "size": 8}]}');
SELECT is(count(*), :n + 1::bigint, 'it has both') FROM dynpgext.allocations WHERE extension = 'dx_memory' AND state = 'allocated';
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT is(state, 'allocated', 'after an update, too') FROM dynpgext.allocations WHERE name = 'beside';
SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "dx_memory:local", "size": 64}]}', 'dx_memory'),
  '22023 /allocations/0/name: the library of the extension registers it', 'registrations of its library must not be declared');
SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "dx_memory:local", "size": 64}]}'),
  '22023 /allocations/0/name: the name is taken by extension "dx_memory" in this database', 'nor by another extension');
SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "beside", "size": 9}]}', 'dx_memory'),
  '22023 /allocations/0/size: it has 8 bytes, and must be left out before it can get another size', 'the size cannot change at once');
DROP EXTENSION dx_memory;
SELECT is(count(*), 0::bigint, 'what was registered by hand goes with the extension') FROM dynpgext.manifests WHERE extension = 'dx_memory';

-- A function in C

SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "in C", "library": "$libdir/dx_worker-0.1", "function": "dx_worker_local", "connects": false}]}');
SELECT is(library || ' ' || function, '$libdir/dx_worker-0.1 dx_worker_local', 'is registered') FROM dynpgext.workers WHERE name = 'in C';
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}');

-- A process of its own

CREATE FUNCTION pg_temp.register_one(more jsonb) RETURNS void LANGUAGE sql AS $$
  SELECT dynpgext.register('dx_plain', jsonb_build_object('dynpgext', 1, 'workers', jsonb_build_array(
    '{"name": "one", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 h"}' || more)))
$$;
SELECT pg_temp.register_one('{}') \g /dev/null
SELECT is(process, 'shared', 'a command shares a process') FROM dynpgext.commands WHERE worker = 'one';
SELECT is(dynpgext.export('dx_plain') #> '{workers,0,process}', NULL, 'which goes without saying');
SELECT pg_temp.register_one('{"process": "own"}') \g /dev/null
SELECT is(process, 'own', 'or has its own') FROM dynpgext.commands WHERE worker = 'one';
SELECT is(process, 'own', 'in the view of the cluster, too') FROM dynpgext.cluster_commands WHERE worker = 'one' AND database = current_database();
SELECT is(dynpgext.export('dx_plain') #>> '{workers,0,process}', 'own', 'and in the export');
SELECT is(manifest #>> '{workers,0,process}', 'own', 'and in what pg_dump dumps') FROM dynpgext.manifests WHERE extension = 'dx_plain';
SELECT ok(pg_temp.worker_becomes('dx_plain', 'one', 'running'), 'it runs');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT is_empty('SELECT * FROM dynpgext.apply(dynpgext.export())', 'nor has apply()');
SELECT results_eq($$SELECT name, action FROM dynpgext.apply(jsonb_set(dynpgext.export('dx_plain'), '{workers,0,process}', '"shared"'), dry_run => true) WHERE object = 'worker'$$,
  $$VALUES ('one', 'replace')$$, 'the other process is another worker''s');
SELECT pg_temp.register_one('{"process": "shared"}') \g /dev/null
SELECT is(process, 'shared', 'it goes back') FROM dynpgext.commands WHERE worker = 'one';
SELECT is(pg_temp.faults('{"dynpgext": 1, "workers": [
    {"name": "a", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s", "process": "another"},
    {"name": "b", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s", "process": null},
    {"name": "c", "library": "$libdir/dx_worker-0.1", "function": "dx_worker_local", "process": "own"}]}'),
  E'22023 /workers/0/process: must be "shared" or "own"\n/workers/1/process: must be "shared" or "own"\n/workers/2/process: not of a worker with a function',
  'there are no other processes, and no choice for code in C');
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}') \g /dev/null

-- Faults: all reported at once, each with its place, and nothing is changed

SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "good", "size": 8}], "workers": [
    {"name": "a", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 s"},
    {"name": "b", "command": "SELECT 1", "interval": "soon", "run_as": "dx_nobody_at_all"},
    {"name": "a", "command": "SELECT 1", "restart": {"delay": "later"}, "nam": 1}]}') ~
  '^22023 .*/workers/1/interval: not an interval\n.*/workers/2/name: .*\n?.*/workers/2.*', true, 'faults of the document');
SELECT is(pg_temp.faults('{"dynpgext": 1, "workers": [
    {"name": "b", "command": "SELECT 1", "interval": "1 s", "run_as": "dx_nobody_at_all"},
    {"name": "c", "library": "$libdir/none", "function": "f"},
    {"name": "d", "library": "$libdir/dx_worker-0.1", "function": "none"}]}'),
  E'22023 /workers/0/run_as: role "dx_nobody_at_all" does not exist\n/workers/1/library: there is no library "$libdir/none"\n'
  '/workers/2/function: library "$libdir/dx_worker-0.1" has no function "none"', 'faults that only the server can find');
SELECT is(pg_temp.faults('[]') ~ '^22023 \(document\): ', true, 'not an object');
SELECT is(pg_temp.faults('{"dynpgext": 2}') ~ '^22023 /dynpgext: ', true, 'another version');
SELECT is(pg_temp.faults('{"dynpgext": 1, "extension": "dx_memory"}') ~ '^22023 /extension: ', true, 'another extension');
SELECT is(pg_temp.faults('{"dynpgext": 1, "bogus": 1, "settings": [{"worker": "q", "enabled": true}], "version": "7", "workers": [
    {"name": "a", "command": "SELECT 1", "interval": "1 s", "run_as": "dx_nobody"},
    {"name": "b", "command": "SELECT 1", "interval": "never", "run_as": "dx_nobody"}]}'),
  E'22023 /bogus: unknown key\n/workers/1/interval: not an interval\n/settings: settings are for DBAs, with dynpgext.apply()\n'
  '/workers/0/run_as: role "dx_nobody" does not exist', 'faults of all kinds at once; the version is for the reader');
SELECT is(pg_temp.faults('{"dynpgext": 1, "extensions": []}') ~ '/extensions', true, 'of a whole database');
SELECT is(pg_temp.faults('{"dynpgext": 1, "settings": [{"worker": "x", "enabled": false}]}'),
  '22023 /settings: settings are for DBAs, with dynpgext.apply()', 'settings');
SELECT throws_ok($$SELECT dynpgext.register('dx_none', '{"dynpgext": 1}')$$, '42704', 'extension "dx_none" does not exist');
SELECT throws_ok($$SELECT dynpgext.register('dynpgext', '{"dynpgext": 1}')$$, '55000', 'extension "dynpgext" does not take part in dynpgext', 'not for dynpgext itself');
SELECT throws_ok($$SELECT dynpgext.export('dynpgext')$$, '55000', 'extension "dynpgext" does not take part in dynpgext', 'nor does it export itself');
SELECT throws_ok($$SELECT * FROM dynpgext.reload('dynpgext')$$, '55000', 'extension "dynpgext" does not take part in dynpgext', 'nor reload itself');
SELECT throws_ok($$SELECT dynpgext.register(NULL, '{"dynpgext": 1}')$$, '22004');
SELECT throws_ok($$SELECT dynpgext.register('dx_plain', NULL)$$, '22004');
SELECT throws_ok($$SET LOCAL dynpgext.manifest_limit = '1kB'; SELECT dynpgext.register('dx_plain',
  jsonb_build_object('dynpgext', 1, 'workers', jsonb_build_array(jsonb_build_object('name', 'x', 'command', repeat('x', 2000), 'interval', '1 s'))))$$,
  '54000', NULL, 'too large');
SELECT ok(pg_temp.eventually($$SELECT NOT EXISTS (SELECT pg_temp.registered('dx_plain'))$$), 'nothing of all that was registered');
BEGIN READ ONLY;
SELECT throws_ok($$SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}')$$, '25006', NULL, 'nor in a read-only transaction');
ROLLBACK;

-- Names and texts are kept literally

SELECT dynpgext.register('dx_plain', jsonb_build_object('dynpgext', 1, 'allocations', jsonb_build_array(
  jsonb_build_object('name', E'ä "b" \\ \'c\'', 'size', 8, 'initial', 'ä'), jsonb_build_object('name', repeat('x', 255), 'size', 1))));
SELECT results_eq($$SELECT name, length(name) FROM dynpgext.allocations ORDER BY 2$$, $$VALUES (E'ä "b" \\ \'c\'', 11), (repeat('x', 255), 255)$$, 'names are kept');
DROP EXTENSION dx_plain;

-- Privileges

CREATE ROLE dx_owner LOGIN;
CREATE ROLE dx_other;
CREATE EXTENSION dx_plain;
GRANT EXECUTE ON FUNCTION dynpgext.register, dynpgext.apply TO dx_owner;
SET ROLE dx_owner;
SELECT is(pg_temp.faults('{"dynpgext": 1}'), '22023 (document): must be owner of extension "dx_plain"', 'only an owner may register by hand');
RESET ROLE;
DROP EXTENSION dx_plain;
SELECT format('GRANT CREATE ON DATABASE %I TO dx_owner', current_database()) \gexec
SET ROLE dx_owner;
CREATE EXTENSION hstore;
SELECT is(pg_temp.faults('{"dynpgext": 1, "workers": [{"name": "c", "library": "$libdir/dx_worker-0.1", "function": "dx_worker_local"},
    {"name": "d", "command": "SELECT 1", "interval": "1 s", "run_as": "dx_other"}]}', 'hstore'),
  E'22023 /workers/0/library: only a superuser may register a function in C\n/workers/1/run_as: must be member of role "dx_other"',
  'an owner who is no superuser registers neither C nor for another role');
SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "dynpgext_counter:value", "size": 8}, {"name": "hstore", "size": 8},
    {"name": "hstore:all", "size": 8, "scope": "global"}], "workers": [{"name": "e", "command": "SELECT 1", "interval": "1 s", "scope": "global"}]}', 'hstore'),
  E'22023 /allocations/0/name: only a superuser may register memory for an extension that has code in C\n'
  '/allocations/1/name: only a superuser may register memory for an extension that has code in C\n'
  '/allocations/2/name: only a superuser may register memory for an extension that has code in C\n'
  '/workers/0/scope: only a superuser may register global objects',
  'nor what reaches beyond its database and extension');
RESET ROLE;
CREATE EXTENSION dx_no_c_functions;
UPDATE pg_extension SET extowner = 'dx_owner'::regrole WHERE extname = 'dx_no_c_functions';
SET ROLE dx_owner;
SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "dx_no_c_functions:mine", "size": 8}]}', 'dx_no_c_functions'),
  '22023 /allocations/0/name: only a superuser may register memory for an extension that has code in C',
  'nor memory of a library that has no functions');
RESET ROLE;
DROP EXTENSION dx_no_c_functions;
-- an allocation that its library will register must not exist with another size
CREATE EXTENSION dx_trusted_sql;
UPDATE pg_extension SET extowner = 'dx_owner'::regrole WHERE extname = 'dx_trusted_sql';
SET ROLE dx_owner;
SELECT is(pg_temp.faults('{"dynpgext": 1, "allocations": [{"name": "dynpgext_counter:value", "size": 8}, {"name": "dx_trusted_sql", "size": 8},
    {"name": "dx_trusted_sql:all", "size": 8, "scope": "global"}]}', 'dx_trusted_sql'),
  E'22023 /allocations/0/name: only a superuser may register a name that does not begin with "dx_trusted_sql:"\n'
  '/allocations/1/name: only a superuser may register a name that does not begin with "dx_trusted_sql:"\n'
  '/allocations/2/scope: only a superuser may register global objects', 'nor for one without, but under its own name');
SELECT dynpgext.register('dx_trusted_sql', '{"dynpgext": 1, "allocations": [{"name": "dx_trusted_sql:own", "size": 8}]}');
RESET ROLE;
SELECT results_eq($$SELECT name FROM dynpgext.allocations WHERE extension = 'dx_trusted_sql'$$, ARRAY['dx_trusted_sql:own'], 'memory under its own name');
DROP EXTENSION dx_trusted_sql;
SET ROLE dx_owner;
SELECT dynpgext.register('hstore', '{"dynpgext": 1, "workers": [{"name": "dx whoami", "command": "SELECT set_config(''a.b'', current_user, false)", "interval": "1 h"}]}');
SELECT is(pg_temp.faults('{"dynpgext": 1, "workers": [{"name": "f", "command": "SELECT 1", "interval": "1 s", "run_as": "dx_super"}]}', 'hstore'),
  '22023 /workers/0/run_as: must be member of role "dx_super"', 'nor as a superuser');
RESET ROLE;
GRANT dx_super TO dx_owner;
SET ROLE dx_owner;
SELECT is(pg_temp.faults('{"dynpgext": 1, "workers": [{"name": "f", "command": "SELECT 1", "interval": "1 s", "run_as": "dx_super"}]}', 'hstore'),
  '22023 /workers/0/run_as: role "dx_super" is a superuser: only a superuser may name it', 'not even as a member of one');
RESET ROLE;
REVOKE dx_super FROM dx_owner;
SELECT ok(pg_temp.runs('dx whoami'), 'permitted registrations run');
SELECT is(run_as || ' ' || registered_by, 'dx_owner dx_owner', 'as the role that has registered it') FROM dynpgext.commands WHERE worker = 'dx whoami';
SELECT is(regexp_replace(pg_temp.faults('{"dynpgext": 1, "workers": [{"name": "f", "command": "SELECT 1", "interval": "1 s"}]}', 'hstore'), current_user, 'me'),
  '22023 /workers/0/run_as: it would run as role "me", which is a superuser: a superuser has to name it', 'a superuser has to be named');
SELECT is(pg_temp.faults('{"dynpgext": 1, "workers": [{"name": "f", "command": "SELECT 1", "interval": "1 s", "run_as": "@extowner@"}]}', 'hstore'),
  '22023 /workers/0/run_as: "@extowner@" is replaced in the script of an extension only: name the role', 'by hand there is no @extowner@');
DROP EXTENSION hstore;
SET ROLE dx_owner;
SELECT throws_ok('CREATE EXTENSION dx_global', '22023', 'the manifest has 1 fault',
  'the script of an extension whose owner is no superuser registers no global worker');
RESET ROLE;
CREATE EXTENSION dx_global;
SELECT results_eq($$SELECT name, scope FROM dynpgext.allocations UNION ALL SELECT name, scope FROM dynpgext.workers$$,
  $$VALUES ('global: memory', 'global'), ('dx global command', 'global')$$, 'that of a superuser''s does');
DROP EXTENSION dx_global;
SELECT format('REVOKE CREATE ON DATABASE %I FROM dx_owner', current_database()) \gexec
DROP OWNED BY dx_owner;
DROP ROLE dx_owner, dx_other, dx_super;

SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT is_empty('SELECT * FROM dynpgext.manifests', 'and so is the kept file');
-- A worker in C with a non-ASCII name, which the postmaster converts to ASCII

CREATE EXTENSION dx_worker;
SELECT dynpgext.register('dx_worker', '{"dynpgext": 1, "workers": [{"name": "dx café", "type": "dx wörk", "library": "$libdir/dx_worker-0.1", "function": "dx_worker_local"}]}') \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT state = 'running' AND starts = 1 AND pid IN (SELECT pid FROM pg_stat_activity) FROM dynpgext.workers WHERE name = 'dx café'$$), 'a name that is not ASCII');
DROP EXTENSION dx_worker;

SELECT * FROM finish();
