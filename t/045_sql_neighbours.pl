# SQL workers of a database share a process.  If a command ends it, only its own worker has failed: the
# neighbours continue in the next process, without a failure, a backoff, or an extra run.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', 'dynpgext.restart_delay_max' => '1h', 'dynpgext.stop_timeout' => '500ms', 'dynpgext.max_events' => 10000);
add_database($node, 'one', qw(dynpgext dx_plain dx_sql_only));
value($node, 'one', q(CREATE ROLE worker LOGIN SUPERUSER; CREATE TABLE public.slow_runs (at timestamptz DEFAULT clock_timestamp())));

my %with = (run_as => 'worker');
my %healthy = (%with, name => 'healthy', sql => 'SELECT pg_sleep(0.01)', interval => 50, restart => 'never');
my %rare = (%with, name => 'rare', sql => 'INSERT INTO public.slow_runs DEFAULT VALUES', interval => $hour, restart => 'on_failure', restart_delay => 60_000);
my %told = (%with, name => 'told', sql => 'SELECT 1', channel => 'told', restart => 'always', restart_delay => 60_000);

sub column {
    my ($worker, $column, $view) = @_;
    $view //= 'commands';
    my $key = $view eq 'commands' ? 'worker' : 'name';
    return value($node, 'one', "SELECT COALESCE($column\::text, 'NULL') FROM dynpgext.$view WHERE $key = " . quoted($worker));
}

sub comes_to {
    my ($worker, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(command_is($node, 'one', $worker, $condition), $test)
      || diag(command_row($node, 'one', $worker), "\n", value($node, 'one', q(SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 20)));
}

# The neighbours, after $what has ended their process: they run in another one, and no message is about them.
sub neighbours_go_on {
    my ($what, $pid) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $name (qw(healthy rare told)) {
        comes_to($name, "state = 'running' AND pid IS NOT NULL AND pid <> $pid AND failures = 0 AND last_error IS NULL", "$what: $name is in another process, without a failure");
    }
    my $runs = column('healthy', 'runs');
    comes_to('healthy', "runs > $runs", "$what: it runs");
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE name IN ('healthy', 'rare', 'told') AND event IN ('backoff', 'failing'))), 0, "$what: no backoff");
    return;
}

sub with_neighbours {
    my (@others) = @_;
    register_sql_workers($node, 'one', 'dx_sql_only', \%healthy, \%rare, \%told);
    comes_to($_, 'runs > 0', "$_ runs") for qw(healthy rare told);
    my $pid = runner_pid($node, 'one');
    register_sql_workers($node, 'one', 'dx_plain', map { { %with, restart_delay => 50, %$_ } } @others);
    return $pid;
}

my $ends = 'SELECT pg_terminate_backend(pg_backend_pid())';

subtest 'a command that terminates its process' => sub {
    my $pid = with_neighbours({ name => 'ends', sql => $ends, interval => 50, restart_delay => 3600_000 });
    comes_to('ends', q(state = 'backoff' AND runs = 1 AND failures = 1 AND last_run_at IS NOT NULL AND last_failed_at = last_run_at AND last_error LIKE '57P01: %'), 'it has failed, is counted, and waits');
    is(column('ends', 'last_exit_code', 'workers'), 1, 'with its exit code');
    neighbours_go_on('once', $pid);
    is(value($node, 'one', 'SELECT count(*) FROM public.slow_runs'), 1, 'the rare one has not run again');
    comes_to('rare', q(next_run_at - last_run_at BETWEEN '59 min' AND '61 min'), 'and is due when it was');
    comes_to('told', q(runs = 2), 'the one that listens has: a notification may have been missed');
    is(column($_, 'starts', 'workers'), 2, "$_ has been started once more") for qw(healthy rare told);
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'renewed' AND detail = 'its process was ended by the command of worker "ends"')), 3, 'events tell why');
};

subtest 'repeatedly' => sub {
    my $pid = with_neighbours({ name => 'ends', sql => $ends, interval => 10, restart_delay => 10 });
    comes_to('ends', 'failures >= 4', 'it does so until its backoff');
    neighbours_go_on('again and again', $pid);
    is(value($node, 'one', 'SELECT count(*) FROM public.slow_runs'), 1, 'the rare one has not run again');
    register_sql_workers($node, 'one', 'dx_plain');
    my $runs = column('healthy', 'runs');
    comes_to('healthy', "runs > $runs", 'it runs when the other has ended');
};

subtest 'a policy that never restarts' => sub {
    my $pid = with_neighbours({ name => 'ends', sql => $ends, interval => 10, restart => 'never' });
    comes_to('ends', q(state = 'failed' AND failures = 1), 'it has failed');
    neighbours_go_on('never restarted', $pid);
};

subtest 'a command that ends it without an error' => sub {
    my $pid = with_neighbours({ name => 'leaves', sql => 'SELECT public.dx_plain_leave()', interval => 10, restart => 'never' });
    comes_to('leaves', q(state = 'failed' AND failures = 1 AND runs = 1 AND last_error = 'XX000: the command has ended its process with exit code 0'), 'it has failed');
    neighbours_go_on('exit 0', $pid);
};

subtest 'transaction_timeout' => sub {
    plan skip_all => 'PostgreSQL 17 has it' if value($node, 'one', q(SELECT current_setting('server_version_num')::integer < 170000)) eq 't';
    value($node, 'one', q(ALTER ROLE worker SET transaction_timeout = '300ms'));
    my $pid = with_neighbours({ name => 'slow', sql => 'SELECT pg_sleep(60)', interval => $hour, restart => 'never' });
    comes_to('slow', q(state = 'failed' AND failures = 1 AND last_error LIKE '25P04: %'), 'it has failed');
    neighbours_go_on('transaction_timeout', $pid);
    value($node, 'one', 'ALTER ROLE worker RESET ALL');
};

# The server has too few locks to drop all its temporary tables.
subtest 'a command whose clean-up ends the process' => sub {
    my $tables = q(DO $$ BEGIN FOR i IN 1 .. 15000 LOOP EXECUTE 'CREATE TEMP TABLE t' || i || ' () ON COMMIT PRESERVE ROWS'; END LOOP; END $$);
    my $pid = with_neighbours({ name => 'litters', sql => $tables, interval => $hour, restart => 'never' });
    comes_to('litters', q(failures = 1), 'it has failed');
    for my $name (qw(healthy rare told)) {
        comes_to($name, q(state = 'running' AND failures = 0), "$name has not");
    }
};

subtest 'a command that cannot be cancelled' => sub {
    my $pid = with_neighbours({ name => 'deaf', interval => $hour,
        sql => q(DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$) });
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'DO%query_canceled%' AND wait_event = 'PgSleep')), 'it runs');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'deaf')));
    comes_to('deaf', q(state = 'stopped' AND pid IS NULL AND failures = 0), 'it is stopped after stop_timeout, by the end of its process');
    neighbours_go_on('deaf', $pid);
};

$node->stop;
done_testing();
