-- Rows of worker_settings and manifests written by roles other than superusers, after a grant by a
-- DBA: they cannot write what they may not configure or register with the functions.
\ir include/helpers.sql
SELECT no_plan();

CREATE ROLE dx_writer;
CREATE EXTENSION dx_worker;
CREATE EXTENSION dx_plain;
SELECT pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), pg_temp.worker_becomes('dx_worker', 'dx global', 'running') \g /dev/null
CREATE FUNCTION pg_temp.settings() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(' ', worker, enabled, restart), ', ' ORDER BY worker COLLATE "C") FROM dynpgext.worker_settings
$$;
-- SQLSTATE and message; or 'done', after which everything is undone
CREATE FUNCTION pg_temp.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  code text;
  found text;
  details text;
BEGIN
  EXECUTE command;
  RAISE EXCEPTION SQLSTATE 'DX000';
EXCEPTION
  WHEN SQLSTATE 'DX000' THEN RETURN 'done';
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, found = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', code, nullif(details, ''));
END $$;

-- Settings

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON dynpgext.worker_settings TO dx_writer;
SELECT dynpgext.configure_worker('dx_worker', 'dx global', enabled => true), dynpgext.configure_worker('dx_worker', 'dx local', enabled => true) \g /dev/null
SELECT pg_temp.settings() AS settings \gset
SET ROLE dx_writer;
SELECT is(pg_temp.outcome(command), '42501 It is global.', 'refused: ' || command)
  FROM unnest(ARRAY[
    $$UPDATE dynpgext.worker_settings SET enabled = false$$,
    $$UPDATE dynpgext.worker_settings SET enabled = false WHERE worker = 'dx global'$$,
    $$UPDATE dynpgext.worker_settings SET restart = 'never' WHERE worker = 'dx global'$$,
    $$UPDATE dynpgext.worker_settings SET worker = 'dx none' WHERE worker = 'dx global'$$,
    $$DELETE FROM dynpgext.worker_settings$$,
    $$DELETE FROM dynpgext.worker_settings WHERE worker = 'dx global'$$,
    $$TRUNCATE dynpgext.worker_settings$$,
    $$INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx global', false) ON CONFLICT (extension, worker) DO UPDATE SET enabled = false$$,
    $$DELETE FROM dynpgext.worker_settings WHERE worker = 'dx local'; UPDATE dynpgext.worker_settings SET enabled = NULL$$]) command;
SELECT is(pg_temp.outcome(command), '42501 It is not registered, and might be global.', 'refused: ' || command)
  FROM unnest(ARRAY[
    $$INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx none', false)$$,
    $$INSERT INTO dynpgext.worker_settings VALUES ('dx_unknown', 'dx local', false)$$,
    $$UPDATE dynpgext.worker_settings SET worker = 'dx none' WHERE worker = 'dx local'$$]) command;
SELECT is(pg_temp.outcome(command), 'done', 'allowed: ' || command)
  FROM unnest(ARRAY[
    $$UPDATE dynpgext.worker_settings SET enabled = false WHERE worker = 'dx local'$$,
    $$DELETE FROM dynpgext.worker_settings WHERE worker = 'dx local'$$,
    $$INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false) ON CONFLICT (extension, worker) DO UPDATE SET enabled = false$$]) command;
RESET ROLE;
SELECT is(pg_temp.settings(), :'settings', 'nothing has changed');
DELETE FROM dynpgext.worker_settings;
SET ROLE dx_writer;
SELECT is(pg_temp.outcome(format('INSERT INTO dynpgext.worker_settings VALUES (''dx_worker'', %L, false)', 'dx global')), '42501 It is global.', 'INSERT');
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false);
SELECT ok(pg_temp.outcome('TRUNCATE dynpgext.worker_settings') = 'done', 'settings that may be made one by one may be reset at once');
RESET ROLE;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'disabled'), 'the local worker follows');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx global'), 'running', 'the global one does not');

-- also where triggers are off
ALTER TABLE dynpgext.worker_settings DISABLE TRIGGER ALL;
SET ROLE dx_writer;
SELECT is(pg_temp.outcome(command), '42501 It is global.', 'refused without triggers: ' || command)
  FROM unnest(ARRAY[
    $$INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx global', false)$$,
    $$UPDATE dynpgext.worker_settings SET worker = 'dx global'$$]) command;
RESET ROLE;
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx global', false);
ALTER TABLE dynpgext.worker_settings ENABLE TRIGGER ALL;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx global', 'disabled'), 'a superuser''s row without triggers takes effect');
SET ROLE dx_writer;
SELECT is(pg_temp.outcome('DELETE FROM dynpgext.worker_settings'), '42501 It is global.', 'triggers that are on again fire');
RESET ROLE;

-- a row of the role that turns out to concern a global worker may from then on only be changed by a
-- superuser; through a superuser's function, the role writes as a superuser
CREATE FUNCTION pg_temp.reset_all() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM dynpgext.worker_settings';
SET ROLE dx_writer;
SELECT is(pg_temp.outcome('SELECT pg_temp.reset_all()'), 'done', 'SECURITY DEFINER of a superuser''s');
RESET ROLE;
DELETE FROM dynpgext.worker_settings;
SELECT throws_ok('SELECT dynpgext_internal.before_settings()', NULL, NULL, 'before_settings() is for its triggers only');

-- Nor with apply(), by naming other settings or by omitting them; unchanged settings are no change

SELECT dynpgext.configure_worker('dx_worker', 'dx global', restart => 'always') \g /dev/null
UPDATE pg_extension SET extowner = 'dx_writer'::regrole WHERE extname IN ('dx_worker', 'dx_plain');
GRANT EXECUTE ON FUNCTION dynpgext.apply, dynpgext.export, dynpgext.register, dynpgext.unload, dynpgext.load TO dx_writer;
SET ROLE dx_writer;
SELECT is(pg_temp.outcome(format('SELECT * FROM dynpgext.apply(%L)', manifest)), outcome, outcome || ' for ' || manifest)
  FROM (VALUES
    ('{"dynpgext": 1, "extension": "dx_worker"}', '22023 /settings: only a superuser may delete settings of worker "dx global" of extension "dx_worker": it is or may be global'),
    ('{"dynpgext": 1, "extensions": []}', '22023 /extensions: only a superuser may delete settings of worker "dx global" of extension "dx_worker": it is or may be global'),
    ('{"dynpgext": 1, "extension": "dx_worker", "settings": [{"worker": "dx global", "enabled": false}]}', '22023 /settings/0/worker: only a superuser may configure a global worker'),
    ('{"dynpgext": 1, "extension": "dx_worker", "settings": [{"worker": "dx global", "restart": {"policy": "always"}}, {"worker": "dx local", "enabled": false}]}', 'done'),
    ('{"dynpgext": 1, "extension": "dx_plain"}', 'done')) v (manifest, outcome);
SELECT is(pg_temp.outcome('SELECT * FROM dynpgext.apply(dynpgext.export())'), 'done', 'the exported document can be applied');
SELECT dynpgext.unload('dx_worker') \g /dev/null
SELECT is(pg_temp.outcome(format('SELECT * FROM dynpgext.apply(%L)', manifest)), outcome, outcome || ' when it is not loaded')
  FROM (VALUES
    ('{"dynpgext": 1, "extension": "dx_worker"}', '22023 /settings: only a superuser may delete settings of worker "dx global" of extension "dx_worker": it is or may be global'),
    ('{"dynpgext": 1, "extension": "dx_worker", "settings": [{"worker": "dx new", "enabled": false}, {"worker": "dx global", "restart": {"policy": "always"}}]}', '22023 /settings/0/worker: only a superuser may configure a global worker')) v (manifest, outcome);
SELECT dynpgext.load('dx_worker') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.settings(), 'dx global always', 'nothing has changed');
SELECT dynpgext.reset_worker('dx_worker', 'dx global') \g /dev/null

-- Manifests: a row is for one extension, and registers only

GRANT SELECT, INSERT, UPDATE ON dynpgext.manifests TO dx_writer;
CREATE FUNCTION pg_temp.insert_of(manifest text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.outcome(format('INSERT INTO dynpgext.manifests VALUES (%L, %L)', 'dx_plain', manifest))
$$;
PREPARE refused_rows AS SELECT is(pg_temp.insert_of(manifest), '22023 ' || fault, current_user || ': ' || fault)
  FROM (VALUES
    ('{"dynpgext": 1, "extensions": []}', '/extensions: not in the manifest of one extension'),
    ('{"dynpgext": 1, "extensions": [{"extension": "dx_plain", "allocations": [{"name": "dx_plain:a", "size": 8}]}]}', '/extensions: not in the manifest of one extension'),
    ('{"dynpgext": 1, "workers": [{"name": "dx a", "command": "SELECT 1", "channel": "a", "run_as": "dx_writer"}], "settings": [{"worker": "dx a", "enabled": false}]}', '/settings: settings are for DBAs, with dynpgext.apply()'),
    ('{"dynpgext": 1, "library": {"name": "$libdir/dx_worker-0.1"}}', '/library: only the library itself can register this')) v (manifest, fault);
EXECUTE refused_rows;
ALTER ROLE dx_writer LOGIN;
SET ROLE dx_writer;
EXECUTE refused_rows;
SELECT is(pg_temp.insert_of('{"dynpgext": 1, "workers": [{"name": "dx b", "command": "SELECT 1", "channel": "a"}]}'), 'done', 'manifests that the role may register');
RESET ROLE;

-- Registered again from its stored row, which names no role: the command keeps its role

SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx a", "command": "SELECT 1", "channel": "a", "run_as": "dx_writer"}]}') \g /dev/null
SELECT is(manifest #> '{workers,0,run_as}', NULL, 'the row has no role') FROM dynpgext.manifests;
SELECT dynpgext.register('dx_plain', manifest || '{"allocations": [{"name": "dx_plain:a", "size": 8}]}') FROM dynpgext.manifests \g /dev/null
SELECT results_eq('SELECT run_as::regrole::text, registered_by::regrole::text FROM dynpgext.registered_command',
  format('VALUES (%L, %L)', 'dx_writer', current_user), 'its role and the registering role are the same');
SELECT is(count(*), 1::bigint, 'what is new is there') FROM dynpgext.allocations WHERE name = 'dx_plain:a';
SET ROLE dx_writer;
SELECT dynpgext.register('dx_plain', manifest) FROM dynpgext.manifests \g /dev/null
RESET ROLE;
SELECT results_eq('SELECT run_as::regrole::text, registered_by::regrole::text FROM dynpgext.registered_command',
  format('VALUES (%L, %L)', 'dx_writer', current_user), 'the owner of the extension changes nothing by it');
SELECT is(pg_temp.outcome(format('SELECT dynpgext.register(%L, %L)', 'dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx a", "command": "SELECT 2", "channel": "a"}]}')),
  format('22023 /workers/0/run_as: it would run as role "%s", which is a superuser: a superuser has to name it', current_user),
  'a command that changes is another one');
ALTER TABLE dynpgext.registered_command DROP CONSTRAINT may_write;
UPDATE dynpgext.registered_command SET run_as = 0;
ALTER TABLE dynpgext.registered_command ADD CONSTRAINT may_write CHECK (dynpgext_internal.may_write('registered_command')) NOT VALID;
SET ROLE dx_writer;
SELECT dynpgext.register('dx_plain', manifest) FROM dynpgext.manifests \g /dev/null
RESET ROLE;
SELECT is(run_as::regrole::text, 'dx_writer', 'a command of nobody''s gets the role that registers it') FROM dynpgext.registered_command;

-- The role cannot remove or move rows of extensions that it does not own

UPDATE pg_extension SET extowner = current_user::regrole WHERE extname = 'dx_worker';
SELECT dynpgext.register('dx_worker', '{"dynpgext": 1, "allocations": [{"name": "dx_worker:a", "size": 8}]}') \g /dev/null
GRANT DELETE, TRUNCATE ON dynpgext.manifests TO dx_writer;
SET ROLE dx_writer;
SELECT is(pg_temp.outcome(command), '42501 It has a row of extension "dx_worker", which is another role''s.', 'refused: ' || command)
  FROM unnest(ARRAY[
    $$UPDATE dynpgext.manifests SET extension = 'dx_moved' WHERE extension = 'dx_worker'$$,
    $$UPDATE dynpgext.manifests SET manifest = manifest$$,
    $$INSERT INTO dynpgext.manifests VALUES ('dx_worker', '{"dynpgext": 1}') ON CONFLICT (extension) DO UPDATE SET extension = 'dx_moved'$$,
    $$MERGE INTO dynpgext.manifests m USING (VALUES ('dx_worker')) v (e) ON m.extension = v.e WHEN MATCHED THEN DELETE$$,
    $$DELETE FROM dynpgext.manifests$$,
    $$DELETE FROM dynpgext.manifests WHERE extension = 'dx_worker'$$,
    $$TRUNCATE dynpgext.manifests$$]) command;
SELECT is(pg_temp.outcome(command), 'done', 'allowed: ' || command)
  FROM unnest(ARRAY[
    $$UPDATE dynpgext.manifests SET manifest = manifest WHERE extension = 'dx_plain'$$,
    $$DELETE FROM dynpgext.manifests WHERE extension = 'dx_plain'$$]) command;
RESET ROLE;
SELECT is(pg_temp.outcome(command), 'done', 'a superuser: ' || command)
  FROM unnest(ARRAY['UPDATE dynpgext.manifests SET manifest = manifest', 'DELETE FROM dynpgext.manifests', 'TRUNCATE dynpgext.manifests']) command;

-- A privilege to write is not one to register: it may cover all tables

REVOKE ALL ON dynpgext.manifests FROM dx_writer;
REVOKE EXECUTE ON FUNCTION dynpgext.register, dynpgext.apply FROM dx_writer;
GRANT pg_write_all_data, pg_read_all_data TO dx_writer;
GRANT TRUNCATE ON ALL TABLES IN SCHEMA dynpgext TO dx_writer;
CREATE FUNCTION pg_temp.outcomes(of_table text, set_to text, OUT command text, OUT outcome text) RETURNS SETOF record LANGUAGE sql AS $$
  SELECT c, pg_temp.outcome(c)
    FROM unnest(ARRAY[format('INSERT INTO dynpgext.%1$s SELECT %2$s FROM dynpgext.%1$s', of_table,
      CASE of_table WHEN 'identities' THEN 'extension, worker, run_as, registered_by, superuser, without_login, by_hand' ELSE '*' END), format('UPDATE dynpgext.%s SET %s', of_table, set_to),
                      'DELETE FROM dynpgext.' || of_table, 'TRUNCATE dynpgext.' || of_table]) c
$$;
SET ROLE dx_writer;
SELECT lives_ok('SELECT * FROM dynpgext.registered_command', 'pg_read_all_data reads registrations');
SELECT throws_ok('SELECT * FROM dynpgext.commands', '42501', NULL, 'but not the views');
SELECT is(outcome, '42501 Only roles that may register can write it.', 'refused: ' || command)
  FROM pg_temp.outcomes('manifests', 'extension = extension');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dynpgext.apply TO dx_writer;
SET ROLE dx_writer;
SELECT is(pg_temp.insert_of('{"dynpgext": 1}'), '23505 Key (extension)=(dx_plain) already exists.', 'a role that may apply() may register');
SELECT is(pg_temp.outcome($$UPDATE dynpgext.manifests SET manifest = manifest WHERE extension = 'dx_plain'$$), 'done', 'by rows, too');
RESET ROLE;

-- Tables that only dynpgext writes, and the roles of commands, are refused to all but superusers

SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "allocations": [{"name": "dx_plain:a", "size": 8, "initial": "a"}], "workers": [{"name": "dx a", "command": "SELECT 1", "channel": "a", "run_as": "dx_writer"}]}') \g /dev/null
BEGIN;
SELECT dynpgext.begin_restore() \g /dev/null
INSERT INTO dynpgext.hosted_libraries VALUES ('dx_nowhere', 'global', 1, NULL, true);
SELECT results_eq($$SELECT relname::text COLLATE "default" FROM pg_class WHERE relnamespace = 'dynpgext'::regnamespace AND relkind = 'r' ORDER BY 1$$,
  ARRAY['hosted_libraries', 'identities', 'manifests', 'registered_allocation', 'registered_command', 'registered_content', 'registered_extension', 'registered_manifest',
        'registered_worker', 'restore', 'worker_settings'], 'there are no other tables');
CREATE TEMPORARY VIEW for_superusers AS SELECT relname::text, CASE relname WHEN 'restore' THEN 'boot = boot' WHEN 'hosted_libraries' THEN 'library = library' ELSE 'extension = extension' END AS set_to
  FROM pg_class WHERE relnamespace = 'dynpgext'::regnamespace AND relkind = 'r' AND relname NOT IN ('manifests', 'worker_settings');
GRANT SELECT ON for_superusers TO dx_writer;
SET LOCAL ROLE dx_writer;
SELECT is(outcome, '42501 Only superusers may write it.', 'refused: ' || command) FROM for_superusers, pg_temp.outcomes(relname, set_to);
RESET ROLE;
SET LOCAL session_replication_role = replica;
SET LOCAL ROLE dx_writer;
SELECT is(outcome, '42501 Only superusers may write it.', 'refused as a replica: ' || command) FROM for_superusers, pg_temp.outcomes(relname, set_to);
RESET ROLE;
SELECT is(outcome, '42501 Only dynpgext writes it.', 'a superuser: ' || command) FROM for_superusers, pg_temp.outcomes(relname, set_to)
 WHERE command ~ '^(INSERT|UPDATE)' AND relname NOT IN ('identities', 'hosted_libraries');
SELECT is(outcome, 'done', 'a superuser: ' || command) FROM for_superusers, pg_temp.outcomes(relname, set_to)
 WHERE command ~ '^(DELETE|TRUNCATE)' AND relname NOT IN ('identities', 'hosted_libraries');
ALTER TABLE dynpgext.identities DISABLE TRIGGER ALL;
SET LOCAL ROLE dx_writer;
SELECT is(outcome, '42501 Only superusers may write it.', 'refused without triggers: ' || command)
  FROM pg_temp.outcomes('identities', 'extension = extension') WHERE command ~ '^(INSERT|UPDATE)';
ROLLBACK;

DROP EXTENSION dx_worker, dx_plain;
DROP OWNED BY dx_writer;
DROP ROLE dx_writer;
SELECT is_empty('SELECT * FROM dynpgext.worker_settings', 'nothing is left');
SELECT * FROM finish();
