# The libraries of contrib that require shared_preload_libraries, or are mostly used that way: the main
# function of each.  For other libraries see test/hosting.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'shared_buffers' => '64MB', 'pg_stat_statements.max' => 5000);
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
add_database($node, 'postgres', 'dynpgext');

subtest 'pg_stat_statements' => sub {
    $node->safe_psql('postgres', "SELECT dynpgext.host('pg_stat_statements'); CREATE EXTENSION pg_stat_statements");
    my $script = $node->basedir . '/count.sql';
    append_to_file($script, "SELECT 1 AS counted;\n");
    $node->safe_psql('postgres', 'SELECT pg_stat_statements_reset()');
    $node->command_ok([ 'pgbench', '-n', '-c', '8', '-j', '2', '-t', '1000', '-f', $script, $node->connstr('postgres') ], '8 clients');
    is($node->safe_psql('postgres', q(SELECT calls FROM pg_stat_statements WHERE query = 'SELECT $1 AS counted')), '8000',
        'each statement is counted once');
    $node->append_conf('postgresql.conf', 'pg_stat_statements.max = 100');
    $node->reload;
    is($node->safe_psql('postgres', q(SELECT dynpgext.rehost('pg_stat_statements'))), 'hosted', 'hosted again with a lower max');
    is($node->safe_psql('postgres', 'SHOW pg_stat_statements.max'), '100', 'which it has');
    # each of a different length, because constants and names are not distinguished
    my @statements = map { 'SELECT ' . join(' + ', ('1') x $_) } 1 .. 300;
    $node->safe_psql('postgres', join ';', @statements[ 0 .. 149 ]);
    cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_statements'), '<=', 100, 'and keeps to');
    $node->append_conf('postgresql.conf', 'pg_stat_statements.max = 200000');
    $node->reload;
    is($node->safe_psql('postgres', q(SELECT dynpgext.rehost('pg_stat_statements'))), 'hosted', 'and with a high one');
    cmp_ok(value($node, 'postgres', q(SELECT memory_requested FROM dynpgext.hosted)), '>', 60_000_000, 'a large window');
    $node->safe_psql('postgres', join ';', @statements);
    cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_statements'), '>=', 300, 'for many statements');
};

subtest 'auto_explain' => sub {
    $node->append_conf('postgresql.conf', "auto_explain.log_min_duration = 0");
    $node->reload;
    $node->safe_psql('postgres', q(SELECT dynpgext.host('auto_explain')));
    my $offset = log_offset($node);
    $node->safe_psql('postgres', 'SELECT count(*) AS explained FROM pg_class');
    ok(log_count($node, qr/plan:\n\s*Query Text: SELECT count\(\*\) AS explained FROM pg_class\n\s*Aggregate/, $offset), 'plans are in the log');
    # no worker runs: nothing else wakes the launcher
    configure($node, 'postgres', 'dynpgext.naptime' => '1h');
    my $keeper = sub { my %all = processes($node); return (map { @{ $all{$_} } } grep { /^dynpgext keeper of auto_explain/ } keys %all)[0] };
    my $first = $keeper->();
    kill 'TERM', $first;
    ok(wait_until { my $next = $keeper->(); $next && $next != $first }, 'the next keeper comes at once');
    configure($node, 'postgres', 'dynpgext.naptime' => '10s');
    is($node->safe_psql('postgres', q(SELECT dynpgext.unhost('auto_explain'))), 't', 'unhosted');
};

subtest 'pg_prewarm' => sub {
    my ($share) = `pg_config --sharedir` =~ /^(.*)$/m;
    plan skip_all => 'THE SERVER HAS NO pg_buffercache' unless -e "$share/extension/pg_buffercache.control";
    $node->safe_psql('postgres', q(SELECT dynpgext.host('pg_prewarm'); CREATE EXTENSION pg_prewarm; CREATE EXTENSION pg_buffercache));
    becomes($node, 'postgres', q(SELECT state FROM dynpgext.workers WHERE extension = 'pg_prewarm'), 'running', 'its worker runs');
    $node->safe_psql('postgres', 'CREATE TABLE warm AS SELECT repeat($$x$$, 500) FROM generate_series(1, 10000); CHECKPOINT');
    my $blocks = q(SELECT count(*) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('warm') AND reldatabase = (SELECT oid FROM pg_database WHERE datname = 'postgres'));
    my $before = $node->safe_psql('postgres', $blocks);
    cmp_ok($before, '>', 600, 'blocks in the buffers');
    is($node->safe_psql('postgres', 'SELECT autoprewarm_dump_now() > 600'), 't', 'are dumped');
    is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'until here, the server has not been restarted');
    $node->restart;
    becomes($node, 'postgres', $blocks, $before, 'and run again after a restart');
};

is(log_count($node, qr/PANIC|terminated by signal/, 0), 0, 'nothing has crashed');
$node->stop;
done_testing();
