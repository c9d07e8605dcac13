# The launcher: it is restarted after its end, follows databases, and ends if nothing needs it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
my $launchers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher');
add_database($node, $_, qw(dynpgext dx_worker dx_memory)) for qw(one two);
is_whole($node, 'all is well before', qw(one two));

subtest 'the launcher ended by pg_terminate_backend' => sub {
    my $before = worker_pids($node, 'one');
    my $old = value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    is(value($node, 'one', 'SELECT pg_terminate_backend(launcher_pid, 10000) FROM dynpgext.status'), 't', 'it ends');
    ok($node->poll_query_until('one', "SELECT launcher_pid <> $old FROM dynpgext.status"), 'another one starts');
    is_whole($node, 'all is well after', qw(one two));
    is(worker_pids($node, 'one'), $before, 'the workers were left alone');
    is(value($node, 'postgres', $launchers), 1, 'there is one launcher');
};

subtest 'DROP EXTENSION dynpgext' => sub {
    my $pid = pid_of($node, 'two', 'dx local');
    my $offset = log_offset($node);
    value($node, 'one', 'DROP EXTENSION dynpgext');
    ok($node->poll_query_until('two',
        q(SELECT count(*) = 0 FROM dynpgext.cluster_workers WHERE database = 'one')), 'its workers end');
    becomes($node, 'two', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE database = 'one'), 0,
        'its memory is gone');
    is(value($node, 'one', q(SELECT dx_address('dx_memory:local') IS NULL)), 't', 'the lookup is NULL');
    is(value($node, 'two', 'SELECT databases FROM dynpgext.status'), 1, 'one database has dynpgext');
    is_whole($node, 'the other database has everything', 'two');
    is(pid_of($node, 'two', 'dx local'), $pid, 'and the same worker');

    value($node, 'one', 'CREATE EXTENSION dynpgext');
    is_whole($node, 'CREATE EXTENSION dynpgext adopts what is installed', qw(one two));
    is(value($node, 'one', q(SELECT dx_read('dx_memory:local') IS NOT NULL)), 't', 'the lookup finds it');
};

subtest 'template copy' => sub {
    # its workers are not connected to the database
    add_database($node, 'model', qw(dynpgext dx_memory dx_raise));
    is_whole($node, 'the template', qw(model));
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE state = 'draining'), 0, 'nothing drains');
    my $used = memory_used($node, 'one');
    my $workers = value($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers));
    $node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE model');
    ok($node->poll_query_until('one', q(
        SELECT count(*) = 3 FROM dynpgext.cluster_allocations WHERE database = 'copy' AND state = 'allocated')),
        'its memory comes without a call');
    ok($node->poll_query_until('one', q(
        SELECT count(*) = 1 FROM dynpgext.cluster_workers WHERE database = 'copy' AND state = 'running')),
        'and its worker');
    is_whole($node, 'it is complete', qw(copy model one two));
    value($node, 'copy', q(SELECT dx_write('dx_memory:local', 'of copy')));
    is(value($node, 'model', q(SELECT dx_read('dx_memory:local'))), '', 'the memory is its own');

    $node->safe_psql('postgres', 'DROP DATABASE copy');
    ok($node->poll_query_until('one', "SELECT count(*) = $workers FROM dynpgext.cluster_workers"),
        'the worker of a dropped database ends');
    ok($node->poll_query_until('one', "SELECT memory_used = $used FROM dynpgext.status"),
        'its memory is freed');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE database IS NULL AND scope = 'database')),
        0, 'nothing is left of it');
    is_whole($node, 'the others are as they were', qw(one two model));
};

subtest 'the launcher ends when it is not needed' => sub {
    value($node, $_, 'DROP EXTENSION dynpgext') for qw(one model);
    is(value($node, 'postgres', $launchers), 1, 'not as long as a database has dynpgext');
    is_whole($node, 'which has everything', 'two');
    value($node, 'two', 'DROP EXTENSION dynpgext');
    ok($node->poll_query_until('postgres', $launchers, 0), 'it is removed with the last one');
    ok($node->poll_query_until('postgres',
        q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dx%'), 0), 'no worker runs');
    my %processes = processes($node);
    is(join(', ', grep {/dx|dynpgext/} keys %processes), '', 'no process of ours is left');

    value($node, 'one', 'CREATE EXTENSION dynpgext');
    is_whole($node, 'CREATE EXTENSION dynpgext brings it back', 'one');
    is(value($node, 'postgres', $launchers), 1, 'with one launcher');
};

$node->stop;
done_testing();
