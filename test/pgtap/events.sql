-- dynpgext.events: events of extensions, allocations and workers, each once and in order; none for
-- rolled-back changes.
\ir include/helpers.sql
SELECT no_plan();

-- The events of an extension since `mark`, in order.
CREATE TEMPORARY TABLE mark (at timestamptz);
CREATE FUNCTION pg_temp.mark() RETURNS void LANGUAGE sql AS $$
  DELETE FROM mark;
  INSERT INTO mark SELECT coalesce(max(at), '-infinity') FROM dynpgext.events;
$$;
CREATE VIEW pg_temp.news AS SELECT e.* FROM dynpgext.events e, mark WHERE e.at > mark.at;
-- The event names of one object, in order.
CREATE FUNCTION pg_temp.life_of(of_object text, of_name text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(event, ' ' ORDER BY at) FROM news WHERE object = of_object AND name = of_name
$$;
CREATE FUNCTION pg_temp.becomes(of_object text, of_name text, life text) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_temp.eventually(format('SELECT pg_temp.life_of(%L, %L) = %L', of_object, of_name, life))
$$;
CREATE FUNCTION pg_temp.tell(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.eventually($q$SELECT i.pid = pg_temp.pid_of_worker('dx_worker', 'dx local') AND i.listening
                                  FROM dx_worker_info('local') i$q$);
  PERFORM dx_worker_command('local', command);
END $$;

-- Earlier objects may still be ending.  Later this process itself has looked up memory, in the
-- callbacks of workers that it starts; such memory then only drains.
CREATE FUNCTION pg_temp.workers_are_gone() RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_workers')
$$;

SELECT pg_temp.workers_are_gone(), pg_temp.eventually('SELECT count(*) = 0 FROM dynpgext.cluster_allocations') \g /dev/null
SELECT pg_temp.mark() \g /dev/null
SELECT is_empty('SELECT * FROM news', 'nothing has happened yet');

-- The life of an extension

CREATE EXTENSION dx_worker;
SELECT ok(pg_temp.becomes('worker', 'dx local', 'started'), 'a local worker has started');
SELECT ok(pg_temp.becomes('worker', 'dx global', 'started'), 'so has a global one');
SELECT results_eq($$SELECT object, name, database, event, detail ~ '^(pid )?\d+( bytes)?$' FROM news ORDER BY object, name COLLATE "C"$$,
  $$VALUES ('allocation', 'dx_worker:global', NULL::name, 'allocated', true),
           ('allocation', 'dx_worker:local', current_database(), 'allocated', true),
           ('extension', 'dx_worker', current_database(), 'provisioned', NULL),
           ('worker', 'dx global', NULL, 'started', true),
           ('worker', 'dx local', current_database(), 'started', true)$$, 'each thing once');
SELECT is(detail, 'pid ' || pg_temp.pid_of_worker('dx_worker', name), 'as the process that runs: ' || name)
  FROM news WHERE object = 'worker';
SELECT is(n.detail, a.size || ' bytes', 'with the size it has: ' || name)
  FROM news n JOIN dynpgext.allocations a USING (name) WHERE object = 'allocation';
SELECT is(extension, 'dx_worker'::name, format('%s of %s has its extension', event, name)) FROM news;
SELECT ok((SELECT max(at) FROM news WHERE object = 'allocation') <= (SELECT at FROM news WHERE object = 'extension')
      AND (SELECT at FROM news WHERE object = 'extension') <= (SELECT min(at) FROM news WHERE object = 'worker'),
  'first its memory, then the extension, then its workers');
SELECT ok(at BETWEEN transaction_timestamp() - interval '1 hour' AND clock_timestamp(), 'the time is now') FROM news;
SELECT pg_temp.mark() \g /dev/null
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload that has nothing to do');
SELECT is_empty('SELECT * FROM news', 'is no event');

-- Workers

SELECT dynpgext.stop_worker('dx_worker', 'dx local'), dynpgext.stop_worker('dx_worker', 'dx local') \g /dev/null
SELECT is(pg_temp.life_of('worker', 'dx local'), 'stopping exited', 'stopped');
SELECT is(detail, 'code 0', 'it has ended well')
  FROM news WHERE event = 'exited';
SELECT pg_temp.mark() \g /dev/null
SELECT dynpgext.start_worker('dx_worker', 'dx local'), dynpgext.start_worker('dx_worker', 'dx local') \g /dev/null
SELECT is(pg_temp.life_of('worker', 'dx local'), 'started', 'started');
SELECT pg_temp.tell('error') \g /dev/null
SELECT ok(pg_temp.becomes('worker', 'dx local', 'started exited'), 'ended by an error');
SELECT is(detail, 'code 1; P0001: dx_worker was told to raise an error', 'which is told') FROM news WHERE event = 'exited';
SELECT pg_temp.mark() \g /dev/null
SELECT dynpgext.start_worker('dx_worker', 'dx local') \g /dev/null
SELECT pg_temp.tell('return') \g /dev/null
SELECT ok(pg_temp.becomes('worker', 'dx local', 'started exited'), 'ended well');
SELECT is(detail, 'code 0', 'which is told') FROM news WHERE event = 'exited';
SELECT dynpgext.start_worker('dx_worker', 'dx local') \g /dev/null
-- its process may have to end first
SELECT pg_temp.becomes('worker', 'dx local', 'started exited started') \g /dev/null

SELECT pg_temp.mark() \g /dev/null
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always', restart_delay => '1 ms') \g /dev/null
SELECT pg_temp.tell('return') \g /dev/null
SELECT ok(pg_temp.becomes('worker', 'dx local', 'exited backoff restarted'), 'restarted');
SELECT matches(detail, '^restart in [01] ms$', 'after how long') FROM news WHERE event = 'backoff';
SELECT is(detail, 'pid ' || pg_temp.pid_of_worker('dx_worker', 'dx local'), 'as which process') FROM news WHERE event = 'restarted';
SELECT pg_temp.mark() \g /dev/null
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false) \g /dev/null
SELECT ok(pg_temp.becomes('worker', 'dx local', 'stopping exited disabled'), 'disabled');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => true) \g /dev/null
SELECT ok(pg_temp.becomes('worker', 'dx local', 'stopping exited disabled enabled started'), 'enabled');
SELECT dynpgext.reset_worker('dx_worker', 'dx local') \g /dev/null
SELECT is(pg_temp.life_of('worker', 'dx global'), NULL, 'nothing has happened to the other');

-- An update

SELECT pg_temp.mark() \g /dev/null
ALTER EXTENSION dx_worker UPDATE TO '0.2';
SELECT ok(pg_temp.becomes('worker', 'dx local', 'stopping exited waiting started'), 'an update: it is kept out of its way');
SELECT ok(pg_temp.becomes('worker', 'dx global', 'stopping exited started'), 'one that is in no database is not in its way');
SELECT is(pg_temp.life_of('extension', 'dx_worker'), 'provisioned', 'the extension');
SELECT is(pg_temp.life_of('allocation', 'dx_worker:local'), NULL, 'nothing has happened to memory that stays');

-- Rolled back

SELECT pg_temp.mark() \g /dev/null
BEGIN;
CREATE EXTENSION dx_memory;
SELECT is_empty('SELECT * FROM news', 'before the commit nothing has happened');
ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false) \g /dev/null
SELECT is_empty('SELECT * FROM news', 'whatever the transaction does');
ROLLBACK;
BEGIN;
SAVEPOINT a;
CREATE EXTENSION dx_memory;
ROLLBACK TO a;
COMMIT;
SELECT is_empty('SELECT * FROM news', 'rolled-back changes have no events');
SELECT throws_ok($$SELECT set_config('dx_raise.at', 'after', false) FROM (SELECT) x; CREATE EXTENSION dx_raise$$, 'P0001', NULL,
  'what has failed');
SELECT is_empty('SELECT * FROM news', 'has not happened either');
BEGIN;
DROP EXTENSION dx_worker;
ROLLBACK;
SELECT ok(pg_temp.becomes('worker', 'dx local', 'stopping exited waiting started'),
  'a drop that is rolled back has only made its workers wait');
SELECT is_empty($$SELECT * FROM news WHERE object <> 'worker'$$, 'and nothing else');
SET dx_raise.at = 'none';

-- Memory: drained at once, or when the last process has released it

CREATE EXTENSION dx_memory;
SELECT results_eq($$SELECT name, database, event, detail FROM news WHERE object = 'allocation' ORDER BY name COLLATE "C"$$,
  $$VALUES ('dx_memory:global', NULL::name, 'allocated', '1048576 bytes'), ('dx_memory:global_small', NULL, 'allocated', '100 bytes'),
           ('dx_memory:going', current_database(), 'allocated', '4096 bytes'), ('dx_memory:local', current_database(), 'allocated', '64 bytes')$$,
  'allocated');
SELECT dx_write('dx_memory:local', 'kept'), dx_write('dx_memory:going', 'kept') \g /dev/null
ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT is(pg_temp.life_of('allocation', 'dx_memory:going'), 'allocated draining', 'it drains because it was looked up');
SELECT dx_release('dx_memory:going') \g /dev/null
SELECT is(pg_temp.life_of('allocation', 'dx_memory:going'), 'allocated draining drained', 'until the last has released it');
SELECT is(pg_temp.life_of('allocation', 'dx_memory:coming'), 'allocated', 'the new one');
SELECT dx_release('dx_memory:local') \g /dev/null
SELECT pg_temp.mark() \g /dev/null
DROP EXTENSION dx_memory;
SELECT results_eq($$SELECT name, event FROM news WHERE object = 'allocation' ORDER BY name COLLATE "C"$$,
  $$VALUES ('dx_memory:coming', 'drained'), ('dx_memory:global', 'drained'), ('dx_memory:global_small', 'drained'), ('dx_memory:local', 'drained')$$,
  'all are drained with the drop');

-- A failure

SELECT pg_temp.mark() \g /dev/null
ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
SET dx_raise.at = 'between';
CREATE EXTENSION dx_raise;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
SET client_min_messages = error;
SELECT count(*) FROM dynpgext.reload() \g /dev/null
SELECT results_eq('SELECT object, name, event, detail FROM news', $$VALUES ('extension', 'dx_raise', 'failed', 'dx_raise raises: between')$$,
  'an init that fails');
SELECT count(*) FROM dynpgext.reload() \g /dev/null
SET client_min_messages = warning;
SELECT is(pg_temp.life_of('extension', 'dx_raise'), 'failed', 'as before is no news');
SET dx_raise.at = 'none';
SELECT count(*) FROM dynpgext.reload() \g /dev/null
SELECT ok(pg_temp.becomes('worker', 'dx raise', 'started'), 'repaired');
SELECT is(pg_temp.life_of('extension', 'dx_raise'), 'failed provisioned', 'it is provisioned');
DROP EXTENSION dx_raise;

-- Disabled from the start: it has never started.

DROP EXTENSION dx_worker;
SELECT ok(pg_temp.workers_are_gone(), 'all have ended');
SELECT pg_temp.mark() \g /dev/null
BEGIN;
CREATE EXTENSION dx_worker;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false) \g /dev/null
COMMIT;
SELECT ok(pg_temp.becomes('worker', 'dx local', 'disabled'), 'disabled from the start');
SELECT ok(pg_temp.becomes('worker', 'dx global', 'started'), 'the other has started');
DROP EXTENSION dx_worker;
SELECT ok(pg_temp.becomes('worker', 'dx global', 'started stopping exited'), 'dropped, it has ended');
SELECT is(pg_temp.life_of('worker', 'dx local'), 'disabled', 'the disabled one had nothing to end');
SELECT matches(pg_temp.life_of('allocation', 'dx_worker:global'), 'allocated drain(ing|ed)', 'the memory is freed, at once or later');

-- Another database, seen from this one; by its OID once it is dropped.

SELECT pg_temp.workers_are_gone() \g /dev/null
SELECT pg_temp.mark() \g /dev/null
CREATE DATABASE dx_events;
SELECT oid AS database FROM pg_database WHERE datname = 'dx_events' \gset
\setenv PGDATABASE dx_events
\! psql -Xqc 'SET client_min_messages = warning' -c 'CREATE EXTENSION dynpgext' -c 'CREATE EXTENSION dx_worker'
SELECT ok(pg_temp.eventually($$SELECT count(*) = 1 FROM news WHERE name = 'dx local' AND event = 'started' AND database = 'dx_events'$$),
  'events of another database have its name');
SELECT pg_temp.eventually($$SELECT count(*) = 1 FROM news WHERE name = 'dx global' AND event = 'started'$$) \g /dev/null
SELECT results_eq($$SELECT object, name FROM news WHERE database IS NULL AND event IN ('allocated', 'started') ORDER BY object$$,
  $$VALUES ('allocation', 'dx_worker:global'), ('worker', 'dx global')$$, 'those of global objects none');
DROP DATABASE dx_events WITH (FORCE);
SELECT is(count(*), 4::bigint, 'of a dropped database they have the OID') FROM news
 WHERE database = :'database' AND event IN ('allocated', 'provisioned', 'started', 'exited');
SELECT is_empty($$SELECT * FROM news WHERE database = 'dx_events'$$, 'and no longer the name');
SELECT ok(pg_temp.becomes('worker', 'dx global', 'started stopping exited'), 'the global worker of nobody else''s ends');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.life_of('allocation', name) ~ 'allocated.* drained'
                                 FROM unnest(ARRAY['dx_worker:local']) name$$), 'the memory of the database is freed');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.life_of('allocation', 'dx_worker:global') ~ 'allocated.* drained'$$),
  'so does the global memory');

-- The view as a whole

SELECT results_eq('SELECT at FROM dynpgext.events', 'SELECT at FROM dynpgext.events ORDER BY at', 'the oldest are first');
SELECT is_empty($$SELECT * FROM dynpgext.events WHERE object NOT IN ('extension', 'allocation', 'worker') OR at IS NULL
                     OR extension IS NULL OR name IS NULL OR event IS NULL OR event = '' OR detail = ''$$,
  'everything else is always there');
SELECT is_empty($$SELECT object, event FROM dynpgext.events
                   WHERE NOT CASE object
                     WHEN 'extension' THEN event IN ('provisioned', 'failed', 'quarantined', 'released', 'crashed', 'removed')
                     WHEN 'allocation' THEN event IN ('allocated', 'draining', 'drained')
                     ELSE event IN ('started', 'restarted', 'stopping', 'exited', 'backoff', 'disabled', 'enabled', 'waiting',
                                    'quarantined', 'released', 'crashed', 'lost', 'overdue', 'unresponsive', 'recovered') END$$,
  'there are no other words');
SELECT ok(count(*) <= current_setting('dynpgext.max_events')::integer, 'there are no more than dynpgext.max_events') FROM dynpgext.events;
SELECT throws_ok('DELETE FROM dynpgext.events', '55000', NULL, 'past events cannot be undone');
SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT * FROM finish();
