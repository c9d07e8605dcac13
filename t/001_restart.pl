# After a restart everything runs again: at once with preload, after the first use without it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @databases = qw(one two three);
my $node = new_cluster('main');
add_database($node, $_, qw(dynpgext dx_worker dx_memory dx_usage)) for @databases;
is_whole($node, 'all is well before', @databases);

# Queries from a database without dynpgext, so that the queries do not count as a use.
my $connected = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dx local type');

sub starts {
    my ($offset) = @_;
    return join ', ', map {
        "$_ " . log_count($node, qr/starting background worker process "$_"/, $offset)
    } 'dx global', 'dx local', 'worker';
}

for my $preload (0, 1) {
    my $with = $preload ? 'with preload' : 'without preload';
    set_preload($node, $preload);
    $node->restart;
    for my $mode (qw(fast immediate)) {
        subtest "restart (fast, immediate): $mode, $with" => sub {
            # the previous database has been used, the new one has not
            wait_whole($node, @databases);
            my $offset = log_offset($node);
            $node->stop($mode);
            $node->start;

            if (!$preload) {
                is($node->safe_psql('postgres', $connected), 0, 'nothing starts by itself');
                is(value($node, 'one', q(SELECT dx_read('dx_memory:local') IS NOT NULL)),
                    't', 'the first lookup of a database-local name is not NULL');
                is(value($node, 'two', q(SELECT dx_read('dx_memory:global_small'))),
                    'dx_memory 0.1 callback 1', 'the first lookup of a global name is not NULL');
            }
            # nothing connects to the third database
            ok($node->poll_query_until('postgres', $connected, 3), 'a worker for each database');
            $node->wait_for_log(qr/starting background worker process "dx global"/, $offset);
            ok($node->poll_query_until('postgres', q(
                SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                  WHERE backend_type = 'dynpgext provisioning'))), 'the databases have been visited');

            is(whole($node, 'three'), '', 'the untouched database is complete');
            is_whole($node, 'everything is back, once', @databases);
            is(starts($offset), 'dx global 1, dx local 3, worker 1', 'each worker has been started once');
            is(value($node, 'three', 'SELECT dx_usage_value()'), 'usage', 'the callback has filled the memory');
            is(value($node, 'three', q(SELECT dx_zero('dx_memory:going', 4096))), 't', 'memory is zeroed');
            is(value($node, 'three', 'SELECT preloaded FROM dynpgext.status'), $preload ? 't' : 'f',
                'status says so');
        };
    }
}

subtest 'first lookup after a restart, without preload' => sub {
    set_preload($node, 0);
    for my $name (qw(dx_memory:local dx_memory:going dx_memory:global dx_memory:global_small dx_worker:local dx_worker:global)) {
        $node->restart;
        is(value($node, 'two', "SELECT dx_address('$name') IS NOT NULL"), 't', $name);
    }
    for my $name (qw(dx_memory:local dx_memory:global)) {
        $node->restart;
        is(value($node, 'two', "SELECT dynpgext.peek('$name', length => 4)"), '\\x00000000', "$name, by peek()");
        is(value($node, 'two', "SELECT attached FROM dynpgext.allocations WHERE name = '$name'"), 0, 'which does not keep it');
    }
    $node->restart;
    is($node->safe_psql('one', q(
        BEGIN READ ONLY;
        SELECT dx_address('dx_memory:local') IS NOT NULL AND dx_address('dx_memory:global') IS NOT NULL;
        COMMIT;)), 't', 'in a read-only transaction');
    is_whole($node, 'the rest follows', @databases);
};

subtest 'the first use is a query of a view' => sub {
    $node->restart;
    $node->safe_psql('one', 'SELECT count(*) FROM dynpgext.workers');
    is_whole($node, 'everything is back', @databases);
};

for my $preload (0, 1) {
    subtest 'a lazily loaded extension, ' . ($preload ? 'with preload' : 'without preload') => sub {
        set_preload($node, $preload);
        $node->restart;
        add_database($node, "lazy$preload", qw(dynpgext dx_memory dx_lazy));
        my $state = q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_lazy');
        is(value($node, "lazy$preload", $state), 'unloaded', 'not loaded by CREATE EXTENSION');
        is(value($node, "lazy$preload", q(SELECT dynpgext.load('dx_lazy'))), '0.1', 'load');
        is_whole($node, 'loaded', "lazy$preload");
        is(value($node, "lazy$preload", q(SELECT dx_zero('dx_lazy:memory', 64))), 't', 'it has memory');

        my $offset = log_offset($node);
        $node->restart;
        is(value($node, "lazy$preload", q(SELECT dx_address('dx_lazy:memory') IS NULL)), 't',
            'the lookup finds nothing after a restart');
        like(error_of($node, "lazy$preload", q(SELECT dynpgext.peek('dx_lazy:memory'))),
            qr/55000: shared memory "dx_lazy:memory" of extension "dx_lazy" is not allocated\n.*extension is unloaded\.\n.*Use dynpgext\.load/,
            'peek() says why');
        wait_whole($node, @databases);
        is(value($node, "lazy$preload", $state), 'unloaded', 'it is unloaded');
        is(value($node, "lazy$preload", q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_lazy')),
            0, 'and has no worker');
        is(log_count($node, qr/starting background worker process "dx lazy"/, $offset), 0, 'none was started');
        value($node, "lazy$preload", q(SELECT dynpgext.load('dx_lazy')));
        is_whole($node, 'loaded again', "lazy$preload");
        value($node, "lazy$preload", 'DROP EXTENSION dx_lazy');
    };
}

subtest 'start_concurrency' => sub {
    $node->append_conf('postgresql.conf', 'dynpgext.start_concurrency = 1');
    my $offset = log_offset($node);
    $node->restart;
    ok($node->poll_query_until('postgres', $connected, 3), 'a worker for each database');
    is_whole($node, 'everything is back', @databases);
    my ($now, $most) = (0, 0);
    for (slurp_file($node->logfile, $offset) =~
        /(starting background worker process "dynpgext provisioning"|background worker "dynpgext provisioning" \(PID \d+\) exited)/g)
    {
        $now += /^starting/ ? 1 : -1;
        $most = $now if $now > $most;
    }
    is($most, 1, 'one database at a time');
};

$node->stop;
done_testing();
