-- Rows of worker_settings that others than superusers write, where a DBA has granted that:
-- what they may not configure with the functions, they may not write.
\ir include/helpers.sql
SELECT no_plan();

CREATE ROLE dx_writer;
CREATE EXTENSION dx_worker;
CREATE EXTENSION dx_plain;
SELECT pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), pg_temp.worker_becomes('dx_worker', 'dx global', 'running') \g /dev/null
CREATE FUNCTION pg_temp.settings() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(' ', worker, enabled, restart), ', ' ORDER BY worker COLLATE "C") FROM dynpgext.worker_settings
$$;
-- SQLSTATE and message; or 'done', and nothing of it stays
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
SELECT ok(pg_temp.outcome('TRUNCATE dynpgext.worker_settings') = 'done', 'what he may set one by one he may take back at once');
RESET ROLE;
SELECT ok(pg_temp.worker_becomes('dx_worker', 'dx local', 'disabled'), 'the local worker follows');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx global'), 'running', 'the global one does not');

-- where triggers are off, too
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

-- a row of his that comes to be about a global worker is the superuser's to change from then on; through
-- a function of a superuser's he writes as the superuser does
CREATE FUNCTION pg_temp.reset_all() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM dynpgext.worker_settings';
SET ROLE dx_writer;
SELECT is(pg_temp.outcome('SELECT pg_temp.reset_all()'), 'done', 'SECURITY DEFINER of a superuser''s');
RESET ROLE;
DELETE FROM dynpgext.worker_settings;
SELECT throws_ok('SELECT dynpgext.before_settings()', NULL, NULL, 'before_settings() is for its triggers only');

DROP EXTENSION dx_worker, dx_plain;
DROP OWNED BY dx_writer;
DROP ROLE dx_writer;
SELECT is_empty('SELECT * FROM dynpgext.worker_settings', 'nothing is left');
SELECT * FROM finish();
