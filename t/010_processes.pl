# Lookups are correct in every kind of process.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
add_database($node, $_, qw(dynpgext dx_memory dx_worker)) for qw(one two);
$node->safe_psql('one', q(CREATE TABLE numbers AS SELECT generate_series(1, 1000) AS i; ANALYZE numbers;));

my $force = value($node, 'one',
    q(SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')));
my $in_parallel = "SET $force = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
    SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;";

sub parallel_query {
    my ($name) = @_;
    return "SELECT DISTINCT dx_parallel_read('$name', i) FROM numbers WHERE i % 100 = 0";
}

for my $preload (0, 1) {
    my $with = $preload ? 'with preload' : 'without preload';
    set_preload($node, $preload);
    $node->restart;

    subtest "the first lookup after a restart is in a parallel worker, $with" => sub {
        is(value($node, 'one', $in_parallel . parallel_query('dx_memory:global_small')),
            'dx_memory 0.1 callback 1', 'a global name');
        $node->restart;
        is(value($node, 'one', $in_parallel . "SELECT count(*), count(x) FROM (" . parallel_query('dx_memory:local') . ') AS t(x)'),
            '1|1', 'a database-local name');
    };

    is_whole($node, "all is well, $with", qw(one two));

    subtest "backend, $with" => sub {
        for my $database (qw(one two)) {
            value($node, $database, "SELECT dx_write('dx_memory:local', 'local of $database'), dx_write('dx_memory:global', 'by $database')");
        }
        for my $database (qw(one two)) {
            is(value($node, $database, q(SELECT dx_read('dx_memory:local'))), "local of $database", "local, in $database");
            is(value($node, $database, q(SELECT dx_read('dx_memory:global'))), 'by two', "global, in $database");
            is(value($node, $database, q(SELECT dx_present(), dx_read('dx_memory:none') IS NULL, dx_read(NULL) IS NULL)),
                't|t|t', 'names that are not there');
        }
        is(value($node, 'one', q(SELECT dx_many_lookups('dx_memory:local', 100000), dx_many_lookups('dx_memory:global', 100000))),
            '0|0', 'the process does not grow');
    };

    subtest "parallel worker, $with" => sub {
        like(value($node, 'one', $in_parallel . 'EXPLAIN (ANALYZE, COSTS off) ' . parallel_query('dx_memory:local')),
            qr/Workers Launched: [1-9]/, 'it is one');
        is(value($node, 'one', $in_parallel . parallel_query('dx_memory:local')), 'local of one', 'local');
        is(value($node, 'one', $in_parallel . parallel_query('dx_memory:global')), 'by two', 'global');
        is($node->safe_psql('one', "$in_parallel
            BEGIN;
            CREATE EXTENSION dx_usage;
            SELECT count(*), max(x) FROM (" . parallel_query('my_ext:0.1:value') . ") AS t(x);
            ROLLBACK;"), '1|usage', 'objects made in its transaction');
        is(value($node, 'one', $in_parallel . "SELECT count(*), count(x) FROM (" . parallel_query('my_ext:0.1:value') . ') AS t(x)'),
            '1|0', 'and no longer after the rollback');
        is($node->safe_psql('one', "$in_parallel
            BEGIN;
            CREATE FUNCTION pg_temp.read(name text, n integer) RETURNS text LANGUAGE C PARALLEL SAFE
              AS '\$libdir/dx_memory-0.1', 'dx_parallel_read';
            DROP EXTENSION dx_memory;
            SELECT count(*), count(x) FROM (SELECT DISTINCT pg_temp.read('dx_memory:local', i) FROM numbers WHERE i % 100 = 0) AS t(x);
            ROLLBACK;"), '1|0', 'not an object dropped in its transaction');
        is(value($node, 'one', q(SELECT dx_read('dx_memory:local'))), 'local of one', 'the content is unchanged');
    };

    subtest "background worker, $with" => sub {
        for my $database (qw(one two)) {
            my $oid = value($node, $database, 'SELECT oid FROM pg_database WHERE datname = current_database()');
            ok($node->poll_query_until($database, q(SELECT starts = 1 FROM dx_worker_info('local'))), "it runs in $database");
            is(value($node, $database, q(
                SELECT address_before <> 0, address_before = address_after, argument, callbacks, waited_status,
                       waited_pid = pid, name, type, extra, library, function FROM dx_worker_info('local'))),
                "t|t|$oid|1|started|t|dx local|dx local type|dx local extra|\$libdir/dx_worker-0.1|dx_worker_local",
                'a database-local one, before and after it has connected');
        }
        ok($node->poll_query_until('one', q(SELECT starts = 1 FROM dx_worker_info('global'))), 'the global one runs');
        is(value($node, 'two', q(
            SELECT address_before <> 0, address_before = address_after, argument, name, type, extra, library, function
              FROM dx_worker_info('global'))),
            "t|t|42|dx global|dx global type|dx global extra|\$libdir/dx_worker-0.1|dx_worker_global",
            'a global one, which does not connect');
    };
}

# postgres --single: without other processes there is no memory to share, and there are no workers.
sub single_user {
    my ($database, @commands) = @_;
    my ($out, $error) = ('', '');
    my $input = join '', map {"$_\n"} @commands;
    my $postgres = `pg_config --bindir` =~ s/\n//r . '/postgres';
    my $well = IPC::Run::run [ $postgres, '--single', '-D', $node->data_dir, $database ], '<', \$input, '>', \$out, '2>', \$error;
    note $out, $error;
    ok($well && $error !~ /ERROR|FATAL|PANIC/, "single-user mode: @commands");
    return $out;
}

for my $preload (0, 1) {
    subtest 'single-user mode, ' . ($preload ? 'with preload' : 'without preload') => sub {
        my $database = "single$preload";
        set_preload($node, $preload);
        $node->safe_psql('postgres', "CREATE DATABASE $database");
        $node->stop;
        single_user($database, 'CREATE EXTENSION dx_memory', 'CREATE EXTENSION dynpgext', 'CREATE EXTENSION dx_worker');
        like(single_user($database, q(SELECT string_agg(extension, ',') AS found FROM dynpgext.registered_extension)),
            qr/found = "[^"]*dx_memory/, 'adopted extensions are registered');
        $node->start;
        value($node, $database, 'SELECT count(*) FROM dynpgext.workers');
        ok($node->poll_query_until($database, q(
            SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions),
            'dx_memory provisioned, dx_worker provisioned'), 'both are provisioned at the next start');
        is_whole($node, 'in full', $database, 'one');
        is(value($node, $database, q(SELECT dx_read('dx_memory:local') IS NOT NULL)), 't', 'lookups work');

        $node->stop;
        like(single_user($database, 'DROP EXTENSION dx_worker',
                q(SELECT string_agg(object || ' ' || name || ' ' || action, ', ') AS done FROM dynpgext.reload()),
                q(SELECT count(*) AS again FROM dynpgext.reload())),
            qr/done = "extension dx_worker drain".*again = "0"/s, 'a reload follows a drop, and provisions nothing');
        $node->start;
        value($node, $database, 'SELECT count(*) FROM dynpgext.workers');
        ok($node->poll_query_until($database, q(
            SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions),
            'dx_memory provisioned'), 'one that was dropped there is gone');
        is_whole($node, 'all is well', $database, 'one');

        value($node, $database, qq(CREATE TABLE public.said (event text, name text, version text);
            ALTER DATABASE $database SET dx_fini.log = 'public.said'; CREATE EXTENSION dx_fini));
        $node->stop;
        like(single_user($database, 'DROP EXTENSION dx_fini', 'SELECT count(*) AS said FROM public.said'), qr/said = "0"/, 'a drop runs no fini');
        $node->start;
        value($node, $database, 'SELECT count(*) FROM dynpgext.workers');
        becomes($node, $database, q(SELECT string_agg(event || ' ' || name, ',') FROM public.said), 'fini dx_fini', 'the visit that finds it does');
    };
}

$node->stop;
done_testing();
