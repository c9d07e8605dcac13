-- Shared by the tests; each starts with: \ir include/helpers.sql
--
-- A test is one psql session in autocommit mode, because workers only start and stop at a commit.
-- It leaves the database as it was: with pgtap and dynpgext only.  Everything here is in pg_temp.
-- Nothing waits a fixed time: tests check for events in other processes repeatedly, for up to three
-- minutes.

\set ON_ERROR_STOP 1
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

SET client_min_messages = warning;
SET statement_timeout = '10min';

CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS dynpgext;

-- Repeats the query until its boolean result is true; false at the timeout.  Not limited by
-- statement_timeout, which fires only once, while a statement may wait for several events.
CREATE FUNCTION pg_temp.eventually(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  reached boolean;
  started timestamptz := clock_timestamp();
BEGIN
  LOOP
    PERFORM pg_stat_clear_snapshot();
    EXECUTE query INTO reached;
    IF reached THEN
      RETURN true;
    END IF;
    IF clock_timestamp() - started > INTERVAL '3 min' THEN
      RAISE WARNING 'waited in vain for: %', query;
      RETURN false;
    END IF;
    PERFORM pg_sleep(0.005);  -- lets the awaited process run
  END LOOP;
END $$;

CREATE FUNCTION pg_temp.state_of_worker(of_extension name, of_worker text) RETURNS text
LANGUAGE sql AS $$
  SELECT state FROM dynpgext.workers WHERE extension = of_extension AND name = of_worker
$$;

CREATE FUNCTION pg_temp.pid_of_worker(of_extension name, of_worker text) RETURNS integer
LANGUAGE sql AS $$
  SELECT pid FROM dynpgext.workers WHERE extension = of_extension AND name = of_worker
$$;

CREATE FUNCTION pg_temp.worker_becomes(of_extension name, of_worker text, wanted text) RETURNS boolean
LANGUAGE sql AS $$
  SELECT pg_temp.eventually(
    format('SELECT pg_temp.state_of_worker(%L, %L) = %L', of_extension, of_worker, wanted))
$$;

CREATE FUNCTION pg_temp.state_of_extension(of_extension name) RETURNS text LANGUAGE sql AS $$
  SELECT state FROM dynpgext.extensions WHERE extension = of_extension
$$;

-- The number of this server's processes with the worker's name in their title.  Not from
-- pg_stat_activity, which does not show workers without a connection to a database.
CREATE FUNCTION pg_temp.processes(of_worker text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  postmaster text := split_part(pg_read_file('postmaster.pid'), E'\n', 1);
  title bytea := convert_to('postgres: ' || of_worker || ' ', 'UTF8');
  child text;
  found bigint := 0;
BEGIN
  FOREACH child IN ARRAY
    string_to_array(trim(pg_read_file(format('/proc/%1$s/task/%1$s/children', postmaster))), ' ')
  LOOP
    BEGIN
      IF position(title IN pg_read_binary_file(format('/proc/%s/cmdline', child), 0, 1000, true)) = 1 THEN
        found := found + 1;
      END IF;
    EXCEPTION WHEN internal_error THEN  -- ESRCH: it has ended meanwhile
      NULL;
    END;
  END LOOP;
  RETURN found;
END $$;

-- The usable allocations, as one line of text: "name scope size ..., ...".
CREATE FUNCTION pg_temp.memory_of(of_extension name) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(name || ' ' || scope || ' ' || size, ', ' ORDER BY name)
    FROM dynpgext.allocations WHERE extension = of_extension AND state = 'allocated'
$$;

-- Everything that dynpgext has registered and taken; equal before and after something that is undone.
CREATE FUNCTION pg_temp.footprint() RETURNS text LANGUAGE sql AS $$
  SELECT format('%s bytes, %s allocations, %s workers; registered %s extensions, %s allocations, %s workers; %s states, %s published',
                s.memory_used, s.allocations, s.workers,
                (SELECT count(*) FROM dynpgext.registered_extension),
                (SELECT count(*) FROM dynpgext.registered_allocation),
                (SELECT count(*) FROM dynpgext.registered_worker),
                (SELECT count(*) FROM dynpgext_internal.live_extensions()),
                (SELECT count(*) FROM dynpgext_internal.published_allocations())
                  + (SELECT count(*) FROM dynpgext_internal.published_workers()))
    FROM dynpgext.status s
$$;

-- The query's result as text, or its error: 'SQLSTATE message'.
CREATE FUNCTION pg_temp.result_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE query INTO result;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ' ' || sqlerrm;
END $$;

-- Workers dropped by the previous test may still be ending, with their memory.
SELECT pg_temp.eventually('SELECT NOT EXISTS (SELECT FROM dynpgext.cluster_workers)
                              AND NOT EXISTS (SELECT FROM dynpgext.cluster_allocations)') \g /dev/null
