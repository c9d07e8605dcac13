-- The interface of dynpgext: its names, types, order, defaults, comments.
\ir include/helpers.sql
SELECT plan(78);

-- The extension

SELECT has_schema('dynpgext');
SELECT has_schema('dynpgext_internal');
SELECT is(extversion, dynpgext.version(), 'version() is the version of the extension')
  FROM pg_extension WHERE extname = 'dynpgext';
SELECT isnt(extrelocatable, true, 'not relocatable') FROM pg_extension WHERE extname = 'dynpgext';
SELECT throws_ok('ALTER EXTENSION dynpgext SET SCHEMA public', '0A000', NULL, 'it cannot be moved');
SELECT throws_ok('CREATE EXTENSION dynpgext', '42710', NULL, 'nor be created twice');
SELECT matches(dynpgext.version(), '^\d+\.\d+\.\d+$', 'a version has three numbers');

SELECT :SERVER_VERSION_NUM >= 180000 AS lists_modules \gset
\if :lists_modules
SELECT is(version, dynpgext.version(), 'the server shows name and version of the library')
  FROM pg_get_loaded_modules() WHERE module_name = 'dynpgext';
\else
SELECT pass('the server shows no versions of libraries before 18');
\endif

-- The views

SELECT views_are('dynpgext',
  ARRAY['extensions', 'allocations', 'workers', 'cluster_allocations', 'cluster_workers', 'cluster_extensions', 'cluster_commands', 'overview',
        'commands', 'runs', 'events', 'status', 'hosted']);

CREATE FUNCTION pg_temp.columns_of(relation regclass) RETURNS TABLE (attname text, type text)
LANGUAGE sql AS $$
  SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum
$$;

SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.extensions')$$,
  $$VALUES ('extension', 'name'), ('version', 'text'), ('library', 'text'), ('state', 'text'),
           ('error', 'text'), ('allocations', 'bigint'), ('workers', 'bigint'),
           ('provisioned_at', 'timestamp with time zone'),
           ('provisioning_pid', 'integer')$$,
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
         ('last_error', 'text'), ('next_start_at', 'timestamp with time zone'), ('stale', 'boolean'), ('waits_for', 'text');
SELECT results_eq(format('SELECT * FROM pg_temp.columns_of(%L)', view), 'EXECUTE columns_of_workers',
  'columns of ' || view)
  FROM (VALUES ('dynpgext.workers'), ('dynpgext.cluster_workers')) v (view);

SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.events')$$,
  $$VALUES ('at', 'timestamp with time zone'), ('extension', 'name'), ('object', 'text'), ('name', 'text'),
           ('database', 'name'), ('event', 'text'), ('detail', 'text')$$,
  'columns of dynpgext.events');
SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.hosted')$$,
  $$VALUES ('library', 'name'), ('scope', 'text'), ('database', 'name'), ('position', 'integer'), ('state', 'text'),
           ('error', 'text'), ('memory_requested', 'bigint'), ('memory_used', 'bigint'), ('workers', 'integer'),
           ('settings', 'jsonb'), ('sessions', 'integer'), ('stale', 'boolean'), ('hosted_at', 'timestamp with time zone')$$,
  'columns of dynpgext.hosted');
SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.status')$$,
  $$VALUES ('version', 'text'), ('preloaded', 'boolean'), ('launcher_pid', 'integer'),
           ('memory_used', 'bigint'), ('memory_limit', 'bigint'), ('databases', 'bigint'),
           ('allocations', 'bigint'), ('workers', 'bigint'),
           ('extensions_by_state', 'jsonb'), ('allocations_by_state', 'jsonb'), ('workers_by_state', 'jsonb'),
           ('launcher_version', 'text'), ('oldest_version', 'text'), ('newest_version', 'text')$$,
  'columns of dynpgext.status');
SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.overview')$$,
  $$VALUES ('database', 'name'), ('extension', 'name'), ('object', 'text'), ('name', 'text'), ('state', 'text'),
           ('since', 'text'), ('pid', 'integer'), ('why', 'text')$$,
  'columns of dynpgext.overview');
SELECT results_eq(format($$SELECT * FROM pg_temp.columns_of('dynpgext.cluster_%s')$$, view),
  format($$SELECT * FROM (VALUES ('database', 'name')) d UNION ALL
           SELECT * FROM pg_temp.columns_of('dynpgext.%s') WHERE attname <> 'database'$$, view),
  'columns of dynpgext.cluster_' || view || ': the database, and those of ' || view)
  FROM unnest(ARRAY['extensions', 'commands']) view;
SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.runs')$$,
  $$VALUES ('extension', 'name'), ('worker', 'text'), ('scope', 'text'), ('database', 'name'),
           ('started_at', 'timestamp with time zone'), ('duration', 'interval'), ('outcome', 'text'), ('error', 'text')$$,
  'columns of dynpgext.runs');
SELECT is_empty('SELECT * FROM dynpgext.health()', 'health() has no row where all is well');
SELECT is(extensions_by_state::text || allocations_by_state || workers_by_state, '{}{}{}', 'no state has any') FROM dynpgext.status;
SELECT is(count(*), 1::bigint, 'dynpgext.status has one row') FROM dynpgext.status;
SELECT is(s.version, dynpgext.version(), 'the status has the version') FROM dynpgext.status s;
SELECT is(preloaded, current_setting('shared_preload_libraries') ~ '\mdynpgext\M',
  'the status says whether it is preloaded') FROM dynpgext.status;
SELECT ok(pg_temp.eventually(
  'SELECT EXISTS (SELECT FROM dynpgext.status JOIN pg_stat_activity ON pid = launcher_pid)'),
  'the launcher in the status is a process');

-- The tables

SELECT tables_are('dynpgext', ARRAY['registered_extension', 'registered_allocation', 'registered_worker', 'registered_command',
  'registered_content', 'registered_manifest', 'worker_settings', 'manifests', 'identities', 'restore', 'hosted_libraries']);
SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.restore')$$,
  $$VALUES ('began_at', 'timestamp with time zone'), ('boot', 'bigint'), ('until_told', 'boolean'), ('brings_dynpgext', 'boolean')$$,
  'columns of dynpgext.restore');
SELECT results_eq($$SELECT * FROM pg_temp.columns_of('dynpgext.worker_settings')$$,
  $$VALUES ('extension', 'name'), ('worker', 'text'), ('enabled', 'boolean'), ('restart', 'text'),
           ('restart_delay', 'interval'), ('run_interval', 'interval')$$,
  'columns of dynpgext.worker_settings');
SELECT results_eq($$
    SELECT unnest(extconfig)::regclass::text, unnest(extcondition) COLLATE "default" FROM pg_extension WHERE extname = 'dynpgext'$$,
  $$VALUES ('dynpgext.worker_settings', ''), ('dynpgext.manifests', ''), ('dynpgext.identities', 'WHERE dynpgext_internal.is_dumped(run_as, by_hand, decided_in, foreign_owner)'), ('dynpgext.hosted_libraries', '')$$, 'only the settings of DBAs are dumped');
SELECT results_eq($$
    SELECT t.tgrelid::regclass::text, t.tgname::text COLLATE "default", t.tgenabled::text, t.tgfoid::regproc::text, t.tgtype
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = 'dynpgext'::regnamespace ORDER BY t.tgname, c.relname$$,
  $$VALUES ('dynpgext.manifests', 'before_manifests', 'A', 'dynpgext_internal.before_manifests', (1 + 2 + 8 + 16)::smallint),
           ('dynpgext.worker_settings', 'before_settings', 'A', 'dynpgext_internal.before_settings', (1 + 2 + 8 + 16)::smallint),
           ('dynpgext.hosted_libraries', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.identities', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.manifests', 'before_truncate', 'A', 'dynpgext_internal.before_manifests', (2 + 32)::smallint),
           ('dynpgext.registered_allocation', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.registered_command', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.registered_content', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.registered_extension', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.registered_manifest', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.registered_worker', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.restore', 'before_truncate', 'A', 'dynpgext_internal.only_superusers', (2 + 32)::smallint),
           ('dynpgext.worker_settings', 'before_truncate', 'A', 'dynpgext_internal.before_settings', (2 + 32)::smallint),
           ('dynpgext.hosted_libraries', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.identities', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.registered_allocation', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.registered_command', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.registered_content', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.registered_extension', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.registered_manifest', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.registered_worker', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.restore', 'before_write', 'A', 'dynpgext_internal.only_superusers', (1 + 2 + 4 + 8 + 16)::smallint),
           ('dynpgext.worker_settings', 'before_write', 'A', 'dynpgext_internal.before_settings', (2 + 4 + 8 + 16)::smallint),
           ('dynpgext.identities', 'on_identities', 'A', 'dynpgext_internal.on_identities', (4 + 16)::smallint),
           ('dynpgext.manifests', 'on_manifests', 'A', 'dynpgext_internal.on_manifests', (4 + 16)::smallint),
           ('dynpgext.manifests', 'on_replicated', 'R', 'dynpgext_internal.on_replicated', (1 + 4 + 8 + 16)::smallint),
           ('dynpgext.worker_settings', 'on_replicated', 'R', 'dynpgext_internal.on_replicated', (1 + 4 + 8 + 16)::smallint),
           ('dynpgext.worker_settings', 'on_settings', 'A', 'dynpgext_internal.on_settings', (4 + 8 + 16 + 32)::smallint)$$,
  'their triggers are for statements that change them, after it, and enabled always; for replicated rows; before settings and manifests go; and before others than superusers write what is theirs');
SELECT is(count(*), 28::bigint, 'and have comments') FROM pg_trigger
 WHERE tgname IN ('before_settings', 'before_manifests', 'before_write', 'before_truncate', 'on_settings', 'on_manifests', 'on_identities', 'on_replicated') AND obj_description(oid, 'pg_trigger') <> '';

-- The functions: internal ones are in a schema of their own

SELECT results_eq($$
    SELECT proname::text COLLATE "default", pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)
      FROM pg_proc p
     WHERE pronamespace = 'dynpgext'::regnamespace
     ORDER BY proname$$,
  $$VALUES
    ('apply', 'manifest jsonb, dry_run boolean DEFAULT false',
     'TABLE(object text, name text, extension name, action text, detail text)'),
    ('attach_hosted', '', 'integer'),
    ('begin_restore', '', 'boolean'),
    ('can_host', 'library text', 'TABLE(need text, detail text, verdict text)'),
    ('configure_worker', 'extension name, worker text, enabled boolean DEFAULT NULL::boolean, restart text DEFAULT NULL::text, '
     'restart_delay interval DEFAULT NULL::interval, run_interval interval DEFAULT NULL::interval', 'void'),
    ('end_restore', '', 'boolean'),
    ('export', 'extension name DEFAULT NULL::name', 'jsonb'),
    ('health', '', 'TABLE(severity text, object text, name text, database name, problem text, since timestamp with time zone, remedy text)'),
    ('host', 'library text, scope text DEFAULT ''global''::text, settings jsonb DEFAULT NULL::jsonb, sessions boolean DEFAULT true', 'text'),
    ('load', 'extension name, version text DEFAULT NULL::text', 'text'),
    ('peek', 'name text, "offset" bigint DEFAULT 0, length bigint DEFAULT 64', 'bytea'),
    ('preload', 'enable boolean DEFAULT true', 'text'),
    ('register', 'extension name, manifest jsonb', 'void'),
    ('rehost', 'library text', 'text'),
    ('release', 'extension name', 'boolean'),
    ('reload', 'extension name DEFAULT NULL::name, dry_run boolean DEFAULT false',
     'TABLE(object text, name text, extension name, action text, detail text)'),
    ('reset_worker', 'extension name, worker text', 'boolean'),
    ('restart_worker', 'extension name, worker text', 'boolean'),
    ('run_worker', 'extension name, worker text', 'interval'),
    ('start_worker', 'extension name, worker text', 'boolean'),
    ('stop_worker', 'extension name, worker text', 'boolean'),
    ('unhost', 'library text', 'boolean'),
    ('unload', 'extension name', 'boolean'),
    ('version', '', 'text')$$,
  'functions with names and types of arguments, defaults and results');
SELECT functions_are('dynpgext_internal', ARRAY['adopt_installed_extensions', 'before_manifests', 'before_settings', 'boot', 'count_states',
  'is_dumped', 'known_allocations', 'known_objects', 'known_workers', 'list_events', 'list_runs', 'live_allocations', 'live_commands',
  'live_extensions', 'live_hosted', 'live_provisioners', 'live_workers', 'may_configure', 'may_write', 'on_alter', 'on_change',
  'on_command_start', 'on_identities', 'on_manifests', 'on_replicated', 'on_settings', 'only_superusers', 'published_allocations',
  'published_extensions', 'published_workers', 'reset_privileges', 'role_in', 'role_out', 'server_status', 'server_versions']);
SELECT results_eq($$
    SELECT t.oid::regtype::text FROM pg_type t
     WHERE typnamespace IN ('dynpgext'::regnamespace, 'dynpgext_internal'::regnamespace) AND typrelid = 0
       AND NOT EXISTS (SELECT FROM pg_type WHERE typarray = t.oid)$$,
  ARRAY['dynpgext.role'], 'the only type is where dumps of 0.1.0 expect it');
SELECT is_empty($$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'dynpgext_internal'::regnamespace$$,
  'tables and views are in schema dynpgext');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE pronamespace IN ('dynpgext'::regnamespace, 'dynpgext_internal'::regnamespace)
       AND (pronamespace = 'dynpgext_internal'::regnamespace) <> (obj_description(p.oid, 'pg_proc') LIKE 'internal: %')$$,
  'comments say which functions are internal');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE pronamespace IN ('dynpgext'::regnamespace, 'dynpgext_internal'::regnamespace) AND prosecdef
       AND (prorettype NOT IN ('event_trigger'::regtype, 'trigger'::regtype) OR proconfig IS NULL
            OR NOT proconfig && ARRAY['search_path=pg_catalog, pg_temp'])$$,
  'only triggers are SECURITY DEFINER, and their search_path is pinned');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE pronamespace = 'dynpgext_internal'::regnamespace AND prorettype IN ('event_trigger'::regtype, 'trigger'::regtype)
       AND NOT prosecdef AND proname NOT IN ('on_manifests', 'before_manifests', 'on_identities', 'before_settings', 'only_superusers', 'on_command_start')$$,
  'all trigger functions are, but for those that ask what the current user may do');
SELECT throws_ok('SELECT dynpgext_internal.on_identities()', NULL, NULL, 'on_identities() is for its trigger only');

-- The event triggers

SELECT results_eq($$
    SELECT t.evtname::text COLLATE "default", t.evtevent::text COLLATE "default", t.evtenabled::text, t.evtfoid::regproc::text FROM pg_event_trigger t
      JOIN pg_depend d ON d.objid = t.oid AND d.classid = 'pg_event_trigger'::regclass AND d.deptype = 'e'
      JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'dynpgext' ORDER BY t.evtname$$,
  $$VALUES ('dynpgext_on_alter', 'ddl_command_end', 'A', 'dynpgext_internal.on_alter'),
           ('dynpgext_on_command_start', 'ddl_command_start', 'A', 'dynpgext_internal.on_command_start'),
           ('dynpgext_on_create', 'ddl_command_end', 'A', 'dynpgext_internal.on_change'),
           ('dynpgext_on_drop', 'sql_drop', 'A', 'dynpgext_internal.on_change')$$,
  'event triggers, enabled always');
SELECT throws_ok('SELECT dynpgext_internal.on_change()', NULL, NULL, 'on_change() is for event triggers only');
SELECT throws_ok('SELECT dynpgext_internal.on_command_start()', NULL, NULL, 'on_command_start() too');
SELECT throws_ok('SELECT dynpgext_internal.on_settings()', NULL, NULL, 'on_settings() is for its trigger only');
SELECT throws_ok('SELECT dynpgext_internal.' || name || '()', NULL, NULL, name || '() too')
  FROM unnest(ARRAY['on_manifests', 'before_manifests', 'only_superusers']) name;
SELECT throws_ok('SELECT dynpgext_internal.adopt_installed_extensions()', '55000', NULL,
  'adopt_installed_extensions() is for the install script only');
SELECT throws_ok('SELECT dynpgext_internal.reset_privileges()', '55000', NULL,
  'reset_privileges() too');

-- Comments

SELECT is_empty($$
    SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
      JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'dynpgext'
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
       AND d.classid <> 'pg_type'::regclass -- those of tables, since PostgreSQL 17
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
    SELECT name, vartype, unit, context, boot_val, min_val, max_val FROM pg_settings
     WHERE name LIKE 'dynpgext.%' ORDER BY name$$,
  $$VALUES ('dynpgext.allowed_extensions', 'string', NULL, 'sighup', '*', NULL, NULL),
           ('dynpgext.crash_limit', 'integer', NULL, 'sighup', '3', '0', '16'),
           ('dynpgext.crash_window', 'integer', 's', 'sighup', '300', '1', '604800'),
           ('dynpgext.delay_warning', 'integer', 'ms', 'sighup', '10000', '0', '2147483647'),
           ('dynpgext.hosting_databases', 'string', NULL, 'sighup', '', NULL, NULL),
           ('dynpgext.hosting_wait', 'integer', 'ms', 'sighup', '30000', '-3600000', '3600000'),
           ('dynpgext.manifest_limit', 'integer', 'kB', 'superuser', '1024', '1', '65536'),
           ('dynpgext.max_database_workers', 'integer', NULL, 'superuser', '-1', '-1', '262143'),
           ('dynpgext.max_events', 'integer', NULL, 'sighup', '1000', '1', '1000000'),
           ('dynpgext.max_own_processes', 'integer', NULL, 'sighup', '4', '-1', '262143'),
           ('dynpgext.max_owner_memory', 'integer', 'kB', 'sighup', '-1', '-1', '2147483647'),
           ('dynpgext.max_owner_workers', 'integer', NULL, 'sighup', '-1', '-1', '262143'),
           ('dynpgext.max_runners', 'integer', NULL, 'sighup', '-1', '-1', '262143'),
           ('dynpgext.max_runs', 'integer', NULL, 'sighup', '1000', '1', '1000000'),
           ('dynpgext.max_workers', 'integer', NULL, 'sighup', '-1', '-1', '262143'),
           ('dynpgext.memory_limit', 'integer', 'kB', 'sighup', '-1', '-1', '2147483647'),
           ('dynpgext.naptime', 'integer', 'ms', 'sighup', '1000', '10', '3600000'),
           ('dynpgext.provisioning_timeout', 'integer', 'ms', 'superuser', '60000', '0', '2147483647'),
           ('dynpgext.restart_delay_max', 'integer', 'ms', 'sighup', '60000', '1', '86400000'),
           ('dynpgext.restore', 'enum', NULL, 'user', 'auto', NULL, NULL),
           ('dynpgext.runner_idle_timeout', 'integer', 'ms', 'sighup', '10000', '-1', '2147483647'),
           ('dynpgext.safe_mode', 'bool', NULL, 'sighup', 'off', NULL, NULL),
           ('dynpgext.start_concurrency', 'integer', NULL, 'sighup', '4', '1', '1000'),
           ('dynpgext.stop_timeout', 'integer', 'ms', 'sighup', '10000', '10', '3600000')$$,
  'settings with types, units, contexts, defaults and ranges');
SELECT is_empty($$SELECT name FROM pg_settings
                   WHERE name LIKE 'dynpgext.%' AND coalesce(short_desc, '') = ''$$,
  'every setting is described');
SELECT throws_ok(format('SET %s = %L', name, boot_val), '55P02', NULL, 'a session cannot set ' || name)
  FROM pg_settings WHERE name LIKE 'dynpgext.%' AND context = 'sighup' ORDER BY name;
SELECT lives_ok('SET dynpgext.max_database_workers = 1', 'a superuser can set dynpgext.max_database_workers');
RESET dynpgext.max_database_workers;
SELECT throws_ok($$SET dynpgext.no_such_setting = 1$$, '42602', NULL, 'the prefix is reserved');

SELECT * FROM finish();
