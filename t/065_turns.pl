# Waits for another transaction that changes registrations of an extension: how long they last, and their
# messages.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'shared_preload_libraries' => 'dynpgext');
add_database($node, 'one', qw(dynpgext dx_plain dx_worker));
value($node, 'one', 'CREATE ROLE app LOGIN; CREATE ROLE anybody LOGIN');
value($node, 'one', q(SELECT dynpgext.register('dx_worker', '{"dynpgext": 1, "workers": [{"name": "sql", "command": "SELECT 1", "interval": "1 h", "run_as": "app"}]}')));

my $register = q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "sql", "command": "SELECT 1", "interval": "1 h", "run_as": "app"}]}'));
# PostgreSQL 19 first names the lock
my $waiting = qr/CONTEXT:  (?:waiting for \w+ on advisory lock [^\n]*\n)?waiting for another transaction that registers, configures, updates or drops extension "dx_plain"/;

sub impatient { return "SET lock_timeout = '100ms'; $_[0];" }

my $holder = $node->background_psql('one', on_error_stop => 1);
$holder->query_safe("BEGIN; $register");

subtest 'a time limit' => sub {
    for my $command ($register, 'DROP EXTENSION dx_plain', 'DROP EXTENSION dx_plain CASCADE') {
        like(error_of($node, 'one', impatient($command)), qr/ERROR:  55P03: canceling statement due to lock timeout.*$waiting/s, $command);
    }
    $node->safe_psql('one', impatient($_)) && pass($_) for q(SELECT 1 FROM dynpgext.configure_worker('dx_worker', 'sql', restart => 'never')), 'SELECT 1 FROM dynpgext.reload() RIGHT JOIN (VALUES (1)) AS v ON true';
    is(value($node, 'one', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21584 AND mode = 'ShareUpdateExclusiveLock' AND granted)), 1, 'pg_locks shows the turn');
};

subtest 'no other transaction takes a turn' => sub {
    is(error_of($node, 'one', 'SET ROLE anybody; SELECT pg_advisory_xact_lock(classid::integer, objid::integer) FROM (SELECT classid::bigint, objid::bigint - 4294967296 * (objid::bigint / 2147483648) AS objid
        FROM pg_locks WHERE locktype = \'advisory\' AND objsubid = 21584) AS l;'), '', 'the numbers of the lock are those of another one for users');
    value($node, 'one', 'GRANT EXECUTE ON FUNCTION dynpgext.register, dynpgext.apply TO anybody');
    like(error_of($node, 'one', impatient("SET ROLE anybody; $_")), qr/ERROR:  22023: .*must be owner of extension "dx_plain"/s, "nor does who does not own the extension: $_")
      for q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}')), q(SELECT dynpgext.apply('{"dynpgext": 1, "extension": "dx_plain"}'));
    like(error_of($node, 'one', q(SET ROLE anybody; DROP EXTENSION dx_plain;)), qr/ERROR:  42501: /, 'a command that is refused does not wait');
};

# The dropped extension needs the role, and the open transaction would need it.
subtest 'a role that may be needed' => sub {
    value($node, 'one', impatient('DROP EXTENSION dx_worker'));
    pass('DROP EXTENSION does not wait for a registration of another extension');
    like(error_of($node, 'one', 'DROP ROLE app;'), qr/ERROR:  2BP01: /, 'the role is still held');
    $holder->query_safe('ROLLBACK');
    value($node, 'one', 'SELECT FROM dynpgext.reload()');
    is(error_of($node, 'one', 'DROP ROLE app;'), '', 'reload() releases it');
};

# A visit would interfere.
subtest 'a role that another transaction releases' => sub {
    my $launcher = value($node, 'one', q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher'));
    kill 'STOP', $launcher;
    value($node, 'one', 'CREATE ROLE app LOGIN');
    value($node, 'one', 'CREATE EXTENSION dx_worker');
    value($node, 'one', $register =~ s/dx_plain/dx_worker/r);
    $holder->query_safe("BEGIN; $register");
    value($node, 'one', 'DROP EXTENSION dx_worker');
    $holder->query_safe('ROLLBACK; BEGIN; SELECT FROM dynpgext.reload()');
    my $other = $node->background_psql('one', on_error_stop => 1);
    $other->query_until(qr/started/, "\\echo started\nSELECT FROM dynpgext.reload();\nDROP ROLE app;\n");
    ok($node->poll_query_until('one', q(SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_foreign_server'::regclass AND NOT granted))), 'reload() waits for it');
    $holder->query_safe('COMMIT');
    $other->quit;
    is(value($node, 'one', q(SELECT count(*) FROM pg_roles WHERE rolname = 'app')), 0, 'and DROP ROLE is not refused then');
    kill 'CONT', $launcher;
};

# The server drops them after dynpgext has prepared its part of the commit.
subtest 'a temporary table dropped at the commit' => sub {
    value($node, 'one', <<'COMMANDS');
CREATE ROLE app LOGIN;
CREATE TABLE public.held ();
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
COMMANDS
    my $other = $node->background_psql('one', on_error_stop => 1);
    $other->query_safe('BEGIN; TABLE public.held');
    $holder->query_safe(qq(BEGIN; CREATE TEMP TABLE mine () ON COMMIT DROP;
        CREATE TRIGGER needs BEFORE INSERT ON public.held FOR EACH ROW WHEN ((NULL::pg_temp.mine) IS NULL) EXECUTE FUNCTION public.fires();
        $register));
    $holder->query_until(qr/ready/, "\\echo ready\nCOMMIT;\n");
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'public.held'::regclass)), 'the commit waits for a lock on a dependent object');
    is(error_of($node, 'one', q(SET lock_timeout = '5s'; CREATE EXTENSION dx_lazy; DROP EXTENSION dx_lazy;)), '', 'and no session waits for the commit');
    $other->query_safe('ROLLBACK');
    $other->quit;
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM dynpgext.commands WHERE extension = 'dx_plain')), 'which then continues');
};

$holder->quit;
$node->stop;
done_testing();
