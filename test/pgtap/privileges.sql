-- The rights of each role; and no role gains any through search_path, RLS, roles or schemas.
\ir include/helpers.sql
SELECT no_plan();

CREATE ROLE dx_nobody;
CREATE ROLE dx_monitor IN ROLE pg_monitor;
CREATE ROLE dx_operator;
CREATE ROLE dx_creator;

-- Denied by default

SELECT results_eq($$
    SELECT p.oid::regproc::text FROM pg_proc p WHERE pronamespace IN ('dynpgext'::regnamespace, 'dynpgext_internal'::regnamespace)
       AND has_function_privilege('dx_nobody', p.oid, 'EXECUTE') ORDER BY 1$$,
  ARRAY['dynpgext_internal.is_dumped', 'dynpgext_internal.may_configure', 'dynpgext_internal.may_write'],
  'a role without privileges may execute nothing but what constraints call');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'dynpgext'::regnamespace AND relkind IN ('r', 'v')
       AND (has_table_privilege('dx_nobody', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
            OR has_any_column_privilege('dx_nobody', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))$$,
  'nor read or write a table or view');
SELECT results_eq($$
    SELECT nspname::text COLLATE "default", pg_get_userbyid(a.grantee)::text COLLATE "default", string_agg(privilege_type, ' ' ORDER BY 1)
      FROM pg_namespace, aclexplode(nspacl) a WHERE nspname ~ '^dynpgext' AND a.grantee <> nspowner GROUP BY 1, 2 ORDER BY 1$$,
  $$VALUES ('dynpgext', pg_get_userbyid(0)::text COLLATE "default", 'USAGE'), ('dynpgext_internal', pg_get_userbyid(0)::text COLLATE "default", 'USAGE')$$,
  'nor create anything in the schemas, which PUBLIC may use');

SET ROLE dx_nobody;
SELECT throws_ok('SELECT * FROM dynpgext.' || relation, '42501',
  format('permission denied for %s %s', CASE WHEN relation ~ '^registered|settings|manifests|identities' THEN 'table' ELSE 'view' END, relation),
  'a role without privileges cannot select from ' || relation)
  FROM unnest(ARRAY['extensions', 'allocations', 'workers', 'cluster_allocations', 'cluster_workers', 'cluster_extensions', 'cluster_commands', 'overview', 'commands', 'runs', 'events', 'status',
                    'registered_extension', 'registered_allocation', 'registered_worker', 'registered_command', 'registered_content', 'worker_settings', 'manifests', 'identities']) relation;
SELECT throws_ok('SELECT * FROM dynpgext.' || call, '42501', 'permission denied for function ' || split_part(call, '(', 1),
  'a role without privileges cannot call ' || call)
  FROM unnest(ARRAY['version()', 'reload()', $$reload('x', true)$$, $$load('x')$$, $$unload('x')$$,
                    $$start_worker('x', 'y')$$, $$stop_worker('x', 'y')$$, $$restart_worker('x', 'y')$$, $$run_worker('x', 'y')$$,
                    'preload()', 'preload(false)', 'health()',
                    $$configure_worker('x', 'y')$$, $$configure_worker(NULL, NULL)$$,
                    $$reset_worker('x', 'y')$$, $$release('x')$$, $$peek('x')$$, $$register('x', '{}')$$,
                    'export()', $$apply('{}')$$, $$apply('{}', true)$$]) call;
SELECT throws_ok('SELECT * FROM dynpgext_internal.' || call, '42501', 'permission denied for function ' || split_part(call, '(', 1),
  'nor internal ones: ' || call)
  FROM unnest(ARRAY['live_extensions(true)', 'live_provisioners()', 'live_allocations(true)', 'live_workers(true)',
                    'live_commands(true)', 'published_allocations(true)', 'published_workers(true)', 'published_extensions()',
                    'known_objects()', $$count_states('worker')$$, 'known_allocations(true)', 'known_workers(true)', 'boot()',
                    'server_status()', 'server_versions()', 'list_events()', 'list_runs()', 'adopt_installed_extensions()',
                    'reset_privileges()', 'live_hosted()']) call;
SELECT throws_ok(command, '42501', 'permission denied for table worker_settings', 'nor ' || command)
  FROM unnest(ARRAY[$$INSERT INTO dynpgext.worker_settings VALUES ('x', 'y')$$, 'UPDATE dynpgext.worker_settings SET enabled = false',
                    'DELETE FROM dynpgext.worker_settings', 'TRUNCATE dynpgext.worker_settings']) command;
RESET ROLE;

-- pg_monitor

SET ROLE dx_monitor;
SELECT lives_ok('SELECT * FROM dynpgext.' || view, 'a member of pg_monitor can select from ' || view)
  FROM unnest(ARRAY['extensions', 'allocations', 'workers', 'cluster_allocations', 'cluster_workers', 'cluster_extensions', 'cluster_commands', 'overview', 'commands', 'runs', 'events', 'worker_settings',
                    'manifests', 'status']) view;
RESET ROLE;
SELECT results_eq($$
    SELECT proname::text COLLATE "default" FROM pg_proc p, aclexplode(proacl) a
     WHERE pronamespace = 'dynpgext_internal'::regnamespace AND a.grantee = 'pg_monitor'::regrole ORDER BY 1$$,
  ARRAY['boot', 'count_states', 'known_allocations', 'known_objects', 'known_workers', 'list_events', 'list_runs', 'live_allocations',
        'live_commands', 'live_extensions', 'live_hosted', 'live_provisioners', 'live_workers', 'published_allocations',
        'published_extensions', 'published_workers', 'server_status', 'server_versions'], 'which call these internal functions');
REVOKE USAGE ON SCHEMA dynpgext_internal FROM PUBLIC;
SET ROLE dx_monitor;
SELECT lives_ok('SELECT * FROM dynpgext.' || view, view || ' needs no USAGE on the internal schema')
  FROM unnest(ARRAY['extensions', 'allocations', 'workers', 'cluster_allocations', 'cluster_workers', 'cluster_extensions', 'cluster_commands', 'overview', 'commands', 'runs', 'events', 'status', 'hosted']) view;
RESET ROLE;
GRANT USAGE ON SCHEMA dynpgext_internal TO PUBLIC;
SET ROLE dx_monitor;
SELECT lives_ok('SELECT dynpgext.version()', 'and call version()');
SELECT lives_ok('SELECT * FROM dynpgext.health()', 'and health()');
SELECT throws_ok('SELECT * FROM dynpgext.' || call, '42501', NULL, 'but not ' || call)
  FROM unnest(ARRAY['reload()', 'reload(dry_run => true)', $$load('x')$$, $$unload('x')$$, $$start_worker('x', 'y')$$,
                    $$stop_worker('x', 'y')$$, $$restart_worker('x', 'y')$$, $$run_worker('x', 'y')$$, 'preload()', $$configure_worker('x', 'y')$$,
                    $$reset_worker('x', 'y')$$, $$release('x')$$, $$peek('x')$$, $$register('x', '{}')$$,
                    'export()', $$apply('{}')$$, $$apply('{}', true)$$]) call;
SELECT throws_ok('DELETE FROM dynpgext.registered_extension', '42501', NULL, 'nor write the registrations');
SELECT throws_ok(command, '42501', NULL, 'nor the settings of workers: ' || command)
  FROM unnest(ARRAY[$$INSERT INTO dynpgext.worker_settings VALUES ('x', 'y')$$, 'UPDATE dynpgext.worker_settings SET enabled = false',
                    'DELETE FROM dynpgext.worker_settings', 'TRUNCATE dynpgext.worker_settings']) command;
RESET ROLE;

-- The grant alone is enough.  Init and fini run as the owner of dynpgext, with search_path pinned.

CREATE EXTENSION dx_worker;
CREATE EXTENSION dx_fini;
CREATE TABLE dx_log (event text, name text, version text);
SELECT pg_temp.worker_becomes('dx_worker', 'dx local', 'running') \g /dev/null
GRANT EXECUTE ON FUNCTION dynpgext.reload, dynpgext.load, dynpgext.unload, dynpgext.start_worker,
  dynpgext.stop_worker, dynpgext.restart_worker, dynpgext.run_worker, dynpgext.preload, dynpgext.version TO dx_operator;
SET ROLE dx_operator;
SET dx_fini.log = 'public.dx_log';
SELECT is(pg_temp.result_of(query), result, 'EXECUTE is enough for ' || query)
  FROM (VALUES ('SELECT dynpgext.version()', dynpgext.version()),
               ('SELECT count(*) FROM dynpgext.reload()', '0'),
               ($$SELECT dynpgext.stop_worker('dx_worker', 'dx local')$$, 'true'),
               ($$SELECT dynpgext.start_worker('dx_worker', 'dx local')$$, 'true'),
               ($$SELECT dynpgext.restart_worker('dx_worker', 'dx local')$$, 'true'),
               ($$SELECT dynpgext.unload('dx_fini')$$, 'true'),
               ($$SELECT dynpgext.load('dx_fini')$$, '0.1')) v (query, result);
SELECT throws_ok('SELECT * FROM dx_log', '42501', NULL, 'which gives no rights of init and fini');
SET dx_fini.log = 'dx_log';
SELECT throws_ok($$SELECT dynpgext.unload('dx_fini')$$, '42P01', NULL, 'fini runs without the search_path of the caller');
RESET dx_fini.log;
SELECT throws_ok('SELECT dynpgext.preload()', '42501', NULL, 'preload() is for superusers, as ALTER SYSTEM is');
SELECT is(current_user::text, 'dx_operator', 'the role is unchanged');
SELECT throws_ok('SELECT * FROM dynpgext.extensions', '42501', NULL, 'the views are not included');
RESET ROLE;
SELECT results_eq('SELECT * FROM dx_log', $$VALUES ('fini', 'dx_fini', '0.1')$$, 'fini has run as the owner of dynpgext');
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dynpgext FROM dx_operator;
DROP EXTENSION dx_worker, dx_fini;
DROP TABLE dx_log;

-- The same for settings of workers: EXECUTE is enough, without a privilege for their table,
-- dynpgext.events or the views.

CREATE EXTENSION dx_worker;
SELECT pg_temp.worker_becomes('dx_worker', 'dx local', 'running') \g /dev/null
GRANT EXECUTE ON FUNCTION dynpgext.configure_worker, dynpgext.reset_worker, dynpgext.release TO dx_operator;
SET ROLE dx_operator;
SELECT is(pg_temp.result_of(query), result, 'EXECUTE is enough for ' || query)
  FROM (VALUES ($$SELECT dynpgext.release('dx_worker')$$, 'false'),
               ($$SELECT dynpgext.reset_worker('dx_worker', 'dx local')$$, 'false'),
               ($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', false, 'always', '1 s')$$, ''),
               ($$SELECT dynpgext.reset_worker('dx_worker', 'dx local')$$, 'true'),
               ($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false)$$, '')) v (query, result);
SELECT throws_ok(call, '42501', 'permission denied to configure background worker "' || worker || '" of extension "dx_worker"',
  'but not for ' || call)
  FROM (VALUES ($$SELECT dynpgext.configure_worker('dx_worker', 'dx global', enabled => false)$$, 'dx global'),
               ($$SELECT dynpgext.reset_worker('dx_worker', 'dx global')$$, 'dx global')) v (call, worker);
SELECT throws_ok('SELECT * FROM dynpgext.worker_settings', '42501', NULL, 'the table is not included');
SELECT throws_ok('DELETE FROM dynpgext.worker_settings', '42501', NULL, 'nor to write it');
SELECT is(current_user::text, 'dx_operator', 'the role is unchanged');
RESET ROLE;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'disabled'), 'it takes effect');
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dynpgext FROM dx_operator;

-- And vice versa: a role that may only write the table changes running workers that way.

GRANT USAGE ON SCHEMA dynpgext TO dx_operator;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON dynpgext.worker_settings TO dx_operator;
SET ROLE dx_operator;
BEGIN;
DELETE FROM dynpgext.worker_settings;
SELECT throws_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', false)$$, '42501', NULL, 'the function is not included');
COMMIT;
RESET ROLE;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), 'deletions by such a role take effect');
SET ROLE dx_operator;
TRUNCATE dynpgext.worker_settings;
BEGIN;
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false);
SELECT is(current_user::text, 'dx_operator', 'the role is unchanged');
COMMIT;
RESET ROLE;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'disabled'), 'and what it inserts');
REVOKE ALL ON dynpgext.worker_settings FROM dx_operator;
DROP EXTENSION dx_worker;

-- The trigger's function is useless for other purposes.

CREATE TABLE dx_table (n integer);
GRANT TRIGGER ON dx_table TO dx_nobody;
SET ROLE dx_nobody;
SELECT throws_ok('CREATE TRIGGER x AFTER INSERT ON dx_table FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.on_settings()', '42501', NULL,
  'nobody makes a trigger of it');
RESET ROLE;
CREATE TRIGGER x AFTER INSERT ON dx_table FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.on_settings();
CREATE TRIGGER y BEFORE INSERT ON dx_table FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.on_settings();
SELECT lives_ok('INSERT INTO dx_table VALUES (1)', 'on another table it does no harm');
SELECT results_eq('SELECT n FROM dx_table', ARRAY[1], 'the row is there');
DROP TABLE dx_table;

-- A reload by such a role adopts extensions installed with the event triggers off.

GRANT EXECUTE ON FUNCTION dynpgext.reload TO dx_operator;
ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
CREATE EXTENSION dx_memory;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
SET ROLE dx_operator;
SELECT is(pg_temp.result_of('SELECT count(*) > 0 FROM dynpgext.reload()'), 'true', 'a reload by the role adopts an extension');
SELECT is(current_user::text, 'dx_operator', 'the role is unchanged');
RESET ROLE;
SELECT is(pg_temp.state_of_extension('dx_memory'), 'provisioned', 'it is provisioned');
DROP EXTENSION dx_memory;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dynpgext FROM dx_operator;

-- The owner of the database, or a role that may create in it, and a trusted extension

BEGIN;
SELECT format('ALTER DATABASE %I OWNER TO dx_creator', current_database()) \gexec
SET LOCAL ROLE dx_creator;
SELECT lives_ok('CREATE EXTENSION dx_trusted', 'the owner of a database creates a trusted extension');
RESET ROLE;
SELECT is(pg_temp.memory_of('dx_trusted'), 'dx_trusted:memory database 64', 'its memory is there');
SET LOCAL ROLE dx_creator;
SELECT lives_ok('DROP EXTENSION dx_trusted', 'and drops it');
SELECT throws_ok('CREATE EXTENSION dx_memory', '42501', NULL, 'but not one that is not trusted');
SELECT throws_ok('DROP EXTENSION dynpgext CASCADE', '42501', NULL, 'nor does it drop dynpgext');
SELECT is(current_user::text, 'dx_creator', 'the role is unchanged');
ROLLBACK;

SELECT format('GRANT CREATE ON DATABASE %I TO dx_creator', current_database()) \gexec
CREATE SCHEMA dx_schema AUTHORIZATION dx_creator;
SET ROLE dx_creator;
SET row_security = off;
SELECT lives_ok('CREATE EXTENSION dx_trusted SCHEMA dx_schema', 'it can be committed, too');
RESET row_security;
RESET ROLE;
SELECT is(pg_temp.state_of_extension('dx_trusted'), 'provisioned', 'and is provisioned');
SET ROLE dx_creator;
SELECT lives_ok('DROP EXTENSION dx_trusted', 'and dropped');
RESET ROLE;
SELECT is(pg_temp.state_of_extension('dx_trusted'), NULL, 'then it is gone');

-- search_path: functions, operators and tables with the server's names are found first.

SET ROLE dx_creator;
CREATE FUNCTION dx_schema.trap() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'trapped as %', current_user;
END $$;
SELECT format('CREATE FUNCTION dx_schema.trap(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT dx_schema.trap()'';
  CREATE OPERATOR dx_schema.= (FUNCTION = dx_schema.trap, LEFTARG = %1$s, RIGHTARG = %1$s);
  CREATE OPERATOR dx_schema.<> (FUNCTION = dx_schema.trap, LEFTARG = %1$s, RIGHTARG = %1$s);
  CREATE OPERATOR dx_schema.>= (FUNCTION = dx_schema.trap, LEFTARG = %1$s, RIGHTARG = %1$s);
  CREATE OPERATOR dx_schema.<= (FUNCTION = dx_schema.trap, LEFTARG = %1$s, RIGHTARG = %1$s);', type)
  FROM unnest(ARRAY['name', 'text', 'oid', 'integer', 'bigint', 'boolean', 'interval']) type \gexec
CREATE FUNCTION dx_schema.current_database() RETURNS name LANGUAGE sql AS $$SELECT dx_schema.trap()::text::name$$;
CREATE FUNCTION dx_schema.quote_identifier(text) RETURNS text LANGUAGE sql AS $$SELECT dx_schema.trap()::text$$;
CREATE FUNCTION dx_schema.count() RETURNS bigint LANGUAGE sql AS $$SELECT dx_schema.trap()::integer::bigint$$;
CREATE TABLE dx_schema.pg_extension (oid oid, extname name, extowner oid, extversion text);
CREATE TABLE dx_schema.pg_database (oid oid, datname name);
CREATE TABLE dx_schema.registered_extension (extension name, version text, library text, eager boolean,
                                             loaded boolean, boot bigint, incarnation bigint);
CREATE TABLE dx_schema.worker_settings (extension name, worker text, enabled boolean, restart text, restart_delay interval);
CREATE TABLE dx_schema.registered_allocation (name text, extension name, scope text, size bigint);
INSERT INTO dx_schema.pg_extension VALUES (1, 'dx_bad', 10, '0.1');
INSERT INTO dx_schema.registered_extension VALUES ('dx_bad', '0.1', '$libdir/dx_bad', true, true, 0, 0);
INSERT INTO dx_schema.registered_allocation VALUES ('dx_bad:evil', 'dx_bad', 'database', 64);
GRANT USAGE ON SCHEMA dx_schema TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA dx_schema TO PUBLIC;
RESET ROLE;

CREATE FUNCTION pg_temp.with_path(path text, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', path, true);
  EXECUTE command;
  PERFORM set_config('search_path', 'public', true);
  RETURN public.pass(path || ': ' || command);
EXCEPTION WHEN OTHERS THEN
  PERFORM set_config('search_path', 'public', true);
  RETURN public.fail(path || ': ' || command || ': ' || sqlerrm);
END $$;

SELECT pg_temp.with_path('dx_schema, pg_catalog, public', command) FROM unnest(ARRAY[
  'CREATE EXTENSION dx_memory SCHEMA public', 'CREATE EXTENSION dx_trusted SCHEMA public',
  'CREATE EXTENSION dx_requires SCHEMA public',
  'SELECT * FROM dynpgext.extensions', 'SELECT * FROM dynpgext.allocations', 'SELECT * FROM dynpgext.workers',
  'SELECT * FROM dynpgext.cluster_allocations', 'SELECT * FROM dynpgext.cluster_workers',
  'SELECT * FROM dynpgext.status', 'SELECT * FROM dynpgext.reload()',
  'SELECT * FROM dynpgext.events', 'SELECT * FROM dynpgext.worker_settings', $$SELECT dynpgext.release('dx_memory')$$,
  $$SELECT dynpgext.peek('dx_memory:local')$$,
  'CREATE EXTENSION dx_worker SCHEMA public', 'SELECT * FROM dynpgext.events', 'SELECT * FROM dynpgext.workers',
  $$SELECT dynpgext.configure_worker('dx_worker', 'dx local', true, 'always', '1 s')$$,
  $$INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx global', true, 'always', '1 s')$$,
  'SELECT * FROM dynpgext.workers', 'UPDATE dynpgext.worker_settings SET enabled = NULL',
  $$SELECT dynpgext.reset_worker('dx_worker', 'dx local')$$, 'DROP EXTENSION dx_worker',
  $$SELECT dynpgext.unload('dx_memory')$$, $$SELECT dynpgext.load('dx_memory')$$,
  'DROP EXTENSION dx_requires', 'ALTER EXTENSION dx_memory UPDATE TO "0.2"']) command;
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:coming database 4096, dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:local database 64',
  'the traps have changed nothing');
SELECT set_eq('SELECT extension::text FROM dynpgext.extensions', ARRAY['dx_memory', 'dx_trusted'],
  'nor have tables of the same names');

-- The same with temporary objects, which every role can make.

CREATE TEMPORARY TABLE registered_extension (LIKE dynpgext.registered_extension);
CREATE TEMPORARY TABLE pg_extension (LIKE pg_catalog.pg_extension);
CREATE TEMPORARY TABLE pg_database (LIKE pg_catalog.pg_database);
CREATE TEMPORARY TABLE worker_settings (LIKE dynpgext.worker_settings);
SELECT pg_temp.with_path('pg_temp, pg_catalog, public', command) FROM unnest(ARRAY[
  'DROP EXTENSION dx_trusted', 'CREATE EXTENSION dx_trusted SCHEMA public', 'SELECT * FROM dynpgext.extensions',
  'SELECT * FROM dynpgext.reload()', 'SELECT * FROM dynpgext.workers', 'SELECT * FROM dynpgext.events',
  'CREATE EXTENSION dx_worker SCHEMA public', $$SELECT dynpgext.configure_worker('dx_worker', 'dx local', true)$$,
  'DROP EXTENSION dx_worker']) command;
SELECT set_eq('SELECT extension::text FROM dynpgext.extensions', ARRAY['dx_memory', 'dx_trusted'],
  'temporary tables are not mistaken for others');
SELECT is_empty('SELECT * FROM pg_temp.worker_settings', 'nor written');
DROP TABLE pg_temp.registered_extension, pg_temp.pg_extension, pg_temp.pg_database, pg_temp.worker_settings;

-- dynpgext itself can be installed in spite of these traps.

SELECT pg_temp.with_path('dx_schema, pg_catalog, public', 'DROP EXTENSION dynpgext');
SELECT pg_temp.with_path('dx_schema, pg_catalog, public', 'CREATE EXTENSION dynpgext');
SELECT set_eq('SELECT extension::text FROM dynpgext.extensions', ARRAY['dx_memory', 'dx_trusted'],
  'it adopts what is installed');
SELECT throws_ok($$INSERT INTO dynpgext.worker_settings VALUES ('x', 'y', NULL, NULL, '-1 s')$$, '23514', NULL,
  'its constraints are made of the server''s own operators');
DROP EXTENSION dx_memory, dx_trusted;
SET client_min_messages = error;
DROP SCHEMA dx_schema CASCADE;
SET client_min_messages = warning;

-- Row level security on the tables hides nothing from dynpgext.

ALTER TABLE dynpgext.registered_extension ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE dynpgext.registered_allocation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE dynpgext.worker_settings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE EXTENSION dx_memory;
SELECT is(pg_temp.memory_of('dx_memory'),
  'dx_memory:global global 1048576, dx_memory:global_small global 100, dx_memory:going database 4096, dx_memory:local database 64',
  'an extension is registered under row level security');
GRANT EXECUTE ON FUNCTION dynpgext.reload TO dx_operator;
SET ROLE dx_operator;
SELECT is(pg_temp.result_of('SELECT count(*) FROM dynpgext.reload()'), '0', 'a reload sees all rows');
SET row_security = off;
SELECT is(pg_temp.result_of('SELECT count(*) FROM dynpgext.reload()'), '0', 'also with row_security off');
RESET row_security;
RESET ROLE;
DROP EXTENSION dx_memory;
SELECT is_empty('SELECT * FROM dynpgext.registered_allocation', 'and a drop removes all rows');
ALTER TABLE dynpgext.registered_extension NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE dynpgext.registered_allocation NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
CREATE EXTENSION dx_worker;
GRANT EXECUTE ON FUNCTION dynpgext.configure_worker, dynpgext.reset_worker TO dx_operator;
SET ROLE dx_operator;
SET row_security = off;
SELECT lives_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false)$$, 'a worker is configured under it');
RESET row_security;
RESET ROLE;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'disabled'), 'which takes effect');
SET ROLE dx_operator;
SELECT is(dynpgext.reset_worker('dx_worker', 'dx local'), true, 'and reset');
RESET ROLE;
DROP EXTENSION dx_worker;
ALTER TABLE dynpgext.worker_settings NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dynpgext FROM dx_operator;

-- An existing schema of that name

DROP EXTENSION dynpgext;
CREATE SCHEMA dynpgext_internal AUTHORIZATION dx_creator;
SELECT throws_ok('CREATE EXTENSION dynpgext', '42P06', 'schema "dynpgext_internal" already exists',
  'an internal schema made beforehand is refused');
DROP SCHEMA dynpgext_internal;
CREATE SCHEMA dynpgext AUTHORIZATION dx_creator;
SELECT throws_ok('CREATE EXTENSION dynpgext', '42P06', 'schema "dynpgext" already exists',
  'a schema made beforehand is refused');

SET ROLE dx_creator;
CREATE TABLE dynpgext.registered_extension (extension name, version text, library text, eager boolean,
                                            loaded boolean, boot bigint, incarnation bigint);
CREATE TABLE dynpgext.registered_allocation (name text, extension name, scope text, size bigint);
CREATE TABLE dynpgext.registered_worker (extension name, name text, type text, scope text, library text, function text,
  flags integer, start integer, notify boolean, callback boolean, extra bytea, argument bigint, restart text,
  restart_delay bigint, deadline bigint);
CREATE TABLE dynpgext.worker_settings (extension name, worker text, enabled boolean, restart text, restart_delay interval);
INSERT INTO dynpgext.registered_extension VALUES ('dx_usage', '0.1', '$libdir/dx_usage', true, true, 0, 1);
INSERT INTO dynpgext.registered_allocation VALUES ('dx:evil', 'dx_usage', 'database', 64);
INSERT INTO dynpgext.registered_worker VALUES ('dx_usage', 'dx evil', 'dx evil', 'database', '$libdir/dx_usage', 'worker',
  1, 2, false, false, decode(repeat('00', 128), 'hex'), 0, 'always', 0, 0);
INSERT INTO dynpgext.worker_settings VALUES ('dx_usage', 'dx evil', true, 'always', '0');
RESET ROLE;
CREATE EXTENSION dx_memory;
SELECT is(dx_read('dx:evil'), NULL, 'tables of the same names, without the extension, are not trusted');
SELECT is(dx_read('dx_memory:local'), NULL, 'nothing is registered without it');
SELECT is(pg_temp.processes('dx evil'), 0::bigint, 'no worker of theirs runs');
SELECT is(count(*), 1::bigint, 'nor are they written') FROM dynpgext.registered_extension;
SET client_min_messages = error;
DROP SCHEMA dynpgext CASCADE;
SET client_min_messages = warning;
CREATE EXTENSION dynpgext;
SELECT is(pg_temp.state_of_extension('dx_memory'), 'provisioned', 'and dynpgext can be installed without them');
SELECT is(dx_read('dx:evil'), NULL, 'without their claims');
DROP EXTENSION dx_memory;

SELECT format('REVOKE ALL ON DATABASE %I FROM dx_creator', current_database()) \gexec
DROP ROLE dx_nobody, dx_monitor, dx_operator, dx_creator;

SELECT * FROM finish();
