--
-- The main errors in full: message, detail and hint.  test/pgtap/errors.sql has their SQLSTATEs.
--
\set SHOW_CONTEXT never
CREATE EXTENSION dynpgext;

-- A name of another extension
SET dx_taken.global = 'some:name';
CREATE EXTENSION dx_taken;
SET dx_bad.allocations = 'some:name:64:global';
CREATE EXTENSION dx_bad;
SET dx_bad.allocations = 'some:name:64:local';
CREATE EXTENSION dx_bad;
DROP EXTENSION dx_taken;

-- Its own name with another size
SET dx_bad.allocations = 'some:name:64:local';
CREATE EXTENSION dx_bad;
SET dx_bad.allocations = 'some:name:65:local';
SELECT dynpgext.unload('dx_bad'), dynpgext.load('dx_bad');
RESET dx_bad.allocations;
DROP EXTENSION dx_bad;

-- The same name twice
SET dx_bad."case" = 'same_twice_other_size';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'worker_twice_other';
CREATE EXTENSION dx_bad;

-- Names
SET dx_bad."case" = 'null_name';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'empty_name';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'name_256';
CREATE EXTENSION dx_bad;

-- Sizes and flags
SET dx_bad."case" = 'size_0';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'flags_unknown_shmem';
CREATE EXTENSION dx_bad;

-- Workers
SET dx_bad."case" = 'null_bgw';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'empty_worker_name';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'missing_function';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'no_shmem_access';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'db_connection_postmaster_start';
CREATE EXTENSION dx_bad;

-- Supervision of workers
SET dx_bad."case" = 'options_small_size';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'options_unknown_tail';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'bad_restart';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'huge_delay';
CREATE EXTENSION dx_bad;
SET dx_bad."case" = 'negative_deadline';
CREATE EXTENSION dx_bad;

-- Too many
SET dx_bad."case" = 'thousand_and_one';
CREATE EXTENSION dx_bad;
RESET dx_bad."case";

-- Libraries; the detail of the first shows both versions
\set VERBOSITY terse
CREATE EXTENSION dx_magic_abi;
\set VERBOSITY default
CREATE EXTENSION dx_no_init;

-- An error of the extension itself arrives unchanged.
SET dx_raise.at = 'between';
CREATE EXTENSION dx_raise;

-- Functions
SELECT dynpgext.load('dx_unknown');
CREATE EXTENSION dx_plain;
SELECT dynpgext.load('dx_plain');
SELECT dynpgext.load('dx_plain', '7');
DROP EXTENSION dx_plain;
SELECT dynpgext.start_worker('dx_unknown', 'worker');
SELECT dynpgext.stop_worker('dx_unknown', repeat('x', 10000));
SELECT dynpgext.configure_worker('dx_unknown', 'worker');
SELECT dynpgext.configure_worker('dx_unknown', NULL);
CREATE EXTENSION dx_worker;
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'sometimes');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '2 days');
SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false);
SELECT dynpgext.start_worker('dx_worker', 'dx local');
DROP EXTENSION dx_worker;
SELECT dynpgext.release('dx_unknown');
SELECT dynpgext.peek('dx_unknown');
SELECT dynpgext.peek('dx_unknown', -8);
SELECT dynpgext.peek('dx_unknown', length => 8589934592);
SELECT dynpgext_internal.adopt_installed_extensions();

-- Nothing is left behind except memory that ending workers have mapped.
SELECT count(*) FROM dynpgext.extensions;
SELECT count(*) FROM dynpgext.allocations WHERE state <> 'draining';
DROP EXTENSION dynpgext;
