# SQL workers with "process": "own": they delay no other worker, and the end of their process ends no other.
# They take turns like all processes that run commands.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', 'dynpgext.max_events' => 10000, 'dynpgext.stop_timeout' => '500ms', max_worker_processes => 32);
add_database($node, 'one', qw(dynpgext dx_plain dx_sql_only));
value($node, 'one', 'CREATE TABLE public.done (worker text, pid integer DEFAULT pg_backend_pid())');

sub column {
    my ($worker, $column) = @_;
    return value($node, 'one', "SELECT COALESCE($column\::text, 'NULL') FROM dynpgext.commands WHERE worker = " . quoted($worker));
}

sub comes_to {
    my ($worker, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(command_is($node, 'one', $worker, $condition), $test)
      || diag(command_row($node, 'one', $worker), "\n", value($node, 'one', q(SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 20)));
}

sub processes_are {
    my ($count, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $running = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql');
    return is($node->poll_query_until('one', $running, $count), 1, $test);
}

my %own = (process => 'own');
my %often = (name => 'often', sql => 'SELECT 1', interval => 100, restart => 'never');
# runs until the lock is released
my %held = (name => 'held', sql => q(SELECT pg_advisory_xact_lock(1)), interval => $hour, restart_delay => 10);

subtest 'a slow worker delays no other' => sub {
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1)');
    register_sql_workers($node, 'one', 'dx_plain', { %held, %own }, \%often);
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)), 'it waits for a lock');
    my $runs = column('often', 'runs');
    comes_to('often', "runs >= $runs + 5", 'the other one runs meanwhile');
    is(column('held', 'runs'), 0, 'and the slow one has not ended');
    isnt(column('held', 'pid'), column('often', 'pid'), 'they have two processes');
    is(column('held', 'process') . ' ' . column('often', 'process'), 'own shared', 'the view tells which');
    is(value($node, 'one', q(SELECT application_name FROM pg_stat_activity a JOIN dynpgext.commands c USING (pid) WHERE c.worker = 'held')), 'dynpgext: dx_plain/held', 'pg_stat_activity shows its role');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'delaying')), 0, 'no worker is delayed');
    $holder->query_safe('SELECT pg_advisory_unlock(1)');
    comes_to('held', 'runs = 1', 'it ends');
    is(value($node, 'one', q(SELECT application_name FROM pg_stat_activity a JOIN dynpgext.commands c USING (pid) WHERE c.worker = 'held')), 'dynpgext: dx_plain/held', 'between two runs, too');
    $holder->quit;
};

subtest 'a worker that ends its process' => sub {
    register_sql_workers($node, 'one', 'dx_plain', { name => 'ends', sql => 'SELECT pg_terminate_backend(pg_backend_pid())', interval => 20, restart_delay => 10, %own }, \%often);
    comes_to('often', 'runs > 0', 'its neighbour runs');
    my $pid = column('often', 'pid');
    comes_to('ends', q(failures >= 3 AND last_error LIKE '57P01: %'), 'it ends its process repeatedly');
    my $runs = column('often', 'runs');
    comes_to('often', "runs > $runs + 1", 'the neighbour continues');
    is(column('often', 'pid'), $pid, 'in the same process');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE name = 'often' AND event IN ('renewed', 'restarted', 'exited'))), 0, 'without an event');
    # and vice versa
    register_sql_workers($node, 'one', 'dx_sql_only', { name => 'alone', sql => 'SELECT 1', interval => 50, %own });
    register_sql_workers($node, 'one', 'dx_plain', { name => 'ends', sql => 'SELECT pg_terminate_backend(pg_backend_pid())', interval => 20, restart_delay => 10 }, \%often);
    comes_to('alone', 'runs > 0', 'one alone runs');
    $pid = column('alone', 'pid');
    comes_to('ends', q(failures >= 3), 'the shared process ends');
    is(column('alone', 'pid'), $pid, 'and the one alone stays');
    register_sql_workers($node, 'one', 'dx_sql_only');
};

# Two runs at once would be noticed: the command refuses to run beside itself.
subtest 'moves between both' => sub {
    my %counts = (name => 'counts', interval => 20,
        sql => q(DO $$ BEGIN IF NOT pg_try_advisory_xact_lock(7) THEN RAISE 'beside itself'; END IF; INSERT INTO public.done VALUES ('counts'); PERFORM pg_sleep(0.01); END $$));
    register_sql_workers($node, 'one', 'dx_plain', \%counts, \%often);
    comes_to($_, 'runs > 0', "$_ runs") for qw(counts often);
    my $shared = column('often', 'pid');
    is(column('counts', 'pid'), $shared, 'both in one process');
    for my $round (1 .. 3) {
        register_sql_workers($node, 'one', 'dx_plain', { %counts, %own }, \%often);
        comes_to('counts', "process = 'own' AND state = 'running' AND pid <> $shared", "$round: it moves to a process of its own");
        my $own = column('counts', 'pid');
        ok($node->poll_query_until('one', "SELECT count(*) > 2 FROM public.done WHERE pid = $own"), 'and runs there');
        is(column('often', 'pid'), $shared, 'the others stay');
        register_sql_workers($node, 'one', 'dx_plain', \%counts, \%often);
        comes_to('counts', "process = 'shared' AND state = 'running' AND pid = $shared", 'it moves back');
        processes_are(1, 'its process ends');
    }
    is(column('counts', 'failures'), 0, 'it has never run twice at once');
    is(value($node, 'one', q(SELECT string_agg(change_kind, ',') FROM (SELECT action AS change_kind FROM dynpgext.apply(jsonb_set(dynpgext.export(), '{extensions,0,workers,0,process}', '"own"'), dry_run => true)) x)) =~ /replace/, 1, 'apply() would replace it');
    # during a run
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1)');
    register_sql_workers($node, 'one', 'dx_plain', \%held, \%often);
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)), 'a run is under way');
    register_sql_workers($node, 'one', 'dx_plain', { %held, %own }, \%often);
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks l JOIN dynpgext.commands c USING (pid) WHERE locktype = 'advisory' AND NOT granted AND c.process = 'own')), 'it is cancelled, and starts again in the other process');
    $holder->quit;
    comes_to('held', 'runs = 1 AND failures = 0', 'and ends');
};

subtest 'commands on a worker' => sub {
    value($node, 'one', 'TRUNCATE public.done');
    my %rare = (name => 'rare', sql => q(INSERT INTO public.done VALUES ('rare')), interval => $hour);
    my %told = (name => 'told', sql => q(INSERT INTO public.done VALUES ('told')), channel => 'told');
    register_sql_workers($node, 'one', 'dx_plain', { %rare, %own }, { %told, %own }, \%often);
    comes_to($_, 'runs = 1', "$_ runs") for qw(rare told);
    processes_are(3, 'three processes');
    is(value($node, 'one', q(SELECT dynpgext.run_worker('dx_plain', 'rare') IS NOT NULL)), 't', 'run_worker()');
    is(column('rare', 'runs'), 2, 'runs it');
    value($node, 'one', 'NOTIFY told');
    comes_to('told', 'runs = 2', 'a notification does');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'rare')));
    comes_to('rare', q(state = 'stopped' AND pid IS NULL), 'stop_worker()');
    processes_are(2, 'ends its process');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'rare')));
    comes_to('rare', q(state = 'running' AND runs = 3), 'start_worker()');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_plain', 'rare')));
    comes_to('rare', q(state = 'running' AND runs = 4), 'restart_worker()');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_plain', 'rare', enabled => false)));
    comes_to('rare', q(state = 'disabled'), 'switched off');
    processes_are(2, 'it has no process');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_plain', 'rare')));
    comes_to('rare', q(state = 'running' AND runs = 5), 'and on again');
    my $offset = log_offset($node);
    register_sql_workers($node, 'one', 'dx_plain', { name => 'stubborn', interval => $hour, %own,
            sql => q(DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(100); EXCEPTION WHEN query_canceled THEN INSERT INTO public.done VALUES ('stubborn'); END; END LOOP; END $$) }, \%often);
    comes_to('often', 'runs > 1', 'a neighbour of one that catches its cancellation');
    my $pid = column('often', 'pid');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dynpgext: dx_plain/stubborn' AND wait_event = 'PgSleep')), 'which runs');
    register_sql_workers($node, 'one', 'dx_plain', \%often);
    processes_are(1, 'it ends with its process after dynpgext.stop_timeout');
    is(column('often', 'pid'), $pid, 'the neighbour keeps its own');
    is_logged($node, qr/WARNING: .*"stubborn"/, $offset, 1, 'and the log tells of it');
};

subtest 'at rest, and in another place' => sub {
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '200ms');
    value($node, 'one', 'TRUNCATE public.done');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'rests', sql => q(INSERT INTO public.done VALUES ('rests')), interval => 1500, %own });
    comes_to('rests', q(state = 'running' AND pid IS NULL AND runs > 0), 'it rests between its runs');
    ok($node->poll_query_until('one', 'SELECT count(DISTINCT pid) > 1 FROM public.done'), 'and continues in another process');
    is(value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'rests')), 1, 'which is no start');
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '10s');
    add_database($node, 'two', qw(dynpgext dx_plain));
    my %global = (name => 'global', sql => 'SELECT 1', interval => 50, scope => 'global', %own);
    register_sql_workers($node, $_, 'dx_plain', \%global) for qw(one two);
    comes_to('global', 'runs > 0', 'a global one runs');
    my $first = column('global', 'database');
    my ($other) = grep { $_ ne $first } qw(one two);
    register_sql_workers($node, $first, 'dx_plain');
    becomes($node, $other, q(SELECT database || ' ' || process || ' ' || (runs > 0) FROM dynpgext.commands WHERE worker = 'global'), "$other own true", 'it moves to another database');
    register_sql_workers($node, 'two', 'dx_plain', { name => 'alone', sql => 'SELECT 1', interval => 20, %own });
    ok(command_is($node, 'two', 'alone', 'runs > 0'), 'one in another database');
    value($node, 'two', 'DROP EXTENSION dx_plain');
    is($node->poll_query_until('one', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND datname = 'two'), 0), 1, 'DROP EXTENSION ends it');
    value($node, 'two', 'CREATE EXTENSION dx_plain');
    register_sql_workers($node, 'two', 'dx_plain', { name => 'alone', sql => 'SELECT 1', interval => 20, %own });
    ok(command_is($node, 'two', 'alone', 'runs > 0'), 'it runs again');
    value($node, 'one', 'DROP DATABASE two');
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE database = 'two' OR name = 'alone'), 0, 'DROP DATABASE needs nothing else');
    register_sql_workers($node, 'one', 'dx_plain', { %often, %own });
    comes_to('often', 'runs > 0', 'one more');
    $node->restart;
    comes_to('often', q(runs > 0 AND process = 'own'), 'after a restart of the server, too');
};

# One process for all of them together.
subtest 'dynpgext.max_own_processes' => sub {
    my $states = q(SELECT string_agg(DISTINCT state || COALESCE(' ' || waits_for, ''), ', ') FROM dynpgext.workers WHERE name LIKE 'long%');
    my $running = q(SELECT count(*) FROM dynpgext.workers WHERE name LIKE 'long%' AND state = 'running');
    register_sql_workers($node, 'one', 'dx_plain', \%often,
        map { { name => "long $_", sql => 'SELECT pg_sleep(1000)', interval => $hour, %own } } 1 .. 6);
    becomes($node, 'one', $running, 4, 'at most four for each role, by default');
    becomes($node, 'one', $states, 'running, waiting dynpgext.max_own_processes', 'others wait');
    my ($pid, $runs) = (column('often', 'pid'), column('often', 'runs'));
    comes_to('often', "runs > $runs + 5", 'other workers of the role run');
    is(column('often', 'pid'), $pid, 'in the same process, which they do not need');
    configure($node, 'one', 'dynpgext.max_own_processes' => -1);
    becomes($node, 'one', $running, 6, '-1: no limit');
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '300ms', 'dynpgext.max_own_processes' => 2);
    register_sql_workers($node, 'one', 'dx_plain', map { { name => "short $_", sql => 'SELECT 1', interval => 50, %own } } 1 .. 5);
    comes_to("short $_", 'runs > 1', "they take turns: $_") for 1 .. 5;
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '10s', 'dynpgext.max_own_processes' => 4);
};

subtest 'dynpgext.max_runners' => sub {
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '300ms', 'dynpgext.max_runners' => 1);
    my @names = ('alone 1', 'alone 2', 'busy', 'shared 1', 'shared 2');
    register_sql_workers($node, 'one', 'dx_plain',
        (map { { name => $_, sql => 'SELECT 1', interval => 500, /alone/ ? %own : () } } grep { !/busy/ } @names),
        { name => 'busy', sql => 'SELECT 1', interval => 10, %own });
    my $most = 0;
    my %runs;
    my $done = wait_until {
        my $now = value($node, 'one', q(SELECT count(DISTINCT pid) FROM dynpgext.commands));
        $most = $now if $now > $most;
        %runs = map { $_ => column($_, 'runs') } @names;
        return !grep { $_ < 5 } values %runs;
    };
    ok($done, 'all have their turns, again and again') or diag(join ', ', map {"$_ $runs{$_}"} sort keys %runs);
    is($most, 1, 'one after the other');
    is(value($node, 'one', q(SELECT max(starts) FROM dynpgext.workers WHERE extension = 'dx_plain')), 1, 'turns are no starts');
    configure($node, 'one', 'dynpgext.max_runners' => -1);
    comes_to($_, 'pid IS NOT NULL', "without a limit $_ has a process") for grep {/busy/} @names;
};

$node->stop;
done_testing();
