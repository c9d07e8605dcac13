# More databases with SQL workers than processes to run them: the processes take turns, and none starves.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my %settings = (
    shared_preload_libraries => 'dynpgext',
    'dynpgext.naptime' => '1h',
    'dynpgext.runner_idle_timeout' => '300ms');
my @same = map {"same_$_"} 1 .. 6;
my $runners = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql');
my $runs = q(SELECT sum(runs) FROM dynpgext.commands);

sub fill {
    my ($node) = @_;
    for my $database (@same, 'busy', 'listens') {
        add_database($node, $database, qw(dynpgext dx_plain));
        value($node, $database, 'CREATE TABLE public.done (pid integer DEFAULT pg_backend_pid())');
    }
    my $sql = 'INSERT INTO public.done DEFAULT VALUES';
    register_sql_workers($node, $_, 'dx_plain', { name => 'now and then', sql => $sql, interval => 1000 }) for @same;
    register_sql_workers($node, 'busy', 'dx_plain', { name => 'all the time', sql => $sql, interval => 10 });
    register_sql_workers($node, 'listens', 'dx_plain', { name => 'when told', sql => $sql, channel => 'x' });
    return;
}

# All have run this many times since the call; `most`: number of runner processes at once.
sub all_run {
    my ($node, $times, $most, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @all = (@same, 'busy', 'listens');
    my %before = map { $_ => value($node, $_, $runs) } @all;
    my $seen = 0;
    my %since;
    my $done = wait_until {
        value($node, 'listens', 'NOTIFY x');
        my $now = value($node, 'postgres', $runners);
        $seen = $now if $now > $seen;
        %since = map { $_ => value($node, $_, $runs) - $before{$_} } @all;
        return !grep { $_ < $times } values %since;
    };
    ok($done, "$test: all run again and again") or diag(join ', ', map {"$_ $since{$_}"} sort keys %since);
    cmp_ok($seen, '<=', $most + 1, 'never more at once, but for one that is just ending');
    my @counts = sort { $a <=> $b } @since{@same};
    cmp_ok($counts[-1], '<=', 2 * $counts[0] + 2, 'the same ones run as often as each other') or diag("@counts");
    return;
}

sub check_quiet {
    my ($node, $offset) = @_;
    for my $database (@same) {
        is(value($node, $database, q(SELECT starts FROM dynpgext.workers WHERE name = 'now and then')), 1, "$database: these are no starts");
        is(value($node, $database, q(SELECT count(*) FROM dynpgext.events WHERE database = current_database() AND name = 'now and then' AND event IN ('restarted', 'exited', 'stopping'))), 0, 'and no events');
    }
    return;
}

subtest 'dynpgext.max_runners' => sub {
    my $node = new_cluster('limited', %settings, 'dynpgext.max_runners' => 2, max_worker_processes => 32);
    fill($node);
    all_run($node, 5, 2, 'two of eight');
    my $all = q(SELECT DISTINCT state, coalesce(waits_for, '') FROM dynpgext.cluster_workers ORDER BY 1, 2);
    ok(wait_until { value($node, 'postgres', $runners) > 0 && value($node, 'busy', $all) =~ /^waiting\|dynpgext.max_runners$/m }, 'late ones wait for it');
    check_quiet($node);
    unlike(slurp_file($node->logfile), qr/WARNING: .*has to wait/, 'there is no warning');
    configure($node, 'busy', 'dynpgext.max_runners' => 0);
    is($node->poll_query_until('postgres', $runners, 0), 1, 'with none allowed, they end');
    my @both = qw(first second);
    for my $database (@both) {
        add_database($node, $database, qw(dynpgext dx_plain));
        register_sql_workers($node, $database, 'dx_plain', { name => 'global', sql => 'SELECT 1', interval => 100, scope => 'global' });
    }
    my $where = q(SELECT state || ' in ' || database FROM dynpgext.commands WHERE worker = 'global');
    becomes($node, 'second', $where, 'waiting in first', 'one that is global waits in one of its databases');
    register_sql_workers($node, 'first', 'dx_plain');
    becomes($node, 'second', $where, 'waiting in second', 'and in another one when that does not register it any more');
    value($node, 'busy', "DROP DATABASE $_ WITH (FORCE)") for @both;
    configure($node, 'busy', 'dynpgext.max_runners' => -1);
    all_run($node, 3, 8, 'without a limit');
    $node->stop;
};

subtest 'few slots' => sub {
    # one for the launcher, two for visits and runners
    my $node = new_cluster('slots', %settings, max_worker_processes => 3, max_logical_replication_workers => 0, max_parallel_workers => 0);
    fill($node);
    all_run($node, 5, 2, 'two slots');
    check_quiet($node);
    $node->restart;
    all_run($node, 3, 2, 'after a restart');
    $node->stop;
};

# Together longer than a turn, and always due: commands not reached in a turn come first in the next one.
subtest 'within a process' => sub {
    my $node = new_cluster('within', %settings, 'dynpgext.max_runners' => 1);
    add_database($node, $_, qw(dynpgext dx_plain)) for qw(one two);
    my @busy = map { { name => "busy $_", sql => 'SELECT pg_sleep(0.2)', interval => 10 } } 1 .. 6;
    register_sql_workers($node, 'one', 'dx_plain', @busy, { name => 'told', sql => 'SELECT pg_sleep(0.2)', channel => 'x' });
    register_sql_workers($node, 'two', 'dx_plain', { name => 'other', sql => 'SELECT 1', interval => 10 });
    ok($node->poll_query_until('one', q(SELECT count(*) = 7 AND min(runs) > 0 FROM dynpgext.commands)), 'each has its turn');
    ok($node->poll_query_until('one', q(SELECT min(runs) >= 4 FROM dynpgext.commands WHERE worker ~ 'busy')), 'again and again');
    is(value($node, 'one', q(SELECT max(runs) - min(runs) <= 2 FROM dynpgext.commands WHERE worker ~ 'busy')), 't', 'as often as the others');
    my $told = value($node, 'one', q(SELECT runs FROM dynpgext.commands WHERE worker = 'told'));
    value($node, 'one', 'NOTIFY x');
    ok($node->poll_query_until('one', qq(SELECT runs > $told FROM dynpgext.commands WHERE worker = 'told')), 'also one that is notified');
    $node->stop;
};

done_testing();
