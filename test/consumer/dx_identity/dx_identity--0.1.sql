-- One worker without a role, one with a role.
SELECT dynpgext.register('dx_identity', '{
  "dynpgext": 1,
  "workers": [
    {"name": "dx unnamed", "command": "SELECT 1", "interval": "50 ms"},
    {"name": "dx named", "command": "SELECT 1", "run_as": "@extowner@", "interval": "50 ms"}
  ]
}');
