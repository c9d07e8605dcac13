# How much memory all databases of one owner may have together, and what happens to an extension that gets too
# little.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'dynpgext.max_owner_memory' => '6MB', 'dx_bad.allocations' => 'dx_bad:one:4000000:local');
my $state = q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_bad');

sub have {
    my ($database, $bytes) = @_;
    value($node, 'postgres', "ALTER DATABASE $database SET dx_bad.allocations = 'dx_bad:one:$bytes:local'") if $bytes;
    return ($node->psql($database, 'CREATE EXTENSION dx_bad', on_error_stop => 0))[2];
}

add_database($node, 'one', 'dynpgext');
value($node, 'postgres', 'CREATE ROLE tenant CREATEDB');
for my $name (qw(first second)) {
    add_database($node, $name, 'dynpgext');
    value($node, 'postgres', "ALTER DATABASE $name OWNER TO tenant");
}

subtest 'the databases of an owner share the limit' => sub {
    is(have('first'), '', 'memory within the limit exists');
    like(have('second'), qr/ERROR:  extension "dx_bad" cannot have 4000000 bytes of shared memory for "dx_bad:one": dynpgext\.max_owner_memory would be exceeded\n.*DETAIL:  4\d{6} of 6291456 bytes are in use by all databases of the owner of this one\.\n.*HINT:  Raise dynpgext\.max_owner_memory or drop/s,
        'what would exceed it is refused');
    is(have('second', 1_000_000), '', 'the rest is available');
    is(have('one', 20_000_000), '', 'a superuser has as much as he wants');
    value($node, $_, 'DROP EXTENSION dx_bad') for qw(one second);
    value($node, 'postgres', 'ALTER DATABASE second RESET ALL');
};

subtest 'memory counts for the owner of its database at the time' => sub {
    value($node, 'postgres', 'ALTER DATABASE second OWNER TO postgres');
    is(have('second'), '', 'of a superuser');
    value($node, 'postgres', 'ALTER DATABASE second OWNER TO tenant');
    value($node, 'second', 'SELECT dynpgext.reload()');
    value($node, 'first', 'DROP EXTENSION dx_bad');
    is(have('first'), '', 'its resources do not count for the new owner');
};

subtest 'a copy' => sub {
    value($node, 'postgres', 'SET ROLE tenant; CREATE DATABASE copy TEMPLATE second');
    value($node, 'copy', 'SELECT dynpgext.reload()');
    ok($node->poll_query_until('copy', $state, 'failed'), 'has no memory where its owner may not have more');
    like(value($node, 'copy', 'SELECT error FROM dynpgext.extensions'), qr/max_owner_memory would be exceeded/, 'and reports the reason');
    is(value($node, 'copy', 'SELECT count(*) FROM dynpgext.allocations WHERE allocated_at IS NOT NULL'), 0, 'none of it exists');
    value($node, $_, 'DROP EXTENSION dx_bad') for qw(second first);
    ok($node->poll_query_until('copy', $state, 'provisioned'), 'and is tried again when memory has been freed');
    value($node, 'postgres', 'DROP DATABASE copy WITH (FORCE)');
    ok($node->poll_query_until('one', 'SELECT memory_used < 1000000 FROM dynpgext.status'), 'a dropped database has none');
    is(have('first'), '', 'another one of the owner can have it');
};

subtest 'dynpgext.memory_limit' => sub {
    configure($node, 'one', 'dynpgext.max_owner_memory' => -1, 'dynpgext.memory_limit' => '6MB');
    value($node, 'postgres', 'CREATE DATABASE other TEMPLATE first');
    value($node, 'other', 'SELECT dynpgext.reload()');
    ok($node->poll_query_until('other', $state, 'failed'), 'the other has no memory');
    value($node, 'first', 'DROP EXTENSION dx_bad');
    ok($node->poll_query_until('other', $state, 'provisioned'), 'until some has been freed');
};

subtest 'a raised limit' => sub {
    configure($node, 'one', 'dynpgext.max_owner_memory' => '6MB', 'dynpgext.memory_limit' => -1);
    value($node, 'postgres', 'ALTER DATABASE other OWNER TO tenant');
    value($node, 'other', 'DROP EXTENSION dx_bad');
    value($node, 'other', 'CREATE EXTENSION dx_bad');
    value($node, 'postgres', 'CREATE DATABASE third TEMPLATE other OWNER tenant');
    value($node, 'third', 'SELECT dynpgext.reload()');
    ok($node->poll_query_until('third', $state, 'failed'), 'no memory');
    configure($node, 'one', 'dynpgext.max_owner_memory' => '16MB');
    ok($node->poll_query_until('third', $state, 'provisioned'), 'is tried with it');
};

$node->stop;
done_testing();
