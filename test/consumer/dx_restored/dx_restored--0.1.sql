-- The worker inserts missing rows: before a restore has inserted those of the dump, all of them.
CREATE TABLE dx_restored_item (
    id integer PRIMARY KEY,
    origin text NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('dx_restored_item', '');

CREATE FUNCTION dx_restored_fill() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dx_restored_item SELECT i, 'worker' FROM generate_series(1, 5) AS i ON CONFLICT DO NOTHING;
    IF to_regclass('public.dx_user') IS NOT NULL THEN
        EXECUTE 'INSERT INTO public.dx_user SELECT i, ''worker'' FROM generate_series(1, 5) AS i ON CONFLICT DO NOTHING';
    END IF;
END $$;

SELECT dynpgext.register('dx_restored', '{
  "dynpgext": 1,
  "workers": [{"name": "dx filler", "command": "SELECT dx_restored_fill()", "run_as": "@extowner@", "interval": "20 ms"}]
}');
