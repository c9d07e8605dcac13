# Global objects, while the databases that register them are dropped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# The launcher checks by itself only once an hour.
my $node = new_cluster('main', 'dynpgext.naptime' => '1h');
add_database($node, 'hub', 'dynpgext');

sub global {
    return value($node, 'hub', q(
        SELECT version, state, pid, starts FROM dynpgext.cluster_workers WHERE name = 'dx global'));
}

sub global_processes {
    my %processes = processes($node);
    return scalar @{ $processes{'dx global'} // [] };
}

sub runs {
    my ($version, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($node->poll_query_until('hub', qq(
        SELECT version = '$version' AND state = 'running' FROM dynpgext.cluster_workers WHERE name = 'dx global')), $test)
      or diag(global());
    is(global_processes(), 1, '... and it is one process');
    return;
}

my $gone = q(
    SELECT NOT EXISTS (SELECT FROM dynpgext.cluster_workers) AND NOT EXISTS (SELECT FROM dynpgext.cluster_allocations));

sub go {
    my ($how, $database) = @_;
    if ($how eq 'DROP EXTENSION') {
        value($node, $database, 'DROP EXTENSION dx_worker, dx_memory');
    } elsif ($how eq 'DROP EXTENSION dynpgext') {
        value($node, $database, 'DROP EXTENSION dynpgext');
    } else {
        $node->safe_psql('postgres', "DROP DATABASE $database" . ($how =~ /FORCE/ ? ' WITH (FORCE)' : ''));
    }
    return;
}

sub clean {
    $node->safe_psql('postgres', "LOAD 'dynpgext';\nDROP DATABASE IF EXISTS $_") for qw(one two three);
    return;
}

for my $preload (0, 1) {
    set_preload($node, $preload);
    $node->restart;
    value($node, 'hub', 'SELECT dynpgext.version()');
    # the baseline must include the launcher and its visits, which start later
    ok($node->poll_query_until('hub', q(
        SELECT launcher_pid IS NOT NULL AND databases = 1 AND NOT EXISTS (SELECT FROM pg_stat_activity
          WHERE backend_type = 'dynpgext provisioning') FROM dynpgext.status)), 'the launcher has settled');
    my $empty = memory_used($node, 'hub');
    # each way comes last once
    my @ways = ('DROP DATABASE', 'DROP EXTENSION', 'DROP EXTENSION dynpgext', 'DROP DATABASE WITH (FORCE)');
    for my $round ($preload ? (0, 2, 3) : (0, 1)) {
        my @order = map { $ways[ ($_ + $round) % 4 ] } 0 .. 2;
        # without preload, the launcher only notices such a command if a process is in its way
        @order = map { $preload ? $_ : s/ WITH \(FORCE\)//r } @order;
        subtest(($preload ? 'preloaded: ' : 'not preloaded: ') . join(', ', @order) => sub {
            add_database($node, $_, qw(dynpgext dx_worker dx_memory)) for qw(one two three);
            is_whole($node, 'all is well', qw(one two three));
            is(global_processes(), 1, 'one global worker');
            my $before = global();
            value($node, 'one', q(SELECT dx_write('dx_memory:global', 'of one')));
            go($order[0], 'one');
            is_whole($node, "$order[0]: the others are well", qw(two three));
            is(value($node, 'two', q(SELECT dx_read('dx_memory:global'))), 'of one', 'the memory is there');
            is(global(), $before, 'the worker runs on');
            go($order[1], 'two');
            is_whole($node, "$order[1]: the last one is well", 'three');
            is(value($node, 'three', q(SELECT dx_read('dx_memory:global'))), 'of one', 'the memory is there');
            is(global(), $before, 'the worker runs on');
            go($order[2], 'three');
            ok($node->poll_query_until('hub', $gone), "$order[2]: nothing is left")
              or diag(global(), value($node, 'hub', 'SELECT * FROM dynpgext.cluster_allocations'));
            is(global_processes(), 0, 'the worker has ended');
            clean();
            ok($node->poll_query_until('hub', "SELECT memory_used = $empty FROM dynpgext.status"), 'the memory is freed');
        });
    }
}

subtest 'mapped memory drains when the last database is dropped' => sub {
    add_database($node, $_, qw(dynpgext dx_memory)) for qw(one two);
    my $holder = $node->background_psql('one');
    is($holder->query_safe(q(SELECT dx_write('dx_memory:global', 'kept'))), 't', 'a session looks it up');
    $node->safe_psql('one', 'DROP EXTENSION dx_memory');
    go('DROP DATABASE', 'two');
    ok($node->poll_query_until('hub', q(SELECT state = 'draining' AND attached = 1 FROM dynpgext.cluster_allocations WHERE name = 'dx_memory:global')),
        'draining, with one that holds it');
    # a new database gets other memory
    add_database($node, 'three', qw(dynpgext dx_memory));
    is(value($node, 'three', q(SELECT dx_read('dx_memory:global'))), '', 'a new database has new memory');
    $holder->quit;
    ok($node->poll_query_until('hub', q(SELECT count(*) = 0 FROM dynpgext.cluster_allocations WHERE state = 'draining')), 'drained');
    clean();
    ok($node->poll_query_until('hub', $gone), 'all gone');
};

subtest 'versions' => sub {
    add_database($node, $_, 'dynpgext') for qw(one two three);
    value($node, 'one', q(CREATE EXTENSION dx_worker VERSION '0.1'));
    runs('0.1', 'the one there is');
    value($node, 'two', q(CREATE EXTENSION dx_worker VERSION '0.2'));
    runs('0.2', 'the highest');
    value($node, 'three', q(CREATE EXTENSION dx_worker VERSION '0.1'));
    runs('0.2', 'still');
    for my $how ('DROP DATABASE two', 'DROP DATABASE two WITH (FORCE)') {
        my ($pid) = global() =~ /running\|(\d+)/;
        $node->safe_psql('postgres', $how);
        runs('0.1', "$how: the next takes over");
        unlike(global(), qr/\|$pid\|/, 'as another process');
        is_whole($node, 'all is well', qw(one three));
        is(value($node, 'one', q(SELECT version FROM dx_worker_info('global'))), '0.1', 'and reports it itself');
        $node->safe_psql('postgres', 'DROP DATABASE one') if $how =~ /FORCE/;
        add_database($node, 'two', 'dynpgext');
        value($node, 'two', q(CREATE EXTENSION dx_worker VERSION '0.2'));
        runs('0.2', 'until the highest is back');
    }
    # a copy registers it, too
    $node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE two');
    is_whole($node, 'a copy of it', qw(two three copied));
    $node->safe_psql('postgres', 'DROP DATABASE two');
    is_whole($node, 'where it came from is dropped', qw(three copied));
    runs('0.2', 'the copy has it');
    # a renamed database is still the same one
    $node->safe_psql('postgres', 'ALTER DATABASE copied RENAME TO renamed');
    is_whole($node, 'renamed', qw(three renamed));
    runs('0.2', 'so it has');
    $node->safe_psql('postgres', 'DROP DATABASE renamed');
    runs('0.1', 'the last one there is');
    $node->safe_psql('postgres', 'DROP DATABASE three');
    ok($node->poll_query_until('hub', $gone), 'until there is none');
};

$node->stop;
done_testing();
