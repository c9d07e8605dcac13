-- Keeps dx_declared:state and "dx bell", changes the command of "dx tick", drops the rest.
SELECT dynpgext.register('dx_declared', '{
  "dynpgext": 1,
  "allocations": [
    {"name": "dx_declared:state", "size": 64, "initial": "is kept"},
    {"name": "dx_declared:more", "size": 8}
  ],
  "workers": [
    {"name": "dx tick", "command": "INSERT INTO @extschema@.dx_declared_log (worker) VALUES (''tick 0.2'')", "run_as": "@extowner@", "interval": "50 ms"},
    {"name": "dx bell", "command": "INSERT INTO @extschema@.dx_declared_log (worker) VALUES (''bell'')", "run_as": "@extowner@", "channel": "dx_declared"}
  ]
}');
