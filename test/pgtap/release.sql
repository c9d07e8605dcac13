-- release(): without a quarantine it does nothing, and reports this.  Objects that crash the server,
-- and are quarantined, are tested in t/.
\ir include/helpers.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.hint_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  EXECUTE query;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN hint;
END $$;

SELECT is(dynpgext.release(NULL), NULL, 'release(NULL)');
SELECT throws_ok(format('SELECT dynpgext.release(%L)', name), '42704',
  format('extension "%s" is not registered in this database', name), format('release(%L) of one that is not there', name))
  FROM unnest(ARRAY['dx_unknown', 'dx_worker', '', 'dynpgext', 'plpgsql', 'DX_WORKER']) name;
SELECT is(pg_temp.hint_of($$SELECT dynpgext.release('dx_unknown')$$),
  'SELECT extension FROM dynpgext.extensions shows those that are.', 'with a hint');
CREATE EXTENSION dx_plain;
SELECT throws_ok($$SELECT dynpgext.release('dx_plain')$$, '42704', NULL, 'nor of one that does not take part');
DROP EXTENSION dx_plain;

CREATE EXTENSION dx_worker;
SELECT pg_temp.worker_becomes('dx_worker', 'dx local', 'running'), pg_temp.worker_becomes('dx_worker', 'dx global', 'running') \g /dev/null
SELECT pg_temp.footprint() AS before, pg_temp.pid_of_worker('dx_worker', 'dx local') AS pid,
       (SELECT count(*) FROM dynpgext.events WHERE extension = 'dx_worker') AS events \gset
SELECT is(dynpgext.release('dx_worker'), false, 'of one that is not quarantined');
SELECT is(pg_temp.footprint(), :'before', 'it changes nothing');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'ends nothing');
SELECT is(pg_temp.state_of_extension('dx_worker'), 'provisioned', 'leaves the extension unchanged');
SELECT is(count(*), :events::bigint, 'and records nothing') FROM dynpgext.events WHERE extension = 'dx_worker';

-- Stopped, disabled, failed and unloaded objects are not quarantined, and stay so.

SELECT dynpgext.stop_worker('dx_worker', 'dx local'), dynpgext.configure_worker('dx_worker', 'dx global', enabled => false) \g /dev/null
SELECT pg_temp.worker_becomes('dx_worker', 'dx global', 'disabled') \g /dev/null
SELECT is(dynpgext.release('dx_worker'), false, 'of one with workers that are stopped and disabled');
SELECT results_eq('SELECT name, state FROM dynpgext.workers ORDER BY name COLLATE "C"',
  $$VALUES ('dx global', 'disabled'), ('dx local', 'stopped')$$, 'they stay so');
SELECT dynpgext.unload('dx_worker') \g /dev/null
SELECT is(dynpgext.release('dx_worker'), false, 'of an unloaded one');
SELECT is(pg_temp.state_of_extension('dx_worker'), 'unloaded', 'it stays unloaded');
DROP EXTENSION dx_worker;

-- A failed extension

ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
SET dx_raise.at = 'before';
CREATE EXTENSION dx_raise;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
SET client_min_messages = error;
SELECT count(*) FROM dynpgext.reload() \g /dev/null
SET client_min_messages = warning;
SET dx_raise.at = 'none';
SELECT is(pg_temp.state_of_extension('dx_raise'), 'failed', 'an extension whose init fails');
SELECT is(dynpgext.release('dx_raise'), false, 'is not quarantined');
SELECT is(pg_temp.state_of_extension('dx_raise'), 'failed', 'and stays failed');
DROP EXTENSION dx_raise;

-- In a transaction

BEGIN;
CREATE EXTENSION dx_worker;
SELECT is(dynpgext.release('dx_worker'), false, 'of one that is not committed');
DROP EXTENSION dx_worker;
SELECT throws_ok($$SELECT dynpgext.release('dx_worker')$$, '42704', NULL, 'and of one that is dropped');
COMMIT;

SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT * FROM finish();
