# The launcher ends, and the wall clock is set back before the postmaster, which uses it, has restarted the
# launcher: another launcher starts nevertheless, and only one.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use Clock;
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $hour = 3600;

sub launcher_of {
    my ($node) = @_;
    return value($node, 'postgres', q(SELECT COALESCE(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher'));
}

# Ends the launcher and sets the clock back at the same moment; returns the log's offset before that.
sub end_launcher {
    my ($node) = @_;
    my $offset = log_offset($node);
    my $pid = launcher_of($node);
    kill 'TERM', $pid;
    ok($node->wait_for_log(qr/background worker "dynpgext launcher" \(PID $pid\) exited with exit code/, $offset), "launcher $pid ends");
    set_clock(-8 * $hour);
    return $offset;
}

# A worker that ends is restarted, which needs the launcher.
sub works {
    my ($node, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $starts = value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised 1'));
    tell($node, 'one', 1, 'exit1');
    return shows($node, 'one', 'dx supervised 1', "state = 'running' AND starts > $starts", $test);
}

for my $preload (0, 1) {
    subtest $preload ? 'preloaded' : 'not preloaded' => sub {
        my $node = new_cluster_with_clock("main$preload",
            $preload ? ('shared_preload_libraries' => 'dynpgext') : (),
            'dynpgext.crash_limit' => 1,
            'dx_supervised.delay' => 100,
            'dx_supervised.restart' => 'always',
            'dx_supervised.workers' => 1);
        my $beginning = log_offset($node);
        my $offset;
        add_database($node, 'one', qw(dynpgext dx_supervised));
        is_whole($node, 'all is well before', 'one');
        for my $time (1 .. 3) {
            my $before = launcher_of($node);
            $offset = end_launcher($node);
            ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher' AND pid <> $before"), 'another one is there');
            works($node, "$time: it works");
            set_clock(0);
            is(log_count($node, qr/starting background worker process "dynpgext launcher"/, $offset), 1, 'exactly one was started');
        }
        is(value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status'), launcher_of($node), 'the view shows it');

        # after a crash-restart the postmaster starts it
        crash($node, sub { kill 'KILL', launcher_of($node) });
        ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher')), 'it runs again after a crash');
        is_whole($node, 'and everything else', 'one');
        works($node, 'it works');
        is(log_count($node, qr/took the server down/, $beginning), 0, 'no worker is blamed for its end');

        # and its predecessors' records are not blamed either
        $offset = crash($node, sub { tell_to_crash($node, 'one', 1, 'segv') });
        ok($node->wait_for_log(qr/background worker "dx supervised 1" .* took the server down \(1 of 1/, $offset), 'a worker that crashes is blamed, and not everything at once');
        $node->stop;
    };
}

# The successor finds no slot.  The launcher's own slot stays reserved, and the postmaster uses it when the
# clock reaches that second again.  A use of dynpgext before that requests another launcher as soon as a slot
# is free.
subtest 'no slot for the next one' => sub {
    my $node = new_cluster_with_clock('full',
        'shared_preload_libraries' => 'dynpgext',
        'max_worker_processes' => 3,
        'max_parallel_workers' => 0,
        'max_logical_replication_workers' => 0,
        'dx_supervised.delay' => 100,
        'dx_supervised.restart' => 'always',
        'dx_supervised.workers' => 2);
    add_database($node, 'one', qw(dynpgext dx_supervised));
    is_whole($node, 'all is well before, and no slot is left', 'one');
    my $offset = end_launcher($node);
    is(value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status'), '', 'there is none');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', enabled => false)));
    ok($node->poll_query_until('one', 'SELECT launcher_pid IS NOT NULL FROM dynpgext.status'), 'a query requests one');
    works($node, 'it works');
    is(log_count($node, qr/starting background worker process "dynpgext launcher"/, $offset), 1, 'it is one');
    set_clock(0);
    ok($node->wait_for_log(qr/starting background worker process "dynpgext launcher".*starting background worker process "dynpgext launcher"/s, $offset), 'the postmaster starts the other one');
    ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher')), 'which goes');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', enabled => true)));
    is_whole($node, 'its slot is free again', 'one');
    $node->stop;
};

done_testing();
