# Authors' callbacks that raise errors in a transaction that continues, and callbacks that wait for each
# other.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'dx_border.worker' => 'on');
add_database($node, 'one', 'dynpgext', 'dx_border');
ok(wait_whole($node, 'one'), 'a worker with a callback runs');
value($node, 'one', 'INSERT INTO dx_border_rows VALUES (1)');

# ---- changes made by a callback ----

# The worker's callback runs within the command: once it inserts an existing key, once it makes a change
# before it raises an error.  Returns the warning.
sub in_transaction {
    my ($callback, $command) = @_;
    my ($code, $out, $error) = $node->psql('one', "SET dx_border.callback = '$callback';\nBEGIN;\n"
          . "INSERT INTO dx_border_rows VALUES (10);\n$command;\nCOMMIT", on_error_stop => 1);
    is($code, 0, "$callback: the transaction goes on") or diag($error);
    return $error;
}

# without indexes: an index has one entry for each key
sub rows {
    return value($node, 'one', "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;"
          . "SELECT string_agg(id::text, ' ' ORDER BY id) FROM dx_border_rows");
}

my $stop = q(SELECT dynpgext.stop_worker('dx_border', 'dx border'));
my %commands = (
    'start_worker' => q(SELECT dynpgext.start_worker('dx_border', 'dx border')),
    'restart_worker' => q(SELECT dynpgext.restart_worker('dx_border', 'dx border')),
    # a worker that has ended by itself, and is not restarted
    'reload' => q(SELECT count(*) FROM dynpgext.reload('dx_border')));
for my $name (sort keys %commands) {
    for my $callback ('duplicate', 'half', 'whole') {
        value($node, 'one', $stop) if $name eq 'start_worker';
        if ($name eq 'reload') {
            value($node, 'one', q(SELECT pg_terminate_backend(pid, 10000) FROM dynpgext.workers WHERE name = 'dx border'));
            ok($node->poll_query_until('one', q(SELECT state NOT IN ('running', 'starting') FROM dynpgext.workers WHERE name = 'dx border')),
                'the worker has ended');
        }
        my $warning = in_transaction($callback, $commands{$name});
        my %expected = (
            duplicate => qr/WARNING:  dynpgext: while running the callback of a background worker: duplicate key value/,
            half => qr/WARNING:  dynpgext: while running the callback of a background worker: dx_border raises halfway/,
            whole => qr/^$/);
        like($warning, $expected{$callback}, "$name, $callback: says so");
        is(rows(), $callback eq 'whole' ? '1 3 10' : '1 10', "$name, $callback: what the callback wrote is rolled back, or stays, whole");
        shows($node, 'one', 'dx border', "state = 'running'", "$name, $callback: the worker runs");
        value($node, 'one', 'DELETE FROM dx_border_rows WHERE id > 1');
    }
}
is(value($node, 'one', 'REINDEX TABLE dx_border_rows; SELECT count(*) FROM dx_border_rows'), 1, 'the index can be built again');

# ---- callbacks that look up each other's memory ----

for my $database (qw(a b)) {
    my $names = $database eq 'a' ? 'x y' : 'y x';
    add_database($node, $database, 'dynpgext');
    value($node, 'postgres', "ALTER DATABASE $database SET dx_border.names = '$names'; ALTER DATABASE $database SET dx_border.worker = 'off'");
    value($node, $database, 'CREATE EXTENSION dx_border');
}
my $meet = $node->data_dir . '/dx_border.meet';
append_to_file($meet, '');
my $offset = log_offset($node);
$node->restart;
value($node, 'one', 'SELECT count(*) FROM dynpgext.workers');  # the first use starts everything
$node->wait_for_log(qr/deadlock detected: callbacks of shared memory/, $offset);
my $log = slurp_file($node->logfile, $offset);
like($log, qr/ERROR:  deadlock detected: callbacks of shared memory "dx_border:[xy]", "dx_border:[xy]" wait for each other/, 'both are named');
my ($detail) = $log =~ /DETAIL:  (Process .*)/;
like($detail, qr/Process \d+ initialises "dx_border:x" and waits for "dx_border:y"\./, 'the process that makes one and waits for the other');
like($detail, qr/Process \d+ initialises "dx_border:y" and waits for "dx_border:x"\./, 'and the other way round');
like($log, qr/HINT:  Two callbacks must not look up each other's memory/, 'and what to do');
unlink $meet;
ok(wait_whole($node, 'a', 'b'), 'the one that was given up starts a moment later');

# ---- a callback that looks up an earlier registration of its own init ----

append_to_file($_, '') for $meet, $node->data_dir . '/dx_border.memory';
add_database($node, 'c', 'dynpgext');
value($node, 'postgres', "ALTER DATABASE c SET dx_border.names = 'first memory'; ALTER DATABASE c SET dx_border.size = 64; ALTER DATABASE c SET dx_border.worker = 'off'");
for my $how ('CREATE EXTENSION', 'a restart') {
    $offset = log_offset($node);
    if ($how eq 'a restart') {
        $node->restart;
        ok(wait_whole($node, 'c'), 'it is there after the restart');
    } else {
        value($node, 'c', 'CREATE EXTENSION dx_border');
    }
    is_logged($node, qr/dx_border:first found dx_border:memory there/, $offset, 1, "$how: the memory is there for it");
}

$node->stop;
done_testing();
