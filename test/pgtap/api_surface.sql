-- What of dynpgext is an interface: its names, types, order, defaults, comments.
\ir include/helpers.sql
SELECT plan(33);

-- The extension

SELECT has_schema('dynpgext');
SELECT is(extversion, dynpgext.version(), 'version() is the version of the extension')
  FROM pg_extension WHERE extname = 'dynpgext';
SELECT isnt(extrelocatable, true, 'not relocatable') FROM pg_extension WHERE extname = 'dynpgext';
SELECT throws_ok('ALTER EXTENSION dynpgext SET SCHEMA public', '0A000', NULL, 'it cannot be moved');
SELECT throws_ok('CREATE EXTENSION dynpgext', '42710', NULL, 'nor be created twice');
SELECT matches(dynpgext.version(), '^\d+\.\d+\.\d+$', 'a version has three numbers');

-- The views

SELECT views_are('dynpgext',
  ARRAY['extensions', 'allocations', 'workers', 'cluster_allocations', 'cluster_workers', 'status']);

CREATE FUNCTION pg_temp.columns_of(relation regclass) RETURNS TABLE (attname text, type text)
LANGUAGE sql AS $$
  SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum
$$;

SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.extensions')$$,
  $$VALUES ('extension', 'name'), ('version', 'text'), ('library', 'text'), ('state', 'text'),
           ('error', 'text'), ('allocations', 'bigint'), ('workers', 'bigint'),
           ('provisioned_at', 'timestamp with time zone')$$,
  'columns of dynpgext.extensions');

PREPARE columns_of_allocations AS
  VALUES ('name', 'text'), ('extension', 'name'), ('version', 'text'), ('scope', 'text'),
         ('database', 'name'), ('size', 'bigint'), ('state', 'text'), ('attached', 'integer'),
         ('allocated_at', 'timestamp with time zone');
SELECT results_eq(format('SELECT * FROM pg_temp.columns_of(%L)', view), 'EXECUTE columns_of_allocations',
  'columns of ' || view)
  FROM (VALUES ('dynpgext.allocations'), ('dynpgext.cluster_allocations')) v (view);

PREPARE columns_of_workers AS
  VALUES ('extension', 'name'), ('version', 'text'), ('name', 'text'), ('type', 'text'),
         ('scope', 'text'), ('database', 'name'), ('library', 'text'), ('function', 'text'),
         ('state', 'text'), ('pid', 'integer'), ('restart', 'text'), ('starts', 'bigint'),
         ('last_started_at', 'timestamp with time zone'),
         ('last_exited_at', 'timestamp with time zone'), ('last_exit_code', 'integer'),
         ('last_error', 'text'), ('next_start_at', 'timestamp with time zone');
SELECT results_eq(format('SELECT * FROM pg_temp.columns_of(%L)', view), 'EXECUTE columns_of_workers',
  'columns of ' || view)
  FROM (VALUES ('dynpgext.workers'), ('dynpgext.cluster_workers')) v (view);

SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.status')$$,
  $$VALUES ('version', 'text'), ('preloaded', 'boolean'), ('launcher_pid', 'integer'),
           ('memory_used', 'bigint'), ('memory_limit', 'bigint'), ('databases', 'bigint'),
           ('allocations', 'bigint'), ('workers', 'bigint')$$,
  'columns of dynpgext.status');
SELECT is(count(*), 1::bigint, 'dynpgext.status has one row') FROM dynpgext.status;
SELECT is(s.version, dynpgext.version(), 'the status has the version') FROM dynpgext.status s;
SELECT is(preloaded, current_setting('shared_preload_libraries') ~ '\mdynpgext\M',
  'the status says whether it is preloaded') FROM dynpgext.status;
SELECT ok(pg_temp.eventually(
  'SELECT EXISTS (SELECT FROM dynpgext.status JOIN pg_stat_activity ON pid = launcher_pid)'),
  'the launcher in the status is a process');

SELECT tables_are('dynpgext', ARRAY['registered_extension', 'registered_allocation', 'registered_worker']);

-- The functions: those that are not internal

SELECT results_eq($$
    SELECT proname::text COLLATE "default", pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)
      FROM pg_proc p
     WHERE pronamespace = 'dynpgext'::regnamespace
       AND obj_description(p.oid, 'pg_proc') NOT LIKE 'internal: %'
     ORDER BY proname$$,
  $$VALUES
    ('load', 'extension name, version text DEFAULT NULL::text', 'text'),
    ('preload', 'enable boolean DEFAULT true', 'text'),
    ('reload', 'extension name DEFAULT NULL::name, dry_run boolean DEFAULT false',
     'TABLE(object text, name text, extension name, action text, detail text)'),
    ('restart_worker', 'extension name, worker text', 'boolean'),
    ('start_worker', 'extension name, worker text', 'boolean'),
    ('stop_worker', 'extension name, worker text', 'boolean'),
    ('unload', 'extension name', 'boolean'),
    ('version', '', 'text')$$,
  'functions with names and types of arguments, defaults and results');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE pronamespace = 'dynpgext'::regnamespace AND prosecdef
       AND (prorettype <> 'event_trigger'::regtype OR proconfig IS NULL
            OR NOT proconfig && ARRAY['search_path=pg_catalog, pg_temp'])$$,
  'only event triggers are SECURITY DEFINER, and their search_path is pinned');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE pronamespace = 'dynpgext'::regnamespace AND prorettype = 'event_trigger'::regtype AND NOT prosecdef$$,
  'all event trigger functions are');

-- The event triggers

SELECT results_eq($$
    SELECT t.evtname::text COLLATE "default", t.evtevent::text COLLATE "default", t.evtenabled::text, t.evtfoid::regproc::text FROM pg_event_trigger t
      JOIN pg_depend d ON d.objid = t.oid AND d.classid = 'pg_event_trigger'::regclass AND d.deptype = 'e'
      JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'dynpgext' ORDER BY t.evtname$$,
  $$VALUES ('dynpgext_on_create', 'ddl_command_end', 'A', 'dynpgext.on_change'),
           ('dynpgext_on_drop', 'sql_drop', 'A', 'dynpgext.on_change'),
           ('dynpgext_on_drop_start', 'ddl_command_start', 'A', 'dynpgext.on_drop_start')$$,
  'event triggers, enabled always');
SELECT throws_ok('SELECT dynpgext.on_change()', NULL, NULL, 'on_change() is for event triggers only');
SELECT throws_ok('SELECT dynpgext.on_drop_start()', NULL, NULL, 'on_drop_start() too');
SELECT throws_ok('SELECT dynpgext.adopt_installed_extensions()', '55000', NULL,
  'adopt_installed_extensions() is for the install script only');

-- Comments

SELECT is_empty($$
    SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
      JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'dynpgext'
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
       AND NOT EXISTS (SELECT FROM pg_description c
                        WHERE c.classoid = d.classid AND c.objoid = d.objid AND c.objsubid = 0)$$,
  'everything in the extension has a comment');
SELECT is_empty($$
    SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'dynpgext'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
       AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL$$,
  'every column has a comment');
SELECT isnt(obj_description(oid, 'pg_extension'), NULL, 'the extension has a comment')
  FROM pg_extension WHERE extname = 'dynpgext';
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c
     WHERE relnamespace = 'dynpgext'::regnamespace AND relkind IN ('r', 'v')
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')$$,
  'all relations in the schema belong to the extension');

-- The settings

SELECT results_eq($$
    SELECT name, vartype, unit, context, boot_val, min_val FROM pg_settings
     WHERE name LIKE 'dynpgext.%' ORDER BY name$$,
  $$VALUES ('dynpgext.memory_limit', 'integer', 'kB', 'sighup', '-1', '-1'),
           ('dynpgext.naptime', 'integer', 'ms', 'sighup', '1000', '10'),
           ('dynpgext.start_concurrency', 'integer', NULL, 'sighup', '4', '1')$$,
  'settings with types, units, contexts and defaults');
SELECT is_empty($$SELECT name FROM pg_settings
                   WHERE name LIKE 'dynpgext.%' AND coalesce(short_desc, '') = ''$$,
  'every setting is described');
SELECT throws_ok($$SET dynpgext.memory_limit = '1MB'$$, '55P02', NULL, 'a session cannot set them');
SELECT throws_ok($$SET dynpgext.no_such_setting = 1$$, '42602', NULL, 'the prefix is reserved');

SELECT * FROM finish();
