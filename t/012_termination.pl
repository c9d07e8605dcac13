# Workers signalled to end while they start, or just afterwards.  The server's own handler of SIGTERM would
# end them in the middle of malloc or in a lock's queue, and the server with them.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', restart_after_crash => 'off');
add_database($node, 'one', 'dynpgext', 'dx_worker');

$node->safe_psql('one', q(
    DO $$ BEGIN
      FOR i IN 1 .. 150 LOOP
        PERFORM dynpgext.restart_worker('dx_worker', 'dx local');
      END LOOP;
    END $$));
is(value($node, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'dx local')), 'running',
    'a worker that is restarted again and again runs at the end');

# as fast as commits allow: the process may not have started when it is dropped
$node->safe_psql('one', join('', map { "DROP EXTENSION dx_worker;\nCREATE EXTENSION dx_worker;\n" } 1 .. 60));
ok($node->poll_query_until('one', q(
    SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_worker' AND state = 'running'), 2),
    'so do the workers of an extension that is dropped and made again and again');
ok($node->poll_query_until('one', q(
    SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dx local type'), 1), 'once');

$node->safe_psql('one', 'DROP EXTENSION dx_worker');
ok($node->poll_query_until('one', q(
    SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dx %'), 0), 'and nothing is left');
unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC/, 'no process has crashed');

$node->stop;
done_testing();
