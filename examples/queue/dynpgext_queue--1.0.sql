-- dynpgext_queue: jobs wait in a table, are taken with a lease, and are marked as done.  A sweeper,
-- run by dynpgext, returns unfinished jobs to the queue after their lease, and deletes finished ones.
--
-- Functions and commands qualify all names with a schema, and search only pg_catalog, so that a role
-- that may create objects in that schema cannot substitute others.
\echo Use "CREATE EXTENSION dynpgext_queue" to load this file. \quit

CREATE TABLE @extschema@.queue_job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payload jsonb NOT NULL,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    done_at timestamptz
);
COMMENT ON TABLE @extschema@.queue_job IS 'jobs: waiting, taken (leased_until) or done (done_at)';
CREATE INDEX queue_job_waiting ON @extschema@.queue_job (due_at) WHERE done_at IS NULL AND leased_until IS NULL;
SELECT pg_catalog.pg_extension_config_dump('@extschema@.queue_job', '');

CREATE FUNCTION @extschema@.queue_push(payload jsonb, delay interval DEFAULT '0') RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO @extschema@.queue_job (payload, due_at) VALUES (payload, clock_timestamp() + delay) RETURNING id
$$;
COMMENT ON FUNCTION @extschema@.queue_push(jsonb, interval) IS 'adds a job; returns its number';

CREATE FUNCTION @extschema@.queue_take(lease interval DEFAULT '1 minute') RETURNS SETOF @extschema@.queue_job
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  -- the count stops at its maximum: an error would block all jobs behind this one
  UPDATE @extschema@.queue_job SET leased_until = clock_timestamp() + lease, attempts = least(attempts, 2147483646) + 1
   WHERE id = (SELECT id FROM @extschema@.queue_job
                WHERE done_at IS NULL AND leased_until IS NULL AND due_at <= clock_timestamp()
                ORDER BY due_at, id FOR UPDATE SKIP LOCKED LIMIT 1)
  RETURNING *
$$;
COMMENT ON FUNCTION @extschema@.queue_take(interval) IS 'takes the next job for a time; no row when none is due';

CREATE FUNCTION @extschema@.queue_done(job bigint) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH done AS (UPDATE @extschema@.queue_job SET done_at = clock_timestamp(), leased_until = NULL
                 WHERE id = job AND done_at IS NULL RETURNING 1)
  SELECT EXISTS (SELECT FROM done)
$$;
COMMENT ON FUNCTION @extschema@.queue_done(bigint) IS 'a job is done; false when it was, or does not exist';

-- The sweeper's command.
CREATE PROCEDURE @extschema@.queue_sweep(keep interval DEFAULT '1 minute')
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  UPDATE @extschema@.queue_job SET leased_until = NULL WHERE done_at IS NULL AND leased_until < clock_timestamp();
  DELETE FROM @extschema@.queue_job WHERE done_at < clock_timestamp() - keep;
$$;
COMMENT ON PROCEDURE @extschema@.queue_sweep(interval) IS 'gives back jobs whose lease is over; deletes those done so long ago';

-- Runs in every database that has this extension: once a second, and at once on NOTIFY queue_sweep.
-- The argument has an explicit type, so that no other procedure of this name can match.
SELECT dynpgext.register('dynpgext_queue', '{
  "dynpgext": 1,
  "workers": [
    {
      "name": "queue sweeper",
      "command": "CALL @extschema@.queue_sweep(interval ''1 minute'')",
      "run_as": "@extowner@",
      "interval": "1 s",
      "channel": "queue_sweep",
      "deadline": "30 s"
    }
  ]
}');
