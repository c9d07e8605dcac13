-- The initial content of memory is for its registrant: a script that later registers the same name as
-- a registration by hand gets its own content.
\ir include/helpers.sql
SELECT plan(6);

CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE sql AS
  $$SELECT convert_from(substring(m FOR position('\x00'::bytea IN m) - 1), 'UTF8') FROM dynpgext.peek('dx_declared:state') AS m $$;
\set evil '{"dynpgext": 1, "allocations": [{"name": "dx_declared:state", "size": 64, "initial": "evil"}]}'

CREATE EXTENSION dx_declared VERSION '0.1';
SELECT is(pg_temp.state(), 'hello', 'the content set by the script');
SELECT dynpgext.register('dx_declared', '{"dynpgext": 1}') \g /dev/null
SELECT dynpgext.register('dx_declared', :'evil') \g /dev/null
SELECT is(pg_temp.state(), 'evil', 'registrations by hand');
ALTER EXTENSION dx_declared UPDATE TO '0.2';
SELECT is(pg_temp.state(), 'is kept', 'an update of the script registers it again');
DROP EXTENSION dx_declared;

CREATE EXTENSION dx_declared VERSION '0.1';
BEGIN;
SELECT dynpgext.register('dx_declared', :'evil') \g /dev/null
ALTER EXTENSION dx_declared UPDATE TO '0.2';
COMMIT;
SELECT is(pg_temp.state(), 'is kept', 'also where the memory was the script''s before');
DROP EXTENSION dx_declared;

CREATE EXTENSION dx_declared VERSION '0.1';
BEGIN;
SELECT dynpgext.register('dx_declared', '{"dynpgext": 1}') \g /dev/null
COMMIT;
BEGIN;
SELECT dynpgext.register('dx_declared', :'evil') \g /dev/null
SELECT is(pg_temp.state(), 'evil', 'by hand in a transaction');
ALTER EXTENSION dx_declared UPDATE TO '0.2';
COMMIT;
SELECT is(pg_temp.state(), 'is kept', 'and the script in the same one');
DROP EXTENSION dx_declared;
SELECT * FROM finish();
