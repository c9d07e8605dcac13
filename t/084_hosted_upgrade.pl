# The file of a hosted library is replaced on a running server: sessions from before and after work side by
# side.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use File::Copy qw(copy);
use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;

my ($install_path, $libdir) = private_install();
my $node = new_cluster('main', install_path => $install_path);
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

add_database($node, 'postgres', 'dynpgext');
$node->safe_psql('postgres', "SELECT dynpgext.host('dx_hosted'); CREATE EXTENSION dx_hosted");
$node->safe_psql('postgres', "SELECT dynpgext.host('pg_stat_statements'); CREATE EXTENSION pg_stat_statements");

subtest 'a new file' => sub {
    my $older = $node->background_psql('postgres');
    is($older->query('SELECT dx_hosted_next()'), '1', 'a session before');
    is(value($node, 'postgres', q(SELECT stale FROM dynpgext.hosted WHERE library = 'dx_hosted')), 'f', 'not stale');
    replace_library("$libdir/dx_hosted.so");
    is(value($node, 'postgres', q(SELECT stale FROM dynpgext.hosted WHERE library = 'dx_hosted')), 't', 'stale');
    like(error_of($node, 'postgres', 'SELECT dx_hosted_next()'), qr/must be loaded via shared_preload_libraries/,
        'memory of one file is never used with another');
    is($older->query('SELECT dx_hosted_next()'), '2', 'the older session continues');
    my $worker = pid_of($node, 'postgres', 'dx hosted');
    is($node->safe_psql('postgres', q(SELECT dynpgext.rehost('dx_hosted'))), 'hosted', 'hosted again');
    is(value($node, 'postgres', q(SELECT stale FROM dynpgext.hosted WHERE library = 'dx_hosted')), 'f', 'not stale any more');
    is($node->safe_psql('postgres', 'SELECT dx_hosted_next()'), '1', 'a new session has the new file, in new memory');
    is($older->query('SELECT dx_hosted_next()'), '3', 'the older one its own');
    ok($node->poll_query_until('postgres', qq(SELECT state = 'running' AND pid <> $worker FROM dynpgext.workers WHERE name = 'dx hosted')),
        'a new worker');
    $older->quit;
};

subtest 'statistics are kept' => sub {
    $node->safe_psql('postgres', 'SELECT 1 AS kept') for 1 .. 3;
    replace_library("$libdir/pg_stat_statements.so");
    is($node->safe_psql('postgres', q(SELECT dynpgext.rehost('pg_stat_statements'))), 'hosted', 'hosted again');
    is($node->safe_psql('postgres', q(SELECT calls FROM pg_stat_statements WHERE query = 'SELECT $1 AS kept')), '3',
        'what the old one has counted, the new one has');
};

subtest 'a new file that cannot be hosted' => sub {
    copy("$libdir/dx_rmgr.so", "$libdir/dx_hosted.new") or die $!;
    rename "$libdir/dx_hosted.so", "$libdir/dx_hosted.good" or die $!;
    rename "$libdir/dx_hosted.new", "$libdir/dx_hosted.so" or die $!;
    like(error_of($node, 'postgres', q(SELECT dynpgext.rehost('dx_hosted'))), qr/0A000.*RegisterCustomRmgr/s, 'is refused');
    rename "$libdir/dx_hosted.good", "$libdir/dx_hosted.so" or die $!;
    is($node->safe_psql('postgres', 'SELECT dx_hosted_next()'), '2', 'and with the old one in its place, all is as before');
};

subtest 'a missing file' => sub {
    rename "$libdir/dx_hosted.so", "$libdir/dx_hosted.good" or die $!;
    my $offset = log_offset($node);
    my %all = processes($node);
    kill 'TERM', @{ $all{'dynpgext keeper of dx_hosted'} // $all{'dynpgext keeper'} };
    my $failed = qr/^\S+ (\d+:\d+:[\d.]+).*there is no library "dx_hosted"/m;
    ok(wait_until { log_count($node, $failed, $offset) >= 2 }, 'another keeper is tried');
    my ($first, $second) = map { my ($h, $m, $s) = split /:/; ($h * 60 + $m) * 60 + $s } slurp_file($node->logfile, $offset) =~ /$failed/mg;
    cmp_ok(($second - $first) % 86400, '>=', 5, 'now and then, and not in each round of the launcher, of which there are ten in a second');
    rename "$libdir/dx_hosted.good", "$libdir/dx_hosted.so" or die $!;
    ok(wait_until { my %now = processes($node); grep {/keeper of dx_hosted/} keys %now }, 'then it comes');
    is($node->safe_psql('postgres', 'SELECT dx_hosted_next()'), '3', 'and the memory is unchanged');
};

# Under load, from lasting and from short connections.
subtest 'many replacements' => sub {
    my $script = $node->basedir . '/load.sql';
    append_to_file($script, "SELECT count(*) FROM pg_class;\n");
    my @logs = map { $node->basedir . "/load.$_" } qw(stay come);
    my @load = map { start([ 'pgbench', '-n', '-c', '2', '-T', '600', '-f', $script, @{ $_->[0] }, $node->connstr('postgres') ],
            '>', $_->[1], '2>&1') } ([ [], $logs[0] ], [ ['-C'], $logs[1] ]);
    my $loaded = q(SELECT count(*) >= 2 FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM pg_class%');
    ok($node->poll_query_until('postgres', $loaded), 'under load');
    my $failed = 0;
    for (1 .. $ENV{DYNPGEXT_SWAPS} // 10) {
        replace_library("$libdir/pg_stat_statements.so");
        $failed++ if $node->safe_psql('postgres', q(SELECT dynpgext.rehost('pg_stat_statements'))) ne 'hosted';
    }
    is($failed, 0, 'each is hosted');
    ok($node->poll_query_until('postgres', $loaded), 'the clients are there');
    for my $n (0, 1) {
        $load[$n]->signal('TERM');
        finish($load[$n]);
        unlike(slurp_file($logs[$n]), qr/error|failed|aborted/i, 'no statement has failed');
    }
    ok($node->poll_query_until('postgres', q(SELECT memory_used < 10000000 FROM dynpgext.status)), 'memory of the old ones is freed');
};

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server has never been restarted');
is(log_count($node, qr/PANIC|terminated by signal/, 0), 0, 'and nothing has crashed');
$node->stop;
done_testing();
