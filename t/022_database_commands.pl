# Commands that need a database without sessions: our processes leave it for the command, and return.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DatabaseCommands;
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

prepare();

for my $way ('not loaded', 'LOAD', 'dynpgext in the database', 'preloaded') {
    subtest "rename, move, copy, drop: $way" => sub {
        if ($way eq 'preloaded') {
            set_preload($node, 1);
            $node->restart;
        }
        my $oid = make('one');
        ok(connect_global($oid), 'a global worker is connected, too');
        my $before = worker_pids($node, 'hub');
        is(run($way, 'ALTER DATABASE one RENAME TO renamed'), '', 'RENAME');
        is_whole($node, 'all is back', qw(renamed hub));
        unlike(worker_pids($node, 'hub'), qr/\Q$_\E/, 'in another process') for $before =~ /(dx local\|\d+)/;
        is(history($oid), 'dx local 2', 'started once more');
        is(run($way, 'ALTER DATABASE renamed SET TABLESPACE elsewhere'), '', 'SET TABLESPACE');
        is_whole($node, 'all is back', qw(renamed hub));
        is(history($oid), 'dx local 3', 'once more again');
        is(run($way, 'CREATE DATABASE copied TEMPLATE renamed'), '', 'CREATE DATABASE ... TEMPLATE');
        is_whole($node, 'both are there', qw(renamed copied hub));
        is(history(oid_of('copied')), 'dx local 1', 'one worker for the new one');
        is(value($node, 'hub', q(
            SELECT count(*) > 0, count(DISTINCT detail) FROM dynpgext.events WHERE event = 'stopping'
               AND name = 'dx local' AND database = 'renamed')), 't|1', 'the events tell');
        my $copied = oid_of('copied');
        is(run($way, 'DROP DATABASE copied'), '', 'DROP DATABASE');
        is(run($way, 'DROP DATABASE renamed WITH (FORCE)'), '', 'WITH (FORCE)');
        # DROP DATABASE does not wait for the launcher, which notices it by itself
        configure($node, 'hub', 'dynpgext.naptime' => '100ms') if $way eq 'not loaded';
        ok($node->poll_query_until('hub', q(
            SELECT NOT EXISTS (SELECT FROM dynpgext.cluster_workers WHERE name IN ('dx local', 'dx global'))
               AND NOT EXISTS (SELECT FROM dynpgext.cluster_allocations WHERE extension = 'dx_worker'))), 'nothing of them is left');
        is(history($copied), 'dx local 1', 'but the events, by OID');
        ok($node->poll_query_until('hub', q(
            SELECT state = 'failed' AND last_error ~ '^(3D000|57P01): ' FROM dynpgext.workers WHERE name = 'dx supervised 1')),
            'the global worker cannot connect to what is gone');
        configure($node, 'hub', 'dynpgext.naptime' => '1h');
        connect_global_elsewhere();
        is_whole($node, 'the rest is well', 'hub');
    };
}

# Each command had to succeed within the five seconds that the server waits.
note sprintf 'slowest of %s: %d ms', $_, $slowest{$_} for sort keys %slowest;

for my $preload (0, 1) {
    my $way = $preload ? 'preloaded' : 'not loaded';
    subtest "commands that fail: $way" => sub {
        restart_with($preload);
        make('one', 'dx_owner');
        make('two');
        my $pids = worker_pids($node, 'hub');
        like(run($way, 'ALTER DATABASE one RENAME TO two'), qr/database "two" already exists/, 'a name that exists');
        is_whole($node, 'all is back', qw(one two));
        like(run($way, 'ALTER DATABASE one SET TABLESPACE nowhere'), qr/tablespace "nowhere" does not exist/, 'no such tablespace');
        is_whole($node, 'all is back', qw(one two));
        like(run($way, 'CREATE DATABASE two TEMPLATE one'), qr/database "two" already exists/, 'a copy of such a name');
        is_whole($node, 'all is back', qw(one two));
        like(run($way, 'ALTER DATABASE one SET TABLESPACE pg_global'), qr/pg_global cannot be used/, 'a tablespace that is not for databases');
        value($node, 'postgres', 'REVOKE CREATE ON TABLESPACE elsewhere FROM dx_owner');
        like(run($way, 'ALTER DATABASE one SET TABLESPACE elsewhere', 'dx_owner'), qr/permission denied for tablespace elsewhere/, 'one that its owner may not use');
        value($node, 'postgres', 'GRANT CREATE ON TABLESPACE elsewhere TO dx_owner; ALTER DATABASE one IS_TEMPLATE true');
        like(run($way, 'DROP DATABASE one'), qr/cannot drop a template database/, 'a template');
        value($node, 'postgres', 'ALTER DATABASE one IS_TEMPLATE false');
        is_whole($node, 'all is back', qw(one two));
        like(run($way, 'BEGIN; DROP DATABASE one;'), qr/cannot run inside a transaction block/, 'in a transaction');
        is(worker_pids($node, 'hub'), $pids, 'no worker was ended for any of them') if $preload;
        is_whole($node, 'all is well', qw(one two));
        is(run($way, "DROP DATABASE $_"), '', "dropped $_") for qw(one two);
    };
}

subtest 'commands that fail: another session is connected' => sub {
    restart_with(0);
    make($_) for qw(one two);
    # both at once, because the server takes five seconds for each
    my @guests = map { $node->background_psql($_) } qw(one two);
    my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1, 2;
    $sessions[1]->query_safe(q(LOAD 'dynpgext'));
    $sessions[0]->query_until(qr/sent/, "\\echo sent\nDROP DATABASE one;\n");
    $sessions[1]->query_until(qr/sent/, "\\echo sent\nALTER DATABASE two RENAME TO three;\n");
    ok($node->poll_query_until('hub', q(
        SELECT count(*) = 2 FROM dynpgext.cluster_workers WHERE name = 'dx local' AND state = 'waiting' AND pid IS NULL)),
        'meanwhile the workers wait');
    $_->query('SELECT 1') for @sessions;
    like($sessions[0]->{stderr}, qr/database "one" is being accessed by other users.*There is 1 other session/s, 'not loaded');
    like($sessions[1]->{stderr}, qr/database "two" is being accessed by other users.*There is 1 other session/s, 'LOAD');
    is_whole($node, 'all is back', qw(one two));
    $_->quit for @sessions, @guests;
    is(run('LOAD', "DROP DATABASE $_"), '', "dropped $_") for qw(one two);
};

subtest 'nobody can connect' => sub {
    restart_with(0);
    make('one');
    configure($node, 'hub', 'dynpgext.naptime' => '100ms');
    value($node, 'postgres', 'ALTER DATABASE one ALLOW_CONNECTIONS false');
    is(run('not loaded', 'ALTER DATABASE one RENAME TO two'), '', 'RENAME');
    ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_locks WHERE objid IN (SELECT oid FROM pg_database WHERE datname = 'two'))), 'the command is over');
    is(value($node, 'hub', q(SELECT state FROM dynpgext.cluster_workers WHERE database = 'two')), 'waiting', 'the worker waits on');
    value($node, 'postgres', 'ALTER DATABASE two ALLOW_CONNECTIONS true');
    is_whole($node, 'until it can be connected to', 'two');
    is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.events WHERE detail ~ '55000')), 0, 'it has not been tried in vain');
    is(run('not loaded', 'DROP DATABASE two'), '', 'dropped');
    configure($node, 'hub', 'dynpgext.naptime' => '1h');
};

# None of their processes is started again, which would cause a FATAL.
subtest 'dropped databases' => sub {
    restart_with(0);
    add_database($node, 'one', qw(dynpgext dx_declared));
    wait_whole($node, 'one') or die 'one is not whole';
    my $offset = log_offset($node);
    is(run('not loaded', 'DROP DATABASE one'), '', 'DROP DATABASE');
    ok($node->poll_query_until('hub', q(SELECT count(*) = 0 FROM dynpgext.cluster_workers WHERE database IS NULL AND scope = 'database')), 'its workers are gone');
    is(log_count($node, qr/FATAL:  database .* does not exist/, $offset), 0, 'none was started again');
};

subtest 'a copy of the current database' => sub {
    for my $preload (1, 0) {
        restart_with($preload);
        make('one');
        my $way = $preload ? 'preloaded' : 'loaded';
        $prepared{one} = [ 'one', 'SELECT dynpgext.version();' ];
        my $offset = log_offset($node);
        is(run('one', 'CREATE DATABASE two TEMPLATE one'), '', "$way: CREATE DATABASE");
        is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.events WHERE detail = 'for a command on the database' AND event = 'stopping' AND database = 'one')), 1,
            'workers are told at once');
        is_whole($node, 'all is back', 'one', 'two');
        is(run($preload ? 'preloaded' : 'LOAD', "DROP DATABASE $_"), '', "dropped $_") for qw(one two);
    }
};

subtest 'a role without the privilege stops no workers' => sub {
    my @commands = (
        'DROP DATABASE one', 'DROP DATABASE one WITH (FORCE)', 'DROP DATABASE IF EXISTS one',
        'ALTER DATABASE one RENAME TO two', 'ALTER DATABASE one SET TABLESPACE elsewhere',
        'CREATE DATABASE two TEMPLATE one');
    restart_with(1);
    make('one');
    my $pids = worker_pids($node, 'hub');
    for my $role (qw(dx_nobody dx_owner)) {
        # dx_owner has these rights on another database only
        like(run('preloaded', $_, $role), qr/ERROR:  (must be owner of database|permission denied)/, "$role: $_") for @commands;
    }
    my $many = join '', map {"$_;\n"} (@commands) x 20;
    $node->psql('postgres', $many, on_error_stop => 0, connstr => $node->connstr('postgres') . ' user=dx_nobody');
    is(worker_pids($node, 'hub'), $pids, 'all workers run on');
    is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.events WHERE event = 'stopping')), 0, 'no worker was stopped');
    like(run('preloaded', 'DROP DATABASE nowhere', 'dx_nobody'), qr/database "nowhere" does not exist/, 'a database that is not there');
    like(run('preloaded', 'DROP DATABASE postgres'), qr/cannot drop the currently open database/, 'the current one');
};

# The command only has to wait for a lock, which the role will not be allowed to use.
subtest 'nor does it while its command waits' => sub {
    make('two');    # higher OID than one: the launcher checks it later in a round
    restart_with(0);
    wait_whole($node, qw(one two));
    my $pid = value($node, 'hub', q(SELECT pid FROM dynpgext.cluster_workers WHERE database = 'one'));
    my ($holder, $waiter) = map { $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'dx_nobody' ]) } 1, 2;
    $holder->query_safe('BEGIN');
    $holder->query_safe(q(ALTER ROLE dx_nobody IN DATABASE one SET work_mem = '1MB'));
    is($holder->query_safe('SELECT current_user'), 'dx_nobody', 'a user without any right');
    $waiter->query_until(qr/sent/, "\\echo sent\nDROP DATABASE one;\n");
    ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND objid = " . oid_of('one')), 'waits for the lock');
    # the launcher has checked the other database in the round in which it meets this command
    is(run('not loaded', 'ALTER DATABASE two RENAME TO three'), '', 'another database is renamed');
    is(value($node, 'hub', q(SELECT pid FROM dynpgext.cluster_workers WHERE database = 'one')), $pid, 'the worker runs on');
    $holder->query_safe('ROLLBACK');
    $_->quit for $holder, $waiter;
    is_whole($node, 'all is well', qw(one three));
    is(run('not loaded', "DROP DATABASE $_"), '', "dropped $_") for qw(one three);
};

for my $preload (0, 1) {
    my $way = $preload ? 'preloaded' : 'not loaded';
    subtest "ALTER DATABASE RENAME in a transaction: $way" => sub {
        restart_with($preload);
        my $oid = make('one');
        my $gone = qq(SELECT NOT EXISTS (SELECT FROM dynpgext_internal.live_workers() WHERE home = $oid AND pid IS NOT NULL));
        my $session = $node->background_psql('postgres', on_error_stop => 0);
        my @ends = (
            [ 'ROLLBACK', 'one' ], [ "SAVEPOINT s;\nRELEASE s;\nCOMMIT", 'two' ],
            [ "ALTER DATABASE x RENAME TO one;\nCOMMIT", 'one' ], [ "SELECT 1/0;\nCOMMIT", 'one' ]);
        splice @ends, 2 unless $preload;    # each takes the launcher most of a second
        for my $case (@ends) {
            my ($end, $name) = @$case;
            my $to = $end =~ / x / ? 'x' : 'two';
            $session->query_safe('BEGIN');
            $session->query_safe("ALTER DATABASE one RENAME TO $to");
            ok($node->poll_query_until('hub', $gone), 'the worker is gone while the transaction lasts');
            $session->query("$end;");
            $session->{stderr} = '';
            is_whole($node, $end =~ s/\n/ /gr, $name);
            if ($name eq 'two') {
                $session->query('ALTER DATABASE two RENAME TO one;');
                is_whole($node, 'and back', 'one');
            }
        }
        $session->query_safe('BEGIN');
        $session->query_safe('SAVEPOINT s');
        $session->query_safe('ALTER DATABASE one RENAME TO two');
        $session->query_safe('ROLLBACK TO s');
        $session->query_safe('COMMIT');
        is_whole($node, 'ROLLBACK TO SAVEPOINT and COMMIT', 'one');
        # two transactions; the second fails
        my $other = $node->background_psql('postgres', on_error_stop => 0);
        $session->query_safe('BEGIN');
        $session->query_safe('ALTER DATABASE one RENAME TO two');
        $other->query_until(qr/sent/, "\\echo sent\nSET lock_timeout = '100ms';\nALTER DATABASE one RENAME TO three;\n");
        $other->query('SELECT 1');
        like($other->{stderr}, qr/lock timeout/, 'another one gives up');
        ok($node->poll_query_until('hub', $gone), 'the worker stays away');
        $session->query_safe('ROLLBACK');
        is_whole($node, 'and is back when the first has ended, too', 'one');
        $other->quit;

        # a session whose process has ended
        $session->query_safe('BEGIN');
        $session->query_safe('ALTER DATABASE one RENAME TO two');
        my $pid = $session->query_safe('SELECT pg_backend_pid()');
        ok($node->poll_query_until('hub', $gone), 'the worker is gone');
        value($node, 'postgres', "SELECT pg_terminate_backend($pid)");
        is_whole($node, 'and is back when the session is terminated', 'one');
        is(value($node, 'hub', qq(SELECT count(*) FROM dynpgext_internal.live_workers() WHERE home = $oid)), 1, 'there is one');
        leave($session);
    };

    subtest "and prepared: $way" => sub {
        my $oid = oid_of('one');
        my $gone = qq(SELECT NOT EXISTS (SELECT FROM dynpgext_internal.live_workers() WHERE home = $oid AND pid IS NOT NULL));
        for my $end ('ROLLBACK PREPARED', 'COMMIT PREPARED') {
            my $session = $node->background_psql('postgres');
            $session->query_safe('BEGIN');
            $session->query_safe('ALTER DATABASE one RENAME TO two');
            $session->query_safe(q(PREPARE TRANSACTION 'p'));
            ok($node->poll_query_until('hub', $gone), 'the worker is gone');
            value($node, 'postgres', "$end 'p'");    # the session that prepared it does nothing more
            is_whole($node, "$end by another session", $end =~ /^C/ ? 'two' : 'one');
            leave($session);
        }
        is(run($way, 'DROP DATABASE two'), '', 'dropped');
    };
}

subtest 'concurrent and consecutive commands' => sub {
    for my $preload (0, 1) {
        restart_with($preload);
        my $way = $preload ? 'preloaded' : 'not loaded';
        make($_) for qw(a b c d);
        my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 4;
        my @commands = ('ALTER DATABASE a RENAME TO a2', 'ALTER DATABASE b SET TABLESPACE elsewhere',
            'DROP DATABASE d', 'CREATE DATABASE c2 TEMPLATE c STRATEGY file_copy');
        $sessions[$_]->query_until(qr/sent/, "\\echo sent\n$commands[$_];\n") for 0 .. 3;
        $_->query('SELECT 1') for @sessions;
        is(join('', map { $_->{stderr} } @sessions), '', "on four databases, $way");
        is_whole($node, 'all are back', qw(a2 b c c2 hub));
        # the same database: one command wins, and nothing stays blocked
        $sessions[$_]->query_until(qr/sent/, "\\echo sent\n" . ('ALTER DATABASE b RENAME TO b2', 'ALTER DATABASE b RENAME TO b3',
            'ALTER DATABASE b SET TABLESPACE pg_default', 'CREATE DATABASE b4 TEMPLATE b')[$_] . ";\n") for 0 .. 3;
        $_->query('SELECT 1') for @sessions;
        my @there = split /\n/, value($node, 'postgres', q(SELECT datname FROM pg_database WHERE datname LIKE 'b_' OR datname = 'b'));
        is(scalar(grep { /b[23]/ } @there), 1, "one renames it, $way");
        is_whole($node, 'all are back', @there);
        $sessions[0]->{stderr} = '';
        $sessions[0]->query(join '', map {"DROP DATABASE $_;\n"} qw(a2 c c2), @there);
        is($sessions[0]->{stderr}, '', 'dropped one after the other');
        ok($node->poll_query_until('hub', q(SELECT NOT EXISTS (SELECT FROM dynpgext.cluster_workers WHERE name LIKE 'dx local'))), 'all are gone');
        $_->quit for @sessions;
    }
};

subtest 'a worker that cannot be ended' => sub {
    restart_with(1);
    my $oid = make('one');
    configure($node, 'hub', 'dynpgext.stop_timeout' => '100ms');
    ok(connect_global($oid), 'a global worker is connected to it');
    ok(tell($node, 'hub', 1, 'shut'), 'shut');
    ok($node->poll_query_until('hub', q(SELECT command = '' AND doing = 'shut' FROM dx_supervised_info(1))), 'it is');
    my $pid = pid_of($node, 'hub', 'dx supervised 1');
    my $session = $node->background_psql('postgres', on_error_stop => 0);
    my $command = $session->query_safe('SELECT pg_backend_pid()');
    my $offset = log_offset($node);
    $session->query_until(qr/sent/, "\\echo sent\nDROP DATABASE one;\n");
    # the local worker has ended: the server waits for the other one
    $node->wait_for_log(qr/"dx supervised 1" of extension "dx_supervised" is connected to the database, and has not ended/, $offset);
    is(value($node, 'hub', "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' AND objid = $oid AND pid = $command"), 1,
        'the command has the lock');
    value($node, 'postgres', "SELECT pg_cancel_backend($command)");
    $session->query('SELECT 1');
    like($session->{stderr}, qr/WARNING:  background worker "dx supervised 1" of extension "dx_supervised" is connected to the database.*100 ms.*ERROR:  /s,
        'the command names it, and fails');
    ok($node->poll_query_until('hub', q(SELECT state = 'running' FROM dynpgext.cluster_workers WHERE name = 'dx local')), 'the other one runs again');
    is(value($node, 'hub', q(SELECT pid FROM dynpgext.workers WHERE name = 'dx supervised 1')), $pid, 'it is there');
    value($node, 'hub', q(SELECT dx_supervised_command(1, 'exit0')));
    is_whole($node, 'ended at last, it comes back', qw(one hub));
    isnt(pid_of($node, 'hub', 'dx supervised 1'), $pid, 'as a new process');
    $session->quit;
    # cancelled while it waits for the worker
    configure($node, 'hub', 'dynpgext.stop_timeout' => '1h');
    ok(tell($node, 'hub', 1, 'shut'), 'shut');
    ok($node->poll_query_until('hub', q(SELECT command = '' AND doing = 'shut' FROM dx_supervised_info(1))), 'it is');
    for my $way ('cancel', 'terminate') {
        my $waiting = $node->background_psql('postgres', on_error_stop => 0);
        my $its_pid = $waiting->query_safe('SELECT pg_backend_pid()');
        $waiting->query_until(qr/sent/, "\\echo sent\nDROP DATABASE one;\n");
        ok($node->poll_query_until('hub', q(SELECT state = 'waiting' FROM dynpgext.cluster_workers WHERE name = 'dx local')), 'the command waits');
        value($node, 'postgres', "SELECT pg_${way}_backend($its_pid)");
        ok($node->poll_query_until('hub', q(SELECT state = 'running' FROM dynpgext.cluster_workers WHERE name = 'dx local')), "$way: the other one is back");
        $waiting->quit if $way eq 'cancel';
    }
    value($node, 'hub', q(SELECT dx_supervised_command(1, 'exit0')));
    is_whole($node, 'all is well', qw(one hub));
    configure($node, 'hub', 'dynpgext.stop_timeout' => '10s');
};

# Commands on a database that has never had objects of ours do not make it known.
subtest 'template0, and others without dynpgext' => sub {
    my $offset = log_offset($node);
    is(run('preloaded', 'CREATE DATABASE empty TEMPLATE template0'), '', 'a copy of template0');
    # the visit of the new database started while connections were still allowed
    $node->wait_for_log(qr/background worker "dynpgext provisioning" \(PID \d+\) exited/, $offset);
    is(run('preloaded', 'ALTER DATABASE empty ALLOW_CONNECTIONS false'), '', 'that allows no connections');
    is(run('preloaded', 'ALTER DATABASE empty RENAME TO empty2'), '', 'is renamed');
    # the visits after such a command follow the order of OIDs, with template0 among the first
    is(run('preloaded', 'CREATE DATABASE two TEMPLATE one'), '', 'another one is copied');
    is_whole($node, 'and visited', qw(one two));
    is(log_count($node, qr/FATAL:  database "(?:template0|empty2?)" is not currently accepting connections/, $offset), 0,
        'nothing is sent to databases that nobody may connect to');
    is(run('preloaded', "DROP DATABASE $_"), '', "dropped $_") for qw(empty2 two);
};

subtest 'a worker stopped by the DBA stays stopped' => sub {
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_worker', 'dx local')));
    ok($node->poll_query_until('one', q(SELECT state = 'stopped' FROM dynpgext.workers WHERE name = 'dx local')), 'stopped');
    is(run('preloaded', 'ALTER DATABASE one RENAME TO two'), '', 'renamed');
    is(value($node, 'two', q(SELECT state, pid FROM dynpgext.workers WHERE name = 'dx local')), 'stopped|', 'it is');
    is(run('preloaded', 'ALTER DATABASE two RENAME TO one'), '', 'renamed again');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_worker', 'dx local')));
    is_whole($node, 'started', 'one');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false)));
    ok($node->poll_query_until('one', q(SELECT state = 'disabled' FROM dynpgext.workers WHERE name = 'dx local')), 'disabled');
    is(run('preloaded', 'ALTER DATABASE one RENAME TO two'), '', 'renamed');
    is(value($node, 'two', q(SELECT state, pid FROM dynpgext.workers WHERE name = 'dx local')), 'disabled|', 'it is');
    is(run('preloaded', 'CREATE DATABASE three TEMPLATE two'), '', 'copied');
    ok($node->poll_query_until('three', q(SELECT state = 'disabled' FROM dynpgext.workers WHERE name = 'dx local')), 'the copy has its settings');
};

$node->stop;
done_testing();
