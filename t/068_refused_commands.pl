# PostgreSQL locks a database before it checks whether the role may drop or rename it.  A client that
# does not read the error keeps the lock: that ends nothing.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DatabaseCommands;
use DynpgextTest;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Test::More;

prepare();
value($node, 'postgres', <<'SQL');
CREATE ROLE dx_late LOGIN;
ALTER ROLE dx_group CREATEDB;
CREATE ROLE dx_quiet LOGIN NOINHERIT IN ROLE dx_group;
CREATE ROLE dx_maker CREATEDB;
CREATE ROLE dx_tenant LOGIN IN ROLE dx_maker;
SQL

# A session of the role that has sent a command on the database, and does not read the answer, which is
# longer than what the system buffers.  Returns when it holds the lock.
sub refused {
    my ($role, $database, $command) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $node->host . '/.s.PGSQL.' . $node->port)
      or die "no connection: $!";
    my $parameters = join '', map {"$_\0"} user => $role, database => 'postgres', application_name => 'dx refused', '';
    $socket->syswrite(pack 'NNa*', 8 + length $parameters, 196608, $parameters);
    my $greeting = '';
    while ($greeting !~ /Z\0\0\0\x05I$/) {
        $socket->sysread($greeting, 8192, length $greeting) or die "no session: $greeting";
    }
    my $query = "DO \$\$ BEGIN EXECUTE '/*' || repeat('x', 3000000) || '*/ $command'; END \$\$\0";
    $socket->syswrite(pack 'aNa*', 'Q', 4 + length $query, $query);
    holds($database) or die 'the lock is not held';
    return $socket;
}

sub holds {
    my ($database) = @_;
    return $node->poll_query_until('postgres', qq(
        SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE granted AND mode = 'AccessExclusiveLock' AND objid = (SELECT oid FROM pg_database WHERE datname = '$database')
           AND application_name = 'dx refused' AND wait_event = 'ClientWrite'));
}

sub leaves {
    my ($socket) = @_;
    close $socket;
    $node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'dx refused'))
      or die 'the session stays';
    return;
}

# Until the launcher has met the lock of a command on `two`, which counts when it is met twice.  Before
# that it has looked at `one` as often, whose OID is lower.
sub launcher_looks {
    my $offset = log_offset($node);
    my $two = oid_of('two');
    value($node, 'postgres', q(BEGIN; ALTER DATABASE two RENAME TO three; PREPARE TRANSACTION 'look'));
    $node->wait_for_log(qr/a command on database $two is under way/, $offset);
    value($node, 'postgres', q(ROLLBACK PREPARED 'look'));
    return;
}

for my $preload (0, 1) {
    my $how = $preload ? 'preloaded' : 'not preloaded';
    subtest "a refused command ends nothing, $how" => sub {
        restart_with($preload);
        make($_) for qw(one two);
        my $pid = q(SELECT pid FROM dynpgext.cluster_workers WHERE database = 'one');
        my $before = value($node, 'hub', $pid);
        my $stops = q(SELECT count(*) FROM dynpgext.events WHERE database = 'one' AND event = 'stopping');
        my $inside = $node->background_psql('one');
        for my $role (qw(dx_nobody dx_owner)) {
            my $session = refused($role, 'one', 'ALTER DATABASE one RENAME TO four');
            launcher_looks();
            is(value($node, 'hub', $pid), $before, "$role: the worker runs on");
            is(value($node, 'hub', $stops), 0, 'it was not told to end');
            ok(holds('one'), 'the lock is held still');
            leaves($session);
        }
        is_whole($node, 'all is well', qw(one two hub));

        # nobody can connect to the database meanwhile: no process is sent to wait for that
        my $session = refused('dx_nobody', 'one', 'ALTER DATABASE one RENAME TO four');
        launcher_looks();
        $inside->query_safe(q(SELECT dynpgext.restart_worker('dx_worker', 'dx local')));
        ok($node->poll_query_until('hub', q(
            SELECT state = 'waiting' AND pid IS NULL AND waits_for = 'a command on the database'
              FROM dynpgext.cluster_workers WHERE database = 'one')), 'one that is to be restarted waits');
        leaves($session);
        is_whole($node, 'until it can connect', qw(one two hub));
        $inside->quit;
        is(run($preload ? 'preloaded' : 'not loaded', "DROP DATABASE $_"), '', "dropped $_") for qw(one two);
    };
}

# In a database that nothing of ours is connected to.
subtest 'visits of other databases do not wait for it' => sub {
    restart_with(0);
    add_database($node, $_, qw(dynpgext)) for qw(one two);
    configure($node, 'hub', 'dynpgext.naptime' => '100ms', 'dynpgext.start_concurrency' => 1);
    wait_whole($node, qw(one two));
    my @inside = map { $node->background_psql($_) } qw(one two);
    my $session = refused('dx_nobody', 'one', 'ALTER DATABASE one RENAME TO four');
    my $allocated = q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_memory' AND state = 'allocated' AND database = );
    for my $n (0, 1) {
        $inside[$n]->query_safe($_) for 'BEGIN', 'CREATE EXTENSION dx_memory', "PREPARE TRANSACTION 'p$n'", "COMMIT PREPARED 'p$n'";
    }
    ok($node->poll_query_until('hub', "SELECT ($allocated 'two') > 0"), 'the other one is visited');
    is(value($node, 'hub', "$allocated 'one'"), 0, 'this one cannot be');
    ok(holds('one'), 'as long as the lock is held');
    leaves($session);
    ok($node->poll_query_until('hub', "SELECT ($allocated 'one') > 0"), 'then it is, too');
    $_->quit for @inside;
    configure($node, 'hub', 'dynpgext.naptime' => '1h', 'dynpgext.start_concurrency' => 4);
    is(run('not loaded', "DROP DATABASE $_"), '', "dropped $_") for qw(one two);
};

# The library is not loaded: the launcher tells by the role that the session has logged in as.
subtest 'whoever may, also by another role, finds workers out of the way' => sub {
    make('one', 'dx_group');
    make('two');
    is(run('not loaded', 'ALTER DATABASE one RENAME TO four', 'dx_quiet') =~ s/.*(must be owner).*/$1/sr, 'must be owner', 'not without SET ROLE');
    is(run('not loaded', 'SET ROLE dx_group; ALTER DATABASE one RENAME TO four', 'dx_quiet'), '', 'a member of the owner, with SET ROLE');
    is(run('not loaded', 'SET ROLE dx_group; ALTER DATABASE four RENAME TO one', 'dx_member'), '', 'another one');
    is(run('not loaded', 'SET SESSION AUTHORIZATION dx_quiet; SET ROLE dx_group; ALTER DATABASE one RENAME TO four'), '', 'a superuser as somebody else');
    is(run('not loaded', 'ALTER DATABASE four RENAME TO one'), '', 'a superuser');
    is_whole($node, 'all is well', qw(one two));
    value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE true');
    is(run('not loaded', 'SET ROLE dx_maker; CREATE DATABASE four TEMPLATE one', 'dx_tenant'), '', 'who may create databases, with a template');
    value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE false');
    is_whole($node, 'all is well', qw(one two four));

    my $session = refused('dx_late', 'one', 'ALTER DATABASE one RENAME TO five');
    launcher_looks();
    leaves($session);
    value($node, 'postgres', 'GRANT dx_group TO dx_late');
    is(run('not loaded', 'DROP DATABASE one', 'dx_late'), '', 'who has become a member of the owner since');
    is(run('not loaded', "DROP DATABASE $_"), '', "dropped $_") for qw(two four);
};

$node->stop;
done_testing();
