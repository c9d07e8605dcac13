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

# Statements of all kinds, counted by a hosted and by a preloaded library.
subtest 'pg_stat_statements, compared with a server that preloads it' => sub {
    my $preloads = new_cluster('preloads', shared_preload_libraries => 'pg_stat_statements');
    $preloads->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
    my $statements = q(
        SET pg_stat_statements.track = 'all';
        SET ROLE counted;
        CREATE TABLE items (id integer PRIMARY KEY, name text);
        INSERT INTO items VALUES (1, 'a');
        INSERT INTO items VALUES (2, 'b'), (3, 'c');
        INSERT INTO items SELECT g, 'g' FROM generate_series(10, 19) g;
        SELECT name FROM items WHERE id = 1;
        SELECT name FROM items WHERE id = 2;
        SELECT count(*) FROM items WHERE id IN (1, 2, 3) AND name <> 'z';
        WITH few AS (SELECT id FROM items ORDER BY id LIMIT 2) SELECT sum(id) FROM few;
        UPDATE items SET name = 'u' WHERE id >= 10;
        DELETE FROM items WHERE id = 19;
        MERGE INTO items i USING (VALUES (3, 'm'), (4, 'n')) AS v (id, name) ON i.id = v.id
          WHEN MATCHED THEN UPDATE SET name = v.name WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.name);
        PREPARE one (integer) AS SELECT name FROM items WHERE id = $1 AND name > '';
        EXECUTE one(1);
        EXECUTE one(3);
        DEALLOCATE one;
        CREATE FUNCTION doubled(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n FROM items LIMIT 1';
        CREATE FUNCTION added(n integer) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN PERFORM doubled(n); RETURN (SELECT n + count(*) FROM items); END';
        SELECT doubled(1), added(2);
        SELECT added(id) FROM items WHERE id < 4;
        DO 'BEGIN PERFORM count(*) FROM items; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN UPDATE items SET name = name; END';
        BEGIN;
        DECLARE c CURSOR FOR SELECT id FROM items ORDER BY id;
        FETCH 3 FROM c;
        FETCH 3 FROM c;
        CLOSE c;
        SAVEPOINT s;
        INSERT INTO items VALUES (20, 'gone');
        ROLLBACK TO s;
        COMMIT;
        COPY (SELECT id FROM items WHERE id < 3) TO STDOUT;
        EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 5;
        CREATE TABLE made AS SELECT id FROM items WHERE id < 15;
        CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM items;
        REFRESH MATERIALIZED VIEW seen;
        ANALYZE items;
        TRUNCATE made;
        RESET ROLE;
        SET pg_stat_statements.track_utility = off;
        SET ROLE counted;
        DROP MATERIALIZED VIEW seen;
        RESET ROLE;
        SET pg_stat_statements.track = 'none';
        SET ROLE counted;
        SELECT 'not counted' FROM items);
    my $counted = q(SELECT toplevel, calls, rows, query
          FROM pg_stat_statements WHERE userid = 'counted'::regrole ORDER BY query COLLATE "C", toplevel);
    my %found;
    for my $each ($node, $preloads) {
        $each->safe_psql('postgres', 'CREATE ROLE counted; GRANT CREATE ON SCHEMA public TO counted; SELECT pg_stat_statements_reset()');
        $each->safe_psql('postgres', $statements);
        $found{ $each->name } = $each->safe_psql('postgres', $counted);
        my @versions = split /\n/, $each->safe_psql('postgres', q(SELECT version FROM pg_available_extension_versions WHERE name = 'pg_stat_statements' ORDER BY string_to_array(version, '.')::integer[]));
        $found{ $each->name } .= "\n$_: " . $each->safe_psql('postgres', qq(
            DROP EXTENSION pg_stat_statements;
            CREATE EXTENSION pg_stat_statements VERSION '$_';
            SELECT count(*), sum(calls), sum(rows) FROM pg_stat_statements WHERE userid = 'counted'::regrole)) for @versions;
    }
    is($found{main}, $found{preloads}, 'the same statements have the same counts, in each version of its view');
    cmp_ok(() = $found{main} =~ /\n/g, '>', 40, 'of which there are many');
    $preloads->stop;
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
