# A client that does not read the server's messages keeps its process waiting, and the transaction's locks
# held: but not the lock for provisioning databases, for which others would wait.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use Test::More;
use UnreadClient;

my $node = new_cluster('main', 'dynpgext.naptime' => '1h');
add_database($node, 'one', qw(dynpgext dx_memory dx_who));
value($node, 'one', <<'SQL');
CREATE ROLE dx_user LOGIN;
GRANT CREATE ON DATABASE one TO dx_user;
CREATE SCHEMA dx AUTHORIZATION dx_user;
CREATE TABLE dx.a (i int);
CREATE TABLE dx.b (i int);
INSERT INTO dx.a VALUES (1);
INSERT INTO dx.b VALUES (1);
GRANT ALL ON dx.a, dx.b TO dx_user;
SQL
my $fit = notices_that_fit($node, 'dx_user', 'one');
note("$fit messages fit");

my $waits = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dx refused' AND wait_event = 'ClientWrite');
my $holds = q(SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = 'dx refused'
    AND locktype = 'advisory' AND classid = 0 AND objid = 0 AND objsubid = 21584);

sub fill { return "DO \$\$ BEGIN FOR i IN 1 .. $_[0] LOOP RAISE NOTICE 'x'; END LOOP; END \$\$; " }

# The rest of dynpgext works in that database.
sub others_go_on {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (undef, undef, $said) = $node->psql('one', q(SET statement_timeout = '20s'; SET lock_timeout = '20s'; SET client_min_messages = error;
        CREATE EXTENSION dx_usage; DROP EXTENSION dx_usage; SELECT dynpgext.reload()));
    return is($said, '', $test);
}

for my $preload (0, 1) {
    my $how = $preload ? 'preloaded' : 'not preloaded';
    set_preload($node, $preload);
    $node->restart;
    # The server checks it after dynpgext has prepared its part of the commit.
    subtest "an error at the commit, $how" => sub {
        for my $case ([ 'of a client that reads', 0 ], [ 'of one that does not', $fit ]) {
            my ($whose, $count) = @$case;
            my $session = open_session($node, 'dx_user', 'one');
            ask($session, 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM dx.a; UPDATE dx.b SET i = i + 1; CREATE EXTENSION dx_trusted');
            value($node, 'one', 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM dx.b; UPDATE dx.a SET i = i + 1; COMMIT');
            if ($count == 0) {
                like(ask($session, 'COMMIT'), qr/C40001\0/, "a serialization failure $whose");
                next;
            }
            tell_server($session, Q => fill($count) . "COMMIT\0");
            ok($node->poll_query_until('one', $waits), "the same $whose");
            is(value($node, 'one', $holds), 0, 'its session does not hold the lock');
            others_go_on('others do not wait for it');
            ok(value($node, 'one', $waits), 'while it is there');
            close $session;
            ok($node->poll_query_until('one', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = \'dx refused\''), 'it goes');
        }
        is(value($node, 'one', q(SELECT count(*) FROM pg_extension WHERE extname = 'dx_trusted')), 0, 'nothing has been committed');
        is_whole($node, 'all is well', 'one');
    };
}

# Without preload the first lookup provisions, and the init sends a message.
subtest 'a message of an init' => sub {
    set_preload($node, 0);
    $node->restart;
    my $session = open_session($node, 'dx_user', 'one');
    tell_server($session, Q => fill($fit) . "SELECT dx_read('dx_who:memory')\0");
    ok($node->poll_query_until('one', $waits), 'the client does not read');
    is(value($node, 'one', $holds), 0, 'its session does not hold the lock');
    others_go_on('others do not wait for it');
    close $session;
    is_whole($node, 'all is well', 'one');
};

# The lock belongs to the transaction, and the init runs in a subtransaction.
subtest 'a process that is ended in an init' => sub {
    value($node, 'one', 'ALTER EVENT TRIGGER dynpgext_on_create DISABLE; CREATE EXTENSION dx_ends; ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS');
    my $session = open_session($node, value($node, 'one', 'SELECT current_user'), 'one', 'dx_ends.at' => 'wait');
    tell_server($session, Q => fill($fit) . "SELECT dynpgext.reload()\0");
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dx refused' AND wait_event = 'Extension')), 'an init waits');
    is(value($node, 'one', $holds), 1, 'its session holds the lock');
    value($node, 'one', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dx refused'));
    ok($node->poll_query_until('one', $waits), 'the client does not read that it is ended');
    is(value($node, 'one', $holds), 0, 'and the lock is free');
    close $session;
    value($node, 'one', 'SELECT dynpgext.reload()');
    is_whole($node, 'all is well', 'one');
};

$node->stop;
done_testing();
