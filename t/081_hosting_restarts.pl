# Hosted libraries return: after restarts and crashes of the server, of their keepers, workers and sessions;
# and with a dump.  They do not if dynpgext or the hosting database is dropped, or if they crash.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', max_worker_processes => 24);
add_database($node, 'postgres', 'dynpgext', 'pg_stat_statements');
$node->safe_psql('postgres', "SELECT dynpgext.host('dx_hosted'); CREATE EXTENSION dx_hosted; SELECT dynpgext.host('pg_stat_statements')");
$node->safe_psql('postgres', 'CREATE DATABASE other');

sub pids_of {
    my ($pattern) = @_;
    my %all = processes($node);
    return map { @{ $all{$_} } } grep { /$pattern/ } keys %all;
}

sub state_of { return value($node, 'postgres', "SELECT state FROM dynpgext.hosted WHERE library = '$_[0]'") }

# The first session has the library, in any database; then its worker starts.
sub is_back {
    my ($test, $next) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $value = $node->safe_psql('other', q(SHOW pg_stat_statements.track));
    is($value, 'top', "$test: the first session has it");
    is($node->safe_psql('postgres', 'SELECT dx_hosted_next()'), $next, "$test: its memory is new");
    becomes($node, 'postgres', q(SELECT state FROM dynpgext.workers WHERE name = 'dx hosted'), 'running', "$test: its worker runs");
    becomes($node, 'postgres', q(SELECT dx_hosted_state()),
        'max 3, same address, made by the postmaster, worker as registered, dynamic 0', "$test: and all is as it should be");
    return;
}

my $calls = q(SELECT calls FROM pg_stat_statements WHERE query = 'SELECT $1 AS kept');

for my $preload (0, 1) {
    set_preload($node, $preload);
    my $how = $preload ? 'preloaded' : 'not preloaded';
    subtest "restart, $how" => sub {
        $node->restart if $preload;
        $node->safe_psql('postgres', "SELECT pg_stat_statements_reset()") ;
        $node->safe_psql('postgres', 'SELECT dx_hosted_next(); SELECT dx_hosted_next()');
        $node->safe_psql('postgres', 'SELECT 1 AS kept') for 1 .. 3;
        my $value = $node->safe_psql('postgres', 'SELECT dx_hosted_next()');
        $node->restart;
        is(slurp_file($node->data_dir . '/dx_hosted.shutdown'), "$value\n", 'its work at the shutdown is done');
        is_back('afterwards', 1);
        is($node->safe_psql('postgres', $calls), '3', 'statistics are kept');
        $node->stop('immediate');
        $node->start;
        is_back('after an immediate shutdown', 1);
    };

    subtest "crashes, $how" => sub {
        my $session = $node->background_psql('postgres');
        my $of_session = $session->query('SELECT pg_backend_pid()');
        for my $what ([ 'keeper', sub { (pids_of(qr/^dynpgext keeper of dx_hosted/))[0] } ],
            [ 'worker', sub { pid_of($node, 'postgres', 'dx hosted') } ], [ 'session', sub { $of_session } ]) {
            my ($name, $pid_of) = @$what;
            ok($node->poll_query_until('postgres', q(SELECT state = 'running' FROM dynpgext.workers WHERE name = 'dx hosted')), "$name: it runs");
            my $pid = $pid_of->();
            crash($node, sub { kill 'KILL', $pid });
            is_back("kill -9 of the $name", 1);
            last if $name eq 'session';
            eval { $session->quit };
            $session = $node->background_psql('postgres');
            $of_session = $session->query('SELECT pg_backend_pid()');
        }
        eval { $session->quit };
        # its crashes must not add up to a quarantine in later tests
        value($node, 'postgres', q(SELECT dynpgext.release('dx_hosted')));
    };

    subtest "a keeper is terminated, $how" => sub {
        my $value = $node->safe_psql('postgres', 'SELECT dx_hosted_next()');
        my ($pid) = pids_of(qr/^dynpgext keeper of dx_hosted/);
        kill 'TERM', $pid;
        ok(wait_until { my ($new) = pids_of(qr/^dynpgext keeper of dx_hosted/); $new && $new != $pid }, 'another one starts');
        is($node->safe_psql('postgres', 'SELECT dx_hosted_next()'), $value + 1, 'and the memory stays');
        unlink $node->data_dir . '/dx_hosted.shutdown';
        $node->restart;
        is(slurp_file($node->data_dir . '/dx_hosted.shutdown'), $value + 1 . "\n", 'and is written at the shutdown');
        is_back('afterwards', 1);
    };
}
set_preload($node, 0);
$node->restart;
is_back('without preload', 1);

subtest 'a library that cannot be hosted again' => sub {
    $node->append_conf('postgresql.conf', "dx_hosted.fails = 'init'");
    $node->restart;
    is($node->safe_psql('other', q(SHOW pg_stat_statements.track)), 'top', 'others do');
    becomes($node, 'postgres', q(SELECT state || ': ' || error FROM dynpgext.hosted WHERE library = 'dx_hosted'),
        'failed: dx_hosted fails at init', 'the view tells why');
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '-30s');
    $node->safe_psql('postgres', 'CREATE ROLE dx_user LOGIN');
    is($node->safe_psql('postgres', 'SELECT 1', extra_params => [ '-U', 'dx_user' ]), '1', 'one that has failed is not waited for');
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '30s');
    $node->append_conf('postgresql.conf', "dx_hosted.fails = ''");
    $node->reload;
    is($node->safe_psql('postgres', q(SELECT dynpgext.rehost('dx_hosted'))), 'hosted', 'rehost() tries again');
    is_back('and', 1);
};

# Restarts with it; then repeated sessions, until the view shows that something is quarantined.
sub is_quarantined {
    my ($place, $view) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $node->append_conf('postgresql.conf', "dx_hosted.fails = 'crash $place'");
    my $offset = log_offset($node);
    $node->restart(fail_ok => 1);
    # without a pipe as input, which a refused client would leave unread
    my @client = ('psql', '-XAtc', "SELECT count(*) FROM $view AND state = 'quarantined'", $node->connstr('postgres'));
    ok(wait_until { (run_command(\@client))[0] eq '1' }, 'it is quarantined');
    is(log_count($node, qr/all server processes terminated; reinitializing/, $offset), 3, 'after three crashes');
    return is($node->safe_psql('other', q(SHOW pg_stat_statements.track)), 'top', 'the others are there');
}

for my $place (qw(init startup)) {
    subtest "a library that crashes at $place" => sub {
        is_quarantined($place, q(dynpgext.hosted WHERE library = 'dx_hosted'));
        like(value($node, 'postgres', q(SELECT error FROM dynpgext.hosted WHERE library = 'dx_hosted')), qr/3 times/, 'the view tells why');
        is(value($node, 'postgres', q(SELECT object, name FROM dynpgext.health() WHERE problem ~ '^quarantined')), 'library|dx_hosted', 'health() tells of it once');
        configure($node, 'postgres', 'dx_hosted.fails' => '');
        is(value($node, 'postgres', q(SELECT dynpgext.release('dx_hosted'))), 't', 'released');
        ok($node->poll_query_until('postgres', q(SELECT state = 'hosted' FROM dynpgext.hosted WHERE library = 'dx_hosted')), 'it is hosted again');
        is_back('and', 1);
    };
}

subtest 'a static worker that crashes' => sub {
    is_quarantined('worker', q(dynpgext.workers WHERE name = 'dx hosted'));
    is(state_of('dx_hosted'), 'hosted', 'its library stays hosted');
    # a setting of the start of the server: the library keeps the value that it was hosted with
    configure($node, 'postgres', 'dx_hosted.fails' => '');
    is(value($node, 'postgres', q(SELECT dynpgext.rehost('dx_hosted') IS NOT NULL)), 't', 'hosted with another setting');
    is(value($node, 'postgres', q(SELECT dynpgext.release('dx_hosted'))), 't', 'released');
    is_back('and', 1);
};

subtest 'dump and restore' => sub {
    my $dump = $node->basedir . '/dump.sql';
    # its functions cannot be created before it is hosted, as on a server that does not preload it
    $node->safe_psql('postgres', 'DROP EXTENSION dx_hosted');
    $node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'dumped');
    like(slurp_file($dump), qr/COPY dynpgext\.hosted_libraries .*\ndx_hosted\tglobal\t1\t\\N\tt\n/, 'with hosted libraries');
    is($node->safe_psql('postgres', q(SELECT dynpgext.unhost('dx_hosted'); SELECT dynpgext.unhost('pg_stat_statements'))), "t\nt", 'unhosted');
    $node->safe_psql('postgres', 'DROP EXTENSION dynpgext');
    $node->safe_psql('postgres', 'CREATE DATABASE restored');
    $node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'restored');
    ok($node->poll_query_until('restored', q(SELECT count(*) = 2 FROM dynpgext.hosted WHERE state = 'hosted')), 'all is hosted again');
    ok($node->poll_query_until('restored', q(SELECT state = 'running' FROM dynpgext.workers WHERE name = 'dx hosted')), 'with its worker');
    ok($node->poll_query_until('other', q(SELECT current_setting('session_preload_libraries') = 'dynpgext_sessions')), 'sessions load it');
    is($node->safe_psql('restored', 'CREATE EXTENSION dx_hosted; SELECT dx_hosted_next()'), '1', 'and it works');
};

subtest 'dropped' => sub {
    like(($node->psql('restored', 'DROP EXTENSION dx_hosted'))[2], qr/NOTICE:  library "dx_hosted" stays hosted\nHINT:  Use dynpgext.unhost\(\) /, 'its extension: a NOTICE');
    is($node->safe_psql('restored', q(SELECT state FROM dynpgext.hosted WHERE library = 'dx_hosted')), 'hosted',
        'the library stays hosted');
    $node->safe_psql('restored', 'DROP EXTENSION dynpgext');
    ok(wait_until { !pids_of(qr/^dynpgext keeper/) }, 'dynpgext: nothing is hosted any more');
    my $entries = q(SELECT count(*) FROM pg_file_settings WHERE name IN ('session_preload_libraries', 'dynpgext.hosting_databases'));
    is($node->safe_psql('postgres', $entries), 0, 'nor is anything left in the configuration');
    add_database($node, 'again', 'dynpgext');
    is($node->safe_psql('again', q(SELECT dynpgext.host('dx_hosted'))), 'hosted', 'hosted by another database');
    $node->safe_psql('postgres', 'DROP DATABASE again');
    ok(wait_until { !pids_of(qr/^dynpgext keeper/) }, 'which is dropped: nothing is hosted any more');
    becomes($node, 'postgres', $entries, 0, 'nor is anything left in the configuration, though no database has dynpgext');
    $node->restart;
    is($node->safe_psql('postgres', 'SELECT 1'), '1', 'a session does not wait for it');
};

$node->stop;

# Each kind of dynamic shared memory, with a window of considerable size.
for my $kind (qw(sysv mmap)) {
    subtest $kind => sub {
        my $other = new_cluster($kind, dynamic_shared_memory_type => $kind, 'dx_hosted.size' => 30);
        add_database($other, 'postgres', 'dynpgext');
        is($other->safe_psql('postgres', q(SELECT dynpgext.host('dx_hosted'); CREATE EXTENSION dx_hosted; SELECT dx_hosted_next())),
            "hosted\n1", 'hosted');
        is($other->safe_psql('postgres', 'SELECT dx_hosted_next()'), '2', 'another session has it');
        cmp_ok(value($other, 'postgres', 'SELECT memory_requested FROM dynpgext.hosted'), '>', 30 * 1024 * 1024, 'with all its memory');
        $other->stop;
    };
}

done_testing();
