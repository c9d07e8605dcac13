# The process of an SQL worker is like a session of its role: there are no other rights to escape to. The
# workers of a role share it; no command leaves anything for the next one, or for another role.
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
# functions with which the owner of app tries to gain rights whenever they are called
value($node, 'one', q(
    SET ROLE app;
    CREATE FUNCTION app.note(what text) RETURNS integer LANGUAGE plpgsql AS $f$
    BEGIN
        INSERT INTO public.seen VALUES (what);
        BEGIN EXECUTE 'ALTER ROLE app SUPERUSER'; INSERT INTO public.seen VALUES (what || ': escaped');
        EXCEPTION WHEN OTHERS THEN INSERT INTO public.seen VALUES (what || ': ' || sqlstate); END;
        BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'ALTER ROLE app SUPERUSER'; INSERT INTO public.seen VALUES (what || ': escaped');
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

# Runs a command once; returns its error, or ''.
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
    my $found = $error ne '' ? $error : seen();
    ref $expected ? like($found, $expected, $test) : is($found, $expected, $test);
    return;
}

my $superuser = value($node, 'one', 'SELECT current_user');
my $sees_who = q(INSERT INTO public.seen VALUES (session_user || ' ' || current_setting('is_superuser') || ' ' || current_setting('role')));

subtest 'its role' => sub {
    runs_and_sees($sees_who, 'app off none as app', 'the given role, also for the server');
    is(value($node, 'one', q(SELECT string_agg(usename, ', ') FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')), 'app', 'as which its process has connected');
    runs_and_sees($sees_who, "$superuser on none as $superuser", 'a superuser who is named', run_as => $superuser);
    my $parallel = value($node, 'one', q(SELECT CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END));
    runs_and_sees("SET $parallel = on; CREATE TEMP TABLE u AS SELECT current_user AS u; INSERT INTO public.seen SELECT 1, u FROM u", '1 as app', 'also in its parallel workers');
};

subtest 'it cannot become another role' => sub {
    for my $sql ("SET ROLE $superuser", 'SET LOCAL ROLE other', "SET SESSION AUTHORIZATION $superuser", "SELECT set_config('role', '$superuser', false)",
        "SELECT set_config('session_authorization', '$superuser', true)", q(DO $$ BEGIN EXECUTE 'SET ROLE other'; END $$),
        'SELECT app.becomes()', 'SELECT 1; RESET ROLE; ALTER ROLE app SUPERUSER', 'RESET SESSION AUTHORIZATION; ALTER ROLE app SUPERUSER',
        'ALTER ROLE app SUPERUSER', q(COPY (SELECT 1) TO PROGRAM 'true'), 'SELECT pg_terminate_backend(pg_backend_pid())',
        'SELECT pg_cancel_backend(pg_backend_pid())', q(ALTER SYSTEM SET work_mem = '1GB')) {
        like(error_in_worker($sql), qr/^(42501|25001): /, $sql);
        like(error_in_worker($sql, atomic => 0), qr/^42501: /, "$sql, not atomic");
    }
    value($node, 'one', "ALTER ROLE app SET role = '$superuser'; ALTER ROLE app SET session_authorization = '$superuser'");
    runs_and_sees($sees_who, 'app off none as app', 'nor by settings of its role');
    value($node, 'one', 'GRANT other TO app; ALTER ROLE app SET role = other');
    runs_and_sees($sees_who, 'app off none as app', 'their role cannot be chosen by them');
    runs_and_sees("SET ROLE other; $sees_who", 'app off other as other', 'but for its command, of one that it may become');
    runs_and_sees($sees_who, 'app off none as app', 'while it runs');
    value($node, 'one', 'REVOKE other FROM app; ALTER ROLE app RESET ALL');
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

my @controls = ('BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', q(PREPARE TRANSACTION 'x'), 'INSERT INTO public.seen VALUES (1); COMMIT; SELECT 1');
my @not_for_it = ([ 'COPY public.seen FROM STDIN', qr/^0A000: / ], [ 'COPY public.seen TO STDOUT', qr/^0A000: / ], [ 'LISTEN x', qr/^0A000: / ], [ 'UNLISTEN *', qr/^0A000: / ], [ 'DISCARD ALL', qr/^0A000: / ]);

subtest 'it cannot end its transaction' => sub {
    value($node, 'one', 'ALTER TABLE public.seen OWNER TO app; TRUNCATE seen');
    my $offset = log_offset($node);
    like(error_in_worker($_), qr/^2D000: /, $_) for @controls;
    like(error_in_worker('CALL app.commits()'), qr/^2D000: /, 'a procedure that commits');
    like(error_in_worker('DO $$ BEGIN COMMIT; END $$'), qr/^2D000: /, 'a block that commits');
    like(error_in_worker('VACUUM public.seen'), qr/^25001: /, 'VACUUM');
    like(error_in_worker('INSERT INTO public.seen VALUES (1); VACUUM public.seen'), qr/^25001: /, 'VACUUM after something else');
    is((() = slurp_file($node->logfile, $offset) =~ /HINT:  With "atomic": false each statement has a transaction of its own\./g), 10, 'the log has a hint each time');
    like(error_in_worker($$_[0]), $$_[1], $$_[0]) for @not_for_it;
    is(seen(), '', 'and nothing was done by any of them');
};

subtest 'unless it is not atomic' => sub {
    my %not = (atomic => 0);
    like(error_in_worker($_, %not), qr/^2D000: /, $_) for @controls;
    like(error_in_worker($$_[0], %not), $$_[1], $$_[0]) for @not_for_it;
    is(seen(), '1 as app', 'earlier statements than the failed one have been committed');
    value($node, 'one', 'TRUNCATE seen; CREATE PROCEDURE app.in_parts() LANGUAGE plpgsql AS $f$ BEGIN
        INSERT INTO public.seen VALUES (txid_current()); COMMIT; INSERT INTO public.seen VALUES (txid_current()); ROLLBACK; INSERT INTO public.seen VALUES (txid_current());
        END $f$');
    is(error_in_worker('CALL app.in_parts()', %not), '', 'a procedure that commits');
    is(value($node, 'one', 'SELECT count(DISTINCT what) FROM seen'), 2, 'its committed changes exist, its rolled-back ones do not');
    is(error_in_worker('DO $$ BEGIN COMMIT; END $$', %not), '', 'a block that commits');
    is(error_in_worker($_, %not), '', $_) for 'VACUUM (ANALYZE) public.seen', 'VACUUM public.seen; VACUUM public.seen', 'REINDEX TABLE CONCURRENTLY public.seen',
      '-- nothing', ';;';
    ok($node->poll_query_until('one', q(SELECT vacuum_count >= 3 FROM pg_stat_user_tables WHERE relname = 'seen')), 'it was vacuumed');
    runs_and_sees('INSERT INTO public.seen VALUES (1); SELECT 1 / 0; INSERT INTO public.seen VALUES (2)', '22012: division by zero', 'an error ends it', %not);
    is(seen(), '1 as app', 'each statement has its own transaction');
    runs_and_sees(q(SET search_path = public; INSERT INTO seen VALUES (current_setting('search_path'))), 'public as app', 'and the settings of the one before', %not);
    my $path = q(INSERT INTO public.seen VALUES (current_setting('search_path') || ' ' || current_setting('application_name')));
    runs_and_sees("$path; CALL app.commits(); $path", qr{^pg_catalog, tools, pg_temp dynpgext: dx_plain/once \d+ as app$}, 'its own outlive a commit', %not);
    # a command that catches its cancellation
    configure($node, 'one', 'dynpgext.stop_timeout' => '200ms');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'goes on', interval => 3600_000, run_as => 'app', deadline => 50, restart => 'never', %not,
        sql => q(DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$) });
    ok(command_is($node, 'one', 'goes on', q(state = 'failed' AND failures = 1 AND last_error = '57014: the command went on after its deadline, and was ended with its process')), 'a command that continues after its deadline ends with its process')
      or diag(command_row($node, 'one', 'goes on'));
    configure($node, 'one', 'dynpgext.stop_timeout' => '10s');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'slow', sql => 'SELECT pg_sleep(60); INSERT INTO public.seen VALUES (1)', interval => 3600_000, run_as => 'app', deadline => 50, %not });
    ok(command_is($node, 'one', 'slow', q(last_error = '57014: canceling a command that runs longer than its deadline of 50 ms')), 'a deadline holds for all of it');
    # none of these waits for the end of a sleep except the last one, whose two statements together exceed the
    # timeout
    value($node, 'one', q(ALTER ROLE app SET statement_timeout = '200ms'));
    like(error_in_worker('SELECT pg_sleep(60)', %not), qr/^57014: canceling statement due to statement timeout/, 'statement_timeout');
    value($node, 'one', q(ALTER ROLE app SET statement_timeout = '4s'));
    is(error_in_worker('SELECT pg_sleep(2.1); SELECT pg_sleep(2.1)', %not), '', 'for each of its statements');
    value($node, 'one', 'ALTER ROLE app RESET ALL; ALTER TABLE public.seen OWNER TO CURRENT_USER; GRANT INSERT, SELECT ON public.seen TO PUBLIC');
};

subtest 'statements are logged like those of sessions' => sub {
    my $offset = log_offset($node);
    value($node, 'one', q(ALTER ROLE app SET log_statement = 'mod'));
    is(error_in_worker('INSERT INTO public.seen VALUES (4711)'), '', 'one that writes');
    ok($node->wait_for_log(qr/LOG:  statement: INSERT INTO public\.seen VALUES \(4711\)/, $offset), 'log_statement');
    value($node, 'one', q(ALTER ROLE app SET log_min_duration_statement = 0));
    is(error_in_worker('SELECT 4712'), '', 'one that reads');
    ok($node->wait_for_log(qr/LOG:  duration: [\d.]+ ms  statement: SELECT 4712/, $offset), 'log_min_duration_statement');
    unlike(slurp_file($node->logfile, $offset), qr/LOG:  statement: SELECT 4712/, 'and only that');
    $offset = log_offset($node);
    is(error_in_worker("SELECT 4713;\n SELECT 4714", atomic => 0), '', 'one that is not atomic');
    ok($node->wait_for_log(qr/LOG:  duration: [\d.]+ ms  statement: SELECT $_$/m, $offset), "SELECT $_ has a duration of its own") for 4713, 4714;
    value($node, 'one', 'ALTER ROLE app RESET ALL');
};

# A role that may create objects in a schema decides the meaning of its operators and functions.
subtest 'schemas where other roles may create objects are not searched' => sub {
    my $path = q(INSERT INTO public.seen VALUES (current_setting('search_path')));
    my $only = 'pg_catalog, pg_temp';
    my $offset = log_offset($node);
    my $warned = sub { return scalar(() = slurp_file($node->logfile, $offset) =~ /WARNING:  the command of SQL worker "once \d+" of extension "dx_plain" does not search schema "tools": $_[0] can create objects there/g) };
    my @cases = (
        [ 'GRANT CREATE ON SCHEMA tools TO PUBLIC', 'REVOKE CREATE ON SCHEMA tools FROM PUBLIC', 'everybody' ],
        [ 'GRANT CREATE ON SCHEMA tools TO other', 'REVOKE CREATE ON SCHEMA tools FROM other', 'role "other"' ],
        [ 'ALTER SCHEMA tools OWNER TO other', 'ALTER SCHEMA tools OWNER TO CURRENT_USER', 'role "other"' ]);
    for my $case (@cases) {
        my ($opens, $closes, $who) = @$case;
        value($node, 'one', $opens);
        runs_and_sees($path, "$only as app", $opens);
        runs_and_sees($path, "$only as $superuser", "$opens, for a superuser", run_as => $superuser);
        ok($warned->($who) >= 2, 'each registration reports it');
        value($node, 'one', $closes);
        runs_and_sees($path, 'pg_catalog, tools, pg_temp as app', $closes);
    }
    value($node, 'one', 'GRANT CREATE ON SCHEMA tools TO app');
    runs_and_sees($path, 'pg_catalog, tools, pg_temp as app', 'its own role is no stranger');
    runs_and_sees($path, "$only as $superuser", 'but to a superuser', run_as => $superuser);
    value($node, 'one', 'CREATE ROLE boss; GRANT app TO boss; GRANT CREATE ON SCHEMA tools TO boss');
    runs_and_sees($path, 'pg_catalog, tools, pg_temp as app', 'nor is one that may become it');
    value($node, 'one', 'REVOKE CREATE ON SCHEMA tools FROM app, boss; ALTER SCHEMA tools OWNER TO pg_database_owner');
    runs_and_sees($path, 'pg_catalog, tools, pg_temp as app', 'nor a superuser who owns the database');
    value($node, 'one', 'ALTER DATABASE one OWNER TO other');
    runs_and_sees($path, "$only as app", 'another owner is');
    value($node, 'one', q(ALTER DATABASE one OWNER TO CURRENT_USER; ALTER SCHEMA tools OWNER TO CURRENT_USER; GRANT USAGE ON SCHEMA tools TO app, other;
        UPDATE pg_namespace SET nspacl = makeaclitem(4000000000, nspowner, 'CREATE', false) || nspacl || makeaclitem('other'::regrole, nspowner, 'CREATE', false) WHERE nspname = 'tools'));
    runs_and_sees($path, "$only as app", 'nor does a dropped owner hide another');
    value($node, 'one', q(UPDATE pg_namespace SET nspacl = nspacl[2:array_length(nspacl, 1) - 1] WHERE nspname = 'tools'));
    runs_and_sees($path, 'pg_catalog, tools, pg_temp as app', 'without them it is unchanged');
    SKIP: {
        skip 'memberships have no options', 2 if value($node, 'one', q(SELECT current_setting('server_version_num'))) < 160000;
        value($node, 'one', 'REVOKE app FROM boss; GRANT app TO boss WITH INHERIT FALSE; GRANT CREATE ON SCHEMA tools TO boss');
        runs_and_sees($path, "$only as app", 'an owner whose successors cannot become the role');
        value($node, 'one', 'GRANT app TO boss WITH INHERIT TRUE, SET FALSE');
        runs_and_sees($path, "$only as app", 'one that cannot become it itself');
        value($node, 'one', 'REVOKE CREATE ON SCHEMA tools FROM boss');
    }
    # the attack: an operator that looks like PostgreSQL's own, and is a better match
    value($node, 'one', q(ALTER DATABASE one OWNER TO CURRENT_USER; ALTER SCHEMA tools OWNER TO CURRENT_USER; GRANT USAGE, CREATE ON SCHEMA tools TO other; SET ROLE other;
        CREATE FUNCTION tools.take(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN ALTER ROLE other SUPERUSER; RETURN true; END';
        CREATE OPERATOR tools.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = tools.take)));
    is(error_in_worker(q(SELECT 'a'::varchar = 'b'::varchar), run_as => $superuser), '', 'a superuser compares');
    is(value($node, 'one', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'other')), 'f', 'and gives nothing away');
    # objects left behind in the schema are found no more than new ones
    value($node, 'one', 'REVOKE CREATE ON SCHEMA tools FROM other');
    is(error_in_worker(q(SELECT 'a'::varchar = 'b'::varchar), run_as => $superuser), '', 'it compares when others may create nothing there any more');
    is(value($node, 'one', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'other')), 'f', 'and gives nothing away');
    runs_and_sees($path, "$only as app", 'an operator that another role has left there');
    value($node, 'one', 'DROP OPERATOR tools.= (varchar, varchar); DROP FUNCTION tools.take');
    runs_and_sees($path, 'pg_catalog, tools, pg_temp as app', 'without it the schema is searched again');
    # the result is kept from run to run until something changes
    my $sees = sub { my ($expected) = @_; return $node->poll_query_until('one', "SELECT what = '$expected' FROM public.paths ORDER BY n DESC LIMIT 1") };
    value($node, 'one', 'CREATE TABLE public.paths (n serial, what text); GRANT INSERT ON public.paths TO app; GRANT USAGE ON SEQUENCE public.paths_n_seq TO app');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'often', sql => q(INSERT INTO public.paths (what) VALUES (current_setting('search_path'))), interval => 50, run_as => 'app' });
    my @left = (
        [ 'CREATE FUNCTION tools.f(text) RETURNS text LANGUAGE sql RETURN $1', 'FUNCTION tools.f(text)' ],
        [ 'CREATE TABLE tools.t ()', 'TABLE tools.t' ],
        [ 'CREATE VIEW tools.v AS SELECT 1', 'VIEW tools.v' ],
        [ 'CREATE SEQUENCE tools.s', 'SEQUENCE tools.s' ],
        [ 'CREATE DOMAIN tools.d AS int', 'DOMAIN tools.d' ],
        [ 'CREATE TYPE tools.c AS (i int)', 'TYPE tools.c' ],
        [ 'CREATE COLLATION tools.co FROM "C"', 'COLLATION tools.co' ],
        [ 'CREATE AGGREGATE tools.a(int) (SFUNC = int4pl, STYPE = int)', 'AGGREGATE tools.a(int)' ],
        [ 'CREATE TEXT SEARCH CONFIGURATION tools.ts (COPY = pg_catalog.simple)', 'TEXT SEARCH CONFIGURATION tools.ts' ]);
    for my $left (@left) {
        my ($create, $what) = @$left;
        value($node, 'one', "$create; ALTER $what OWNER TO other");
        ok($sees->($only), "$what of another role");
        value($node, 'one', "ALTER $what OWNER TO app");
        ok($sees->('pg_catalog, tools, pg_temp'), "$what of its own");
        value($node, 'one', "DROP $what");
    }
    value($node, 'one', 'CREATE TABLE tools.t (); ALTER TABLE tools.t OWNER TO other');
    ok($sees->($only), 'a table of another role');
    value($node, 'one', 'GRANT app TO other');
    ok($sees->('pg_catalog, tools, pg_temp'), 'a new member is not a stranger any more');
    value($node, 'one', 'REVOKE app FROM other');
    ok($sees->($only), 'and is one again without the membership');
    value($node, 'one', 'ALTER EXTENSION dx_plain ADD TABLE tools.t; ALTER TABLE tools.t ADD n integer');
    ok($sees->('pg_catalog, tools, pg_temp'), 'a member of the extension is the extension\'s');
    value($node, 'one', 'ALTER EXTENSION dx_plain DROP TABLE tools.t; DROP TABLE tools.t');
};

subtest 'it needs no privilege on the schema of dynpgext' => sub {
    value($node, 'one', 'REVOKE USAGE ON SCHEMA dynpgext FROM PUBLIC');
    runs_and_sees($sees_who, 'app off none as app', 'it runs');
    value($node, 'one', 'GRANT USAGE ON SCHEMA dynpgext TO PUBLIC');
};

subtest 'names are found where its extension is' => sub {
    value($node, 'one', q(CREATE FUNCTION public.abs(text) RETURNS text LANGUAGE sql AS 'SELECT ''hijacked'''; CREATE TABLE tools.mine AS SELECT 'mine' AS m; GRANT SELECT ON tools.mine TO PUBLIC));
    like(error_in_worker(q(SELECT abs('x'::text))), qr/^42883: /, 'not in public');
    like(error_in_worker('SELECT * FROM seen'), qr/^42P01: /, 'nor are tables');
    runs_and_sees('INSERT INTO public.seen SELECT m FROM mine', 'mine as app', 'but in the schema of the extension');
    runs_and_sees(q(INSERT INTO public.seen VALUES (current_setting('search_path'))), 'pg_catalog, tools, pg_temp as app', 'which is all that is searched');
};

# Compares what the next command, of another extension, finds; the first one ends in $end.
my $leaves = q(
    SET work_mem = '64MB'; SET search_path = public; SET dx.leftover = 'x'; SET statement_timeout = '1h'; SET application_name = 'mine';
    SET default_transaction_read_only = on; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT pg_advisory_lock(4711);
    CREATE TEMP TABLE leftover AS SELECT 1 AS n; CREATE FUNCTION pg_temp.leftover() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    PREPARE leftover AS SELECT 1; DECLARE leftover CURSOR WITH HOLD FOR SELECT 1; SET ROLE third;);
my $finds = q(INSERT INTO public.seen SELECT format('%s %s %s %s %s %s %s: %s temporary, %s prepared, %s cursors, %s locks',
    current_setting('work_mem'), current_setting('search_path'), COALESCE(NULLIF(current_setting('dx.leftover', true), ''), 'none'),
    current_setting('statement_timeout'), current_setting('application_name'), current_setting('transaction_read_only'), current_setting('transaction_isolation'),
    (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()) + (SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()),
    (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors),
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')));

sub pid_of_role { return value($node, 'one', "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND usename = '$_[0]'") }

subtest 'nothing is left behind for the next command' => sub {
    value($node, 'one', 'GRANT TEMPORARY ON DATABASE one TO app; CREATE ROLE third; GRANT third TO app');
    for my $end ('', 'SELECT 1 / 0;', q(SET LOCAL work_mem = '32MB'; RESET ROLE; INSERT INTO app.deferred VALUES (1);)) {
        value($node, 'one', 'TRUNCATE seen');
        my $name = 'leaver ' . ++$number;
        my $left = $leaves . $end;
        # both at once, so that the same process runs both
        register_sql_workers($node, 'one', 'dx_plain',
            { name => 'anchor', sql => 'SELECT 1', run_as => 'app', interval => 3600_000 },
            { name => $name, sql => $left, run_as => 'app', interval => 3600_000 });
        ok(command_is($node, 'one', $name, 'runs = 1 AND failures = ' . ($end =~ m{/} ? 1 : 0)), "one that ends in '$end'") or diag(command_row($node, 'one', $name));
        my $pid = pid_of_role('app');
        register_sql_workers($node, 'one', 'dx_sql_only', map { { name => "finds $number as $_", sql => $finds, run_as => $_, interval => 3600_000 } } qw(app other));
        for my $role (qw(app other)) {
            ok(command_is($node, 'one', "finds $number as $role", 'runs = 1 AND failures = 0'), "another one runs as $role");
            is(value($node, 'one', "SELECT what FROM public.seen WHERE who = '$role' AND what LIKE '%cursors%'"),
                "4MB pg_catalog, public, pg_temp none 0 dynpgext: dx_sql_only/finds $number as $role off read committed: 0 temporary, 0 prepared, 0 cursors, 0 locks", 'and finds nothing');
        }
        is(pid_of_role('app'), $pid, 'the same role runs in the same process');
        isnt(pid_of_role('other'), $pid, 'and the other one in another');
    }
};

subtest 'a connection to elsewhere is the role\'s' => sub {
    value($node, 'one', 'CREATE EXTENSION dblink; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app');
    my $to = $node->connstr('one') =~ s/'/''/gr;
    register_sql_workers($node, 'one', 'dx_sql_only',
        { name => 'opens', sql => "SELECT public.dblink_connect('remote', '$to')", channel => 'opens' },
        { name => 'uses', sql => q(SELECT public.dblink_exec('remote', 'INSERT INTO seen VALUES ($$mine$$)')), interval => 50 },
        { name => 'uses it, too', sql => q(SELECT public.dblink_exec('remote', 'INSERT INTO seen VALUES ($$stolen$$)')), interval => 50, run_as => 'app' });
    ok(command_is($node, 'one', 'opens', 'runs > 0 AND failures = 0'), 'one opens it');
    ok($node->poll_query_until('one', q(SELECT count(*) > 1 FROM seen WHERE what = 'mine')), 'the same role continues it');
    ok(command_is($node, 'one', 'uses it, too', q(failures > 1 AND last_error ~ '^(08|XX|2F|F0)...: ')), 'another role does not');
    is(value($node, 'one', q(SELECT count(*) FROM seen WHERE what = 'stolen')), 0, 'nothing was done by it');
};

subtest 'settings of its role hold for it alone' => sub {
    # all earlier workers have ended: one that is restarted would also write into the table
    register_sql_workers($node, 'one', $_) for qw(dx_plain dx_sql_only);
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers), 0, 'no worker is left');
    value($node, 'one', q(ALTER ROLE app SET work_mem = '77MB'; ALTER ROLE app SET maintenance_work_mem = '66MB'; ALTER ROLE app IN DATABASE one SET work_mem = '78MB';
        ALTER ROLE app SET default_transaction_isolation = 'repeatable read'; ALTER ROLE app SET search_path = 'public';
        ALTER DATABASE one SET temp_buffers = '1MB'; ALTER ROLE ALL SET extra_float_digits = 2));
    my $sql = q(INSERT INTO public.seen SELECT concat_ws(' ', current_setting('work_mem'), current_setting('maintenance_work_mem'), current_setting('transaction_isolation'),
        current_setting('search_path'), current_setting('temp_buffers'), current_setting('extra_float_digits')));
    runs_and_sees($sql, '78MB 66MB repeatable read pg_catalog, tools, pg_temp 1MB 2 as app', 'settings of the role, of the role here, of the database');
    runs_and_sees($sql, '4MB 64MB read committed pg_catalog, tools, pg_temp 1MB 2 as other', 'and not those of another role', run_as => 'other');
    value($node, 'one', 'ALTER ROLE app SET default_transaction_read_only = on');
    like(error_in_worker('INSERT INTO public.seen VALUES (1)'), qr/^25006: /, 'read-only, if its role is');
    value($node, 'one', 'ALTER ROLE app RESET ALL; ALTER ROLE app IN DATABASE one RESET ALL; ALTER DATABASE one RESET ALL');

    # changed settings apply to a running process as they would to the next session
    value($node, 'one', 'TRUNCATE seen');
    my $work_mem = q(INSERT INTO public.seen VALUES (current_setting('work_mem')));
    register_sql_workers($node, 'one', 'dx_plain',
        { name => 'often', sql => $work_mem, run_as => 'app', interval => 20 },
        { name => 'seldom', sql => 'SELECT 1', run_as => 'app', interval => 3600_000 },
        { name => 'listens', sql => 'SELECT 1', run_as => 'app', channel => 'x' });
    ok(command_is($node, 'one', $_, 'runs > 0'), "$_ runs") for qw(often seldom listens);
    my $pid = pid_of_role('app');
    value($node, 'one', q(ALTER ROLE app SET work_mem = '79MB'));
    ok($node->poll_query_until('one', q(SELECT count(*) > 0 FROM seen WHERE what = '79MB')), 'a change holds from the next run on');
    ok(command_is($node, 'one', $_, "state = 'running' AND pid <> $pid AND failures = 0"), "$_ goes on in another process") for qw(often seldom listens);
    is(value($node, 'one', q(SELECT string_agg(starts::text, ' ') FROM dynpgext.workers)), '1 1 1', 'which is no start of theirs');
    is(value($node, 'one', q(SELECT runs FROM dynpgext.commands WHERE worker = 'seldom')), 1, 'nor a run');
    register_sql_workers($node, 'one', 'dx_plain');
    value($node, 'one', 'ALTER ROLE app RESET ALL');
};

subtest 'a role that is no longer a superuser' => sub {
    value($node, 'one', 'CREATE ROLE former LOGIN SUPERUSER; TRUNCATE seen');
    register_sql_workers($node, 'one', 'dx_sql_only', { name => 'former', run_as => 'former', interval => 20, sql => "SET SESSION AUTHORIZATION $superuser; INSERT INTO public.seen VALUES ('as another')" });
    ok(command_is($node, 'one', 'former', 'runs > 1 AND failures = 0'), 'a superuser may become any role');
    my $pid = pid_of_role('former');
    value($node, 'one', 'ALTER ROLE former NOSUPERUSER');
    ok(command_is($node, 'one', 'former', q(failures > 1 AND last_error LIKE '42501: %')), 'one that was a superuser may not, though its process was one');
    isnt(pid_of_role('former'), $pid, 'it has another one');
    register_sql_workers($node, 'one', 'dx_sql_only');
};

# Waits until so many processes wait for the lock on the settings of roles and databases.
sub wait_for_locks {
    my ($session, $count) = @_;
    return wait_until { $session->query_safe(q(SELECT count(*) FROM pg_locks WHERE relation = 'pg_db_role_setting'::regclass AND NOT granted)) >= $count };
}

subtest 'settings that change while the process connects' => sub {
    register_sql_workers($node, 'one', 'dx_sql_only', { name => 'often', run_as => 'app', interval => 20, sql => q(INSERT INTO public.seen VALUES ('work_mem ' || current_setting('work_mem'))) });
    ok(command_is($node, 'one', 'often', 'runs > 0'), 'it runs');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_sql_only', 'often')));
    becomes($node, 'one', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql'), 0, 'it is stopped, and its process has ended');
    # the server reads the settings between the locks of two other sessions; nobody can connect meanwhile
    my ($first, $second, $starter, $other) = map { $node->background_psql('one') } 1 .. 4;
    $first->query_safe('BEGIN; LOCK TABLE pg_db_role_setting');
    $starter->query_until(qr/begins/, "\\echo begins\nSELECT dynpgext.start_worker('dx_sql_only', 'often');\n");
    ok(wait_for_locks($other, 1), 'its next process connects');
    $second->query_until(qr/begins/, "\\echo begins\nBEGIN; LOCK TABLE pg_db_role_setting; ALTER ROLE app SET work_mem = '33MB'; COMMIT;\n");
    ok(wait_for_locks($other, 2), 'a change follows immediately');
    $first->query_safe('COMMIT');
    $second->query_safe('SELECT 1');
    ok($node->poll_query_until('one', q(SELECT count(*) > 0 FROM seen WHERE what = 'work_mem 33MB')), 'and is not missed');
    $_->quit for $first, $second, $starter, $other;
    value($node, 'one', 'ALTER ROLE app RESET ALL');
    register_sql_workers($node, 'one', 'dx_sql_only');
};

subtest 'runs that fail leave no memory behind' => sub {
    value($node, 'one', 'CREATE TABLE public.used (runs integer, bytes bigint)');
    register_sql_workers($node, 'one', 'dx_sql_only',
        { name => 'fails', sql => 'SELECT 1 / 0', interval => 10 },
        { name => 'measures', interval => 100, sql => q(INSERT INTO public.used SELECT
            (SELECT runs FROM dynpgext.commands WHERE worker = 'fails'), (SELECT used_bytes FROM pg_backend_memory_contexts WHERE name = 'TopMemoryContext')) });
    ok($node->poll_query_until('one', 'SELECT max(runs) > 500 FROM used'), 'five hundred');
    cmp_ok(value($node, 'one', 'SELECT max(bytes) - min(bytes) FROM used WHERE runs > 100'), '<', 8000, 'of their process');
    register_sql_workers($node, 'one', 'dx_sql_only');
};

$node->stop;
done_testing();
