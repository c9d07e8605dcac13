# A command that PostgreSQL refuses pauses no workers.  A command that fails in another way no longer pauses
# any, even if its client does not read the error.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use SqlWorkers;
use Test::More;
use UnreadClient;

my $node = new_cluster('main');
add_database($node, 'one', 'dynpgext');
value($node, 'one', <<'SQL');
CREATE ROLE dx_user LOGIN;
CREATE SCHEMA s AUTHORIZATION dx_user;
CREATE SCHEMA taken;
CREATE SCHEMA dx AUTHORIZATION dx_user;
CREATE EXTENSION dx_declared SCHEMA s;
CREATE DOMAIN s.word AS text;
CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE s.mine (i int, w s.word);
ALTER EXTENSION dx_declared ADD DOMAIN s.word;
ALTER EXTENSION dx_declared ADD FUNCTION s.f();
ALTER EXTENSION dx_declared ADD TABLE s.mine;
CREATE DOMAIN dx.own AS text;
ALTER DOMAIN s.word OWNER TO dx_user;
ALTER FUNCTION s.f OWNER TO dx_user;
ALTER DOMAIN dx.own OWNER TO dx_user;
SELECT dynpgext.register('dx_declared', '{"dynpgext": 1, "workers": [{"name": "dx steady", "command": "SELECT 1", "interval": "50 ms", "run_as": "dx_user"}]}');
SQL

my $pauses = q(SELECT count(*) FROM dynpgext.events WHERE extension = 'dx_declared' AND detail IN ('for a command on its extension', 'for a command on the extension'));

sub goes_on {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $since = value($node, 'one', 'SELECT clock_timestamp()');
    return ok(command_is($node, 'one', 'dx steady', "state = 'running' AND last_run_at > '$since'"), $test) || diag(command_row($node, 'one', 'dx steady'));
}

# Statements of dx_user, with the server's error.
my @refused = (
    [ 'DROP DOMAIN s.word CASCADE', qr/cannot drop type s\.word because extension dx_declared requires it/ ],
    [ 'DROP FUNCTION s.f() CASCADE', qr/cannot drop function s\.f\(\) because extension dx_declared requires it/ ],
    [ 'DROP DOMAIN dx.own, s.word CASCADE', qr/cannot drop type s\.word because extension dx_declared requires it/ ],
    [ 'ALTER SCHEMA s RENAME TO other', qr/permission denied for database one/ ],
    [ 'DROP EXTENSION dx_declared', qr/must be owner of extension dx_declared/ ],
    [ 'ALTER EXTENSION dx_declared UPDATE', qr/must be owner of extension dx_declared/ ]);
# when the role may create schemas
my @refused_names = (
    [ 'ALTER SCHEMA s RENAME TO taken', qr/schema "taken" already exists/ ],
    [ 'ALTER SCHEMA s RENAME TO s', qr/schema "s" already exists/ ],
    [ 'ALTER SCHEMA s RENAME TO pg_other', qr/unacceptable schema name "pg_other"/ ]);

sub is_refused {
    my ($statement, $error) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = value($node, 'one', $pauses);
    my (undef, undef, $said) = $node->psql('one', "SET ROLE dx_user; $statement");
    like($said, $error, $statement);
    return is(value($node, 'one', $pauses), $before, 'no worker was signalled to end');
}

for my $preload (0, 1) {
    my $how = $preload ? 'preloaded' : 'not preloaded';
    set_preload($node, $preload);
    $node->restart;
    goes_on("the worker runs, $how");
    subtest "a refused command pauses nothing, $how" => sub {
        is_refused(@$_) for @refused;
        value($node, 'one', 'GRANT CREATE ON DATABASE one TO dx_user');
        is_refused(@$_) for @refused_names;
        goes_on('the worker runs');
    };

    # Refused in a way that cannot be foreseen: by an event trigger on the drop.
    subtest "an unread error pauses nothing any more, $how" => sub {
        value($node, 'one', <<'SQL');
CREATE FUNCTION dx.refuses() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF session_user = 'dx_user' THEN RAISE 'refused'; END IF; END $$;
CREATE EVENT TRIGGER dx_refuses ON ddl_command_end EXECUTE FUNCTION dx.refuses();
SQL
        my $waits = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dx refused' AND wait_event = 'ClientWrite');
        my $before = value($node, 'one', $pauses);
        my $session = open_session($node, 'dx_user', 'one');
        unread_error($session, 'ALTER SCHEMA s RENAME TO other');
        ok($node->poll_query_until('one', $waits), 'the client does not read its error');
        cmp_ok(value($node, 'one', $pauses), '>', $before, 'the command has paused the worker');
        goes_on('which runs again');
        ok(value($node, 'one', $waits), 'while the session is there still');
        close $session;

        # Pauses from before the savepoint stay.
        value($node, 'one', 'ALTER EVENT TRIGGER dx_refuses DISABLE');
        $session = open_session($node, 'dx_user', 'one');
        ask($session, 'BEGIN');
        ask($session, 'ALTER SCHEMA s RENAME TO other');
        ask($session, 'SAVEPOINT a');
        my $state = q(SELECT state FROM dynpgext.commands WHERE worker = 'dx steady');
        becomes($node, 'one', $state, 'waiting', 'a command that has succeeded pauses');
        unread_error($session, 'SELECT 1/0');
        ok($node->poll_query_until('one', $waits), 'another one fails');
        is(value($node, 'one', $state), 'waiting', 'the pause stays, for the transaction may still be committed');
        close $session;
        goes_on('and ends with the transaction');
        value($node, 'one', 'DROP EVENT TRIGGER dx_refuses; DROP FUNCTION dx.refuses(); REVOKE CREATE ON DATABASE one FROM dx_user');
    };
}

subtest 'a permitted command still pauses' => sub {
    my $session = $node->background_psql('one', on_error_stop => 1);
    for my $statement ('DROP SCHEMA s CASCADE', 'DROP EXTENSION dx_declared CASCADE', 'ALTER SCHEMA s RENAME TO other') {
        goes_on('the worker runs');
        $session->query_safe("BEGIN; SET LOCAL client_min_messages = error; $statement");
        my $row = value($node, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'dx steady'));
        is($row, 'waiting', $statement);
        $session->query_safe('ROLLBACK');
    }
    # a member is dropped with an earlier object of the same command
    goes_on('the worker runs');
    $session->query_safe('BEGIN; SET LOCAL client_min_messages = error; CREATE SCHEMA later; DROP SCHEMA s, later CASCADE');
    is(value($node, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'dx steady')), 'waiting', 'several objects');
    $session->query_safe('ROLLBACK');
    $session->quit;
    goes_on('the worker runs again');
};

$node->stop;
done_testing();
