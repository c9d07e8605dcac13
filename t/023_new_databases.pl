# Databases that are created with extensions in them, and dropped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# mmap: each segment is a file of this server
my $node = new_cluster('main',
    dynamic_shared_memory_type => 'mmap',
    max_logical_replication_workers => 0,
    max_worker_processes => 40);
add_database($node, 'hub', 'dynpgext');
add_database($node, 'pattern', qw(dynpgext dx_worker dx_memory));
add_database($node, 'other', 'dx_slots');
is_whole($node, 'all is well', qw(hub pattern));

# Checks without a connection to the database itself.
my $found = q(
    SELECT count(*) FILTER (WHERE w.state = 'running') = 1 AND count(*) = 1 AND min(w.starts) = 1 AND max(w.starts) = 1
       AND (SELECT count(*) = 4 AND bool_and(state = 'allocated') FROM dynpgext.cluster_allocations a WHERE a.database = '%1$s')
      FROM dynpgext.cluster_workers w WHERE w.database = '%1$s');
my $left = q(
    SELECT (SELECT count(*) FROM dynpgext_internal.live_workers() WHERE home = %1$s)
         + (SELECT count(*) FROM dynpgext_internal.live_allocations() WHERE home = %1$s)
         + (SELECT count(*) FROM dynpgext_internal.live_extensions() WHERE database = %1$s)
         + (SELECT count(*) FROM dynpgext_internal.published_workers() WHERE database = %1$s)
         + (SELECT count(*) FROM dynpgext_internal.published_allocations() WHERE database = %1$s));

sub postgres { return $node->safe_psql('postgres', join '', map {"$_;\n"} @_) }
sub oid_of { return postgres("SELECT oid FROM pg_database WHERE datname = '$_[0]'") }

sub is_found {
    my ($database, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    # local memory of dx_memory and dx_worker
    my $well = $node->poll_query_until('hub', sprintf($found =~ s/count\(\*\) = 4/count(*) = 3/r, $database));
    diag(value($node, 'hub', 'SELECT name, state, starts FROM dynpgext.cluster_workers'),
        value($node, 'hub', 'SELECT name, database, state FROM dynpgext.cluster_allocations')) unless $well;
    return ok($well, $test);
}

sub is_forgotten {
    my ($oid, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($node->poll_query_until('hub', sprintf($left, $oid), '0'), $test);
}

sub restart_with {
    my ($preload, $naptime) = @_;
    set_preload($node, $preload);
    $node->append_conf('postgresql.conf', "dynpgext.naptime = '$naptime'");
    $node->restart;
    value($node, 'hub', 'SELECT dynpgext.version()');
    wait_whole($node, qw(hub pattern));
    return;
}

for my $case ([ 0, '100ms', '' ], [ 0, '1h', q(LOAD 'dynpgext';) ], [ 1, '1h', '' ]) {
    my ($preload, $naptime, $first) = @$case;
    my $how = ($preload ? 'preloaded' : $first ? 'LOAD' : 'not loaded') . ", naptime $naptime";
    subtest "new databases: $how" => sub {
        restart_with($preload, $naptime);
        postgres($first, 'CREATE DATABASE one TEMPLATE pattern');
        is_found('one', 'a copy is found');
        add_database($node, 'template1', qw(dynpgext dx_worker dx_memory));
        postgres($first, 'CREATE DATABASE two');
        is_found('two', 'a copy of template1, too');
        is_whole($node, 'all is well', qw(one two template1 pattern hub));
        value($node, 'template1', 'DROP EXTENSION dynpgext, dx_worker, dx_memory CASCADE');
        postgres($first, 'CREATE DATABASE three');
        is(value($node, 'three', 'SELECT count(*) FROM pg_extension'), 1, 'not one of the template without');
        my %oid = map { $_ => oid_of($_) } qw(one two three);
        postgres($first, "DROP DATABASE $_") for sort keys %oid;
        is_forgotten($oid{$_}, "$_ is gone without a trace") for sort keys %oid;
        is(value($node, 'hub', qq(SELECT string_agg(event, ',' ORDER BY at) FROM dynpgext.events WHERE database = '$oid{one}' AND name = 'dx local'
            AND event IN ('registered', 'started', 'exited'))) =~ s/registered,//r, 'started,exited', 'but the events');
    };
}

for my $preload (0, 1) {
    subtest 'ALLOW_CONNECTIONS false, ' . ($preload ? 'preloaded' : 'not loaded') => sub {
        restart_with($preload, '100ms');
        my $offset = log_offset($node);
        postgres('CREATE DATABASE closed TEMPLATE pattern ALLOW_CONNECTIONS false');
        # a database created later has been found, so there was time to find the other
        postgres('CREATE DATABASE open TEMPLATE pattern');
        is_found('open', 'one that allows connections is found');
        is(value($node, 'hub', sprintf($left, oid_of('closed'))), 0, 'not one that does not');
        $node->restart;
        value($node, 'hub', 'SELECT dynpgext.version()');
        is_found('open', 'after a restart it is so again');
        is(value($node, 'hub', sprintf($left, oid_of('closed'))), 0, 'and so');
        is(log_count($node, qr/FATAL:  database "closed" is not currently accepting connections/, $offset), 0, 'nothing was sent to it');
        postgres('ALTER DATABASE closed ALLOW_CONNECTIONS true');
        is_found('closed', 'when it does, it is found');
        is_whole($node, 'all is well', qw(open closed pattern hub));
        my $oid = oid_of('closed');
        postgres('ALTER DATABASE closed ALLOW_CONNECTIONS false', 'DROP DATABASE closed', 'DROP DATABASE open');
        is_forgotten($oid, 'dropped, it is gone');
    };
}

# While the file exists, the init does not end.
subtest 'dropped while it is visited' => sub {
    my $stop = $node->data_dir . '/dx_who.wait';
    add_database($node, 'slow', qw(dynpgext dx_who));
    for my $case ([ 0, '1h', '' ], [ 0, '1h', q(LOAD 'dynpgext';) ], [ 1, '1h', '' ], [ 1, '1h', '', 'WITH (FORCE)' ]) {
        my ($preload, $naptime, $first, $force) = @$case;
        $force //= '';
        my $how = $preload ? "preloaded $force" : $first ? 'LOAD' : 'not loaded';
        restart_with($preload, $naptime);
        ok(wait_whole($node, 'slow'), 'the template is well');
        append_to_file($stop, '');
        postgres(q(LOAD 'dynpgext'), 'CREATE DATABASE copied TEMPLATE slow');
        my $oid = oid_of('copied');
        ok($node->poll_query_until('postgres', q(
            SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'copied' AND backend_type = 'dynpgext provisioning')), "$how: a visit is under way");
        is(error_of($node, 'postgres', "$first\nDROP DATABASE copied $force"), '', 'DROP DATABASE succeeds');
        unlink $stop;
        $node->append_conf('postgresql.conf', "dynpgext.naptime = '100ms'");
        $node->reload;
        is_forgotten($oid, 'nothing is left');
        is_whole($node, 'all is well', qw(slow pattern hub));
        postgres(q(LOAD 'dynpgext'), 'DROP DATABASE IF EXISTS copied');
    }
    # the launcher has no other reason to check
    restart_with(0, '1h');
    value($node, 'pattern', q(SELECT dynpgext.unload('dx_worker')));
    ok($node->poll_query_until('hub', 'SELECT workers = 0 FROM dynpgext.status'), 'no worker runs');
    append_to_file($stop, '');
    postgres(q(LOAD 'dynpgext'), 'CREATE DATABASE copied TEMPLATE slow');
    ok($node->poll_query_until('postgres', q(
        SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'copied' AND backend_type = 'dynpgext provisioning')), 'only a visit is under way');
    is(error_of($node, 'postgres', 'DROP DATABASE copied'), '', 'not loaded: DROP DATABASE succeeds');
    unlink $stop;
    postgres(q(LOAD 'dynpgext'), 'DROP DATABASE IF EXISTS copied');
    value($node, 'pattern', q(SELECT dynpgext.load('dx_worker')));
    is_whole($node, 'all is well', qw(slow pattern hub));

    restart_with(1, '1h');
    # a visit in progress is ended, and repeated after the command
    append_to_file($stop, '');
    postgres('CREATE DATABASE copied TEMPLATE slow');
    $node->poll_query_until('postgres', q(
            SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'copied' AND backend_type = 'dynpgext provisioning'));
    is(error_of($node, 'postgres', 'ALTER DATABASE copied RENAME TO renamed'), '', 'RENAME succeeds');
    unlink $stop;
    ok($node->poll_query_until('hub', q(SELECT count(*) = 1 FROM dynpgext.cluster_allocations WHERE database = 'renamed' AND state = 'allocated')),
        'and the database is provisioned, without a call');
    postgres("DROP DATABASE renamed", "DROP DATABASE slow");
};

# Values that must be the same again at the end.
sub measure {
    $node->poll_query_until('hub', q(
        SELECT (SELECT count(*) = 2 FROM dynpgext.cluster_workers)
           AND (SELECT count(*) = 0 FROM dynpgext.cluster_allocations WHERE state = 'draining')
           AND (SELECT databases = 2 FROM dynpgext.status)
           AND (SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext provisioning')))
      or return 'not settled';
    my @segments = grep { !/^\./ } slurp_dir($node->data_dir . '/pg_dynshmem');
    my %processes = processes($node);
    return sprintf 'memory_used %s, allocations and databases %s, segments %d, shmem %s, processes %d',
      memory_used($node, 'hub'), value($node, 'hub', 'SELECT allocations, databases FROM dynpgext.status'),
      scalar(@segments), value($node, 'hub', 'SELECT count(*), sum(size) FROM pg_shmem_allocations WHERE name IS NOT NULL'),
      scalar(grep {/^dx |dynpgext/} map { ($_) x @{ $processes{$_} } } keys %processes);
}

# Sizes that vary a little: only for the log of a long run.
sub sizes {
    my %processes = processes($node);
    my ($own) = slurp_file("/proc/$processes{'dynpgext launcher'}[0]/status") =~ /^RssAnon:\s+(.*)$/m;
    my $bytes = 0;
    $bytes += -s $node->data_dir . "/pg_dynshmem/$_" for grep { !/^\./ } slurp_dir($node->data_dir . '/pg_dynshmem');
    return "the launcher's own memory $own, segments $bytes bytes";
}

# cycles(NUMBER, MAKE): MAKE creates the database "cycle", which gets a worker and is dropped.
sub cycles {
    my ($count, $make) = @_;
    my $first;
    for my $round (1 .. $count) {
        $make->();
        $node->poll_query_until('hub', q(SELECT count(*) = 1 FROM dynpgext.cluster_workers WHERE database = 'cycle' AND state = 'running'))
          or last;
        postgres('DROP DATABASE cycle');
        if ($round == 3) {
            $first = measure();
            note $first;
        }
        note "round $round: " . sizes() if $round == 3 || $round % 100 == 0;
    }
    is(measure(), $first, 'as after the first three');
    return;
}

subtest '30 databases are created and dropped' => sub {
    restart_with(1, '1h');
    cycles(30, sub { postgres('CREATE DATABASE cycle TEMPLATE pattern') });
    is(value($node, 'hub', q(SELECT count(*), count(DISTINCT home) FROM dynpgext_internal.list_events() WHERE name = 'dx local' AND event = 'started'
        AND home NOT IN (SELECT oid FROM pg_database))), '30|30', 'each was there, once');
    is_whole($node, 'all is well', qw(pattern hub));
};

# DYNPGEXT_CYCLES sets their number, for an occasional long run.
subtest 'databases with new extensions are created and dropped' => sub {
    for my $preload (1, 0) {
        restart_with($preload, $preload ? '1h' : '100ms');
        cycles($ENV{DYNPGEXT_CYCLES} // 5, sub { add_database($node, 'cycle', qw(dynpgext dx_memory dx_worker)) });
        # all but those of the launcher and of two workers
        becomes($node, 'other', 'SELECT dx_free_slots()', 37, 'no slot of a worker is lost');
        is_whole($node, 'all is well', qw(pattern hub));
    }
};

$node->stop;
done_testing();
