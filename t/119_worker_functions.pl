# start_worker(), stop_worker(), restart_worker() and run_worker(): as the first use after a start without preload,
# of an extension whose library registers something else than before; and in a transaction that changes registrations.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $workers = 1;
my $node = new_cluster('main', 'deadlock_timeout' => '200ms', 'dx_supervised.workers' => $workers);
add_database($node, 'one', qw(dynpgext dx_supervised));
register_sql_workers($node, 'one', 'dx_supervised', { name => 'sql', sql => 'SELECT 1', interval => 3600_000 });
is_whole($node, 'all is well before', 'one');

# Ends a call that would wait forever.
my $limit = q(SET statement_timeout = '20s'; );
my $run = q(SELECT dynpgext.run_worker('dx_supervised', 'sql'));

# The library registers another worker from now on; returns its name.
sub add_worker {
    configure($node, 'postgres', 'dx_supervised.workers' => ++$workers, @_);
    return "dx supervised $workers";
}

# The same, found by the first use after a restart.
sub add_worker_at_restart {
    my $name = add_worker(@_);
    $node->restart;
    return $name;
}

# The first use, which an exception handler rolls back: the worker is not committed yet.
sub refused_start {
    my ($name) = @_;
    return "DO \$\$BEGIN PERFORM dynpgext.start_worker('dx_supervised', '$name'); RAISE 'started'; EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END\$\$";
}

# One test: the worker is registered, and the rest is as it should be.
sub is_registered {
    my ($name, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    becomes($node, 'one', "SELECT state FROM dynpgext.workers WHERE name = '$name'", 'running', $test);
    return is_whole($node, 'all is well', 'one');
}

# A transaction in which the statement writes registrations, while another process is about to run the same init.
# That one waits without the lock that the commit needs.
sub commits {
    my ($statement, $waiting, $meanwhile) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $session = $node->background_psql('one', on_error_stop => 0);
    $session->query_safe("BEGIN; $statement");
    my $other = $meanwhile ? $node->background_psql('one') : undef;
    $other->query_until(qr/sent/, "\\echo sent\n$meanwhile;\n") if $other;
    ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND $waiting"), '(another process waits)');
    is($node->safe_psql('postgres', "SELECT wait_event FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND $waiting"), 'advisory', 'for the provisioning lock');
    $session->query('COMMIT');
    is($session->{stderr}, '', 'the transaction commits');
    $session->quit;
    if ($other) {
        $other->query('SELECT 1');
        is($other->{stderr}, '', 'and the other process continues');
        $other->quit;
    }
    return;
}

subtest 'the first use and a visit' => sub {
    my $name = add_worker_at_restart();
    commits("SELECT dynpgext.stop_worker('dx_supervised', '$name')", q(backend_type = 'dynpgext provisioning'));
    is_registered($name, 'its new worker runs');
};

subtest 'an init for a callback and a reload' => sub {
    configure($node, 'postgres', 'dx_supervised.callback' => 'on');
    value($node, 'one', q(SELECT FROM dynpgext.reload('dx_supervised')));
    is_whole($node, 'workers with callbacks', 'one');
    my $name = add_worker();
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
    commits(q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')),
        q(query ~ '^SELECT FROM dynpgext.reload'), q(SELECT FROM dynpgext.reload('dx_supervised')));
    is_registered($name, 'its new worker runs');
    configure($node, 'postgres', 'dx_supervised.callback' => 'off');
    value($node, 'one', q(SELECT FROM dynpgext.reload('dx_supervised')));
};

subtest 'run_worker() of a pending extension' => sub {
    my $name = add_worker_at_restart();
    my $refused = qr/ERROR:  55000: .*"sql".* cannot run before the end of this transaction, which provisions extensions\nHINT:  .*transaction of its own/;
    like(error_of($node, 'one', $limit . $run), $refused, 'the first use changes its registrations');
    is_registered($name, 'a visit does that');
    like(value($node, 'one', $run), qr/^00:00:\d\d\.\d+$/, 'then it runs');
    for my $first (q(SELECT FROM dynpgext.reload()), 'SELECT dx_supervised_info(1)') {
        $name = add_worker_at_restart();
        like(error_of($node, 'one', "$limit BEGIN; $first; $run"), $refused, "after $first");
        is_registered($name, '(and again)');
    }
    $name = add_worker_at_restart();
    like(value($node, 'one', 'BEGIN; ' . refused_start($name) . "; $run; COMMIT"), qr/^00:00:\d\d\.\d+$/, 'after a rolled-back first use: a visit goes first');
    is_registered($name, '(and again)');
    $name = add_worker_at_restart();
    like(error_of($node, 'one', "$limit BEGIN; LOCK TABLE dynpgext.registered_command; " . refused_start($name) . "; $run"),
        qr/ERROR:  40P01: the run of .*"sql".* waits for this transaction/, 'a visit that waits for this transaction');
    is_registered($name, '(and again)');
    configure($node, 'postgres', 'dx_supervised.raise' => 'on');
    $node->restart;
    error_of($node, 'one', $limit . $run);
    becomes($node, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_supervised'), 'failed', 'one that fails');
    like(error_of($node, 'one', $limit . $run),
        qr/ERROR:  55000: .*"sql".* cannot run: its extension has failed\nDETAIL:  dx_supervised raises in init\nHINT:  .*reload\(\)/, 'the error has the reason');
    configure($node, 'postgres', 'dx_supervised.raise' => 'off');
    value($node, 'one', q(SELECT FROM dynpgext.reload()));
    is_whole($node, 'all is well', 'one');
};

subtest 'restart_worker() stops nothing that it cannot start' => sub {
    my $starts = q(SELECT starts, state FROM dynpgext.workers WHERE name = 'sql');
    my $before = value($node, 'one', $starts);
    my $other = q(SELECT dynpgext.register('dx_supervised', '{"dynpgext": 1, "workers": [{"name": "sql", "run_as": "postgres", "command": "SELECT 2", "interval": "1 h"}]}'));
    like(error_of($node, 'one', "BEGIN; $other; SELECT dynpgext.restart_worker('dx_supervised', 'sql')"),
        qr/ERROR:  55000: .*"sql".* is not committed yet\nHINT:  It starts by itself/, 'one that is not committed yet');
    is(value($node, 'one', $starts), $before, 'the committed one runs on');
    ok(tell($node, 'one', 1, 'ignore_politely'), 'one that does not end at once');
    like(error_of($node, 'one', q(SET statement_timeout = '300ms'; SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1'))),
        qr/ERROR:  57014/, 'the wait for it is cancelled');
    value($node, 'one', q(SELECT dx_supervised_command(1, 'return')));
    is_whole($node, 'it starts when it has ended', 'one');
};

subtest 'a rollback to a savepoint' => sub {
    configure($node, 'postgres', 'dx_supervised.without_memory' => 'on');
    value($node, 'one', q(SELECT FROM dynpgext.reload('dx_supervised')));
    for my $handler (0, 1) {
        my $name = add_worker_at_restart();
        my ($code, $out, $error) = $node->psql('one', $handler ? refused_start($name)
            : "BEGIN; SAVEPOINT a; SELECT dynpgext.start_worker('dx_supervised', '$name'); ROLLBACK TO a; COMMIT", on_error_stop => 0);
        is($code, 0, $handler ? 'an exception handler' : 'ROLLBACK TO SAVEPOINT') or diag($error);
        becomes($node, 'one', "SELECT count(*) FROM dynpgext.workers WHERE name = '$name'", 1, 'a visit registers what the first use had registered');
    }
    configure($node, 'postgres', 'dx_supervised.without_memory' => 'off');
    value($node, 'one', q(SELECT FROM dynpgext.reload('dx_supervised')));
    value($node, 'one', q(SELECT FROM dynpgext.reload()));
    is_whole($node, 'all is well', 'one');
};

$node->stop;
done_testing();
