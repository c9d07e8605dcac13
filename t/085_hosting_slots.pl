# Few slots: keepers of hosted libraries have priority over workers, and sessions wait once for all libraries.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;
use Time::HiRes qw(time);

# For the launcher, two keepers, a worker of a hosted library, a visit, and a runner.
my $node = new_cluster('main', shared_preload_libraries => 'dynpgext', max_logical_replication_workers => 0, max_worker_processes => 6);
my @busy = map {"busy_$_"} 1 .. 6;
for my $database (@busy) {
    add_database($node, $database, qw(dynpgext dx_plain));
    register_sql_workers($node, $database, 'dx_plain', { name => 'always', sql => 'SELECT pg_sleep(0.1)', interval => 10 });
}

my $hosted = q(SELECT string_agg(library || ' ' || state, ', ' ORDER BY library) FROM dynpgext.hosted);
my $both = 'dx_hosted hosted, pg_stat_statements hosted';

# Visited last, because its OID is the highest.  While it hosts, no workers take slots.
configure($node, 'postgres', 'dynpgext.max_workers' => 0);
add_database($node, 'hosts', 'dynpgext');
$node->restart;
# visits have slots, too
ok($node->poll_query_until('hosts', "SELECT dynpgext.host('$_')", 'hosted'), "$_ is hosted") for qw(dx_hosted pg_stat_statements);
configure($node, 'postgres', 'dynpgext.max_workers' => -1);

sub all_busy_run {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($node->poll_query_until($_, q(SELECT sum(runs) > 0 FROM dynpgext.commands)), "$test: the command in $_ runs") for @busy;
    return;
}

subtest 'restart' => sub {
    for my $round (1 .. 2) {
        my $offset = log_offset($node);
        $node->restart;
        is($node->safe_psql('busy_1', 'SHOW pg_stat_statements.track'), 'top', 'the first session has the libraries');
        is(value($node, 'hosts', $hosted), $both, 'they are hosted');
        is(log_count($node, qr/hosted libraries are not loaded/, $offset), 0, 'no session has run without them');
    }
    configure($node, 'postgres', 'dynpgext.runner_idle_timeout' => '500ms');
    all_busy_run('afterwards');
};

subtest 'a library that cannot be hosted' => sub {
    $node->append_conf('postgresql.conf', "dx_hosted.fails = 'init'");
    $node->restart;
    all_busy_run('others do not wait for it');
    becomes($node, 'hosts', $hosted, 'dx_hosted failed, pg_stat_statements hosted', 'it has failed');
    $node->append_conf('postgresql.conf', "dx_hosted.fails = ''");
    $node->restart;
};

subtest 'no slot for libraries at all' => sub {
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '4s');
    $node->append_conf('postgresql.conf', 'max_worker_processes = 2');
    # for the next start
    value($node, 'hosts', q(INSERT INTO dynpgext.hosted_libraries (library, scope, position, sessions) VALUES ('auto_explain', 'global', 10, true)));
    value($node, 'postgres', 'CREATE ROLE dx_user LOGIN');
    my $start = log_offset($node);
    $node->restart;
    # wait until one keeper has taken the only slot
    becomes($node, 'hosts', q(SELECT count(*) FROM dynpgext.hosted WHERE state = 'hosted'), 1, 'one has a slot');
    is_logged($node, qr/no free slot for the keepers of hosted libraries: (?:"\w+"(?:, )?){2,3}\n/, $start, 1, 'the log says why no worker starts');
    my $offset = log_offset($node);
    my $began = time;
    is($node->safe_psql('busy_2', 'SELECT 1'), '1', 'a session starts');
    cmp_ok(time - $began, '<', 7.9, 'it has waited once for two libraries');
    is(log_count($node, qr/hosted libraries are not loaded: "\w+", "\w+"\n/, $offset), 1, 'one message names them');
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '-1s');
    like((run_command([ 'psql', '-XAtc', 'SELECT 1', $node->connstr('busy_2') . ' user=dx_user' ]))[1], qr/hosted libraries are not there: "\w+", "\w+"$/m,
        'and so does the error when sessions require them');
};

sub processes_of {
    my ($pattern) = @_;
    my %all = processes($node);
    return scalar map { @{ $all{$_} } } grep { /$pattern/ } keys %all;
}

# For the launcher, three keepers, a worker of a hosted library, five runners and a visit.
subtest 'SQL runners give slots away' => sub {
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '30s', 'dynpgext.runner_idle_timeout' => -1, 'dynpgext.max_runners' => 5);
    $node->append_conf('postgresql.conf', 'max_worker_processes = 11');
    $node->restart;
    becomes($node, 'hosts', q(SELECT count(*) FROM dynpgext.hosted WHERE state = 'hosted'), 3, 'three libraries are hosted');
    ok(wait_until { processes_of(qr/^dynpgext sql runner/) == 5 }, 'the other slots are taken');
    my $offset = log_offset($node);
    value($node, 'hosts', q(INSERT INTO dynpgext.hosted_libraries (library, scope, position, sessions)
        VALUES ('auth_delay', 'global', 11, true), ('passwordcheck', 'global', 12, true)));
    # the end of a prepared transaction requests a visit
    value($node, 'hosts', q(BEGIN; CREATE EXTENSION dx_memory; PREPARE TRANSACTION 'visit'));
    value($node, 'hosts', q(ROLLBACK PREPARED 'visit'));
    becomes($node, 'hosts', q(SELECT count(*) FROM dynpgext.hosted WHERE state = 'hosted'), 5, 'two more get slots');
    ok(wait_until { processes_of(qr/^dynpgext sql runner/) >= 4 }, 'the others are left to the runners');
    my $given = log_count($node, qr/background worker "dynpgext sql" \(PID \d+\) exited/, $offset);
    ok($given == 1 || $given == 2, 'no more runners have ended than slots were needed') or diag("$given have");
    value($node, 'hosts', "SELECT dynpgext.unhost('$_')") for qw(auth_delay passwordcheck auto_explain);
};

# For the launcher, two keepers and three workers.
subtest 'workers in C' => sub {
    register_sql_workers($node, $_, 'dx_plain') for @busy;
    $node->append_conf('postgresql.conf', 'max_worker_processes = 6');
    $node->restart;
    value($node, $_, 'CREATE EXTENSION dx_supervised') for @busy;
    my $busy = q(SELECT count(*) FILTER (WHERE state = 'waiting') > 0 AND count(*) FILTER (WHERE state = 'running') = 3 FROM dynpgext.cluster_workers);
    ok($node->poll_query_until('hosts', $busy), 'all slots are taken, and workers wait');
    for my $round (1 .. 3) {
        # a visit may have the slot, but not for long
        ok($node->poll_query_until('hosts', q(SELECT dynpgext.rehost('dx_hosted')), 'hosted'), 'no worker takes the slot of a library that is hosted anew');
        ok((wait_until { (($node->psql('hosts', q(BEGIN; SELECT dynpgext.rehost('dx_hosted'); ROLLBACK)))[1] // '') eq 'hosted' }), 'rolled back');
        ok(wait_until { processes_of(qr/^dynpgext keeper of dx_hosted/) == 1 }, 'its keeper is back');
        is(value($node, 'hosts', $hosted), $both, 'both are hosted');
    }
    $node->restart;
    is($node->safe_psql('busy_1', 'SHOW pg_stat_statements.track'), 'top', 'restart: the first session has the libraries');
    is(value($node, 'hosts', $hosted), $both, 'both are hosted');
    ok($node->poll_query_until('hosts', $busy), 'and then the workers start');
};

is(log_count($node, qr/PANIC|terminated by signal/, 0), 0, 'nothing has crashed');
$node->stop;
done_testing();
