CREATE EXTENSION dynpgext;
-- Polls until the condition holds; the test fails by timeout if it never does.
SET statement_timeout = '3min';
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE
  holds boolean := false;
BEGIN
  WHILE NOT holds LOOP
    EXECUTE 'SELECT ' || condition INTO holds;
    COMMIT;
  END LOOP;
END
$$;
CREATE EXTENSION dynpgext_heartbeat;
CALL wait_until('EXISTS (SELECT FROM heartbeat.dynpgext_heartbeat)');
SELECT name, scope, database = current_database() AS here, state, starts
  FROM dynpgext.workers WHERE extension = 'dynpgext_heartbeat';
SELECT h.pid = w.pid AS is_the_worker, heartbeat.age() IS NOT NULL AS has_age
  FROM heartbeat.dynpgext_heartbeat h, dynpgext.workers w WHERE w.name = 'heartbeat';
-- stop_worker() ends it without a restart; start_worker() starts it again.
SELECT dynpgext.stop_worker('dynpgext_heartbeat', 'heartbeat');
SELECT state, pid IS NULL AS no_process, restart, next_start_at
  FROM dynpgext.workers WHERE name = 'heartbeat';
SELECT dynpgext.start_worker('dynpgext_heartbeat', 'heartbeat');
CALL wait_until('(SELECT h.pid = w.pid FROM heartbeat.dynpgext_heartbeat h, dynpgext.workers w
                   WHERE w.name = ''heartbeat'')');
-- An ERROR ends it, and dynpgext starts it again.
ALTER TABLE heartbeat.dynpgext_heartbeat RENAME TO elsewhere;
CALL wait_until('EXISTS (SELECT FROM dynpgext.events WHERE database = current_database()
                   AND name = ''heartbeat'' AND event = ''restarted'')');
ALTER TABLE heartbeat.elsewhere RENAME TO dynpgext_heartbeat;
CALL wait_until('(SELECT state = ''running'' AND h.pid = w.pid
                    FROM heartbeat.dynpgext_heartbeat h, dynpgext.workers w WHERE w.name = ''heartbeat'')');
SELECT last_exit_code, last_error FROM dynpgext.workers WHERE name = 'heartbeat';
-- A role with the privilege can create a trigger on the table.  It does not run as the worker.
CREATE ROLE regress_heartbeat_other;
GRANT TRIGGER ON heartbeat.dynpgext_heartbeat TO regress_heartbeat_other;
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it has run'; END $$;
SET ROLE regress_heartbeat_other;
CREATE TRIGGER never BEFORE INSERT OR UPDATE ON heartbeat.dynpgext_heartbeat FOR EACH ROW EXECUTE FUNCTION never();
RESET ROLE;
SELECT beats AS so_far FROM heartbeat.dynpgext_heartbeat \gset
CALL wait_until('(SELECT beats > ' || :'so_far' || ' + 1 FROM heartbeat.dynpgext_heartbeat)');
SELECT last_error FROM dynpgext.workers WHERE name = 'heartbeat';
DROP TRIGGER never ON heartbeat.dynpgext_heartbeat;
DROP FUNCTION never;
-- A WARNING names these roles.
DROP EXTENSION dynpgext_heartbeat;
ALTER DEFAULT PRIVILEGES GRANT TRIGGER ON TABLES TO regress_heartbeat_other;
CREATE EXTENSION dynpgext_heartbeat;
ALTER DEFAULT PRIVILEGES REVOKE TRIGGER ON TABLES FROM regress_heartbeat_other;
CALL wait_until('EXISTS (SELECT FROM heartbeat.dynpgext_heartbeat)');
-- Dropped while its worker runs.
DROP EXTENSION dynpgext_heartbeat;
CALL wait_until('NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = ''dynpgext heartbeat''
                   AND datname = current_database())');
CALL wait_until('(SELECT count(*) FROM dynpgext.workers) = 0');
-- No role can replace the worker's table with another one, not even the owner of the schema.
DROP SCHEMA heartbeat;
CREATE SCHEMA heartbeat AUTHORIZATION regress_heartbeat_other;
CREATE EXTENSION dynpgext_heartbeat;
ALTER SCHEMA heartbeat RENAME TO heartbeat_before;
CREATE SCHEMA heartbeat AUTHORIZATION regress_heartbeat_other;
CREATE TABLE heartbeat.dynpgext_heartbeat (LIKE heartbeat_before.dynpgext_heartbeat INCLUDING ALL);
SELECT coalesce(sum(beats), 0) AS so_far FROM heartbeat_before.dynpgext_heartbeat \gset
CALL wait_until('(SELECT beats > ' || :'so_far' || ' + 1 FROM heartbeat_before.dynpgext_heartbeat)');
SELECT count(*) FROM heartbeat.dynpgext_heartbeat;
DROP SCHEMA heartbeat CASCADE;
DROP EXTENSION dynpgext_heartbeat;
CALL wait_until('NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = ''dynpgext heartbeat''
                   AND datname = current_database())');
DROP SCHEMA heartbeat_before;
DROP ROLE regress_heartbeat_other;
DROP PROCEDURE wait_until;
DROP EXTENSION dynpgext;
