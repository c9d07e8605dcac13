# Registrations count for dynpgext.memory_limit and dynpgext.max_owner_memory, and are refused beyond them.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'dynpgext.max_owner_memory' => '512kB');
my $state = q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_plain');

sub register {
    my ($database, $extension, $count) = @_;
    my ($status, undef, $error) = $node->psql($database, qq(SELECT FROM dynpgext.register('$extension', jsonb_build_object('dynpgext', 1, 'workers',
        (SELECT jsonb_agg(jsonb_build_object('name', lpad(i::text, 90, 'x'), 'command', 'SELECT 1', 'run_as', 'tenant', 'channel', 'c')) FROM generate_series(1, $count) AS i)))));
    return $status == 0 ? '' : $error;
}
sub workers { return value($node, $_[0], q(SELECT count(*) FROM dynpgext.workers)) }

add_database($node, 'one', 'dynpgext');
value($node, 'one', 'CREATE ROLE tenant LOGIN CREATEDB');
add_database($node, 'first', qw(dynpgext dx_plain dx_sql_only));
value($node, 'one', 'ALTER DATABASE first OWNER TO tenant');
value($node, 'first', 'SELECT dynpgext.reload()');

subtest 'a command that would exceed the limit of the owner' => sub {
    is(register('first', 'dx_plain', 990), '', 'memory within the limit is registered');
    my $before = memory_used($node, 'one');
    like(register('first', 'dx_sql_only', 1000), qr/ERROR:  extension "dx_sql_only" cannot have \d{6} bytes of shared memory for its registrations: dynpgext\.max_owner_memory would be exceeded\n.*DETAIL:  \d{6} of 524288 bytes are in use by all databases of the owner of this one\.\n.*HINT:  Raise dynpgext\.max_owner_memory or drop/s,
        'is refused');
    is(memory_used($node, 'one') . ' ' . workers('first'), "$before 990", 'and changes nothing');
    is(register('first', 'dx_plain', 1000), '', 'only increases count');
    is(register('first', 'dx_sql_only', 10), '', 'another one that has room is registered');
};

subtest 'a lowered limit' => sub {
    configure($node, 'one', 'dynpgext.max_owner_memory' => '64kB');
    value($node, 'first', 'SELECT dynpgext.reload()');
    is(workers('first'), 1010, 'takes nothing away');
    like(register('first', 'dx_sql_only', 11), qr/max_owner_memory would be exceeded/, 'increases are refused');
    is(register('first', 'dx_plain', 990), '', 'decreases do not');
    value($node, 'first', 'DROP EXTENSION dx_sql_only');
    is(workers('first'), 990, 'nor is DROP EXTENSION');
    configure($node, 'one', 'dynpgext.max_owner_memory' => '512kB');
};

subtest 'a copy' => sub {
    value($node, 'first', 'CREATE EXTENSION dx_sql_only');
    is(register('first', 'dx_sql_only', 10), '', 'with a large and a small extension');
    value($node, 'one', 'SET ROLE tenant; CREATE DATABASE copy TEMPLATE first');
    ok($node->poll_query_until('copy', $state, 'failed'), 'the large one has failed');
    like(value($node, 'copy', q(SELECT error FROM dynpgext.extensions WHERE extension = 'dx_plain')),
        qr/^extension "dx_plain" cannot have \d{6} bytes of shared memory for its registrations: dynpgext\.max_owner_memory would be exceeded/, 'and reports the reason');
    ok($node->poll_query_until('copy', q(SELECT count(*) = 10 FROM dynpgext.cluster_workers WHERE database = 'copy')), 'the workers of the small one are there');
    cmp_ok(memory_used($node, 'one'), '<', 600_000, 'the copy takes no memory beyond the limit');
    is(register('copy', 'dx_sql_only', 12), '', 'registrations of others can be changed meanwhile');
    my $offset = log_offset($node);
    value($node, 'copy', q(SELECT dynpgext.reload('dx_sql_only')));
    value($node, 'one', 'ALTER DATABASE copy CONNECTION LIMIT 50');  # a reason to visit it
    ok((wait_until { log_count($node, qr/background worker "dynpgext provisioning" \(PID \d+\) exited/, $offset) > 0 }), 'it is visited');
    unlike(slurp_file($node->logfile, $offset), qr/extension "dx_plain" cannot be provisioned/, 'an extension without room is not retried without a reason');
    value($node, 'copy', 'SELECT dynpgext.reload()');
    is(log_count($node, qr/extension "dx_plain" cannot be provisioned/, $offset), 1, 'but by a reload');
    like(register('copy', 'dx_plain', 990), qr/max_owner_memory would be exceeded/, 'the same again is refused');
    is(register('copy', 'dx_plain', 5), '', 'fewer are not');
    is(value($node, 'copy', $state), 'provisioned', 'and then it has them');
    value($node, 'one', 'DROP DATABASE copy WITH (FORCE)');
};

subtest 'freed memory' => sub {
    value($node, 'one', 'SET ROLE tenant; CREATE DATABASE copy TEMPLATE first');
    ok($node->poll_query_until('copy', $state, 'failed'), 'there is none');
    value($node, 'copy', 'DROP EXTENSION dx_sql_only');
    ok($node->poll_query_until('copy', $state, 'failed'), 'an extension can be dropped meanwhile');
    value($node, 'first', 'DROP EXTENSION dx_plain');
    ok($node->poll_query_until('copy', $state, 'provisioned'), 'it is tried again');
    ok($node->poll_query_until('copy', q(SELECT count(*) = 990 FROM dynpgext.cluster_workers WHERE database = 'copy')), 'and its workers are there');
};

subtest 'dynpgext.memory_limit, after a restart' => sub {
    configure($node, 'one', 'dynpgext.max_owner_memory' => -1, 'dynpgext.memory_limit' => '64kB');
    $node->restart;
    value($node, 'copy', 'SELECT FROM dynpgext.workers');
    ok($node->poll_query_until('copy', $state, 'failed'), 'registrations have no room');
    cmp_ok(memory_used($node, 'one'), '<', 65_536, 'the limit is kept');
    add_database($node, 'other', qw(dynpgext dx_plain));
    is(register('other', 'dx_plain', 10), '', 'others have what they need');
    configure($node, 'one', 'dynpgext.memory_limit' => '2MB');
    ok($node->poll_query_until('copy', $state, 'provisioned'), 'until the limit is raised');
    value($node, 'copy', 'DROP EXTENSION dx_plain');
    ok($node->poll_query_until('copy', 'SELECT count(*) = 0 FROM dynpgext.workers'), 'they can be dropped');
};

$node->stop;
done_testing();
