\echo Use "CREATE EXTENSION dynpgext_heartbeat" to load this file. \quit

-- One row, written by the worker.  Unlogged, because a heartbeat is useless after a crash, and so a
-- beat needs neither WAL nor a flush.  (A standby cannot read it.)  pg_dump omits its content, as for
-- every table of an extension.
CREATE UNLOGGED TABLE heartbeat.dynpgext_heartbeat (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  pid integer NOT NULL,
  started_at timestamptz NOT NULL,
  beat_at timestamptz NOT NULL,
  beats bigint NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE heartbeat.dynpgext_heartbeat IS
  'heartbeat of the worker of this database; one row';
COMMENT ON COLUMN heartbeat.dynpgext_heartbeat.pid IS
  'process of the last beat';
COMMENT ON COLUMN heartbeat.dynpgext_heartbeat.started_at IS
  'start of that process';
COMMENT ON COLUMN heartbeat.dynpgext_heartbeat.beat_at IS
  'time of the last beat';
COMMENT ON COLUMN heartbeat.dynpgext_heartbeat.beats IS
  'number of beats since the row was created';

CREATE FUNCTION heartbeat.age() RETURNS interval
  LANGUAGE sql VOLATILE
  RETURN (SELECT pg_catalog.clock_timestamp() - beat_at FROM heartbeat.dynpgext_heartbeat);
COMMENT ON FUNCTION heartbeat.age() IS
  'time since the last beat; NULL before the first';

GRANT USAGE ON SCHEMA heartbeat TO PUBLIC;
GRANT SELECT ON heartbeat.dynpgext_heartbeat TO PUBLIC;
