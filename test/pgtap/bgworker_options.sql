-- register_bgworker_with: an author's options for supervising a worker.  Valid options are in the
-- catalog and in the views; with an invalid one, everything is refused.
\ir include/helpers.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.set_case(text) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('dx_bad.case', $1, false)
$$;

-- Refused, without a trace: no extension, no memory, no worker, no row, no event.
CREATE FUNCTION pg_temp.refused(in_case text, code text, message text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  before text := pg_temp.footprint();
  recorded bigint := count(*) FROM dynpgext.events WHERE extension = 'dx_bad';
BEGIN
  PERFORM pg_temp.set_case(in_case);
  RETURN NEXT throws_ok('CREATE EXTENSION dx_bad', code, message, in_case || ': refused');
  RETURN NEXT is(pg_temp.footprint(), before, in_case || ': nothing is left behind');
  RETURN NEXT is(count(*), recorded, in_case || ': nothing is recorded')
         FROM dynpgext.events WHERE extension = 'dx_bad';
  PERFORM pg_temp.set_case('');
  DROP EXTENSION IF EXISTS dx_bad;
END $$;

-- The content of dynpgext.registered_worker, as "restart delay deadline"; and the policy in the
-- views.
CREATE FUNCTION pg_temp.accepted(in_case text, options text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  policy text := split_part(options, ' ', 1);
BEGIN
  PERFORM pg_temp.set_case(in_case);
  CREATE EXTENSION dx_bad;
  PERFORM pg_temp.set_case('');
  RETURN NEXT results_eq(
    $q$SELECT concat_ws(' ', restart, restart_delay, deadline) FROM dynpgext.registered_worker WHERE extension = 'dx_bad'$q$,
    ARRAY[options], in_case || ': what the catalog has');
  RETURN NEXT is(restart, policy, in_case || ': what dynpgext.workers shows before the commit')
         FROM dynpgext.workers WHERE extension = 'dx_bad';
  DROP EXTENSION dx_bad;
END $$;

-- Refused

SELECT pg_temp.refused('options_size_0', '22023', 'extension "dx_bad", background worker "dx bad": options of 0 bytes');
SELECT pg_temp.refused('options_small_size', '22023', 'extension "dx_bad", background worker "dx bad": options of 11 bytes');
-- no header has ever had fewer members
SELECT pg_temp.refused('options_up_to_restart', '22023', 'extension "dx_bad", background worker "dx bad": options of 12 bytes');
SELECT pg_temp.refused('options_up_to_delay', '22023', 'extension "dx_bad", background worker "dx bad": options of 24 bytes');
SELECT pg_temp.refused('options_cut', '22023', 'extension "dx_bad", background worker "dx bad": options of 17 bytes');
SELECT pg_temp.refused('options_unknown_tail', '22023',
  'extension "dx_bad", background worker "dx bad": options that this version of dynpgext does not know');
SELECT pg_temp.refused('bad_restart', '22023',
  'extension "dx_bad", background worker "dx bad": restart policy 3 is not possible');
SELECT pg_temp.refused('negative_restart', '22023',
  'extension "dx_bad", background worker "dx bad": restart policy -1 is not possible');
SELECT pg_temp.refused('negative_delay', '22023',
  'extension "dx_bad", background worker "dx bad": restart_delay of -1 ms is out of range');
SELECT pg_temp.refused('huge_delay', '22023',
  'extension "dx_bad", background worker "dx bad": restart_delay of 86400001 ms is out of range');
SELECT pg_temp.refused('negative_deadline', '22023',
  'extension "dx_bad", background worker "dx bad": deadline of -1 ms is out of range');
SELECT pg_temp.refused('huge_deadline', '22023',
  'extension "dx_bad", background worker "dx bad": deadline of 9223372036854775807 ms is out of range');
SELECT pg_temp.refused('options_null_bgw', '22004', 'extension "dx_bad" registers a background worker that is NULL');
SELECT pg_temp.refused('options_bad_second', '22023',
  'extension "dx_bad", background worker "dx bad": restart_delay of -1 ms is out of range');
SELECT pg_temp.refused('options_twice_other', '42710',
  'extension "dx_bad" registers background worker "dx bad" twice with different definitions');

-- Valid

SELECT pg_temp.accepted('null_callback', 'never 1000 0');  -- by register_bgworker
SELECT pg_temp.accepted('null_options', 'never 1000 0');
SELECT pg_temp.accepted('options_defaults', 'never 1000 0');
SELECT pg_temp.accepted('options_on_failure', 'on_failure 1000 0');
SELECT pg_temp.accepted('options_all', 'always 2000 3000');
SELECT pg_temp.accepted('options_longest', 'always 86400000 86400000');
SELECT pg_temp.accepted('options_larger_zero', 'always 2000 3000');
SELECT pg_temp.accepted('options_twice_same', 'always 2000 3000');
SELECT pg_temp.accepted('options_twice_defaults', 'never 1000 0');

-- After the commit it runs with these options, and a reload finds nothing to do.

SELECT pg_temp.set_case('options_on_failure') \g /dev/null
CREATE EXTENSION dx_bad;
SELECT ok(pg_temp.worker_becomes('dx_bad', 'dx bad', 'running'), 'it runs');
SELECT results_eq(format('SELECT restart, next_start_at, stale FROM dynpgext.%I WHERE extension = %L', view, 'dx_bad'),
  $$VALUES ('on_failure', NULL::timestamptz, false)$$, 'under the policy of its author, as ' || view || ' shows')
  FROM unnest(ARRAY['workers', 'cluster_workers']) view;
SELECT is_empty('SELECT * FROM dynpgext.reload()', 'a reload has nothing to do');

-- Loaded again with other options, and rolled back.

SELECT pg_temp.pid_of_worker('dx_bad', 'dx bad') AS pid \gset
SELECT pg_temp.set_case('options_longest') \g /dev/null
BEGIN;
SELECT dynpgext.unload('dx_bad'), dynpgext.load('dx_bad') \g /dev/null
SELECT is(concat_ws(' ', restart, restart_delay, deadline), 'always 86400000 86400000', 'loaded again it has other options')
  FROM dynpgext.registered_worker WHERE extension = 'dx_bad';
ROLLBACK;
SELECT is(restart, 'on_failure', 'and after a rollback those it had') FROM dynpgext.workers WHERE extension = 'dx_bad';
SELECT is(pg_temp.pid_of_worker('dx_bad', 'dx bad'), :pid, 'as the same process');
DROP EXTENSION dx_bad;

-- The tables accept no other policy from any role.

BEGIN;
ALTER TABLE dynpgext.registered_worker DROP CONSTRAINT may_write;
SELECT throws_ok($$INSERT INTO dynpgext.registered_worker VALUES ('x', 'y', '', 'database', 'l', 'f', 1, 2, false, false, '', 0, 'sometimes', 0, 0, 'both', false, false, 'shared')$$,
  '23514', NULL, 'registered_worker has no other policies');
ROLLBACK;
SELECT throws_ok(format(
  $$INSERT INTO dynpgext.registered_worker VALUES ('x', 'y', '', 'database', 'l', 'f', 1, 2, false, false, '', 0, %s)$$, v),
  '23502', NULL, 'nor NULL in ' || v)
  FROM unnest(ARRAY['NULL, 0, 0', $$'never', NULL, 0$$, $$'never', 0, NULL$$]) v;

SELECT pg_temp.set_case('') \g /dev/null
SELECT is_empty('SELECT * FROM dynpgext.extensions', 'all are gone');
SELECT * FROM finish();
