-- Extensions that are created and dropped with others: CASCADE of every kind.
\ir include/helpers.sql
SELECT no_plan();

SELECT pg_temp.footprint() AS before \gset
CREATE FUNCTION pg_temp.registered() RETURNS name[] LANGUAGE sql AS $$
  SELECT array_agg(extension ORDER BY extension) FROM dynpgext.extensions WHERE state = 'provisioned'
$$;

-- CREATE EXTENSION ... CASCADE reports one extension, and installs two

CREATE EXTENSION dx_requires CASCADE;
SELECT is(pg_temp.registered(), '{dx_memory,dx_requires}', 'CREATE EXTENSION ... CASCADE provisions both');
SELECT is(dx_read('dx_memory:local') || dx_read('dx_requires:memory'), '', 'the memory of both is there');
SELECT dx_release('dx_memory:local'), dx_release('dx_requires:memory') \g /dev/null

-- DROP EXTENSION, refused and with CASCADE

SELECT throws_ok('DROP EXTENSION dx_memory', '2BP01', NULL, 'without CASCADE it is needed');
SELECT is(pg_temp.registered(), '{dx_memory,dx_requires}', 'and both are as they were');
DROP EXTENSION dx_memory CASCADE;
SELECT is(pg_temp.registered(), NULL, 'DROP EXTENSION ... CASCADE drops both');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

CREATE EXTENSION dx_requires CASCADE;
BEGIN;
DROP EXTENSION dx_memory CASCADE;
SELECT is(pg_temp.registered(), NULL, 'in the transaction both are gone');
ROLLBACK;
SELECT is(pg_temp.registered(), '{dx_memory,dx_requires}', 'a rollback restores both');
SELECT is(dx_read('dx_requires:memory'), '', 'with their memory');
SELECT dx_release('dx_requires:memory') \g /dev/null
DROP EXTENSION dx_requires, dx_memory;
SELECT is(pg_temp.footprint(), :'before', 'two in one command');

-- DROP SCHEMA ... CASCADE

CREATE SCHEMA dx_schema;
CREATE EXTENSION dx_memory SCHEMA dx_schema;
CREATE EXTENSION dx_requires SCHEMA dx_schema;
CREATE EXTENSION dx_old_header SCHEMA dx_schema;
SELECT ok(pg_temp.worker_becomes('dx_old_header', 'dx old header', 'running'), 'a worker runs');
ALTER EXTENSION dx_memory SET SCHEMA public;
SELECT is(pg_temp.registered(), '{dx_memory,dx_old_header,dx_requires}', 'ALTER EXTENSION ... SET SCHEMA changes nothing');
ALTER EXTENSION dx_memory SET SCHEMA dx_schema;
SET client_min_messages = error;
DROP SCHEMA dx_schema CASCADE;
SET client_min_messages = warning;
SELECT is(pg_temp.registered(), NULL, 'DROP SCHEMA ... CASCADE drops all in it');
SELECT ok(pg_temp.eventually($$SELECT pg_temp.processes('dx old header') = 0$$), 'with their workers');
SELECT ok(pg_temp.eventually($$SELECT count(*) = 0 FROM dynpgext.cluster_workers$$), 'in the views, too');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');

-- DROP OWNED

CREATE ROLE dx_creator;
SELECT format('GRANT CREATE ON DATABASE %I TO dx_creator', current_database()) \gexec
CREATE SCHEMA dx_schema AUTHORIZATION dx_creator;
SET ROLE dx_creator;
CREATE EXTENSION dx_trusted SCHEMA dx_schema;
RESET ROLE;
SELECT is(pg_temp.registered(), '{dx_trusted}', 'an extension of a role');
BEGIN;
DROP OWNED BY dx_creator CASCADE;
SELECT is(pg_temp.registered(), NULL, 'DROP OWNED drops it');
ROLLBACK;
SELECT is(pg_temp.registered(), '{dx_trusted}', 'a rollback restores it');
SET client_min_messages = error;
DROP OWNED BY dx_creator CASCADE;
SET client_min_messages = warning;
SELECT is(pg_temp.registered(), NULL, 'and it can be committed');
SELECT is(pg_temp.footprint(), :'before', 'nothing is left');
DROP ROLE dx_creator;

-- An extension that depends on a dropped type or function

CREATE EXTENSION dx_memory;
CREATE VIEW dx_view AS SELECT dx_read('dx_memory:local');
SELECT throws_ok('DROP EXTENSION dx_memory', '2BP01', NULL, 'a view needs it');
SELECT is(dx_read('dx_memory:local'), '', 'its memory is there');
SELECT dx_release('dx_memory:local') \g /dev/null
SET client_min_messages = error;
DROP EXTENSION dx_memory CASCADE;
SET client_min_messages = warning;
SELECT is(pg_temp.footprint(), :'before', 'with CASCADE nothing is left');

SELECT * FROM finish();
