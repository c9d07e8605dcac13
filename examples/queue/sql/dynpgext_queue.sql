CREATE EXTENSION dynpgext;
CREATE EXTENSION dynpgext_queue;
SELECT extension, library, state, workers FROM dynpgext.extensions;
-- Waits until the sweeper has done its work, or for a time limit.
SET statement_timeout = '3min';
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
  reached boolean;
BEGIN
  LOOP
    EXECUTE 'SELECT ' || condition INTO reached;
    EXIT WHEN reached;
  END LOOP;
END $$;
CALL wait_for($$state = 'running' AND starts = 1 FROM dynpgext.workers WHERE name = 'queue sweeper'$$);
SELECT name, scope, restart FROM dynpgext.workers;
SELECT queue_push('{"say": "hello"}');
SELECT queue_push('{"say": "later"}', '1 hour');
-- Taken and never reported as done: the sweeper returns it to the queue.
SELECT id, payload, attempts FROM queue_take('0 s');
CALL wait_for('leased_until IS NULL FROM queue_job WHERE id = 1');
SELECT id, payload, attempts FROM queue_take();
SELECT queue_done(1);
SELECT queue_done(1) AS again;
SELECT count(*) FROM queue_take();
-- A job whose count of attempts has reached its maximum can still be taken.
INSERT INTO queue_job (payload, attempts) VALUES ('{"say": "again"}', 2147483647);
SELECT payload, attempts, queue_done(id) FROM queue_take();
-- Finished jobs are deleted.
UPDATE queue_job SET done_at = done_at - INTERVAL '1 day' WHERE done_at IS NOT NULL;
NOTIFY queue_sweep;
CALL wait_for('count(*) = 1 FROM queue_job');
SELECT jsonb_pretty(jsonb_set(manifest, '{workers,0,run_as}', to_jsonb(manifest #>> '{workers,0,run_as}' = current_user))) AS manifest
  FROM dynpgext.export('dynpgext_queue') AS manifest;
DROP EXTENSION dynpgext_queue;
SELECT count(*) FROM dynpgext.extensions;
DROP PROCEDURE wait_for;
DROP EXTENSION dynpgext;
