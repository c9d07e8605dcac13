# Limited resources: background worker slots and memory.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# One slot for the launcher, and one for all other processes.
my $node = new_cluster('main', max_logical_replication_workers => 0, max_worker_processes => 2);
add_database($node, 'one', 'dynpgext');
ok($node->poll_query_until('one', q(
    SELECT launcher_pid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_stat_activity
      WHERE backend_type = 'dynpgext provisioning') FROM dynpgext.status)), 'the launcher has settled');

sub state_is {
    my ($worker, $state, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($node->poll_query_until('one',
        "SELECT state = '$state' FROM dynpgext.workers WHERE extension = '$worker'"), $test);
}

subtest 'no slot left' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_usage');
    state_is('dx_usage', 'running', 'the first worker has the last slot');
    my $offset = log_offset($node);
    is($node->psql('one', 'CREATE EXTENSION dx_raise'), 0, 'CREATE EXTENSION succeeds without one');
    # by the command, or by the launcher if that was faster
    ok($node->wait_for_log(qr/WARNING:.*no free slot for background worker "dx raise" of extension "dx_raise".*\n.*HINT:.*max_worker_processes/, $offset),
        'with a warning and a hint');
    state_is('dx_raise', 'waiting', 'its worker waits');
    is(value($node, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_raise')), 'provisioned',
        'its memory is there');
    value($node, 'one', 'SELECT dynpgext.reload()') for 1 .. 3;
    state_is('dx_raise', 'waiting', 'and waits on, also after reloads');
    is(log_count($node, qr/WARNING:.*no free slot for background worker/, $offset), 1, 'there is one line in the log');

    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_usage', 'worker')));
    state_is('dx_raise', 'running', 'it starts when a slot frees');

    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_usage', 'worker'))), 'f', 'start_worker without a slot');
    state_is('dx_usage', 'waiting', 'the worker waits');
    value($node, 'one', 'DROP EXTENSION dx_raise');
    state_is('dx_usage', 'running', 'and starts when the other is dropped');
    value($node, 'one', 'DROP EXTENSION dx_usage');
    is_whole($node, 'all is well', 'one');
};

subtest 'no slot left for a worker without a callback' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_usage');
    state_is('dx_usage', 'running', 'the first worker has the last slot');
    value($node, 'one', 'CREATE EXTENSION dx_usage_cpp');
    state_is('dx_usage_cpp', 'waiting', 'the second waits');
    value($node, 'one', 'DROP EXTENSION dx_usage');
    state_is('dx_usage_cpp', 'running', 'and starts when the slot frees');
    value($node, 'one', 'DROP EXTENSION dx_usage_cpp');
};

subtest 'no slot left after a restart' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_usage; CREATE EXTENSION dx_usage_cpp');
    my $offset = log_offset($node);
    $node->restart;
    is(value($node, 'one', 'SELECT dx_usage_value()'), 'usage', 'the first use');
    ok($node->poll_query_until('one', q(
        SELECT count(*) FILTER (WHERE state = 'running') = 1 AND count(*) FILTER (WHERE state = 'waiting') = 1
          FROM dynpgext.workers)), 'one runs, one waits');
    value($node, 'one', q(SELECT dynpgext.stop_worker(extension, name) FROM dynpgext.workers WHERE state = 'running'));
    ok($node->poll_query_until('one', q(
        SELECT count(*) FILTER (WHERE state = 'running') = 1 AND count(*) FILTER (WHERE state = 'stopped') = 1
          FROM dynpgext.workers)), 'and starts when the other stops');
    value($node, 'one', 'DROP EXTENSION dx_usage; DROP EXTENSION dx_usage_cpp');
};

# Loads the library first, so that the server knows the setting.
sub set_limit {
    $node->safe_psql('one', "SELECT dynpgext.version(); ALTER SYSTEM $_[0];");
    $node->reload;
    return;
}

subtest 'limit reached' => sub {
    my $before = value($node, 'one', 'SELECT memory_used, allocations, workers, memory_limit FROM dynpgext.status');
    set_limit(q(SET dynpgext.memory_limit = '1MB'));
    ok($node->poll_query_until('one', 'SELECT memory_limit = 1048576 FROM dynpgext.status'), 'a limit of 1 MB');
    my ($code, $out, $error) = $node->psql('one', '\set VERBOSITY verbose
        CREATE EXTENSION dx_memory', on_error_stop => 0);
    like($error, qr/ERROR:  53400: .*dx_memory/, 'CREATE EXTENSION fails');
    like($error, qr/HINT:.*dynpgext\.memory_limit/, 'with a hint');
    is(value($node, 'one', q(SELECT count(*) FROM pg_extension WHERE extname = 'dx_memory')), 0, 'it is not there');
    is(value($node, 'one', 'SELECT memory_used, allocations, workers, NULL FROM dynpgext.status'), $before, 'nothing has changed');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.cluster_allocations'), 0, 'no allocation is left');

    set_limit(q(SET dynpgext.memory_limit = '2MB'));
    ok($node->poll_query_until('one', 'SELECT memory_limit = 2097152 FROM dynpgext.status'), 'a limit of 2 MB');
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    is_whole($node, 'is enough', 'one');

    set_limit(q(SET dynpgext.memory_limit = '1MB'));
    $node->restart;
    ($code, $out, $error) = $node->psql('one', q(SELECT dx_read('dx_memory:local')));
    like($error, qr/ERROR:.*dx_memory/, 'after a restart with a lower limit the lookup fails');
    ok($node->poll_query_until('one', q(
        SELECT state = 'failed' AND error LIKE '%memory_limit%' FROM dynpgext.extensions WHERE extension = 'dx_memory')),
        'and the extension, with an error');
    is(value($node, 'one', q(SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.allocations)), 'failed', 'so have its allocations');
    set_limit('RESET dynpgext.memory_limit');
    ok($node->poll_query_until('one', 'SELECT memory_limit IS NULL FROM dynpgext.status'), 'without a limit');
    is_whole($node, 'it is tried again by itself', 'one');

    # not at every reload of the configuration
    set_limit(q(SET dynpgext.memory_limit = '1MB'));
    $node->restart;
    my $failures = q(SELECT count(*) FROM dynpgext.events WHERE name = 'dx_memory' AND event = 'failed');
    ok($node->poll_query_until('one', "SELECT ($failures) = 1"), 'it has failed again');
    set_limit(q(SET dynpgext.stop_timeout = '9s'));
    set_limit(q(SET dynpgext.memory_limit = '1025kB'));
    ok($node->poll_query_until('one', "SELECT ($failures) = 2"), 'it is tried once for each value');
    set_limit('RESET dynpgext.stop_timeout');
    set_limit('RESET dynpgext.memory_limit');
    is_whole($node, 'until one is enough', 'one');
    is(value($node, 'one', $failures), 2, 'and with no other setting');
};

subtest 'limit reached by an extension without a library' => sub {
    value($node, 'one', q(CREATE EXTENSION dx_sql_only;
        SELECT dynpgext.register('dx_sql_only', '{"dynpgext": 1, "allocations": [{"name": "dx_sql_only:memory", "size": 1048576}]}')));
    set_limit(q(SET dynpgext.memory_limit = '1MB'));
    $node->restart;
    ok($node->poll_query_until('one', q(
        SELECT state = 'failed' AND error LIKE '%memory_limit%' FROM dynpgext.extensions WHERE extension = 'dx_sql_only')), 'it has failed');
    set_limit('RESET dynpgext.memory_limit');
    is_whole($node, 'it is tried again by itself', 'one');
};

$node->stop;
done_testing();
