SELECT dynpgext.register('dx_global', '{
  "dynpgext": 1,
  "allocations": [{"name": "global: memory", "size": 16, "scope": "global"}],
  "workers": [{"name": "dx global command", "command": "SELECT 1", "run_as": "@extowner@", "interval": "1 h", "scope": "global"}]
}');
