# start_worker(), stop_worker(), restart_worker() and run_worker() in a transaction that changes registrations.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'deadlock_timeout' => '200ms', 'dx_supervised.workers' => 1);
add_database($node, 'one', qw(dynpgext dx_supervised));
register_sql_workers($node, 'one', 'dx_supervised', { name => 'sql', sql => 'SELECT 1', interval => 3600_000 });
is_whole($node, 'all is well before', 'one');

subtest 'restart_worker() stops nothing that it cannot start' => sub {
    my $starts = q(SELECT starts, state FROM dynpgext.workers WHERE name = 'sql');
    my $before = value($node, 'one', $starts);
    my $other = q(SELECT dynpgext.register('dx_supervised', '{"dynpgext": 1, "workers": [{"name": "sql", "run_as": "postgres", "command": "SELECT 2", "interval": "1 h"}]}'));
    like(error_of($node, 'one', "BEGIN; $other; SELECT dynpgext.restart_worker('dx_supervised', 'sql')"),
        qr/ERROR:  55000: .*"sql".* is not committed yet\nHINT:  It starts by itself/, 'one that is not committed yet');
    is(value($node, 'one', $starts), $before, 'the committed one runs on');
    ok(tell($node, 'one', 1, 'ignore_politely'), 'one that does not end at once');
    like(error_of($node, 'one', q(SET statement_timeout = '300ms'; SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1'))),
        qr/ERROR:  57014/, 'the wait for it is cancelled');
    value($node, 'one', q(SELECT dx_supervised_command(1, 'return')));
    is_whole($node, 'it starts when it has ended', 'one');
};

$node->stop;
done_testing();
