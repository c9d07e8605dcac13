# An owner who gives a database away still pays for its existing resources: memory and places of workers count
# for the owner at the time when they were taken.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'dynpgext.max_owner_memory' => '1MB', 'dynpgext.max_owner_workers' => 2, 'dx_supervised.workers' => 2);
my $register = q(SELECT FROM dynpgext.register('dx_plain', '{"dynpgext": 1, "allocations": [{"name": "dx_plain:big", "size": 900000}]}'));

add_database($node, 'one', 'dynpgext');
value($node, 'one', 'CREATE ROLE tenant CREATEDB');
add_database($node, 'source', qw(dynpgext dx_plain));
value($node, 'one', 'ALTER DATABASE source OWNER TO tenant');
value($node, 'one', "SET ROLE tenant; CREATE DATABASE d$_ TEMPLATE source") for 1 .. 3;

sub give {
    my ($database, $owner) = @_;
    value($node, 'source', "SET ROLE tenant; ALTER DATABASE $database OWNER TO $owner");
    value($node, $database, 'SELECT dynpgext.reload()');    # which reads its owner
    return;
}
sub running { return "SELECT count(*) = $_[1] FROM dynpgext.cluster_workers WHERE database = '$_[0]' AND state = 'running'" }

subtest 'memory' => sub {
    give('d1', 'pg_database_owner');
    is(($node->psql('d1', $register))[2], '', 'a role that owns nothing else has its own');
    give('d1', 'tenant');
    for my $n (2, 3) {
        give("d$n", 'pg_database_owner');
        like(($node->psql("d$n", $register))[2], qr/ERROR: .*max_owner_memory would be exceeded\n.*DETAIL:  9\d{5} of 1048576 bytes are in use/s,
            'and pays for it where it has given the database away');
        give("d$n", 'tenant');
    }
    is(($node->psql('d2', $register))[2], '', 'the new owner does not');
    like(($node->psql('d3', $register))[2], qr/max_owner_memory would be exceeded/, 'except for memory taken since');
    value($node, 'd1', 'DROP EXTENSION dx_plain');
    give('d3', 'pg_database_owner');
    is(($node->psql('d3', $register))[2], '', 'freed memory counts for no owner');
    give('d3', 'tenant');
    value($node, 'one', "DROP DATABASE $_ WITH (FORCE)") for qw(d2 d3);
    ok($node->poll_query_until('one', 'SELECT memory_used < 100000 FROM dynpgext.status'), 'nor does that of dropped databases');
    is(($node->psql('source', $register))[2], '', 'with room for its owner again');
};

subtest 'workers' => sub {
    give('d1', 'pg_database_owner');
    value($node, 'd1', 'CREATE EXTENSION dx_supervised');
    ok($node->poll_query_until('one', running('d1', 2)), 'two run for one owner');
    give('d1', 'tenant');
    value($node, 'one', "SET ROLE tenant; CREATE DATABASE d$_ TEMPLATE source") for 2, 3;
    give('d2', 'pg_database_owner');
    value($node, 'd2', 'CREATE EXTENSION dx_supervised');
    ok($node->poll_query_until('one', q(SELECT count(*) = 2 FROM dynpgext.cluster_workers WHERE database = 'd2' AND state = 'waiting' AND waits_for = 'dynpgext.max_owner_workers')),
        'who has given the database away has no place for more');
    value($node, 'd3', 'CREATE EXTENSION dx_supervised');
    ok($node->poll_query_until('one', running('d3', 2)), 'its new owner has his own');
    value($node, 'one', 'ALTER DATABASE d2 OWNER TO postgres');
    ok($node->poll_query_until('one', running('d2', 2)), 'a superuser as many as there are');
    value($node, 'one', 'DROP DATABASE d1 WITH (FORCE)');
    value($node, 'one', 'DROP DATABASE d3 WITH (FORCE)');
    value($node, 'source', 'ALTER DATABASE d2 OWNER TO tenant');
    value($node, 'd2', 'SELECT dynpgext.reload()');
    value($node, 'source', 'CREATE EXTENSION dx_supervised');
    ok($node->poll_query_until('one', running('source', 2)), 'which do not count for the new owner');
};

subtest 'a dropped role' => sub {
    value($node, 'one', 'CREATE ROLE passing; GRANT passing TO tenant; SET ROLE tenant; CREATE DATABASE d4');
    value($node, 'd4', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain');
    give('d4', 'passing');
    is(($node->psql('d4', $register))[2], '', 'has had memory');
    give('d4', 'tenant');
    value($node, 'one', 'DROP ROLE passing');
    my $before = memory_used($node, 'one');
    value($node, 'd4', 'DROP EXTENSION dx_plain');
    cmp_ok(memory_used($node, 'one'), '<', $before - 900_000, 'which is freed nevertheless');
};

$node->stop;
done_testing();
