-- Both unchanged, and a new one of the owner.
SELECT dynpgext.register('dx_identity', '{
  "dynpgext": 1,
  "workers": [
    {"name": "dx unnamed", "command": "SELECT 3", "interval": "50 ms"},
    {"name": "dx named", "command": "SELECT 3", "run_as": "@extowner@", "interval": "50 ms"},
    {"name": "dx new", "command": "SELECT 3", "run_as": "@extowner@", "interval": "50 ms"}
  ]
}');
