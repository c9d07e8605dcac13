# Libraries that collect statistics, all on one server: pg_stat_statements, pg_stat_kcache after it,
# pg_qualstats, pg_wait_sampling, and powa, whose worker takes snapshots of them.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use Test::More;

my @libraries = qw(pg_stat_statements pg_stat_kcache pg_qualstats pg_wait_sampling powa);
needs(@libraries);
my $node = older_cluster('main', ['powa'],
    'pg_qualstats.sample_rate' => 1, 'pg_wait_sampling.history_period' => 10, 'pg_wait_sampling.profile_period' => 10,
    'powa.frequency' => '5s');

for my $library (@libraries) {
    hosts($node, 'powa', $library);
    value($node, 'powa', "CREATE EXTENSION $library CASCADE");
}
workers_run($node, 'powa', $_, 1) for qw(pg_wait_sampling powa);

value($node, 'powa', q(
    CREATE TABLE measured AS SELECT g AS number, g % 10 AS digit FROM generate_series(1, 100000) g;
    SELECT count(*) FROM measured a JOIN measured b USING (number) WHERE a.digit = 7;
    SELECT powa_qualstats_register();
    SELECT powa_kcache_register();
    SELECT powa_wait_sampling_register()));
my $query = q(query LIKE 'SELECT count(*) FROM measured a JOIN%');
is(value($node, 'powa', "SELECT calls FROM pg_stat_statements WHERE $query"), 1, 'pg_stat_statements: a statement');
is(value($node, 'powa', "SELECT exec_user_time + exec_system_time > 0 FROM pg_stat_kcache_detail WHERE $query"), 't',
    'pg_stat_kcache: its processor time');
is(value($node, 'powa', q(
    SELECT count(*) FROM pg_qualstats JOIN pg_attribute ON (attrelid, attnum) = (lrelid, lattnum)
     WHERE lrelid = 'measured'::regclass AND attname = 'digit' AND eval_type = 'f' AND execution_count = 100000)), 1, 'pg_qualstats: its condition');
is(value($node, 'powa', q(SELECT count(DISTINCT queryid) FROM pg_qualstats_all JOIN pg_stat_statements USING (queryid) WHERE ) . $query), 1,
    'and its identifier of the statement');

my $session = $node->background_psql('powa');
my $pid = $session->query('SELECT pg_backend_pid()');
for my $view (qw(history profile)) {
    becomes($node, 'powa', "SELECT count(*) > 0 FROM pg_wait_sampling_$view WHERE pid = $pid AND event = 'ClientRead'", 't',
        "pg_wait_sampling: its $view has a waiting session");
}
$session->quit;

for my $table (qw(statements_history_current qualstats_quals kcache_metrics_current wait_sampling_history_current)) {
    becomes($node, 'powa', "SELECT count(*) > 0 FROM powa_$table", 't', "powa: its worker has taken a snapshot into powa_$table");
}
is(value($node, 'powa', q(SELECT coalesce(string_agg(e, ','), '') FROM powa_snapshot_metas, unnest(errors) e)), '', 'without an error');

unhosts($node, 'powa', reverse @libraries);
has_gone_on($node);
$node->stop;
done_testing();
