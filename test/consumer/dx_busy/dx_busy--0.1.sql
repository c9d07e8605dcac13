-- The worker locks dx_busy_c, _b, _a and holds them for a moment (not with pg_sleep(), which would
-- take hours if the wall clock is set back); DROP and UPDATE lock _a, _b, _c.
CREATE TABLE dx_busy_a (id bigint PRIMARY KEY, home name NOT NULL DEFAULT current_database());
CREATE TABLE dx_busy_b (LIKE dx_busy_a INCLUDING ALL);
CREATE TABLE dx_busy_c (LIKE dx_busy_a INCLUDING ALL);
-- A restore then has rows for it, with which the worker's own would conflict.
SELECT pg_catalog.pg_extension_config_dump('dx_busy_a', '');
SELECT pg_catalog.pg_extension_config_dump('dx_busy_b', '');
SELECT pg_catalog.pg_extension_config_dump('dx_busy_c', '');

CREATE FUNCTION dx_busy_step() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next bigint;
BEGIN
  INSERT INTO dx_busy_c SELECT coalesce(max(id), 0) + 1 FROM dx_busy_c RETURNING id INTO next;
  PERFORM count(*) FROM generate_series(1, 15000);
  INSERT INTO dx_busy_b VALUES (next);
  PERFORM count(*) FROM generate_series(1, 15000);
  INSERT INTO dx_busy_a VALUES (next);
  DELETE FROM dx_busy_a WHERE id < next - 1000;
  DELETE FROM dx_busy_b WHERE id < next - 1000;
  DELETE FROM dx_busy_c WHERE id < next - 1000;
END $$;

SELECT dynpgext.register('dx_busy', '{
  "dynpgext": 1,
  "workers": [{"name": "dx busy", "command": "SELECT dx_busy_step()", "run_as": "@extowner@", "interval": "10 ms", "deadline": "30 s"}]
}');
