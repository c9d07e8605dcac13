# Which ends lead to a restart, when it comes, and what the views show.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @policies = qw(never on_failure always);

# The launcher checks by itself only once an hour: every test must wake it.
my $node = new_cluster('main',
    'dynpgext.naptime' => '1h',
    'dynpgext.restart_delay_max' => '100ms',
    'dx_supervised.connect' => 'on',
    'dx_supervised.delay' => 50,
    'dx_supervised.restart' => join(',', @policies),
    'dx_supervised.workers' => 3);
add_database($node, 'one', qw(dynpgext dx_supervised));
is_whole($node, 'all is well before', 'one');
is(value($node, 'one', q(SELECT string_agg(restart, ' ' ORDER BY name) FROM dynpgext.workers)), "@policies",
    'the view shows the policies');
is(value($node, 'one', q(SELECT string_agg(restart, ' ' ORDER BY name) FROM dynpgext.cluster_workers)), "@policies",
    'so does the one of the cluster');

my $terminate = q(SELECT pg_terminate_backend(pid, 10000) FROM dynpgext.workers WHERE name = 'dx supervised %d');
my $term_error = '57P01: terminating background worker "dx supervised %d" due to administrator command';
# how => [exit code, error]
my @ends = (
    [ 'exit0', 0, '' ],
    [ 'return', 0, '' ],
    [ 'exit1', 1, '' ],
    [ 'error', 1, '22012: dx_supervised was told to raise an error' ],
    [ 'fatal', 1, 'P0001: dx_supervised was told to end fatally' ],
    [ 'pg_terminate_backend', 1, $term_error ]);

my $starts = 1;
for my $end (@ends) {
    my ($how, $code, $error) = @$end;
    subtest "an end by $how" => sub {
        for my $n (1 .. 3) {
            if ($how eq 'pg_terminate_backend') {
                is(value($node, 'one', sprintf $terminate, $n), 't', "worker $n ends");
            } else {
                ok(tell($node, 'one', $n, $how), "told to $n");
            }
        }
        for my $n (1 .. 3) {
            my $policy = $policies[ $n - 1 ];
            my $back = $policy eq 'always' || ($policy eq 'on_failure' && $code != 0);
            my $state = $back ? 'running' : $code == 0 ? 'stopped' : 'failed';
            my $expected = $error =~ s{%d}{$n}r;
            shows($node, 'one', "dx supervised $n",
                "state = '$state' AND starts = " . ($back ? "$starts + 1" : "$starts AND pid IS NULL"), "$policy: $state");
            is(value($node, 'one', qq(
                SELECT state, restart, starts, last_exit_code, last_error, next_start_at IS NULL,
                       last_exited_at > now() - interval '1 hour', (last_started_at > last_exited_at) = (pid IS NOT NULL)
                  FROM dynpgext.workers WHERE name = 'dx supervised $n')),
                join('|', $state, $policy, $back ? $starts + 1 : $starts, $code, $expected, qw(t t t)),
                "$policy: as the view says");
            my $rows = $back || $code == 0 ? 0 : 1;
            is(value($node, 'one', "SELECT count(*) FROM dynpgext.reload(dry_run => true) WHERE name = 'dx supervised $n'"),
                $rows, "$policy: there is " . ($rows ? 'a start' : 'nothing') . ' for a reload to do');
            next if $back;
            is(value($node, 'one', "SELECT dynpgext.start_worker('dx_supervised', 'dx supervised $n')"), 't',
                "$policy: start_worker starts it");
            is(value($node, 'one', "SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised $n'"), $starts + 1,
                "$policy: once");
        }
        $starts++;
        is_whole($node, 'all runs', 'one');
    };
}

subtest 'stop_worker' => sub {
    for my $n (1 .. 3) {
        is(value($node, 'one', "SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised $n')"), 't', "stops $policies[$n - 1]");
        shows($node, 'one', "dx supervised $n", "state = 'stopped' AND pid IS NULL AND next_start_at IS NULL AND starts = $starts",
            'it is stopped');
    }
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload leaves them alone');
    # a new launcher decides by states
    value($node, 'one', 'SELECT pg_terminate_backend(launcher_pid, 10000) FROM dynpgext.status');
    ok($node->poll_query_until('one', 'SELECT launcher_pid IS NOT NULL FROM dynpgext.status'), 'another launcher');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 3')));
    ok(tell($node, 'one', 3, 'exit1'), 'it restarts one that has ended');
    shows($node, 'one', 'dx supervised 3', "state = 'running' AND starts = $starts + 2", 'that one runs');
    is(value($node, 'one', q(SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.workers WHERE name <> 'dx supervised 3')),
        'stopped', 'and no other');
    value($node, 'one', q(SELECT dynpgext.start_worker(extension, name) FROM dynpgext.workers WHERE state = 'stopped'));
    is_whole($node, 'all runs', 'one');
};

subtest 'backoff with a long delay' => sub {
    my $name = 'dx supervised 3';
    value($node, 'one', "SELECT dynpgext.configure_worker('dx_supervised', '$name', restart_delay => '1 hour')");
    ok(tell($node, 'one', 3, 'error'), 'gets the command to raise an error');
    shows($node, 'one', $name, q(state = 'backoff' AND pid IS NULL), 'it is in backoff');
    is(value($node, 'one', qq(
        SELECT next_start_at - last_exited_at BETWEEN interval '45 min' AND interval '1 hour', last_exit_code,
               last_error LIKE '22012: %' FROM dynpgext.workers WHERE name = '$name')), 't|1|t', 'the view shows the end');
    is(value($node, 'one', "SELECT dynpgext.start_worker('dx_supervised', '$name')"), 't', 'start_worker starts it at once');
    shows($node, 'one', $name, q(state = 'running' AND next_start_at IS NULL), 'it runs');
    ok(tell($node, 'one', 3, 'error'), 'gets the command to raise an error');
    shows($node, 'one', $name, q(state = 'backoff' AND pid IS NULL), 'it is in backoff');
    is(value($node, 'one', "SELECT dynpgext.restart_worker('dx_supervised', '$name')"), 't', 'so does restart_worker');
    ok(tell($node, 'one', 3, 'error'), 'gets the command to raise an error');
    shows($node, 'one', $name, q(state = 'backoff' AND pid IS NULL), 'it is in backoff');
    is(value($node, 'one', 'SELECT name, action, detail FROM dynpgext.reload()'), "$name|start|was backoff", 'so does a reload');
    shows($node, 'one', $name, q(state = 'running'), 'it runs');
    ok(tell($node, 'one', 3, 'error'), 'gets the command to raise an error');
    shows($node, 'one', $name, q(state = 'backoff' AND pid IS NULL), 'it is in backoff');
    is(value($node, 'one', "SELECT dynpgext.stop_worker('dx_supervised', '$name')"), 't', 'stop_worker ends the backoff');
    shows($node, 'one', $name, q(state = 'stopped' AND next_start_at IS NULL), 'it is stopped');
    value($node, 'one', "SELECT dynpgext.reset_worker('dx_supervised', '$name')");
    value($node, 'one', "SELECT dynpgext.start_worker('dx_supervised', '$name')");
    is_whole($node, 'all runs', 'one');
};

# The last restarts, in order, from the events: [announced milliseconds, real milliseconds].
sub delays {
    my ($count) = @_;
    my $rows = $node->safe_psql('one', qq(
        SELECT said, round(extract(epoch FROM back - gone) * 1000) FROM (
          SELECT at, event, substring(detail FROM 'restart in ([0-9]+) ms')::integer AS said,
                 lag(at) OVER w AS gone, lead(at) OVER w AS back, lead(event) OVER w AS next
            FROM dynpgext.events WHERE name = 'dx supervised 3'
          WINDOW w AS (ORDER BY at)) AS e
         WHERE event = 'backoff' AND next = 'restarted' ORDER BY at DESC LIMIT $count));
    return reverse map { [ split /\|/ ] } split /\n/, $rows;
}

subtest 'backoff grows and is reset' => sub {
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', restart_delay => '100 ms')));
    configure($node, 'one', 'dynpgext.restart_delay_max' => '800ms', 'dx_supervised.fail' => 'dx supervised 3');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 3')));
    my $before = value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised 3'));
    shows($node, 'one', 'dx supervised 3', "starts >= $before + 5 AND last_error = 'XX000: dx_supervised fails at start'",
        'it is restarted again and again');
    configure($node, 'one', 'dx_supervised.fail' => '');
    shows($node, 'one', 'dx supervised 3', q(state = 'running'), 'and then stays');

    my @seen = delays(100);
    my ($first) = grep { $seen[$_][0] <= 100 && $_ + 4 <= $#seen && $seen[$_ + 1][0] > 100 } reverse 0 .. $#seen;
    ok(defined $first, 'it began with the shortest delay') or return;
    my $wanted = 100;
    for my $delay (@seen[ $first .. $first + 4 ]) {
        my ($said, $took) = @$delay;
        note("delay of $wanted ms: announced $said ms, took $took ms");
        cmp_ok($said, '>=', $wanted * 3 / 4 - 1, "a delay of $wanted ms is not below three quarters of it");
        cmp_ok($said, '<=', $wanted, 'nor above');
        cmp_ok($took, '>=', $said - 1, 'it is not restarted before');
        cmp_ok($took, '<', 1000 * $PostgreSQL::Test::Utils::timeout_default, 'nor by the naptime, which is longer');
        $wanted = $wanted * 2 > 800 ? 800 : $wanted * 2;
    }

    # whether shorter than dynpgext.restart_delay_max or not
    ok($node->poll_query_until('one', q(
        SELECT last_started_at < clock_timestamp() - interval '0.8 s' FROM dynpgext.workers WHERE name = 'dx supervised 3')),
        'it has been well for long enough');
    for my $said (100, 200) {
        my $n = value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised 3'));
        ok(tell($node, 'one', 3, 'exit1'), 'ended');
        shows($node, 'one', 'dx supervised 3', "state = 'running' AND starts = $n + 1", 'and restarted');
        my ($last) = delays(1);
        # on a busy machine the second run may have been a long one
        ok($last->[0] <= $said && ($last->[0] >= $said * 3 / 4 - 1 || $said == 200),
            "with a delay of $said ms: $last->[0] ms");
    }
};

subtest 'an end by exit(0)' => sub {
    ok(tell($node, 'one', 2, 'libc_exit0'), 'gets the command, with restart on_failure');
    ok($node->poll_query_until('one', q(SELECT last_exited_at > now() - interval '1 min' FROM dynpgext.workers WHERE name = 'dx supervised 2')), 'it has ended');
    is(value($node, 'one', q(SELECT last_exit_code FROM dynpgext.workers WHERE name = 'dx supervised 2')), 0, 'with exit code 0');
};

# A failed process may still exist for a moment: a decision made meanwhile is not lost.
subtest 'a reload before the failed process has gone' => sub {
    my $file = $node->data_dir . '/dx_supervised.linger';
    append_to_file($file, '');
    ok(tell($node, 'one', 1, 'linger'), 'gets the command, with restart never');
    shows($node, 'one', 'dx supervised 1', q(state = 'failed'), 'it has failed');
    is(value($node, 'one', q(SELECT action FROM dynpgext.reload() WHERE name = 'dx supervised 1')), 'start', 'a reload starts it');
    unlink $file or die "$file: $!";
    shows($node, 'one', 'dx supervised 1', q(state = 'running'), 'it runs when that one has ended');
};

$node->stop;
done_testing();
