# An extension that cannot be provisioned after a restart harms nobody else, and can be healed.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($install, $libraries) = private_install();
my $node = new_cluster('main', install_path => $install, shared_preload_libraries => 'dynpgext');
add_database($node, $_, qw(dynpgext dx_memory dx_worker dx_usage dx_raise)) for qw(one two);
is_whole($node, 'all is well before', qw(one two));

my $states = q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions);

# Takes a library away, or puts it back.
sub hide { rename "$libraries/$_[0]", "$libraries/$_[0].hidden" or die "$_[0]: $!"; return }
sub unhide { rename "$libraries/$_[0].hidden", "$libraries/$_[0]" or die "$_[0]: $!"; return }

# One extension is failed with this error, and the others are provisioned.
sub has_failed {
    my ($extension, $error, @databases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $expected = join ', ', map { "$_ " . ($_ eq $extension ? 'failed' : 'provisioned') }
      qw(dx_memory dx_raise dx_usage dx_worker);
    for my $database (@databases) {
        ok($node->poll_query_until($database, $states, $expected), "the others are provisioned in $database");
        like(value($node, $database, "SELECT error FROM dynpgext.extensions WHERE extension = '$extension'"),
            $error, 'the error is shown');
        is(value($node, $database, "SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.allocations
              WHERE extension = '$extension' AND scope = 'database'"),
            'failed', 'it has no memory of this database');
        is(value($node, $database, "SELECT count(*) FROM dynpgext.workers WHERE extension = '$extension' AND pid IS NOT NULL"),
            0, 'none of its workers runs');
        ok($node->poll_query_until($database, q(
            SELECT count(*) = 2 FROM dynpgext.workers WHERE extension = 'dx_worker' AND state = 'running')),
            'the workers of others run');
    }
    return;
}

subtest 'missing library after a restart' => sub {
    $node->stop;
    hide('dx_usage.so');
    $node->start;
    has_failed('dx_usage', qr/dx_usage/, qw(one two));
    is(value($node, 'one', q(SELECT dx_read('dx_memory:local') IS NOT NULL)), 't', 'lookups of others work');
    is(value($node, 'one', q(SELECT dx_address('my_ext:0.1:value') IS NULL)), 't', 'a lookup of its memory is NULL');

    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.reload('dx_memory'))), 0, 'a reload of others does nothing');
    value($node, 'one', 'SELECT dynpgext.reload()');
    has_failed('dx_usage', qr/dx_usage/, qw(one two));

    unhide('dx_usage.so');
    is(value($node, 'one', $states), value($node, 'two', $states), 'without a reload nothing changes');
    value($node, 'one', 'SELECT dynpgext.reload()');
    is_whole($node, 'a reload makes it good', 'one');
    is(value($node, 'one', 'SELECT dx_usage_value()'), 'usage', 'lookups work');
    is(value($node, 'two', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_usage')), 'failed',
        'in this database alone');
    value($node, 'two', 'SELECT dynpgext.reload()');
    is_whole($node, 'then in the other', qw(one two));
    is(value($node, 'two', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a second reload does nothing');
};

subtest 'missing library of several extensions' => sub {
    $node->stop;
    hide('dx_worker-0.1.so');
    hide('dx_memory-0.1.so');
    $node->start;
    ok($node->poll_query_until('one', $states,
        'dx_memory failed, dx_raise provisioned, dx_usage provisioned, dx_worker failed'), 'both fail');
    unhide('dx_worker-0.1.so');
    unhide('dx_memory-0.1.so');
    value($node, $_, 'SELECT dynpgext.reload()') for qw(one two);
    is_whole($node, 'a reload makes it good', qw(one two));
};

for my $at (qw(before between after callback)) {
    subtest "init that raises ($at) after a restart" => sub {
        value($node, 'one', "ALTER DATABASE one SET dx_raise.at = '$at'");
        $node->restart;
        has_failed('dx_raise', qr/dx_raise raises: $at/, 'one');
        is_whole($node, 'the other database is not concerned', 'two');
        value($node, 'one', 'ALTER DATABASE one RESET dx_raise.at');
        value($node, 'one', 'SELECT dynpgext.reload()');
        is_whole($node, 'a reload makes it good', qw(one two));
    };
}

subtest 'worker callback that raises after a restart' => sub {
    value($node, 'one', q(ALTER DATABASE one SET dx_raise.at = 'worker_callback'));
    my $offset = log_offset($node);
    $node->restart;
    is_whole($node, 'the worker runs all the same', qw(one two));
    ok($node->log_contains(qr/WARNING:.*dx_raise raises: worker_callback/, $offset), 'with a warning in the log');
    value($node, 'one', 'ALTER DATABASE one RESET dx_raise.at');
};

subtest 'DROP EXTENSION with its library gone' => sub {
    hide('dx_usage.so');
    my ($code, $out, $error) = $node->psql('one', 'DROP EXTENSION dx_usage');
    is($code, 0, 'works');
    like($error, qr/WARNING:.*dx_usage/, 'with a warning');
    is_whole($node, 'the others are as they were', 'one');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_usage' AND database = 'one')),
        0, 'its memory is gone');

    $node->restart;
    ok($node->poll_query_until('two', $states,
        'dx_memory provisioned, dx_raise provisioned, dx_usage failed, dx_worker provisioned'), 'failed after a restart');
    ($code, $out, $error) = $node->psql('two', 'DROP EXTENSION dx_usage');
    is($code, 0, 'can be dropped, too');
    is_whole($node, 'all is well', qw(one two));
    unhide('dx_usage.so');
    value($node, 'two', 'CREATE EXTENSION dx_usage');
    is_whole($node, 'and be created again', qw(one two));
};

$node->stop;
done_testing();
