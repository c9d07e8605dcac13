-- can_host(): the needs of a library, from its file alone.
\ir include/helpers.sql
SELECT no_plan();

SELECT results_eq($$SELECT need, verdict FROM dynpgext.can_host('pg_stat_statements')$$,
  $$VALUES ('library', 'hosted'), ('shared memory', 'hosted'), ('lock tranches', 'hosted'), ('hooks', 'hosted'),
           ('settings', 'hosted'), ('files', 'hosted'), ('start of the server', 'hosted')$$,
  'all needs of a library, the library as a whole first') WHERE current_setting('server_version_num')::integer < 190000;
SELECT alike((SELECT detail FROM dynpgext.can_host('pg_prewarm') WHERE need = 'static workers'),
  'RegisterBackgroundWorker', 'the symbols that it needs');
SELECT is((SELECT string_agg(verdict, ',') FROM dynpgext.can_host('auth_delay') WHERE need IN ('library', 'hooks')),
  'limited,limited', 'a hook that runs too early to have an effect');
SELECT is((SELECT string_agg(need || ' ' || verdict, ', ') FROM dynpgext.can_host('dx_rmgr')),
  'library refused, start of the server hosted, resource manager refused', 'a resource manager is refused');
SELECT alike((SELECT detail FROM dynpgext.can_host('dx_rmgr') WHERE need = 'resource manager'),
  'RegisterCustomRmgr. Recovery has to know it%', 'with the reason');

CREATE FUNCTION pg_temp.refusal_of(library text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(detail, '|') FROM dynpgext.can_host(library) WHERE verdict = 'refused'
$$;
SELECT is(pg_temp.refusal_of('dynpgext'), 'It is dynpgext itself.', 'dynpgext itself');
SELECT is(pg_temp.refusal_of('dx_usage'), 'It takes part in dynpgext by itself: CREATE EXTENSION is all it needs.',
  'a library that takes part');
SELECT is(pg_temp.refusal_of('utf8_and_win'), 'It has no _PG_init, so there is nothing to host.', 'one without _PG_init');
SELECT results_eq($$SELECT * FROM dynpgext.can_host('dx_rmgr.so')$$, $$SELECT * FROM dynpgext.can_host('dx_rmgr')$$,
  'the suffix may be there');
SELECT is_empty('SELECT * FROM dynpgext.can_host(NULL)', 'can_host(NULL)');

-- No code of these libraries has run: none is loaded.
SELECT is((SELECT count(*) FROM pg_settings WHERE name LIKE 'pg\_stat\_statements.%'), 0::bigint, 'nothing of it is run');

-- Errors

SELECT throws_ok(format('SELECT dynpgext.can_host(%L)', name), '22023', format('"%s" is not the name of a library', name))
  FROM (VALUES (''), ('.so'), ('.'), ('..'), ('/etc/passwd'), ('../dynpgext'), ('$libdir/dynpgext'),
               (repeat('x', 64))) v (name);
SELECT throws_ok($$SELECT dynpgext.can_host('dx_nowhere')$$, '58P01', 'there is no library "dx_nowhere"');

CREATE ROLE dx_nobody;
SET ROLE dx_nobody;
SELECT throws_ok($$SELECT dynpgext.can_host('pg_prewarm')$$, '42501', NULL, 'not for everybody');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dynpgext.can_host TO dx_nobody;
SET ROLE dx_nobody;
SELECT isnt_empty($$SELECT dynpgext.can_host('pg_prewarm')$$, 'except with a grant');
RESET ROLE;
DROP OWNED BY dx_nobody;
DROP ROLE dx_nobody;

SELECT * FROM finish();
