# Settings made by a database's owner cannot keep visits, which all databases need, from ending.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use Test::More;

my $node = new_cluster('main', 'dynpgext.start_concurrency' => 1);
set_preload($node, 1);
$node->restart;
add_database($node, 'one', qw(dynpgext dx_worker));
value($node, 'postgres', 'CREATE ROLE dx_owner LOGIN CREATEDB');

subtest 'transactions that are serializable, read only and deferrable' => sub {
    my $holder = $node->background_psql('postgres');
    $holder->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT pg_current_xact_id(); SELECT count(*) FROM pg_class');
    $node->safe_psql('postgres', join ';', 'CREATE DATABASE slow OWNER dx_owner ALLOW_CONNECTIONS false', map {"ALTER DATABASE slow SET default_transaction_$_"} qw(isolation=serializable read_only=on deferrable=on));
    my $connected = log_offset($node);
    value($node, 'postgres', 'ALTER DATABASE slow ALLOW_CONNECTIONS true');
    ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'SafeSnapshot')), 'no process waits for a safe snapshot');
    value($node, 'postgres', 'CREATE DATABASE two TEMPLATE one');
    ok($node->poll_query_until('two', q(SELECT count(*) = 1 FROM dynpgext.workers WHERE name = 'dx local' AND state = 'running')), 'a new database has its workers')
      or diag(value($node, 'postgres', q(SELECT datname, state, wait_event FROM pg_stat_activity WHERE backend_type = 'dynpgext provisioning')));
    $holder->query_safe('COMMIT');
    $holder->quit;
};

$node->stop;
done_testing();
