-- Like 0.1, but correct.
CREATE TABLE dx_trusted_log (at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE dx_trusted_other ();
SELECT dynpgext.register('dx_trusted_sql', '{
  "dynpgext": 1,
  "workers": [{"name": "dx trusted", "command": "INSERT INTO dx_trusted_log DEFAULT VALUES", "interval": "100 ms"}]
}');
GRANT INSERT ON dx_trusted_log TO @extowner@;
GRANT SELECT ON dx_trusted_other TO @extowner@;
