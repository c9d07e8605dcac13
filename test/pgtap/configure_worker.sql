-- configure_worker(), reset_worker() and their table dynpgext.worker_settings: a DBA's settings for
-- supervising workers.  Transactional; they take effect with the commit.
\ir include/helpers.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.becomes(worker text, wanted text) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_temp.worker_becomes('dx_worker', worker, wanted)
$$;
CREATE FUNCTION pg_temp.restart_of(worker text) RETURNS text LANGUAGE sql AS $$
  SELECT restart FROM dynpgext.workers WHERE extension = 'dx_worker' AND name = worker
$$;
-- The settings, as text: "extension worker enabled restart delay, ..."; '-' for NULL.
CREATE FUNCTION pg_temp.settings() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(' ', extension, worker, coalesce(enabled::text, '-'), coalesce(restart, '-'),
                              coalesce(restart_delay::text, '-')), ', ' ORDER BY extension, worker)
    FROM dynpgext.worker_settings
$$;
-- Sends the local worker a command, once it listens.
CREATE FUNCTION pg_temp.tell(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.eventually($q$SELECT i.pid = pg_temp.pid_of_worker('dx_worker', 'dx local') AND i.listening
                                  FROM dx_worker_info('local') i$q$);
  PERFORM dx_worker_command('local', command);
END $$;

CREATE EXTENSION dx_worker;
SELECT pg_temp.becomes('dx local', 'running'), pg_temp.becomes('dx global', 'running') \g /dev/null
SELECT is(pg_temp.settings(), NULL, 'nothing is set at first');
SELECT is(pg_temp.restart_of(worker), 'never', worker || ': the policy is its author''s')
  FROM unnest(ARRAY['dx local', 'dx global']) worker;

-- Bad arguments

SELECT throws_ok(format('SELECT dynpgext.%s', call), '42704',
  format('extension "%s" has no background worker "%s" in this database', extension, worker), call)
  FROM (VALUES ('dx_unknown', 'dx local'), ('dx_worker', 'dx none'), ('dx_worker', ''), ('dx_worker', 'DX LOCAL'),
               ('', 'dx local'), ('dx_plain', 'dx local')) w (extension, worker),
       format('configure_worker(%L, %L)', extension, worker) configure,
       format('reset_worker(%L, %L)', extension, worker) reset,
       unnest(ARRAY[configure, reset]) call;
SELECT throws_ok(format('SELECT dynpgext.configure_worker(%s)', arguments), '22004',
  'dynpgext.configure_worker(): extension and worker must not be null', arguments)
  FROM unnest(ARRAY[$$NULL, 'dx local'$$, $$'dx_worker', NULL$$, 'NULL, NULL', $$NULL, NULL, false, 'x', '-1 s'$$]) arguments;
SELECT is(dynpgext.reset_worker(NULL, 'dx local'), NULL, 'reset_worker() of NULL');
SELECT is(dynpgext.reset_worker('dx_worker', NULL), NULL, 'is NULL');
SELECT throws_ok(format('SELECT dynpgext.%s(%L, repeat(%L, 96))', f, 'dx_worker', 'n'), '42622',
  'the name of a background worker of extension "dx_worker" has at most 95 bytes', f || '() with a name too long for a worker')
  FROM unnest(ARRAY['configure_worker', 'reset_worker']) f;
SELECT throws_ok(format('SELECT dynpgext.configure_worker(%L, %L, restart => %L)', 'dx_worker', 'dx local', policy), '22023',
  format('there is no restart policy "%s"', policy), format('restart => %L', policy))
  FROM unnest(ARRAY['', 'sometimes', 'Never', 'ALWAYS', ' always', 'always ', 'on-failure', 'unknown', 'always'';']) policy;
SELECT throws_ok(format('SELECT dynpgext.configure_worker(%L, %L, restart_delay => %L)', 'dx_worker', 'dx local', delay), '22023',
  NULL, format('restart_delay => %L', delay))
  FROM unnest(ARRAY['-1 ms', '-1 day', '24:00:00.001', '1 day 1 ms', '2 days', '1 month', '1 year', '-1 month 29 days',
                    '178000000 years', '-178000000 years', '2147483647 days', '-2562047788:00:54.775807',
                    '2562047788:00:54.775807', '-0.5 ms', '24:00:00.0005']) delay;
SELECT throws_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '-1 ms')$$, '22023',
  'restart_delay of -1 ms is out of range', 'the message has the value');
SELECT is(pg_temp.settings(), NULL, 'none of them has set anything');

-- Valid delays

CREATE FUNCTION pg_temp.delay(delay interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => delay);
  SELECT restart_delay::text INTO result FROM dynpgext.worker_settings;
  PERFORM dynpgext.reset_worker('dx_worker', 'dx local');
  RETURN result;
END $$;
SELECT is(pg_temp.delay(given), kept, format('restart_delay => %s', given))
  FROM (VALUES (interval '0', '00:00:00'), ('1 ms', '00:00:00.001'), ('1.5 s', '00:00:01.5'), ('24 hours', '24:00:00'),
               ('1 day', '24:00:00'), ('1 month -29 days', '24:00:00'), ('1 day -23:59:59', '00:00:01')) d (given, kept);

-- NULL keeps the present setting

SELECT lives_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local')$$, 'nothing to set');
SELECT is(pg_temp.settings(), NULL, 'sets nothing');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'on_failure') \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx local - on_failure -', 'one item is set');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '3 s') \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx local - on_failure 00:00:03', 'another is added');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', true, NULL, NULL) \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx local true on_failure 00:00:03', 'NULL keeps the present setting');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always', restart_delay => '0') \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx local true always 00:00:00', 'values replace earlier settings');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '1 us') \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx local true always 00:00:00.001', 'a delay is never none where there is one');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '0') \g /dev/null
SELECT dynpgext.configure_worker('dx_worker', 'dx global', restart => 'on_failure') \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx global - on_failure -, dx_worker dx local true always 00:00:00', 'each worker has its own');
SELECT is(pg_temp.restart_of('dx local'), 'always', 'the views show the policy of the DBA');
SELECT ok(pg_temp.eventually($$SELECT restart = 'on_failure' FROM dynpgext.workers WHERE name = 'dx global'$$), 'of a global one, too');
SELECT ok(pg_temp.eventually(
  $$SELECT array_agg(restart ORDER BY name COLLATE "C") = '{on_failure,always}' FROM dynpgext.cluster_workers$$), 'so does cluster_workers');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT results_eq('SELECT restart, restart_delay FROM dynpgext.registered_worker', $$VALUES ('never', 1000::bigint), ('never', 1000)$$,
  'what the author has registered is as it was');

-- reset_worker()

SELECT is(dynpgext.reset_worker('dx_worker', 'dx local'), true, 'reset_worker() where something was set');
SELECT is(dynpgext.reset_worker('dx_worker', 'dx local'), false, 'and where nothing is');
SELECT is(pg_temp.settings(), 'dx_worker dx global - on_failure -', 'the other has kept its own');
SELECT is(pg_temp.restart_of('dx local'), 'never', 'the policy is its author''s again');
SELECT is(dynpgext.reset_worker('dx_worker', 'dx global'), true, 'of a global one');
SELECT ok(pg_temp.eventually($$SELECT restart = 'never' FROM dynpgext.workers WHERE name = 'dx global'$$), 'its policy is its author''s again');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT is(starts, 1::bigint, name || ' is the process it was') FROM dynpgext.workers;

-- Rolled back, completely and to a savepoint

SELECT pg_temp.pid_of_worker('dx_worker', 'dx local') AS pid \gset
BEGIN;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false, restart => 'always') \g /dev/null
SELECT is(pg_temp.restart_of('dx local'), 'always', 'before the commit this session sees its own settings');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'nothing is ended before the commit');
ROLLBACK;
SELECT is(pg_temp.settings(), NULL, 'a rollback undoes it');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'the process is unchanged');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');

BEGIN;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'on_failure') \g /dev/null
SAVEPOINT a;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false, restart => 'always') \g /dev/null
SAVEPOINT b;
SELECT dynpgext.reset_worker('dx_worker', 'dx local') \g /dev/null
ROLLBACK TO b;
SELECT is(pg_temp.settings(), 'dx_worker dx local false always -', 'a rolled-back reset');
ROLLBACK TO a;
SELECT is(pg_temp.settings(), 'dx_worker dx local - on_failure -', 'a rolled-back setting');
SAVEPOINT c;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '7 s') \g /dev/null
RELEASE c;
COMMIT;
SELECT is(pg_temp.settings(), 'dx_worker dx local - on_failure 00:00:07', 'changes that were not rolled back are committed');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), :pid, 'the worker was never disabled');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT dynpgext.reset_worker('dx_worker', 'dx local') \g /dev/null

BEGIN READ ONLY;
SELECT throws_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', false)$$, '25006', NULL, 'not in a read-only transaction');
ROLLBACK;
BEGIN READ ONLY;
SELECT throws_ok($$SELECT dynpgext.reset_worker('dx_worker', 'dx local')$$, '25006', NULL, 'neither');
ROLLBACK;

-- enabled

SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false) \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'a worker that is disabled');
SELECT is(pg_temp.pid_of_worker('dx_worker', 'dx local'), NULL, 'has no process');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx local') = 0$$), 'none at all');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx global'), 'running', 'the other one runs');
SELECT is(state, 'disabled', 'cluster_workers shows it as such') FROM dynpgext.cluster_workers WHERE name = 'dx local';
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload does not start it');
SELECT is_empty($$SELECT * FROM dynpgext.reload('dx_worker')$$, 'nor does one of its extension');
CREATE FUNCTION pg_temp.hint_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  EXECUTE query;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN sqlstate || ' ' || sqlerrm || ' ' || hint;
END $$;
SELECT is(pg_temp.hint_of(format('SELECT dynpgext.%s(%L, %L)', f, 'dx_worker', 'dx local')),
  '55000 background worker "dx local" of extension "dx_worker" is disabled Use dynpgext.configure_worker(..., enabled => true).',
  f || '() refuses a disabled one, with a hint')
  FROM unnest(ARRAY['start_worker', 'restart_worker']) f;
SELECT is(dynpgext.stop_worker('dx_worker', 'dx local'), false, 'stop_worker() has nothing to do');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'disabled', 'and leaves it disabled');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always') \g /dev/null
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'disabled', 'so does another setting');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true) \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'running'), 'enabled it runs');
SELECT is(pg_temp.processes('dx local'), 1::bigint, 'as one process');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false) \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'disabled again');
SELECT is(dynpgext.reset_worker('dx_worker', 'dx local'), true, 'reset_worker()');
SELECT ok(pg_temp.becomes('dx local', 'running'), 'enables it, too');

BEGIN;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false) \g /dev/null
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true) \g /dev/null
COMMIT;
SELECT is(starts, 3::bigint, 'disabled and enabled in one transaction it is left alone') FROM dynpgext.workers WHERE name = 'dx local';
SELECT dynpgext.reset_worker('dx_worker', 'dx local') \g /dev/null

-- Configuring a stopped worker does not start it.

SELECT dynpgext.stop_worker('dx_worker', 'dx local') \g /dev/null
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true, restart => 'always', restart_delay => '0') \g /dev/null
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'one that was stopped is left alone');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'stopped', 'it stays stopped');
SELECT is(dynpgext.start_worker('dx_worker', 'dx local'), true, 'until it is started');

-- run_interval: of SQL workers only

CREATE ROLE dx_super SUPERUSER LOGIN;
CREATE EXTENSION dx_plain;
SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [
  {"name": "often", "command": "SELECT 1", "run_as": "dx_super", "interval": "1 h"},
  {"name": "told", "command": "SELECT 1", "run_as": "dx_super", "channel": "dx_told"}]}') \g /dev/null
CREATE FUNCTION pg_temp.interval_of(of_worker text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(run_interval::text, '-') || ' ' || coalesce((SELECT s.run_interval::text FROM dynpgext.worker_settings s WHERE s.worker = c.worker), '-')
    FROM dynpgext.commands c WHERE worker = of_worker
$$;
SELECT pg_temp.worker_becomes('dx_plain', 'often', 'running') \g /dev/null
SELECT throws_ok(format('SELECT dynpgext.configure_worker(%L, %L, run_interval => %L)', 'dx_plain', 'often', given), '22023', NULL, 'run_interval => ' || given)
  FROM unnest(ARRAY['0', '-1 s', '9.999 ms', '366 days 1 ms', '13 months', '1 year 2 months', '178000000 years', '-178000000 years']) given;
SELECT throws_ok($$SELECT dynpgext.configure_worker('dx_plain', 'often', run_interval => '9999 us')$$, '22023', 'run_interval of 9999 us is out of range', 'the message has the value');
SELECT is(pg_temp.hint_of($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', run_interval => '1 s')$$),
  '42809 background worker "dx local" of extension "dx_worker" has no command Only an SQL worker has a run_interval.', 'code in C has none');
SELECT is(pg_temp.interval_of('often'), '01:00:00 -', 'none of them has set anything');
SELECT dynpgext.configure_worker('dx_plain', 'often', run_interval => '20 ms') \g /dev/null
SELECT is(pg_temp.interval_of('often'), '00:00:00.02 00:00:00.02', 'the view shows the setting');
SELECT is(run_interval, '20 ms', 'also that of the cluster') FROM dynpgext.cluster_commands WHERE worker = 'often' AND database = current_database();
SELECT ok(pg_temp.eventually($$SELECT runs > 5 FROM dynpgext.commands WHERE worker = 'often'$$), 'it takes effect at once');
SELECT dynpgext.configure_worker('dx_plain', 'often', restart_delay => '2 s') \g /dev/null
SELECT is(pg_temp.interval_of('often'), '00:00:00.02 00:00:00.02', 'NULL keeps it');
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT is(dynpgext.export('dx_plain') -> 'settings', '[{"worker": "often", "restart": {"delay": "2 s"}, "interval": "20 ms"}]', 'it is exported');
SELECT is(dynpgext.export('dx_plain') #>> '{workers,0,interval}', '1 h', 'next to the choice of its author');
SELECT is_empty('SELECT * FROM dynpgext.apply(dynpgext.export())', 'apply() of that has nothing to do');
SELECT results_eq($$SELECT name, action, detail FROM dynpgext.apply(jsonb_set(dynpgext.export('dx_plain'), '{settings,0,interval}', '"30 min"'))$$,
  $$VALUES ('often', 'configure', 'restart always, delay 2000 ms, interval 1800000 ms')$$, 'apply() sets it');
SELECT is(pg_temp.interval_of('often'), '00:30:00 00:30:00', 'to that');
SELECT ok(pg_temp.eventually($$SELECT next_run_at - last_run_at BETWEEN '29 min' AND '31 min' FROM dynpgext.commands WHERE worker = 'often'$$), 'the next run follows it');
SELECT is(dynpgext.reset_worker('dx_plain', 'often'), true, 'reset_worker()');
SELECT is(pg_temp.interval_of('often'), '01:00:00 -', 'undoes it');
SELECT ok(pg_temp.eventually($$SELECT next_run_at - last_run_at BETWEEN '59 min' AND '61 min' FROM dynpgext.commands WHERE worker = 'often'$$), 'the next run follows that, too');
SELECT is(starts, 1::bigint, 'all in the same process') FROM dynpgext.workers WHERE name = 'often';
SELECT dynpgext.configure_worker('dx_plain', 'told', run_interval => '20 ms') \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT runs > 5 FROM dynpgext.commands WHERE worker = 'told'$$), 'one that is notified can have an interval, too');
SELECT dynpgext.reset_worker('dx_plain', 'told') \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT next_run_at IS NULL FROM dynpgext.commands WHERE worker = 'told'$$), 'until it is reset');
SELECT throws_ok($$SELECT dynpgext.apply('{"dynpgext": 1, "extension": "dx_worker", "settings": [{"worker": "dx local", "interval": "1 s"}]}')$$, '22023', NULL, 'apply() refuses it for code in C');
SELECT throws_ok('INSERT INTO dynpgext.worker_settings VALUES ' || v, '23514', NULL, 'the table refuses ' || v)
  FROM unnest(ARRAY[$$('dx_plain', 'often', NULL, NULL, NULL, '0')$$, $$('dx_plain', 'often', NULL, NULL, NULL, '367 days')$$]) v;
INSERT INTO dynpgext.worker_settings VALUES ('dx_plain', 'often', NULL, NULL, NULL, '20 ms');
UPDATE dynpgext.worker_settings SET run_interval = '20 ms' WHERE worker = 'dx local';
SELECT runs AS dx_runs FROM dynpgext.commands WHERE worker = 'often' \gset
SELECT ok(pg_temp.eventually(format($$SELECT runs > %s + 2 FROM dynpgext.commands WHERE worker = 'often'$$, :dx_runs)), 'a row takes effect');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'running', 'and does nothing to code in C');
UPDATE dynpgext.worker_settings SET run_interval = NULL;
DROP EXTENSION dx_plain;
DROP ROLE dx_super;

-- restart: never by its author, always by the DBA.

SELECT pg_temp.pid_of_worker('dx_worker', 'dx local') AS pid \gset
SELECT pg_temp.tell('return') \g /dev/null
SELECT ok(pg_temp.eventually(format($$SELECT state = 'running' AND pid <> %s FROM dynpgext.workers WHERE name = 'dx local'$$, :pid)),
  'it is restarted as the DBA says');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'on_failure', restart_delay => '1 hour') \g /dev/null
SELECT pg_temp.tell('error') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'backoff'), 'with a delay it waits');
SELECT ok(next_start_at - last_exited_at BETWEEN interval '44 minutes' AND interval '60 minutes',
  'for as long, less up to a quarter') FROM dynpgext.workers WHERE name = 'dx local';
SELECT results_eq($$SELECT next_start_at FROM dynpgext.cluster_workers WHERE name = 'dx local'$$,
  $$SELECT next_start_at FROM dynpgext.workers WHERE name = 'dx local'$$, 'cluster_workers shows the same');
SELECT is(pid, NULL, 'there is no process') FROM dynpgext.workers WHERE name = 'dx local';
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'never') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'failed'), 'with another policy it is not restarted');
SELECT is(next_start_at, NULL, 'nor is a time for it shown') FROM dynpgext.workers WHERE name = 'dx local';
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'backoff'), 'with another one it is');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '0') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'running'), 'a shorter delay takes effect at once');
SELECT pg_temp.tell('return') \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT starts >= 7 AND state = 'running' FROM dynpgext.workers WHERE name = 'dx local'$$), 'and later');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'on_failure') \g /dev/null
SELECT pg_temp.tell('return') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'stopped'), 'on_failure does not restart one that ended well');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '1 hour') \g /dev/null
SELECT dynpgext.start_worker('dx_worker', 'dx local') \g /dev/null
SELECT pg_temp.tell('exit1') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'backoff'), 'on_failure is for one that failed');
SELECT is(dynpgext.stop_worker('dx_worker', 'dx local'), true, 'one that waits for its restart can be stopped');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'stopped', 'then it is');
SELECT dynpgext.start_worker('dx_worker', 'dx local') \g /dev/null
SELECT dynpgext.reset_worker('dx_worker', 'dx local') \g /dev/null

-- Written by hand: INSERT, UPDATE, DELETE, TRUNCATE, COPY, each in its own transaction.

INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false);
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'INSERT takes effect');
SELECT is_empty('SELECT * FROM dynpgext.reload(dry_run => true)', 'a reload would have nothing to do');
UPDATE dynpgext.worker_settings SET enabled = true;
SELECT ok(pg_temp.becomes('dx local', 'running'), 'UPDATE takes effect');
UPDATE dynpgext.worker_settings SET enabled = false;
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'and the other way');
UPDATE dynpgext.worker_settings SET worker = 'dx global';
SELECT ok(pg_temp.becomes('dx local', 'running'), 'an UPDATE that renames');
SELECT ok(pg_temp.becomes('dx global', 'disabled'), 'takes effect for both');
DELETE FROM dynpgext.worker_settings;
SELECT ok(pg_temp.becomes('dx global', 'running'), 'DELETE takes effect');
COPY dynpgext.worker_settings (extension, worker, enabled, restart, restart_delay) FROM STDIN;
dx_worker	dx local	f	\N	\N
dx_worker	dx global	f	always	00:00:05
dx_unknown	dx other	f	\N	\N
\.
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'COPY takes effect');
SELECT ok(pg_temp.becomes('dx global', 'disabled'), 'of all rows');
TRUNCATE dynpgext.worker_settings;
SELECT ok(pg_temp.becomes('dx local', 'running'), 'TRUNCATE takes effect');
SELECT ok(pg_temp.becomes('dx global', 'running'), 'of all rows');
BEGIN;
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false);
UPDATE dynpgext.worker_settings SET enabled = true;
UPDATE dynpgext.worker_settings SET enabled = false;
COMMIT;
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'the result of several commands takes effect');
BEGIN;
DELETE FROM dynpgext.worker_settings;
ROLLBACK;
SELECT is_empty('SELECT * FROM dynpgext.reload(dry_run => true)', 'a rolled-back change does not');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'disabled', 'it is disabled');
SET session_replication_role = replica;
DELETE FROM dynpgext.worker_settings;
SELECT ok(pg_temp.becomes('dx local', 'running'), 'also with session_replication_role = replica');
RESET session_replication_role;
WITH inserted AS (INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false) RETURNING 1) SELECT FROM inserted;
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'a WITH takes effect');
DO $$BEGIN DELETE FROM dynpgext.worker_settings; END$$;
SELECT ok(pg_temp.becomes('dx local', 'running'), 'a DO takes effect');

-- A row missed by the trigger is found by a reload.  In one transaction, because a visit would find
-- it, too.

BEGIN;
ALTER TABLE dynpgext.worker_settings DISABLE TRIGGER on_settings;
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false);
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER on_settings;
SELECT results_eq('SELECT object, name, action FROM dynpgext.reload()', $$VALUES ('worker', 'dx local', 'disable')$$,
  'a reload finds what the trigger has missed');
COMMIT;
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'and does it');
SELECT dynpgext.reset_worker('dx_worker', 'dx local') \g /dev/null
SELECT ok(pg_temp.becomes('dx local', 'running'), 'until it is reset');

-- Others never see rolled-back settings.

SELECT pid AS dx_pid FROM dynpgext.workers WHERE extension = 'dx_worker' AND name = 'dx local' \gset
BEGIN;
ALTER TABLE dynpgext.worker_settings DISABLE TRIGGER on_settings;
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false);
SELECT results_eq('SELECT object, name, action FROM dynpgext.reload()', $$VALUES ('worker', 'dx local', 'disable')$$,
  'a reload finds what its own transaction has written');
SELECT is(pg_temp.state_of_worker('dx_worker', 'dx local'), 'running', 'which is not done before the commit');
ROLLBACK;
SELECT is((SELECT pid FROM dynpgext.workers WHERE extension = 'dx_worker' AND name = 'dx local'), :dx_pid, 'nor when there is none');

-- The constraints of the table

SELECT throws_ok('INSERT INTO dynpgext.worker_settings VALUES ' || v, code, NULL, 'refused: ' || v)
  FROM (VALUES ('23514', $$('dx_worker', 'dx local', NULL, 'sometimes')$$), ('23514', $$('dx_worker', 'dx local', NULL, '')$$),
               ('23514', $$('dx_worker', 'dx local', NULL, 'Always')$$),
               ('23514', $$('dx_worker', 'dx local', NULL, NULL, '-1 ms')$$), ('23514', $$('dx_worker', 'dx local', NULL, NULL, '-1 us')$$),
               ('23514', $$('dx_worker', 'dx local', NULL, NULL, '1 day 1 us')$$), ('23514', $$('dx_worker', 'dx local', NULL, NULL, '1 month')$$),
               ('23502', $$(NULL, 'dx local')$$), ('23502', $$('dx_worker', NULL)$$),
               ('23505', $$('dx_worker', 'dx local'), ('dx_worker', 'dx local')$$)) t (code, v);
SELECT lives_ok($$INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', NULL, NULL, '1 month -29 days')$$,
  'a delay of a day is good however it is written');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always') \g /dev/null
SELECT is(pg_temp.settings(), 'dx_worker dx local - always 24:00:00', 'and kept by configure_worker()');
DELETE FROM dynpgext.worker_settings;

-- Rows for non-existent workers have no effect, and do no harm.

INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx none', false), ('dx_unknown', 'dx local', false), ('', '', false),
  ('dx_worker', repeat('n', 10000), true);
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'rows for missing objects cause no actions');
SELECT lives_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'never')$$, 'nor to refuse anything');
SELECT is(count(*), 5::bigint, 'and are kept') FROM dynpgext.worker_settings;
DELETE FROM dynpgext.worker_settings;

-- Settings of an extension: kept by unload() and load(), and by an update; removed by DROP EXTENSION.

SELECT dynpgext.configure_worker('dx_worker', 'dx local', false, 'always', '2 s'),
       dynpgext.configure_worker('dx_worker', 'dx global', restart => 'on_failure') \g /dev/null
SELECT pg_temp.settings() AS settings \gset
SELECT pg_temp.becomes('dx local', 'disabled') \g /dev/null
SELECT dynpgext.unload('dx_worker') \g /dev/null
SELECT is(pg_temp.settings(), :'settings', 'unload() keeps them');
SELECT dynpgext.load('dx_worker') \g /dev/null
SELECT is(pg_temp.settings(), :'settings', 'load() keeps them');
SELECT ok(pg_temp.becomes('dx global', 'running'), 'and the workers are under them');
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'the disabled one is disabled');
SELECT is(starts, 0::bigint, 'it has not run in between') FROM dynpgext.workers WHERE name = 'dx local';
SELECT is(restart, 'on_failure', 'the other has its policy') FROM dynpgext.workers WHERE name = 'dx global';
ALTER EXTENSION dx_worker UPDATE TO '0.2';
SELECT is(pg_temp.settings(), :'settings', 'an update keeps them');
SELECT ok(pg_temp.eventually($$SELECT state = 'running' AND version = '0.2' FROM dynpgext.workers WHERE name = 'dx global'$$),
  'the workers of the new version are under them');
SELECT is(restart, 'on_failure', 'the running one') FROM dynpgext.workers WHERE name = 'dx global';
SELECT is(state || ' ' || restart, 'disabled always', 'and the disabled one') FROM dynpgext.workers WHERE name = 'dx local';
SELECT is(version || ' ' || library, '0.2 $libdir/dx_worker-0.2', 'which is shown as the new version''s')
  FROM dynpgext.workers WHERE name = 'dx local';
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true) \g /dev/null
SELECT ok(pg_temp.eventually($$SELECT state = 'running' AND version = '0.2' FROM dynpgext.workers WHERE name = 'dx local'$$),
  'enabled it runs in the new version');
SELECT ok(pg_temp.eventually($$SELECT version = '0.2' FROM dx_worker_info('local')$$), 'from the new library');

SELECT pg_temp.settings() AS settings \gset
BEGIN;
DROP EXTENSION dx_worker;
SELECT is(pg_temp.settings(), NULL, 'DROP EXTENSION takes them');
SELECT throws_ok($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', false)$$, '42704', NULL, 'then there is nothing to configure');
ROLLBACK;
SELECT is(pg_temp.settings(), :'settings', 'a rollback restores them');
INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx none', false), ('dx_other', 'dx local', true);
DROP EXTENSION dx_worker;
SELECT is(pg_temp.settings(), 'dx_other dx local true - -', 'committed: exactly its own are gone');
DELETE FROM dynpgext.worker_settings;
CREATE EXTENSION dx_worker;
SELECT ok(pg_temp.becomes('dx local', 'running'), 'created again');
SELECT is(restart, 'never', name || ' is under the policy of its author') FROM dynpgext.workers;
DROP EXTENSION dx_worker;
SELECT ok(pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'dropped, they end');

-- In the transaction that creates the extension

BEGIN;
CREATE EXTENSION dx_worker;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false, restart => 'always') \g /dev/null
SELECT results_eq('SELECT name, state, restart FROM dynpgext.workers ORDER BY name COLLATE "C"',
  $$VALUES ('dx global', 'registered', 'never'), ('dx local', 'registered', 'always')$$, 'configured before the commit');
COMMIT;
SELECT ok(pg_temp.becomes('dx global', 'running'), 'the one that is enabled runs');
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'the other does not');
SELECT is(starts, 0::bigint, 'and has not') FROM dynpgext.workers WHERE name = 'dx local';
BEGIN;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true) \g /dev/null
DROP EXTENSION dx_worker;
COMMIT;
SELECT is(pg_temp.settings(), NULL, 'configured and dropped in one transaction: nothing is left');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx local') + pg_temp.processes('dx global') = 0$$), 'and nothing runs');

-- Before the extension exists, as in a restore

INSERT INTO dynpgext.worker_settings VALUES ('dx_worker', 'dx local', false, 'always', '1 min'), ('dx_worker', 'dx global', NULL, 'on_failure', NULL);
CREATE EXTENSION dx_worker;
SELECT ok(pg_temp.becomes('dx global', 'running'), 'with settings that were there before it');
SELECT is(restart, 'on_failure', 'the worker is under them') FROM dynpgext.workers WHERE name = 'dx global';
SELECT ok(pg_temp.becomes('dx local', 'disabled'), 'or disabled');
SELECT is(starts, 0::bigint, 'and has never run') FROM dynpgext.workers WHERE name = 'dx local';
DROP EXTENSION dx_worker;
SELECT is(pg_temp.settings(), NULL, 'they are removed with it nevertheless');

SELECT is_empty('SELECT * FROM dynpgext.worker_settings', 'nothing is left');
SELECT ok(pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'no worker is left');
SELECT * FROM finish();
