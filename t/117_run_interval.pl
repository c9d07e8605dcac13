# configure_worker(run_interval): the DBA changes the interval of an SQL worker.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', shared_preload_libraries => 'dynpgext');
add_database($node, 'one', qw(dynpgext dx_plain dx_declared));
register_sql_workers($node, 'one', 'dx_plain',
    { name => 'rare', sql => 'SELECT 1', interval => $hour }, { name => 'often', sql => 'SELECT 1', interval => 20 },
    { name => 'later', sql => 'SELECT 1', interval => $hour, first_run => '2 hours' });

sub set_interval { my ($worker, $interval) = @_; return value($node, 'one', "SELECT dynpgext.configure_worker('dx_plain', '$worker', run_interval => '$interval')") }
sub is_so { my ($worker, $condition, $test) = @_; return ok(command_is($node, 'one', $worker, $condition), "$worker: $test") || diag(command_row($node, 'one', $worker)) }
sub runs { my ($worker) = @_; return value($node, 'one', "SELECT runs FROM dynpgext.commands WHERE worker = '$worker'") }

is_so('rare', 'runs = 1', 'runs at its start');
my $pid = runner_pid($node, 'one');

subtest 'at once' => sub {
    set_interval('rare', '50 ms');
    is_so('rare', 'runs > 3', 'a shorter one');
    set_interval('often', '2 hours');
    is_so('often', q(next_run_at - last_run_at BETWEEN '119 min' AND '121 min'), 'a longer one');
    my $runs = runs('often');
    set_interval('later', '30 min');
    is_so('later', q(runs = 0 AND next_run_at BETWEEN now() + '25 min' AND now() + '30 min'), 'one that waits for its first run waits no longer than that');
    is(runs('often'), $runs, 'the longer one does not run');
    is(runner_pid($node, 'one'), $pid, 'all in the same process');
    is(value($node, 'one', q(SELECT max(starts) FROM dynpgext.workers WHERE extension = 'dx_plain')), 1, 'without a start');
};

subtest 'at rest' => sub {
    set_interval('rare', '1 hour');
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '100ms');
    value($node, 'one', q(DROP EXTENSION dx_declared));
    is_so('often', 'pid IS NULL', 'it rests');
    my $runs = runs('often');
    set_interval('often', '1 hour');
    is_so('often', q(next_run_at - last_run_at BETWEEN '59 min' AND '61 min'), 'a shorter one, which is not due yet');
    set_interval('often', '3 hours');
    is_so('often', q(next_run_at - last_run_at BETWEEN '179 min' AND '181 min' AND pid IS NULL), 'a longer one');
    is(runs('often'), $runs, 'it has not run for that');
    set_interval('often', '50 ms');
    is_so('often', "runs > $runs + 2", 'one that is due runs at once');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_plain', 'rare')));
    is_so('rare', q(run_interval = '1 hour' AND next_run_at - last_run_at BETWEEN '59 min' AND '61 min'), 'reset_worker()');
};

subtest 'operations that keep it' => sub {
    $node->restart;
    my $kept = q(run_interval = '50 ms' AND runs > 2);
    is_so('often', $kept, 'a restart');
    value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()');
    is_so('often', $kept, 'reload()');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'often', sql => 'SELECT 2', interval => $hour });
    is_so('often', $kept, 'another registration of the worker');
    value($node, 'one', q(CREATE EXTENSION dx_declared; SELECT dynpgext.configure_worker('dx_declared', 'dx tick', run_interval => '1 hour')));
    value($node, 'one', q(ALTER EXTENSION dx_declared UPDATE TO '0.2'));
    is_so('dx tick', q(run_interval = '1 hour' AND next_run_at - last_run_at > '59 min'), 'an update of the extension');
};

$node->stop;
done_testing();
