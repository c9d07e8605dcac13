# If a process of a parallel query crashes the server, the guard blames the code that its leader runs,
# although the leader itself is a bystander.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'shared_preload_libraries' => 'dynpgext', 'dynpgext.crash_limit' => 3, 'dx_supervised.workers' => 2,
    'dx_supervised.delay' => 0, 'dx_supervised.restart' => 'always', 'dx_supervised.connect' => 'on');
add_database($node, 'one', qw(dynpgext dx_plain dx_trusted dx_supervised));
value($node, 'one', 'CREATE ROLE dev LOGIN; CREATE ROLE owner LOGIN; ALTER DATABASE one OWNER TO owner; GRANT CREATE ON DATABASE one TO dev');

# Queries whose processes, except the leader, do something for each row.  Each role and process has its own
# query, named after it.  A session's name selects what the query does.
value($node, 'one', q(
    CREATE TABLE numbers AS SELECT generate_series(1, 10) AS i;
    ALTER TABLE numbers SET (parallel_workers = 2);
    GRANT SELECT ON numbers TO dev;
    CREATE TABLE done (who text, in_parallel boolean);
    GRANT INSERT ON done TO dev;
    CREATE FUNCTION in_worker(task text) RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS $$
    BEGIN
        IF pg_backend_pid() = current_setting('dx.leader')::integer THEN
            RETURN 0;
        END IF;
        PERFORM public.dx_plain_crash() FROM pg_stat_activity WHERE application_name = 'crash ' || task AND datname = current_database();
        WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'sleep ' || task AND datname = current_database()) LOOP
            PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
        END LOOP;
        RETURN 1;
    END $$;
    CREATE FUNCTION in_parallel(task text) RETURNS boolean LANGUAGE plpgsql
        SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0
        SET parallel_leader_participation = off SET search_path = public AS $$
    BEGIN
        PERFORM set_config('dx.leader', pg_backend_pid()::text, true);
        PERFORM FROM numbers HAVING sum(in_worker(task)) = 10;  -- the one kind of query that PL/pgSQL runs in parallel
        RETURN FOUND;
    END $$;
    CREATE FUNCTION dx_supervised_task() RETURNS boolean LANGUAGE sql AS $$SELECT public.in_parallel('c')$$;
    CREATE FUNCTION dx_raise_task() RETURNS boolean LANGUAGE sql AS $$SELECT public.in_parallel('init')$$;
    GRANT EXECUTE ON FUNCTION dx_plain_crash TO dev;));

sub register_by_dev {
    my (@names) = @_;
    register_sql_workers($node, 'one', 'dx_trusted',
        map { { name => $_, run_as => 'dev', interval => 50, sql => qq(INSERT INTO public.done SELECT '$_', public.in_parallel('$_')) } } @names);
    return;
}

# It has since run all rows in parallel processes.
sub works {
    my ($name, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    value($node, 'one', 'TRUNCATE done');
    return ok($node->poll_query_until('one', "SELECT count(*) > 0 AND bool_and(in_parallel) FROM done WHERE who = '$name'"), $test)
      || diag(command_row($node, 'one', $name), value($node, 'one', 'SELECT * FROM done LIMIT 5'));
}

my $sleeping = q(SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event = 'PgSleep');
my $blamed = qr/WARNING:  (?:SQL worker "(\w+)" of extension "dx_trusted", run as role "dev" in database "one",|background worker "(\w+ \w+ \d)" of extension "\w+" in database "one"|code of extension "(\w+)" in database "one") took the server down \((\d) of 3 times/;

# From this offset of the log: who is blamed, and the number of crashes.
sub blame {
    my ($offset) = @_;
    my $log = slurp_file($node->logfile, $offset);
    my $crashes = () = $log =~ /all server processes terminated; reinitializing/g;
    return join ' ', (map { $_ // () } $log =~ /$blamed/g), "of $crashes";
}

# A session with this name, until the server crashes or it is ended.
sub session_named {
    my ($name) = @_;
    my $session = $node->background_psql('one', on_error_stop => 0);
    $session->query("SET application_name = '$name'");
    return $session;
}

# The task crashes in a process that is not the leader.  `start`: starts the task.
sub crash_in_worker {
    my ($task, $start) = @_;
    my $session;
    my $offset = crash($node, sub { $session = eval { session_named("crash $task") }; $start->() if $start });
    eval { $session->quit } if $session;
    ok($node->log_contains(qr/background worker "parallel worker" \(PID \d+\) was terminated by signal/, $offset), "$task: it is a parallel worker that crashes");
    $node->poll_query_until('one', 'SELECT true');
    return $offset;
}

sub crash_another {
    my $offset = crash($node, sub { tell_to_crash($node, 'one', 2, 'segv') });
    value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
    return $offset;
}

for my $preload (1, 0) {
    my $with = $preload ? 'with preload' : 'without preload';
    set_preload($node, $preload);
    $node->restart;
    register_by_dev('a');

    subtest "the command of an SQL worker, $with" => sub {
        works('a', 'it runs in parallel');
        is(blame(crash_in_worker('a')), 'a 1 of 1', 'it is blamed');
        works('a', 'it runs again');
        register_by_dev('b');
        works('b', 'another one in its place runs');
        is(blame(crash_in_worker('b')), 'b 2 of 1', 'the role is blamed');
        is(blame(crash_in_worker('b')), 'b 3 of 1', 'and again');
        shows($node, 'one', 'b', q(state = 'quarantined'), 'and quarantined');
        is(value($node, 'one', q(SELECT dynpgext.release('dx_trusted'))), 't', 'released');
        works('b', 'it runs');
    };

    subtest "parallel workers that crash nothing, $with" => sub {
        works('b', 'they end well');
        is(blame(crash_another()), 'dx supervised 2 1 of 1', 'they are not blamed for the crash of another worker');
        my $session = session_named('sleep b');
        ok($node->poll_query_until('one', $sleeping), 'they sleep');
        is(blame(crash_another()), 'dx supervised 2 1 of 1', 'nor as bystanders');
        eval { $session->quit };
        works('b', 'it runs again');
        $session = session_named('sleep b');
        ok($node->poll_query_until('one', $sleeping), 'they sleep');
        my $offset = log_offset($node);
        value($node, 'one', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker'));
        ok($node->wait_for_log(qr/terminating background worker "parallel worker" due to administrator command/, $offset), 'somebody terminates them');
        $session->quit;
        works('b', 'it continues');
        is(blame(crash_another()), 'dx supervised 2 1 of 1', 'nor are they after that');
    };

    subtest "a worker in C, $with" => sub {
        my $start = sub { ok(tell_to_crash($node, 'one', 1, 'task'), 'it does its task') };
        $start->();
        ok($node->poll_query_until('one', q(SELECT doing = 'task done' FROM dx_supervised_info(1))), 'it ends well');
        is(blame(crash_in_worker('c', $start)), "dx supervised 1 $_ of 1", 'it is blamed') for 1 .. 3;
        shows($node, 'one', 'dx supervised 1', q(state = 'quarantined'), 'and quarantined');
        value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
        is_whole($node, 'released, all is well', 'one');
    };

    subtest "an init, $with" => sub {
        my $create = q(SET dx_raise.at = 'task'; CREATE EXTENSION dx_raise);
        is(blame(crash_in_worker('init', sub { $node->psql('one', $create) })), 'dx_raise 1 of 1', 'its extension is blamed');
        value($node, 'one', "BEGIN; $create; ROLLBACK");
        is(blame(crash_another()), 'dx supervised 2 1 of 1', 'not when it ends well');
        value($node, 'one', q(SELECT dynpgext.release('dx_raise')));
    };

    subtest "the parallel query of a session, $with" => sub {
        my $start = sub { $node->psql('one', q(LOAD 'dynpgext'; SELECT public.in_parallel('session'))) };
        is(blame(crash_in_worker('session', $start)), 'of 1', 'no worker is blamed');
        works('b', 'all is well');
    };

    subtest "whose processes they are, $with" => sub {
        my $session = session_named('sleep c');
        ok(tell($node, 'one', 1, 'task'), 'a worker does its task');
        ok($node->poll_query_until('one', $sleeping), 'in parallel');
        my $pid = value($node, 'one', q(SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event = 'PgSleep'));
        is($node->safe_psql('one', "SELECT pg_terminate_backend($pid)", extra_params => [ '-U', 'owner' ]),
            't', 'the owner of the database may end one, as other processes of a worker');
        $session->quit;
        is_whole($node, 'all is well', 'one');
    };
}

# Only the guard can end this: the commands need no session, and run before anybody can log in.
subtest 'an endless sequence of crashes' => sub {
    my $offset = log_offset($node);
    value($node, 'one', q(
        CREATE FUNCTION always_in_worker(i integer) RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS $$
        BEGIN
            IF pg_backend_pid() <> current_setting('dx.leader')::integer THEN
                PERFORM public.dx_plain_crash();
            END IF;
            RETURN 0;
        END $$;
        CREATE FUNCTION always_in_parallel() RETURNS void LANGUAGE plpgsql
            SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0
            SET parallel_leader_participation = off AS $$
        BEGIN
            PERFORM set_config('dx.leader', pg_backend_pid()::text, true);
            PERFORM sum(public.always_in_worker(i)) FROM public.numbers;
        END $$;));
    register_sql_workers($node, 'one', 'dx_trusted', { name => 'b', run_as => 'dev', interval => 50, sql => 'SELECT public.always_in_parallel()' });
    ok($node->wait_for_log(qr/SQL workers of role "dev" in database "one" are quarantined/, $offset), 'the guard ends it');
    shows($node, 'one', 'b', q(state = 'quarantined'), 'by a quarantine');
    is(blame($offset), 'b 1 b 2 b 3 of 3', 'after three crashes');
};

$node->stop;
done_testing();
