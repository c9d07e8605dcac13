# "first_run" of SQL workers: when a command first runs after a start.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', shared_preload_libraries => 'dynpgext', 'dynpgext.runner_idle_timeout' => '100ms');
add_database($node, 'one', qw(dynpgext dx_plain));

my @all = (
    { name => 'usual', sql => 'SELECT 1', interval => $hour },
    { name => 'at once', sql => 'SELECT 1', interval => $hour, first_run => 'at_once' },
    { name => 'soon', sql => 'SELECT 1', interval => $hour, first_run => '700 ms' },
    { name => 'later', sql => 'SELECT 1', interval => $hour, first_run => '2 hours' },
    { name => 'often', sql => 'SELECT 1', interval => 300, first_run => 'after_interval' },
    { name => 'after', sql => 'SELECT 1', interval => $hour, first_run => 'after_interval' });

sub is_so { return ok(command_is($node, 'one', @_[0, 1]), "$_[0]: $_[2]") }

sub check {
    is_so('usual', q(runs = 1), 'it runs at once');
    is_so('at once', q(runs = 1), 'and this one');
    is_so('soon', q(runs = 1 AND next_run_at > now() + '50 min'), 'after some time');
    is(value($node, 'one', q(SELECT last_run_at - last_started_at >= '699 ms' FROM dynpgext.commands JOIN dynpgext.workers USING (extension) WHERE worker = 'soon' AND name = worker)),
        't', 'and no sooner');
    is_so('often', q(runs >= 2), 'after an interval, then at intervals');
    is_so('after', q(state = 'running' AND pid IS NULL AND runs = 0 AND next_run_at BETWEEN now() + '50 min' AND now() + '1 h'), 'it rests until then');
    is_so('later', q(state = 'running' AND runs = 0 AND next_run_at BETWEEN now() + '110 min' AND now() + '2 h'), 'also for longer than its interval');
    return;
}

subtest 'a start' => sub {
    register_sql_workers($node, 'one', 'dx_plain', @all);
    check();
    value($node, 'one', q(SELECT dynpgext.run_worker('dx_plain', 'after')));
    is_so('after', q(runs = 1 AND next_run_at BETWEEN now() + '50 min' AND now() + '1 h'), 'run_worker() does not wait');
};

subtest 'a change of first_run alone' => sub {
    my $starts = q(SELECT sum(starts) FROM dynpgext.workers);
    my $before = value($node, 'one', $starts);
    $_->{first_run} = 'after_interval' for grep { $_->{name} =~ /usual|later/ } @all;
    register_sql_workers($node, 'one', 'dx_plain', @all);
    is(value($node, 'one', $starts), $before, 'starts nothing');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_plain', 'later')));
    is_so('later', q(state = 'running' AND next_run_at < now() + '1 h'), 'it holds from the next start on');
    is(value($node, 'one', q(SELECT string_agg(concat_ws(' ', w->>'name', w->>'first_run'), ', ' ORDER BY w->>'name') FROM jsonb_path_query(dynpgext.export('dx_plain'), '$.workers[*]') w)),
        'after after_interval, at once, later after_interval, often after_interval, soon 700 ms, usual after_interval', 'export() has it');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.apply(dynpgext.export('dx_plain')))), 0, 'and apply() finds it so');
    $_->{first_run} = { usual => '', later => '2 hours' }->{ $_->{name} } for grep { $_->{name} =~ /usual|later/ } @all;
    register_sql_workers($node, 'one', 'dx_plain', @all);
};

# Every role that may copy the database can interrupt its workers without limit.
subtest 'commands on the database' => sub {
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => -1);
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_plain', 'after')));
    my $due = value($node, 'one', q(SELECT next_run_at FROM dynpgext.commands WHERE worker = 'after'));
    my $starts = value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'after'));
    ok($node->poll_query_until('one', qq(SELECT last_started_at < clock_timestamp() - interval '3 s' FROM dynpgext.workers WHERE name = 'after')), '(some time after its start)');
    value($node, 'postgres', 'CREATE DATABASE copied TEMPLATE one');
    ok($node->poll_query_until('one', qq(SELECT state = 'running' AND starts > $starts FROM dynpgext.workers WHERE name = 'after')), 'it is started again');
    is_so('after', qq(abs(extract(epoch FROM next_run_at - '$due')) < 1), 'and runs when it was due');
    value($node, 'postgres', 'DROP DATABASE copied');
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '100ms');
};

subtest 'a restart' => sub {
    $node->restart;
    check();
};

subtest 'faults' => sub {
    my $register = sub { return error_of($node, 'one', sprintf q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "w", "command": "SELECT 1", %s}]}')), $_[0]) };
    like($register->(q("channel": "c", "first_run": "1 s")), qr/first_run/, 'without an interval');
    like($register->(q("channel": "c", "interval": "1 s", "first_run": "1 s")), qr/not beside "channel"/, 'beside a channel');
    like($register->(q("interval": "1 s", "first_run": "soon")), qr/not an interval/, 'no interval');
    like($register->(q("interval": "1 s", "first_run": "367 days")), qr/must be "at_once", "after_interval", or from 0 to 366 days/, 'too long');
};

$node->stop;
done_testing();
