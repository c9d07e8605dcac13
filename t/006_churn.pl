# Creating and dropping extensions many times leaves nothing behind.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# mmap: each segment is a file of this server; few slots: a lost slot is noticed
my $node = new_cluster('main',
    dynamic_shared_memory_type => 'mmap',
    max_logical_replication_workers => 0,
    max_worker_processes => 8);
add_database($node, 'one', qw(dynpgext dx_memory dx_slots));

# Measures once all stopped processes have ended.
sub measure {
    $node->poll_query_until('one', q(
        SELECT (SELECT count(*) = 0 FROM dynpgext.cluster_workers)
           AND (SELECT count(*) = 0 FROM dynpgext.cluster_allocations WHERE state = 'draining')
           AND (SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext provisioning')))
      or return 'not settled';
    my @segments = slurp_dir($node->data_dir . '/pg_dynshmem');
    return sprintf 'memory_used %s, allocations %s, segments %d',
      memory_used($node, 'one'), value($node, 'one', 'SELECT allocations FROM dynpgext.status'),
      scalar(grep { !/^\./ } @segments);
}

sub cycles {
    my ($count, $commands) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/cycles.sql';
    append_to_file($file, $commands x $count);
    return "\\i $file";
}

my %kinds = (
    '1000 create-and-drop cycles with no growth of memory or slots' =>
      [ 1000, "CREATE EXTENSION dx_usage;\nDROP EXTENSION dx_usage;\n" ],
    '300 rolled-back creations with no growth of memory or slots' =>
      [ 300, "BEGIN;\nCREATE EXTENSION dx_usage;\nROLLBACK;\n" ],
    '300 drop-and-create transactions with no growth of memory or slots' =>
      [ 300, "BEGIN;\nDROP EXTENSION dx_memory;\nCREATE EXTENSION dx_memory;\nCOMMIT;\n" ]);

# All slots but the launcher's.  A slot becomes free when the postmaster notices that its process has gone.
sub all_slots_are_free { return becomes($node, 'one', 'SELECT dx_free_slots()', 7, $_[0]) }

all_slots_are_free('before');

for my $name (sort keys %kinds) {
    subtest $name => sub {
        my ($count, $commands) = @{ $kinds{$name} };
        my $session = $node->background_psql('one');
        # a stopping worker still has its slot, so the next one may not get any
        $session->query_safe('SET client_min_messages = error');
        $session->query_safe(cycles(10, $commands));
        my $first = measure();
        $session->query_safe(cycles($count - 10, $commands));
        is(measure(), $first, 'as after the first ten');
        all_slots_are_free('no slot of a worker is lost');
        $session->quit;
    };
}

value($node, 'one', 'CREATE EXTENSION dx_usage');
is_whole($node, 'and all works', 'one');

$node->stop;
done_testing();
