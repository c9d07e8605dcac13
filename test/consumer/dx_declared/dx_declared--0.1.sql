-- Registers with a manifest; its workers record their runs.
CREATE TABLE dx_declared_log (
    worker text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    who name NOT NULL DEFAULT current_user,
    pid integer NOT NULL DEFAULT pg_backend_pid()
);

SELECT dynpgext.register('dx_declared', '{
  "dynpgext": 1,
  "allocations": [
    {"name": "dx_declared:state", "size": 64, "initial": "hello"},
    {"name": "dx_declared:global", "size": 16, "scope": "global", "initial_hex": "00ff"}
  ],
  "workers": [
    {"name": "dx tick", "command": "INSERT INTO @extschema@.dx_declared_log (worker) VALUES (''tick 0.1'')", "run_as": "@extowner@", "interval": "50 ms"},
    {"name": "dx bell", "command": "INSERT INTO @extschema@.dx_declared_log (worker) VALUES (''bell'')", "run_as": "@extowner@", "channel": "dx_declared"}
  ]
}');
