-- dynpgext's tables in this database are newer than the library of this process.  The library refuses
-- to read or write them, changes nothing, and works again when the tables are of a known version.
\ir include/helpers.sql
SELECT plan(13);

CREATE EXTENSION dx_worker;
SELECT ok(pg_temp.eventually($$SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running'$$), 'two workers run');

-- changes as by ALTER EXTENSION dynpgext UPDATE: the version, and a function that came with it
CREATE FUNCTION pg_temp.refuses(command text, what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  UPDATE pg_extension SET extversion = '99.1' WHERE extname = 'dynpgext';
  EXECUTE command;
  RAISE 'not refused';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  RETURN matches(SQLERRM, '^extension "dynpgext" of this database has version 99.1, this process runs the library of version [0-9.]+$', what);
END $$;
SELECT pg_temp.refuses('SELECT * FROM dynpgext.reload()', 'reload');
SELECT pg_temp.refuses('CREATE EXTENSION dx_memory', 'CREATE EXTENSION');
SELECT pg_temp.refuses('DROP EXTENSION dx_worker', 'DROP EXTENSION');
SELECT pg_temp.refuses($$SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false)$$, 'configure_worker');
SELECT pg_temp.refuses($$SELECT dynpgext.register('dx_worker', '{"dynpgext": 1}')$$, 'register');
SELECT pg_temp.refuses($$SELECT dynpgext.unload('dx_worker')$$, 'unload');
SELECT pg_temp.refuses('ALTER EXTENSION dx_worker UPDATE', 'an update of an extension');

BEGIN;
CREATE FUNCTION pg_temp.status(OUT version text, OUT preloaded boolean, OUT launcher_pid integer, OUT memory_used bigint, OUT memory_limit bigint,
    OUT databases bigint, OUT allocations bigint, OUT workers bigint, OUT a text, OUT b text, OUT c text, OUT d text, OUT e text, OUT f text)
RETURNS SETOF record LANGUAGE C AS '$libdir/dynpgext', 'dynpgext_status';
SELECT throws_ok('SELECT * FROM pg_temp.status()', '55000', NULL, 'a function with columns that the library does not know');
CREATE FUNCTION pg_temp.short_status(OUT version text, OUT preloaded boolean)
RETURNS SETOF record LANGUAGE C AS '$libdir/dynpgext', 'dynpgext_status';
SELECT is(version, dynpgext.version(), 'one that lacks columns works') FROM pg_temp.short_status();
ROLLBACK;

SELECT is_empty('SELECT * FROM dynpgext.reload()', 'all is well afterwards');
-- the DROP has stopped them before it was refused
SELECT ok(pg_temp.eventually($$SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running'$$), 'the workers run');
DROP EXTENSION dx_worker;
SELECT pass('and can be dropped');
