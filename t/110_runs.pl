# dynpgext.runs: the last runs of SQL workers, with a share for each database, and for each command.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', 'dynpgext.max_runs' => 20, 'dynpgext.restart_delay_max' => '1h');
add_database($node, $_, qw(dynpgext dx_plain)) for qw(one two);
value($node, 'one', 'CREATE TABLE public.switch (is_on bool)');

sub runs { return value($node, $_[1] // 'one', "SELECT count(*) FROM dynpgext.runs WHERE $_[0]") }
sub comes { return ok($node->poll_query_until($_[2] // 'one', "SELECT $_[0] FROM dynpgext.runs"), $_[1]) }

subtest 'how runs end' => sub {
    register_sql_workers($node, 'one', 'dx_plain',
        { name => 'works', sql => 'SELECT pg_sleep(0.05)', interval => $hour },
        { name => 'fails', sql => 'SELECT 1 / 0', interval => $hour },
        { name => 'slow', sql => 'SELECT pg_sleep(3600) FROM public.switch', channel => 'slow' });
    comes(q(count(*) = 3), 'those of a start');
    is(value($node, 'one', q(SELECT string_agg(concat_ws(' ', extension, worker, scope, database, outcome, error), '; ' ORDER BY worker) FROM dynpgext.runs WHERE worker <> 'slow')),
        'dx_plain fails database one failed 22012: division by zero; dx_plain works database one succeeded', 'with their results');
    is(runs(q(worker = 'works' AND duration BETWEEN '50 ms' AND '1 min' AND started_at <= clock_timestamp())), 1, 'start and duration');
    is(value($node, 'one', q(SELECT started_at = last_run_at AND duration = last_duration FROM dynpgext.runs JOIN dynpgext.commands USING (extension, worker) WHERE worker = 'works')), 't', 'as dynpgext.commands has them');
    value($node, 'one', q(INSERT INTO public.switch VALUES (true); NOTIFY slow));
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '3600' AND backend_type = 'dynpgext sql' AND state = 'active')), '(one is slow)');
    is(runs(q(worker = 'slow')), 1, 'one that continues is not shown');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'slow')));
    comes(q(bool_or(worker = 'slow' AND outcome = 'canceled' AND error IS NULL)), 'one that is cut short is');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'slow')));
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '3600' AND backend_type = 'dynpgext sql' AND state = 'active')), '(it runs again)');
    value($node, 'one', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND datname = 'one'));
    comes(q(bool_or(worker = 'slow' AND outcome = 'failed' AND error ~ '^57P01: ')), 'and one that ends its process');
    is(runs('true', 'two'), 0, 'another database does not see them');
};

subtest 'shares' => sub {
    register_sql_workers($node, 'two', 'dx_plain',
        { name => 'nightly', sql => 'SELECT 1', interval => $hour },
        { name => 'often', sql => 'SELECT 1', interval => 10 });
    comes(q(count(*) FILTER (WHERE worker = 'often') >= 9), 'one that runs all the time', 'two');
    value($node, 'two', q(SELECT pg_sleep(0.5)));
    is(runs(q(worker = 'nightly'), 'two'), 1, 'leaves those of other commands');
    ok(runs('true') >= 4, 'and of other databases');
    is(value($node, 'two', 'SELECT count(*) <= 20 FROM dynpgext.runs'), 't', 'there are no more than dynpgext.max_runs');
    configure($node, 'one', 'dynpgext.max_runs' => 4);
    comes(q(count(*) <= 2), 'also when that is decreased', 'two');
    is(runs(q(worker = 'nightly'), 'two'), 1, 'where each command keeps its share');
    configure($node, 'one', 'dynpgext.max_runs' => 1000);
    comes(q(count(*) > 30), 'or increased', 'two');
};

subtest 'global workers' => sub {
    register_sql_workers($node, $_, 'dx_plain', { name => 'everywhere', sql => 'SELECT 1', interval => $hour, scope => 'global' }) for qw(one two);
    comes(q(bool_or(worker = 'everywhere' AND scope = 'global' AND database IN ('one', 'two'))), 'are shown', $_) for qw(one two);
    comes(q(bool_or(worker = 'works')), 'objects that are no longer registered stay');
    value($node, 'one', 'DROP EXTENSION dynpgext CASCADE');
    value($node, 'one', 'CREATE EXTENSION dynpgext');
    comes(q(bool_or(worker = 'works')), 'and so it does with dynpgext');
};

subtest 'a crash' => sub {
    crash($node, sub { value($node, 'two', 'SELECT 1'); kill KILL => $node->safe_psql('two', q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer')) });
    comes(q(coalesce(bool_and(worker <> 'works'), true)), 'begins again');
};

$node->stop;
done_testing();
