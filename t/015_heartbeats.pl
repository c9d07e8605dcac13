# Workers that stop sending heartbeats, or only seem to; the effects of dynpgext_worker_wait(); workers that
# do not end.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Workers 1 and 2 stop sending heartbeats, 3 waits with a long timeout, 4 sends heartbeats, 5 has no deadline.
# The launcher checks by itself only once an hour: every test must wake it.
my $node = new_cluster('main',
    'dynpgext.naptime' => '1h',
    'dynpgext.stop_timeout' => '200ms',
    'dx_supervised.deadline' => '500,500,1000,1000,0',    # longer than a busy machine stops a process
    'dx_supervised.delay' => 10,
    'dx_supervised.note' => 'first',
    'dx_supervised.restart' => 'never,on_failure,always',
    'dx_supervised.workers' => 5);
add_database($node, 'one', 'dynpgext');
# since PostgreSQL 17, wait events have names of their own
my $of_launcher = $node->pg_version >= 17 ? 'DynpgextLauncher' : 'Extension';
ok($node->poll_query_until('postgres', qq(
    SELECT count(*) = 1 AND bool_and(backend_type = 'dynpgext launcher' AND wait_event = '$of_launcher')
      FROM pg_stat_activity WHERE backend_type ~ '^dynpgext')), 'the launcher sleeps when the workers are created');
value($node, 'one', 'CREATE EXTENSION dx_supervised');
is_whole($node, 'all is well before', 'one');

sub is_shown {
    my ($n, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return shows($node, 'one', "dx supervised $n", $condition, $test);
}

my $pids = q(SELECT string_agg(pid::text, ' ' ORDER BY name) FROM dynpgext.workers WHERE name ~ '[345]$');
my $alive = value($node, 'one', $pids);
ok(tell($node, 'one', 4, 'beat'), 'one works, and sends heartbeats');
ok(tell($node, 'one', 5, 'silent'), 'one without a deadline is silent');

sub silence {
    my ($n) = @_;
    return qr/WARNING:  background worker "dx supervised $n" of extension "dx_supervised" has sent no heartbeat for 500 ms/;
}

subtest 'silent, restart never' => sub {
    my $offset = log_offset($node);
    my $pid = pid_of($node, 'one', 'dx supervised 1');
    ok(tell($node, 'one', 1, 'silent'), 'it falls silent');
    is_shown(1, "state = 'unresponsive' AND pid = $pid", 'it is unresponsive');
    ok($node->poll_query_until('one', q(
        SELECT clock_timestamp() - max(at) > interval '1500 ms' FROM dynpgext.events WHERE event = 'unresponsive')), 'for several deadlines');
    is_shown(1, "state = 'unresponsive' AND pid = $pid AND starts = 1", 'it is left alone');
    is_logged($node, silence(1), $offset, 1, 'the log reports it once');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'unresponsive' AND name = 'dx supervised 1')), 1, 'there is one event');
    is(value($node, 'one', 'SELECT workers FROM dynpgext.status'), 5, 'it counts as one that runs');
    ok(tell($node, 'one', 1, 'wait'), 'it waits again');
    is_shown(1, "state = 'running' AND pid = $pid", 'it is running');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'recovered' AND name = 'dx supervised 1')), 1, 'an event reports it');
    $offset = log_offset($node);
    ok(tell($node, 'one', 1, 'silent'), 'it falls silent again');
    is_shown(1, q(state = 'unresponsive'), 'it is unresponsive again');
    is_logged($node, silence(1), $offset, 1, 'the log reports it again');
    is(value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1'))), 't', 'stop_worker ends it');
    is_shown(1, q(state = 'stopped' AND pid IS NULL), 'it is stopped');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')));
    ok(tell($node, 'one', 1, 'silent'), 'it falls silent again');
    is_shown(1, q(state = 'unresponsive'), 'it is unresponsive again');
    ok(tell($node, 'one', 1, 'exit0'), 'gets the command to exit with 0');
    is_shown(1, q(state = 'stopped' AND last_exit_code = 0 AND last_error IS NULL), 'it may end by itself');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')));
};

subtest 'policy set while it is silent' => sub {
    ok(tell($node, 'one', 1, 'silent'), 'it falls silent');
    is_shown(1, q(state = 'unresponsive' AND restart = 'never'), 'it is unresponsive');
    my $starts = value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised 1'));
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', restart => 'on_failure')));
    is_shown(1, "state = 'running' AND starts = $starts + 1", 'by its new policy it is restarted');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1')));
    tell($node, 'one', 1, 'wait');
};

subtest 'silent, restart on_failure' => sub {
    my $offset = log_offset($node);
    my $pid = pid_of($node, 'one', 'dx supervised 2');
    ok(tell($node, 'one', 2, 'silent'), 'it falls silent');
    is_shown(2, "state = 'running' AND pid <> $pid AND starts = 2", 'it is restarted');
    is(value($node, 'one', q(SELECT last_exit_code, last_error FROM dynpgext.workers WHERE name = 'dx supervised 2')),
        '1|57P01: no heartbeat within its deadline of 500 ms', 'the error shows the reason');
    is_logged($node, silence(2), $offset, 1, 'the log reports it once');
    is(value($node, 'one', q(SELECT string_agg(event, ' ' ORDER BY at) FROM dynpgext.events WHERE name = 'dx supervised 2')),
        'started unresponsive exited backoff restarted', 'so do the events');
};

subtest 'the others' => sub {
    ok($node->poll_query_until('one', q(
        SELECT count(*) = 3 AND clock_timestamp() - max(last_started_at) > interval '3 s' FROM dynpgext.workers WHERE name ~ '[345]$')),
        'they run for several deadlines');
    is(value($node, 'one', $pids), $alive, 'one that waits, one that sends heartbeats and one without a deadline are left alone');
    is(value($node, 'one', q(SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.workers WHERE name ~ '[345]$')), 'running', 'they run');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE name ~ '[345]$' AND event <> 'started')), 0, 'nothing has happened to them');
    ok($node->poll_query_until('one', 'SELECT beats > 100 FROM dx_supervised_info(4)'), 'one has sent heartbeats');
    is(value($node, 'one', 'SELECT wakes < 3 FROM dx_supervised_info(3)'), 't', 'one has waited, and not returned to its author');
};

subtest 'a reload while it waits' => sub {
    ok(tell($node, 'one', 4, 'wait'), 'all wait');
    configure($node, 'one', 'dx_supervised.note' => 'second');
    ok($node->poll_query_until('one', "SELECT note = 'second' FROM dx_supervised_info($_)"), "worker $_ sees it") for 1 .. 4;
    # it checks when it waits again
    ok(tell($node, 'one', 5, 'wait'), 'the other one, too');
    ok($node->poll_query_until('one', q(SELECT note = 'second' FROM dx_supervised_info(5))), 'sees it then');
    is(value($node, 'one', q(SELECT wakes > 0 AND wakes < 5 FROM dx_supervised_info(3))), 't', 'it has not been woken for nothing');
};

subtest 'a timeout' => sub {
    configure($node, 'one', 'dx_supervised.wait' => '20');
    ok($node->poll_query_until('one', "SELECT wakes > 10 FROM dx_supervised_info($_)"), "worker $_ returns from its wait") for 3, 5;
    configure($node, 'one', 'dx_supervised.wait' => '-1');
};

subtest 'a worker that cannot be ended' => sub {
    my $overdue = qr/WARNING:  background worker "dx supervised 5" of extension "dx_supervised" \(PID \d+, database "one"\) has not ended within 200 ms of SIGTERM/;
    my $offset = log_offset($node);
    my $pid = pid_of($node, 'one', 'dx supervised 5');
    ok(tell($node, 'one', 5, 'shut'), 'it blocks all signals');
    ok($node->poll_query_until('one', q(SELECT doing = 'shut' FROM dx_supervised_info(5))), 'it does');
    my ($code, $out, $error) = $node->psql('one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 5')));
    is("$code $out", '0 t', 'stop_worker returns');
    like($error, qr/WARNING:.*"dx supervised 5" of extension "dx_supervised" has not ended yet/, 'with a warning');
    is_shown(5, "state = 'stopping' AND pid = $pid", 'it is stopping');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM dynpgext.events WHERE event = 'overdue' AND name = 'dx supervised 5')), 'an event');
    ok($node->poll_query_until('one', q(
        SELECT clock_timestamp() - max(at) > interval '500 ms' FROM dynpgext.events WHERE event = 'overdue' AND name = 'dx supervised 5')), 'after a while');
    is_logged($node, $overdue, $offset, 1, 'the launcher has named it in the log, once');
    ok($node->log_contains(qr/HINT:  Its code does not serve interrupts/, $offset), 'with a hint');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'overdue' AND name = 'dx supervised 5')), 1, 'and no more events');

    ok(tell($node, 'one', 5, 'exit0'), 'it ends after all');
    is_shown(5, q(state = 'stopped' AND pid IS NULL AND last_exit_code = 0), 'it is stopped');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 5')));

    # the last command before its end applies
    for my $last ('restart_worker', 'stop_worker') {
        ok(tell($node, 'one', 5, 'shut'), 'it blocks all signals');
        ok($node->poll_query_until('one', q(SELECT doing = 'shut' FROM dx_supervised_info(5))), 'it does');
        (undef, undef, $error) = $node->psql('one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 5')));
        like($error, qr/WARNING:.*has not ended yet.*will be started again after its end/s, 'restart_worker() reports the next step');
        value($node, 'one', q(SET client_min_messages = error; SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 5'))) if $last eq 'stop_worker';
        ok(tell($node, 'one', 5, 'exit0'), 'it ends after all');
        is_shown(5, $last eq 'stop_worker' ? q(state = 'stopped' AND pid IS NULL) : q(state = 'running'), "$last was the last");
    }
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 5')));

    # with a deadline: it sends no heartbeat, is signalled to end, and does not end
    $offset = log_offset($node);
    $pid = pid_of($node, 'one', 'dx supervised 2');
    my $starts = value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised 2'));
    ok(tell($node, 'one', 2, 'shut'), 'one with a deadline does, too');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM dynpgext.events WHERE event = 'overdue' AND name = 'dx supervised 2')), 'it is overdue');
    is_shown(2, "state = 'unresponsive' AND pid = $pid", 'it is unresponsive');
    is_logged($node, silence(2), $offset, 1, 'the log reports once that it is unresponsive');
    is_logged($node, qr/WARNING:  background worker "dx supervised 2".*has not ended within \d+ ms of SIGTERM/, $offset, 1, 'and that it does not end');
    ok(tell($node, 'one', 2, 'exit0'), 'it ends after all');
    is_shown(2, "state = 'running' AND starts = $starts + 1", 'and is restarted, for it was silent');

    $offset = log_offset($node);
    ok(tell($node, 'one', 5, 'shut'), 'one blocks all signals');
    ok($node->poll_query_until('one', q(SELECT doing = 'shut' FROM dx_supervised_info(5))), 'it does');
    $pid = pid_of($node, 'one', 'dx supervised 5');
    is($node->psql('one', q(SET statement_timeout = '150 ms'; DROP EXTENSION dx_supervised)), 0, 'DROP EXTENSION does not wait for it');
    $node->wait_for_log($overdue, $offset);
    becomes($node, 'one', q(SELECT name, state, pid FROM dynpgext.cluster_workers), "dx supervised 5|stopping|$pid", 'it is shown');
    is(log_count($node, $overdue, $offset), 1, 'and named in the log');
};

subtest 'the postmaster is killed' => sub {
    my %processes = processes($node);
    my @ours = map {@$_} @processes{ grep {/^dx |dynpgext/} keys %processes };
    cmp_ok(scalar @ours, '>=', 2, 'a launcher and a worker run');
    kill 'KILL', $processes{'dx supervised 5'}[0];    # it would not notice the end of the postmaster
    $node->poll_query_until('one', q(SELECT dynpgext.version() <> '')) or die;
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    is_whole($node, 'all runs', 'one');
    %processes = processes($node);
    my %workers = map { $_ => $processes{$_} } grep {/^dx supervised/} keys %processes;
    is(scalar keys %workers, 5, 'five workers wait');
    my @pids = (map({@$_} values %workers), @{ $processes{'dynpgext launcher'} });
    $node->kill9;
    ok(wait_until { !grep { kill 0, $_ } @pids }, 'they end with it');
    # no process is attached to the old shared memory any more
    $node->start;
    value($node, 'one', 'SELECT dynpgext.version()');
    is_whole($node, 'with the next start all runs', 'one');
};

$node->stop;
done_testing();
