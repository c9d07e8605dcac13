# In parallel mode the server gives a newly defined setting no value, and sends a WARNING to the client. So
# the settings are not defined there, and the configured values apply nevertheless.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main',
    'dynpgext.naptime' => '1min',
    'dynpgext.max_events' => 500,
    'dynpgext.memory_limit' => '64MB',
    'dynpgext.allowed_extensions' => '*');
add_database($node, 'one', qw(dynpgext dx_memory));
$node->safe_psql('one', 'CREATE TABLE numbers AS SELECT generate_series(1, 1000) AS i; ANALYZE numbers');

my $force = value($node, 'one',
    q(SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')));
my $cheap = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;';
my %modes = (
    'a parallel worker' => "$cheap SET $force = on; SET parallel_leader_participation = off;",
    # there is a plan for workers, but none starts
    'the leader' => "$cheap SET max_parallel_workers_per_gather = 2; SET max_parallel_workers = 0;");
my $lookup = q(SELECT DISTINCT dx_parallel_read('dx_memory:global_small', i) FROM numbers WHERE i % 100 = 0;);

# Output and messages of a new session, in which the library is not loaded before.
sub run {
    my ($sql) = @_;
    my ($status, $output, $errors) = $node->psql('one', $sql, on_error_stop => 0);
    return ($output, $errors);
}

# A placeholder then has no value at all.
subtest 'reset settings' => sub {
    my @names = map {"dynpgext.$_"} qw(max_workers restart_delay_max provisioning_timeout crash_limit);
    my $reset = join ' ', map {"SET $_ = '7'; RESET $_;"} @names;
    for my $mode (sort keys %modes) {
        my ($output, $errors) = run("$reset $modes{$mode} $lookup");
        like($output, qr/^dx_memory/, "in a session, then $mode");
        is($errors, '', 'and without a warning');
    }
    $node->append_conf('postgresql.conf', 'dynpgext.restart_delay_max = 5s');
    $node->restart;
    $node->adjust_conf('postgresql.conf', 'dynpgext.restart_delay_max', undef);
    $node->adjust_conf('postgresql.conf', 'dynpgext.allowed_extensions', undef);
    $node->reload;
    ok($node->poll_query_until('postgres', q(SELECT coalesce(current_setting('dynpgext.restart_delay_max', true), '') = '')), 'taken out of the configuration');
    for my $mode (sort keys %modes) {
        my ($output) = run("$modes{$mode} $lookup");
        like($output, qr/^dx_memory/, "then $mode");
    }
    $node->append_conf('postgresql.conf', "dynpgext.allowed_extensions = '*'");
    $node->restart;
};

for my $mode (sort keys %modes) {
    subtest "$mode loads the library" => sub {
        my $offset = log_offset($node);
        my ($plan) = run("$modes{$mode} EXPLAIN (COSTS off) $lookup");
        like($plan, qr/Gather/, 'the query is a parallel one');
        my ($output, $errors) = run("$modes{$mode} $lookup");
        like($output, qr/^dx_memory/, 'the lookup finds the memory');
        is($errors, '', 'and without a warning');
        is(log_count($node, qr/cannot be set during a parallel operation/, $offset), 0, 'nor does the log mention it');
    };

    subtest "the settings are there after it, in $mode" => sub {
        my ($output, $errors) = run("$modes{$mode} $lookup SHOW dynpgext.naptime; SHOW dynpgext.max_events;");
        like($output, qr/\n1min\n500$/, 'as configured');
        ($output, $errors) = run("$modes{$mode} $lookup SET dynpgext.naptime = 5;");
        like($errors, qr/parameter "dynpgext\.naptime" cannot be changed now/, 'and are its settings') if $mode eq 'the leader';
    };

    subtest "what is configured counts where $mode provisions" => sub {
        $node->append_conf('postgresql.conf', "dynpgext.allowed_extensions = '!dx_memory, *'");
        $node->restart;
        my ($output, $errors) = run("$modes{$mode} $lookup");
        unlike($output, qr/^dx_memory/, 'an extension that is not allowed is not provisioned');
        $node->restart;
        # before the library is loaded, a session's SET replaces the configured value
        ($output, $errors) = run("SET dynpgext.allowed_extensions = '*'; $modes{$mode} $lookup");
        unlike($output, qr/^dx_memory/, 'nor because a session sets it');
        $node->append_conf('postgresql.conf', "dynpgext.allowed_extensions = '*'");
        $node->restart;
        ($output, $errors) = run("$modes{$mode} $lookup");
        like($output, qr/^dx_memory/, 'one that is allowed is');
        is($errors, '', 'without a warning');
    };
}

$node->stop;
done_testing();
