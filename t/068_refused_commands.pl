# PostgreSQL locks a database before it checks whether the role may drop or rename it.  A client that does not
# read the error keeps the lock.  This must not end any worker.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DatabaseCommands;
use DynpgextTest;
use Test::More;
use UnreadClient;

prepare();
value($node, 'postgres', <<'SQL');
CREATE ROLE dx_late LOGIN;
ALTER ROLE dx_group CREATEDB;
CREATE ROLE dx_quiet LOGIN NOINHERIT IN ROLE dx_group;
CREATE ROLE dx_maker CREATEDB;
CREATE ROLE dx_tenant LOGIN IN ROLE dx_maker;
SQL

# A session that has sent a command on the database, and does not read the answer.
sub unread {
    my ($role, $command) = @_;
    my $socket = open_session($node, $role);
    unread_error($socket, $command);
    return $socket;
}

# The same; returns when it holds the lock.
sub refused {
    my ($role, $database, $command) = @_;
    my $socket = unread($role, $command);
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

# Waits until the launcher has met the lock of a command on `two`, which counts when met twice.  By then it
# has checked `one`, with its lower OID, as often.
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
            is(value($node, 'hub', $stops), 0, 'it was not signalled to end');
            ok(holds('one'), 'the lock is held still');
            leaves($session);
        }
        is_whole($node, 'all is well', qw(one two hub));

        # nobody can connect to the database meanwhile, so no process is sent to wait for that
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

# In a database to which none of our processes is connected.
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

# An owner may lock dynpgext's tables in the database, at least with read locks.
subtest 'nor for a lock on tables' => sub {
    add_database($node, $_, qw(dynpgext)) for qw(one two);
    configure($node, 'hub', 'dynpgext.naptime' => '100ms', 'dynpgext.start_concurrency' => 1);
    wait_whole($node, qw(one two));
    my @inside = map { $node->background_psql($_) } qw(one two);
    my $blocker = $node->background_psql('one');
    my $is_restored = 'SELECT count(*) FROM dynpgext.restore';
    for my $n (0, 1) {
        $inside[$n]->query_safe($_) for q(SET application_name = 'psql'), 'SET check_function_bodies = off', 'SET client_min_messages = warning',
            q(SELECT set_config('search_path', '', false)), 'CREATE EXTENSION dx_memory SCHEMA public';
    }
    becomes($node, $_, $is_restored, 1, "$_ is being restored") for qw(one two);
    $blocker->query_safe($_) for 'BEGIN', 'LOCK TABLE dynpgext.worker_settings';
    $inside[0]->quit;
    ok($node->poll_query_until('postgres', q(
        SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'one' AND backend_type = 'dynpgext provisioning' AND wait_event_type = 'Lock')),
        'a visit waits in one');
    $inside[1]->quit;
    becomes($node, 'two', $is_restored, 0, 'the restore of two ends');
    is(value($node, 'one', $is_restored), 1, 'that of one cannot');
    $blocker->query_safe('ROLLBACK');
    becomes($node, 'one', $is_restored, 0, 'until the table can be read');
    $blocker->quit;
    configure($node, 'hub', 'dynpgext.naptime' => '1h', 'dynpgext.start_concurrency' => 4);
    is(run('not loaded', "DROP DATABASE $_"), '', "dropped $_") for qw(one two);
};

# With the library loaded, the lock is taken in the analysis of a statement that is executed at once.
subtest 'a statement that is not executed locks nothing' => sub {
    restart_with(1);
    make('one');
    value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE true');
    my $pid = value($node, 'hub', q(SELECT pid FROM dynpgext.cluster_workers WHERE database = 'one'));
    my $locks = 'SELECT count(*) FROM pg_locks WHERE objid = ' . oid_of('one') . q( AND mode = 'ShareLock');
    my $copy = 'CREATE DATABASE four TEMPLATE one';

    my $session = open_session($node, 'dx_owner');
    tell_server($session, P => "\0$copy\0\0\0", H => '');
    answer($session, qr/1\0\0\0\x04$/);
    is(value($node, 'postgres', $locks), 0, 'a statement that is parsed only');
    is(value($node, 'hub', q(SELECT pid FROM dynpgext.cluster_workers WHERE database = 'one')), $pid, 'the worker runs on');
    tell_server($session, B => "\0\0" . "\0" x 6, E => "\0\0\0\0\0", S => '');
    like(answer($session, qr/Z\0\0\0\x05I$/), qr/CREATE DATABASE/, 'then it is run');
    is_whole($node, 'all is well', qw(one four));
    leaves($session);

    $session = unread('dx_owner', $copy);
    ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dx refused' AND wait_event = 'ClientWrite')),
        'a statement that a function may not run');
    is(value($node, 'postgres', $locks), 0, 'locks nothing either');
    leaves($session);
    value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE false');
    is(run('preloaded', "DROP DATABASE $_"), '', "dropped $_") for qw(one four);
    restart_with(0);
};

# Without the library loaded, the launcher decides by the role that the session has logged in as.
subtest 'workers make way for every role with the privilege, also an inherited one' => sub {
    make('one', 'dx_group');
    make('two');
    is(run('not loaded', 'ALTER DATABASE one RENAME TO four', 'dx_quiet') =~ s/.*(must be owner).*/$1/sr, 'must be owner', 'not without SET ROLE');
    is(run('not loaded', 'SET ROLE dx_group; ALTER DATABASE one RENAME TO four', 'dx_quiet'), '', 'a member of the owner, with SET ROLE');
    is(run('not loaded', 'SET ROLE dx_group; ALTER DATABASE four RENAME TO one', 'dx_member'), '', 'another one');
    is(run('not loaded', 'SET SESSION AUTHORIZATION dx_quiet; SET ROLE dx_group; ALTER DATABASE one RENAME TO four'), '', 'a superuser as another role');
    is(run('not loaded', 'ALTER DATABASE four RENAME TO one'), '', 'a superuser');
    is_whole($node, 'all is well', qw(one two));
    value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE true');
    is(run('not loaded', 'SET ROLE dx_maker; CREATE DATABASE four TEMPLATE one', 'dx_tenant'), '', 'a role that may create databases, with a template');
    value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE false');
    is_whole($node, 'all is well', qw(one two four));

    my $session = refused('dx_late', 'one', 'ALTER DATABASE one RENAME TO five');
    launcher_looks();
    leaves($session);
    value($node, 'postgres', 'GRANT dx_group TO dx_late');
    is(run('not loaded', 'DROP DATABASE one', 'dx_late'), '', 'a role that has become a member of the owner since');
    is(run('not loaded', "DROP DATABASE $_"), '', "dropped $_") for qw(two four);
};

$node->stop;
done_testing();
