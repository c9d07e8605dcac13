# SQL workers share a process of a superuser's: a command cannot become another role than its own, not
# even after its commit, and nothing of one command reaches the next.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', wal_level => 'replica');
add_database($node, 'one', qw(dynpgext));
value($node, 'one', q(
    CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE owner LOGIN;
    CREATE SCHEMA app AUTHORIZATION app; CREATE SCHEMA tools;
    CREATE EXTENSION dx_plain SCHEMA tools; CREATE EXTENSION dx_sql_only;
    GRANT USAGE ON SCHEMA tools TO app, other;
    CREATE TABLE public.seen (what text, who text DEFAULT current_user);
    GRANT INSERT, SELECT ON public.seen TO PUBLIC;
));
# what the owner of app prepares for the moment in which it is not looked at
value($node, 'one', q(
    SET ROLE app;
    CREATE FUNCTION app.note(what text) RETURNS integer LANGUAGE plpgsql AS $f$
    BEGIN
        INSERT INTO public.seen VALUES (what);
        BEGIN EXECUTE 'ALTER ROLE app SUPERUSER'; INSERT INTO public.seen VALUES (what || ': escaped');
        EXCEPTION WHEN OTHERS THEN INSERT INTO public.seen VALUES (what || ': ' || sqlstate); END;
        BEGIN EXECUTE 'RESET ROLE'; INSERT INTO public.seen VALUES (what || ': escaped');
        EXCEPTION WHEN OTHERS THEN INSERT INTO public.seen VALUES (what || ': ' || sqlstate); END;
        RETURN 1;
    END $f$;
    CREATE FUNCTION app.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM app.note(TG_ARGV[0]); RETURN NULL; END';
    CREATE TABLE app.deferred (n integer);
    CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.deferred DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION app.on_row('deferred trigger');
    CREATE PROCEDURE app.commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
    CREATE FUNCTION app.becomes() RETURNS name LANGUAGE sql SET role = 'other' AS 'SELECT current_user';
));

my $number = 0;

# Runs a command once; its error, or ''.
sub error_in_worker {
    my ($sql, %with) = @_;
    my $extension = delete $with{extension} // 'dx_plain';
    my $name = 'once ' . ++$number;
    register_sql_workers($node, 'one', $extension, { name => $name, sql => $sql, interval => 3600_000, run_as => 'app', %with });
    command_is($node, 'one', $name, 'runs = 1') or return 'did not run: ' . command_row($node, 'one', $name);
    return value($node, 'one', "SELECT last_error FROM dynpgext.commands WHERE worker = '$name'");
}

sub seen { return value($node, 'one', q(SELECT string_agg(DISTINCT what || ' as ' || who, '; ' ORDER BY what || ' as ' || who) FROM seen)) }

sub runs_and_sees {
    my ($sql, $expected, $test, %with) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    value($node, 'one', 'TRUNCATE seen');
    my $error = error_in_worker($sql, %with);
    is($error ne '' ? $error : seen(), $expected, $test);
    return;
}

subtest 'who it is' => sub {
    runs_and_sees('INSERT INTO public.seen VALUES (1)', '1 as app', 'the role that it is told to be');
    runs_and_sees('INSERT INTO public.seen VALUES (1)', '1 as ' . value($node, 'one', 'SELECT current_user'), 'a superuser who is named', run_as => value($node, 'one', 'SELECT current_user'));
    my $parallel = value($node, 'one', q(SELECT CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END));
    runs_and_sees("SET $parallel = on; CREATE TEMP TABLE u AS SELECT current_user AS u; INSERT INTO public.seen SELECT 1, u FROM u", '1 as app', 'also in its parallel workers');
};

subtest 'it cannot become another one' => sub {
    for my $sql ('SET ROLE postgres', 'SET ROLE NONE', 'RESET ROLE', 'SET LOCAL ROLE other', 'SET SESSION AUTHORIZATION postgres',
        'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION', q(SELECT set_config('role', 'postgres', false)),
        q(SELECT set_config('session_authorization', 'postgres', true)), q(DO $$ BEGIN EXECUTE 'SET ROLE other'; END $$),
        'SELECT app.becomes()', 'SELECT 1; RESET ROLE; ALTER ROLE app SUPERUSER') {
        like(error_in_worker($sql), qr/^42501: cannot set parameter "(role|session_authorization)" within security-definer function/, $sql);
    }
    for my $sql ('ALTER ROLE app SUPERUSER', q(COPY (SELECT 1) TO PROGRAM 'true'), 'SELECT pg_terminate_backend(pg_backend_pid())',
        'SELECT pg_cancel_backend(pg_backend_pid())', q(ALTER SYSTEM SET work_mem = '1GB')) {
        like(error_in_worker($sql), qr/^(42501|25001): /, $sql);
    }
    value($node, 'one', q(ALTER ROLE app SET role = 'postgres'; ALTER ROLE app SET session_authorization = 'postgres'));
    runs_and_sees('INSERT INTO public.seen VALUES (1)', '1 as app', 'nor by settings of its role');
    value($node, 'one', 'ALTER ROLE app RESET ALL');
};

subtest 'nor after its commit' => sub {
    my $refused = 'TEST as app; TEST: 42501 as app';
    (my $deferred = $refused) =~ s/TEST/deferred trigger/g;
    (my $cursor = $refused) =~ s/TEST/held cursor/g;
    runs_and_sees('INSERT INTO app.deferred VALUES (1)', $deferred, 'in a deferred trigger');
    runs_and_sees(q(DECLARE c CURSOR WITH HOLD FOR SELECT app.note('held cursor')), $cursor, 'in a cursor that is held');
    runs_and_sees(q(DECLARE c CURSOR WITH HOLD FOR SELECT app.note('held cursor') FROM generate_series(1, 3); INSERT INTO app.deferred VALUES (1)),
        "$deferred; $cursor", 'in both');
    is(value($node, 'one', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'app')), 'f', 'it is no superuser');
};

subtest 'its transaction is not its own' => sub {
    for my $sql ('BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', q(PREPARE TRANSACTION 'x'), 'INSERT INTO public.seen VALUES (1); COMMIT; SELECT 1') {
        like(error_in_worker($sql), qr/^2D000: /, $sql);
    }
    like(error_in_worker('CALL app.commits()'), qr/^2D000: /, 'a procedure that commits');
    like(error_in_worker('DO $$ BEGIN COMMIT; END $$'), qr/^2D000: /, 'a block that commits');
    like(error_in_worker('VACUUM public.seen'), qr/^25001: /, 'VACUUM');
    like(error_in_worker('DISCARD ALL'), qr/^25001: /, 'DISCARD ALL');
    like(error_in_worker('COPY public.seen FROM STDIN'), qr/^0A000: /, 'COPY from a client');
    like(error_in_worker('LISTEN x'), qr/^0A000: /, 'LISTEN');
    like(error_in_worker('UNLISTEN *'), qr/^0A000: /, 'UNLISTEN');
};

subtest 'names are found where its extension is' => sub {
    value($node, 'one', q(CREATE FUNCTION public.abs(text) RETURNS text LANGUAGE sql AS 'SELECT ''hijacked'''; CREATE TABLE tools.mine AS SELECT 'mine' AS m; GRANT SELECT ON tools.mine TO PUBLIC));
    like(error_in_worker(q(SELECT abs('x'::text))), qr/^42883: /, 'not in public');
    like(error_in_worker('SELECT * FROM seen'), qr/^42P01: /, 'nor are tables');
    runs_and_sees('INSERT INTO public.seen SELECT m FROM mine', 'mine as app', 'but in the schema of the extension');
    runs_and_sees(q(INSERT INTO public.seen VALUES (current_setting('search_path'))), 'pg_catalog, tools, pg_temp as app', 'which is all that is searched');
};

# What the next command, of another extension and role, finds; the first one ends in $end.
my $leaves = q(
    SET work_mem = '64MB'; SET search_path = public; SET dx.leftover = 'x'; SET statement_timeout = '1h'; SET application_name = 'mine';
    SET default_transaction_read_only = on; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;
    SELECT setseed(0.25); SELECT pg_advisory_lock(4711);
    CREATE TEMP TABLE leftover AS SELECT 1 AS n; CREATE FUNCTION pg_temp.leftover() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    PREPARE leftover AS SELECT 1; DECLARE leftover CURSOR WITH HOLD FOR SELECT 1;);
# setseed() holds for a session: what random() says then is the same in each
my $predicted = value($node, 'one', 'SELECT random() FROM (SELECT setseed(0.25)) AS s');
my $finds = q(INSERT INTO public.seen SELECT format('%s %s %s %s %s %s %s: %s temporary, %s prepared, %s cursors, %s locks, %s',
    current_setting('work_mem'), current_setting('search_path'), COALESCE(NULLIF(current_setting('dx.leftover', true), ''), 'none'),
    current_setting('statement_timeout'), current_setting('application_name'), current_setting('transaction_read_only'), current_setting('transaction_isolation'),
    (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()) + (SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()),
    (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors),
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
    CASE WHEN random() = PREDICTED THEN 'predicted' ELSE 'random' END)) =~ s/PREDICTED/$predicted/r;

subtest 'nothing of it is left for the next one' => sub {
    value($node, 'one', 'GRANT TEMPORARY ON DATABASE one TO app');
    my $pid = runner_pid($node, 'one');
    for my $end ('', 'SELECT 1 / 0;', q(SET LOCAL work_mem = '32MB'; INSERT INTO app.deferred VALUES (1);)) {
        value($node, 'one', 'TRUNCATE seen');
        my $name = 'leaver ' . ++$number;
        my $left = $leaves . $end;
        # both at once, so that the same process runs both
        register_sql_workers($node, 'one', 'dx_plain',
            { name => 'anchor', sql => 'SELECT 1', interval => 3600_000 },
            { name => $name, sql => $left, run_as => 'app', interval => 3600_000 });
        ok(command_is($node, 'one', $name, 'runs = 1 AND failures = ' . ($end =~ m{/} ? 1 : 0)), "one that ends in '$end'") or diag(command_row($node, 'one', $name));
        register_sql_workers($node, 'one', 'dx_sql_only', { name => $name, sql => $finds, run_as => 'other', interval => 3600_000 });
        ok(command_is($node, 'one', $name, 'runs >= 1'), 'the other runs');
        like(value($node, 'one', q(SELECT what FROM public.seen WHERE who = 'other')),
            qr/^4MB pg_catalog, public, pg_temp none 0 dynpgext: dx_sql_only\/\Q$name\E off read committed: 0 temporary, 0 prepared, 0 cursors, 0 locks, random$/, 'and finds nothing');
        is(runner_pid($node, 'one'), value($node, 'one', "SELECT pid FROM dynpgext.commands WHERE worker = 'anchor'"), 'in the same process');
    }
};

# What it holds for the session of another server, or of this one, as somebody else.
subtest 'nor does a connection to elsewhere go on as another role' => sub {
    value($node, 'one', 'CREATE EXTENSION dblink; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app');
    my $to = $node->connstr('one') =~ s/'/''/gr;
    register_sql_workers($node, 'one', 'dx_sql_only',
        { name => 'opens', sql => "SELECT public.dblink_connect('remote', '$to')", channel => 'opens' },
        { name => 'uses', sql => q(SELECT public.dblink_exec('remote', 'INSERT INTO seen VALUES ($$mine$$)')), channel => 'uses' },
        { name => 'uses it, too', sql => q(SELECT public.dblink_exec('remote', 'INSERT INTO seen VALUES ($$stolen$$)')), channel => 'uses', run_as => 'app' });
    ok(command_is($node, 'one', 'opens', 'runs > 0 AND failures = 0'), 'one opens it');
    ok(command_is($node, 'one', $_, 'runs > 0'), "$_: it runs") for 'uses', 'uses it, too';
    like(value($node, 'one', q(SELECT last_error FROM dynpgext.commands WHERE worker = 'uses it, too')), qr/^(08|XX|2F|F0)...: /, 'another role does not use it');
    is(value($node, 'one', q(SELECT count(*) FROM seen WHERE what = 'stolen')), 0, 'nothing was done by it');
    # the same role keeps it
    register_sql_workers($node, 'one', 'dx_sql_only',
        { name => 'opens', sql => "SELECT public.dblink_connect('kept', '$to')", channel => 'opens' },
        { name => 'uses', sql => q(SELECT public.dblink_exec('kept', 'INSERT INTO seen VALUES ($$kept$$)')), interval => 50 });
    ok($node->poll_query_until('one', q(SELECT count(*) > 1 FROM seen WHERE what = 'kept')), 'the same role goes on with it');
    register_sql_workers($node, 'one', 'dx_sql_only',
        { name => 'slot', sql => q(SELECT pg_create_physical_replication_slot('dx_left', true, true)), channel => 'x' });
    ok(command_is($node, 'one', 'slot', 'runs > 0 AND failures = 0'), 'a temporary replication slot');
    ok($node->poll_query_until('one', 'SELECT count(*) = 0 FROM pg_replication_slots'), 'goes with its command');
};

subtest 'settings of its role hold for it alone' => sub {
    # What ran before has ended, and its process: one that is restarted would write into the table, too.
    # The next process sees what is said of the database now.
    register_sql_workers($node, 'one', $_) for qw(dx_plain dx_sql_only);
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers), 0, 'no worker is left');
    becomes($node, 'one', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql'), 0, 'nor its process');
    value($node, 'one', q(ALTER ROLE app SET work_mem = '77MB'; ALTER ROLE app SET maintenance_work_mem = '66MB'; ALTER ROLE app IN DATABASE one SET work_mem = '78MB';
        ALTER ROLE app SET default_transaction_isolation = 'repeatable read'; ALTER ROLE app SET search_path = 'public';
        ALTER DATABASE one SET temp_buffers = '1MB'; ALTER ROLE ALL SET extra_float_digits = 2));
    my $sql = q(INSERT INTO public.seen SELECT concat_ws(' ', current_setting('work_mem'), current_setting('maintenance_work_mem'), current_setting('transaction_isolation'),
        current_setting('search_path'), current_setting('temp_buffers'), current_setting('extra_float_digits')));
    runs_and_sees($sql, '78MB 66MB repeatable read pg_catalog, tools, pg_temp 1MB 2 as app', 'those of the role, of the role here, of the database');
    runs_and_sees($sql, '4MB 64MB read committed pg_catalog, tools, pg_temp 1MB 2 as other', 'and not those of another role', run_as => 'other');
    value($node, 'one', 'ALTER ROLE app SET default_transaction_read_only = on');
    like(error_in_worker('INSERT INTO public.seen VALUES (1)'), qr/^25006: /, 'read-only, if its role is');
};

$node->stop;
done_testing();
