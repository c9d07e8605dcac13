# How workers end, how the views show it, and what restarts them.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
add_database($node, 'one', qw(dynpgext dx_worker));
is_whole($node, 'all is well before', 'one');

# Repeats the command until the worker has obeyed: a newly started worker may miss it.
sub command {
    my ($scope, $command, $state) = @_;
    return $node->poll_query_until('one', qq(
        SELECT CASE WHEN state = '$state' THEN true ELSE dx_worker_command('$scope', '$command') IS NULL END
          FROM dynpgext.workers WHERE name = 'dx $scope'));
}

sub shown {
    my ($scope) = @_;
    return value($node, 'one', qq(
        SELECT state, pid IS NULL, starts, last_exit_code, last_error FROM dynpgext.workers WHERE name = 'dx $scope'));
}

sub gone {
    my ($scope) = @_;
    return $node->poll_query_until('one', "SELECT pid IS NULL FROM dynpgext.workers WHERE name = 'dx $scope'");
}

my %ends = (
    'exits 0' => [ 'exit0', 'stopped', 0, '' ],
    'exits by returning' => [ 'return', 'stopped', 0, '' ],
    'exits 1' => [ 'exit1', 'failed', 1, '' ],
    'exits by ERROR' => [ 'error', 'failed', 1, 'P0001: dx_worker was told to raise an error' ],
    'exits by FATAL' => [ 'fatal', 'failed', 1, 'P0001: dx_worker was told to end fatally' ]);

for my $scope (qw(local global)) {
    my $starts = 1;
    for my $how (sort keys %ends) {
        my ($command, $state, $code, $error) = @{ $ends{$how} };
        subtest "worker $how ($scope)" => sub {
            ok(command($scope, $command, $state), "it is $state");
            ok(gone($scope), 'its process is gone');
            is(shown($scope), "$state|t|$starts|$code|$error", 'as the view says');
            is(value($node, 'one', "SELECT last_exited_at >= last_started_at FROM dynpgext.workers WHERE name = 'dx $scope'"),
                't', 'with the times');
            is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), $state eq 'failed' ? 1 : 0,
                $state eq 'failed' ? 'reload starts it again' : 'reload leaves it alone');
            is(value($node, 'one', "SELECT dynpgext.start_worker('dx_worker', 'dx $scope')"), 't', 'start_worker starts it')
              if $state ne 'failed';
            $starts++;
            is_whole($node, 'it runs', 'one');
            is(value($node, 'one', "SELECT starts FROM dynpgext.workers WHERE name = 'dx $scope'"), $starts, 'starts');
            is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'there is nothing to do');
        };
    }
}

subtest 'pg_terminate_backend' => sub {
    is(value($node, 'one', q(SELECT pg_terminate_backend(pid, 10000) FROM dynpgext.workers WHERE name = 'dx local')), 't', 'ends it');
    ok(gone('local'), 'its process is gone');
    like(shown('local'), qr/^failed\|t\|6\|1\|57P01: terminating background worker/, 'as the view says');
    ok($node->poll_query_until('one', q(SELECT starts = 6 FROM dynpgext.workers WHERE name = 'dx local')), 'it stays so');
    is(value($node, 'one', q(SELECT object, name, action FROM dynpgext.reload(dry_run => true))), 'worker|dx local|start',
        'a dry run says what a reload would do');
    is(value($node, 'one', q(SELECT dynpgext.restart_worker('dx_worker', 'dx local'))), 't', 'restart_worker');
    is_whole($node, 'starts it', 'one');
};

subtest 'stop_worker, start_worker, restart_worker' => sub {
    for my $scope (qw(local global)) {
        my $pid = pid_of($node, 'one', "dx $scope");
        is(value($node, 'one', "SELECT dynpgext.stop_worker('dx_worker', 'dx $scope')"), 't', "stop $scope");
        like(shown($scope), qr/^stopped\|t\|/, 'it is stopped');
        is(kill(0, $pid), 0, 'its process is gone when stop_worker returns');
        is(value($node, 'one', "SELECT dynpgext.stop_worker('dx_worker', 'dx $scope')"), 'f', 'nothing to stop');
        is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'reload leaves it alone');
        is(value($node, 'one', "SELECT dynpgext.start_worker('dx_worker', 'dx $scope')"), 't', 'start');
        is(value($node, 'one', "SELECT dynpgext.start_worker('dx_worker', 'dx $scope')"), 'f', 'nothing to start');
        is_whole($node, 'it runs', 'one');
        $pid = pid_of($node, 'one', "dx $scope");
        is(value($node, 'one', "SELECT dynpgext.restart_worker('dx_worker', 'dx $scope')"), 't', 'restart');
        is_whole($node, 'it runs', 'one');
        isnt(pid_of($node, 'one', "dx $scope"), $pid, 'in a new process');
    }
    my ($code, $out, $error) = $node->psql('one', q(SELECT dynpgext.start_worker('dx_worker', 'none')));
    like($error, qr/ERROR:.*"dx_worker" has no background worker "none"/, 'a worker that is not there');
};

subtest 'stopped workers come back after a restart' => sub {
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_worker', 'dx local')));
    $node->restart;
    value($node, 'one', 'SELECT count(*) FROM dynpgext.workers');
    is_whole($node, 'all runs', 'one');
    is(value($node, 'one', q(SELECT string_agg(DISTINCT starts::text, ' ') FROM dynpgext.workers)), 1, 'starts are counted from the beginning');
};

subtest 'a worker that blocks all signals' => sub {
    configure($node, 'one', 'dynpgext.stop_timeout' => '1s');
    ok($node->poll_query_until('one', q(
        SELECT starts > 0 AND dx_worker_command('local', 'shut') FROM dx_worker_info('local'))), 'told to');
    # the worker clears the command when it has obeyed; it may have missed it before it listened
    ok($node->poll_query_until('one', q(SELECT command = '' FROM dx_worker_info('local'))), 'it has read it');
    $node->safe_psql('one', q(SELECT dx_worker_command('local', 'shut')));
    ok($node->poll_query_until('one', q(SELECT command = '' FROM dx_worker_info('local'))), 'it has read it');

    my $pid = pid_of($node, 'one', 'dx local');
    my ($code, $out, $error) = $node->psql('one', q(SELECT dynpgext.stop_worker('dx_worker', 'dx local')));
    is("$code $out", '0 t', 'stop_worker returns');
    like($error, qr/WARNING:.*"dx local" of extension "dx_worker" has not ended yet/, 'with a warning');
    like(shown('local'), qr/^stopping\|f\|/, 'it is stopping');
    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_worker', 'dx global'))), 'f', 'others are not concerned');

    is($node->psql('one', 'DROP EXTENSION dx_worker'), 0, 'DROP EXTENSION waits for it no longer than dynpgext.stop_timeout');
    is(kill(0, $pid), 1, 'it is still there');
    becomes($node, 'one', q(SELECT name, state, pid FROM dynpgext.cluster_workers), "dx local|stopping|$pid", 'and is shown');
    value($node, 'one', 'CREATE EXTENSION dx_worker');
    ok($node->poll_query_until('one', q(
        SELECT state = 'running' FROM dynpgext.workers WHERE name = 'dx global')), 'created again, the other runs');
    my %processes = processes($node);
    is("@{ $processes{'dx local'} }", $pid, 'but no second process of the one that has not ended');

    my $offset = log_offset($node);
    kill 'KILL', $pid;
    wait_crash_restart($node, $offset);
    value($node, 'one', 'SELECT count(*) FROM dynpgext.workers');
    is_whole($node, 'with its end all is well', 'one');
};

subtest 'a worker that is stopped while an update replaces it' => sub {
    configure($node, 'one', 'dynpgext.stop_timeout' => '200ms');
    ok($node->poll_query_until('one', q(
        SELECT starts > 0 AND dx_worker_command('local', 'ignore_term') FROM dx_worker_info('local'))), 'it ignores SIGTERM');
    ok($node->poll_query_until('one', q(SELECT command = '' FROM dx_worker_info('local'))), 'it has read it');
    value($node, 'one', q(ALTER EXTENSION dx_worker UPDATE TO '0.2'));
    value($node, 'one', q(SET client_min_messages = error; SELECT dynpgext.stop_worker('dx_worker', 'dx local')));
    $node->safe_psql('one', q(SELECT dx_worker_command('local', 'exit0')));
    ok($node->poll_query_until('one', q(SELECT state = 'stopped' AND pid IS NULL FROM dynpgext.workers WHERE name = 'dx local')), 'it stays stopped when it has ended');
    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_worker', 'dx local'))), 't', 'until it is started');
    is_whole($node, 'all is well', 'one');
};

$node->stop;
done_testing();
