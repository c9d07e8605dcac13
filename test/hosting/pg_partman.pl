# pg_partman_bgw, which creates partitions periodically.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use Test::More;

needs('pg_partman_bgw');
my $node = older_cluster('main', ['parts'],
    'pg_partman_bgw.interval' => 1, 'pg_partman_bgw.dbname' => 'parts', 'pg_partman_bgw.role' => 'postgres');
value($node, 'parts', q(
    CREATE SCHEMA partman;
    CREATE EXTENSION pg_partman SCHEMA partman;
    CREATE TABLE orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    SELECT partman.create_parent('public.orders', 'at', 'native', 'daily', p_premake => 2);
    INSERT INTO orders VALUES (now())));
my $partitions = q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'orders'::regclass);
my $before = value($node, 'parts', $partitions);

hosts($node, 'parts', 'pg_partman_bgw');
workers_run($node, 'parts', 'pg_partman_bgw', 1);
value($node, 'parts', 'UPDATE partman.part_config SET premake = 5');
becomes($node, 'parts', $partitions, $before + 3, 'its worker makes partitions, by dynamic workers');
value($node, 'parts', 'UPDATE partman.part_config SET premake = 6');
becomes($node, 'parts', $partitions, $before + 4, 'and again');
is(log_count($node, qr/ERROR/, 0), 0, 'without an error');

unhosts($node, 'parts', 'pg_partman_bgw');
has_gone_on($node);
$node->stop;
done_testing();
