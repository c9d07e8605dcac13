-- Like 0.1, but correct in another way: the worker runs as a role that may write.
CREATE TABLE dx_trusted_log (at timestamptz NOT NULL DEFAULT clock_timestamp());
DO $$ BEGIN EXECUTE format('GRANT INSERT ON dx_trusted_log TO %I', 'dx_writer'); END $$;
SELECT dynpgext.register('dx_trusted_sql', '{
  "dynpgext": 1,
  "workers": [{"name": "dx trusted", "command": "INSERT INTO dx_trusted_log DEFAULT VALUES", "interval": "100 ms",
               "run_as": "dx_writer"}]
}');
