# Everything is transactional, as seen from another session.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
add_database($node, 'one', qw(dynpgext dx_memory dx_worker));
is_whole($node, 'all is well before', 'one');

# Registered and live objects, memory and processes.  Waits for earlier sessions that are about to end, which
# may still map dropped memory.
sub snapshot {
    $node->poll_query_until('one', q(SELECT count(*) = 0 FROM dynpgext.cluster_allocations WHERE state = 'draining'));
    my @state = $node->safe_psql('one', q(
        SELECT extension, version, state, allocations, workers FROM dynpgext.extensions ORDER BY 1;
        SELECT name, extension, scope, size, state FROM dynpgext.cluster_allocations
         WHERE state <> 'draining' ORDER BY 1;
        SELECT extension, version, name, state, pid, starts FROM dynpgext.cluster_workers ORDER BY 1, 3;
        SELECT memory_used, allocations, workers FROM dynpgext.status;));
    my %there = processes($node);
    return join "\n", @state, map {"$_: @{ $there{$_} }"} grep {/^(dx|worker)/} sort keys %there;
}

# A DROP or UPDATE stops the workers of its extension before it begins.  After a rollback they run again, in
# new processes.
sub is_as_before {
    my ($before, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_whole($node, "$name: workers are back", 'one');
    my ($was, $is) = map { s/\|running\|\d+\|\d+$/|running/mgr =~ s/^(dx.*|worker): \d+$/$1: one process/mgr } $before, snapshot();
    is($is, $was, $name);
    return;
}

# Writes text into memory that must stay.
sub mark {
    my ($text) = @_;
    value($node, 'one', "SELECT dx_write('dx_memory:local', '$text')");
    return;
}
sub marked { return value($node, 'one', q(SELECT dx_read('dx_memory:local'))) }

# Inside the transaction, the session can use everything in the extension.
sub is_usable_in {
    my ($session) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($session->query_safe('SELECT dx_usage_value()'), 'usage', 'inside, lookups work at once');
    is($session->query_safe(q(SELECT count(*) FROM dynpgext.allocations WHERE extension = 'dx_usage')), 1,
        'inside, the view shows it');
    return;
}

sub is_gone {
    my ($extension) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($node->poll_query_until('one', qq(
        SELECT (SELECT count(*) FROM dynpgext.extensions WHERE extension = '$extension')
             + (SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = '$extension')
             + (SELECT count(*) FROM dynpgext.cluster_workers WHERE extension = '$extension')), 0),
        "nothing of $extension is left");
    return;
}

subtest 'commit' => sub {
    my $before = snapshot();
    my $offset = log_offset($node);
    my $session = $node->background_psql('one');
    $session->query_safe('BEGIN');
    $session->query_safe('CREATE EXTENSION dx_usage');
    is_usable_in($session);
    my %processes = processes($node);
    ok(!exists $processes{worker}, 'before, no worker runs');
    is(value($node, 'one', q(
        SELECT (SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_usage')
             + (SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_usage')
             + (SELECT count(*) FROM dynpgext.cluster_workers WHERE extension = 'dx_usage'))), 0,
        'before, nobody else sees it');
    is(value($node, 'one', q(SELECT dx_address('my_ext:0.1:value') IS NULL)), 't', 'nor finds it');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.reload())), 0, 'nor does a reload find anything to do');
    $session->query_safe('COMMIT');
    is(value($node, 'one', 'SELECT dx_usage_value()'), 'usage', 'afterwards others see it');
    is_whole($node, 'its worker runs', 'one');
    $session->query_safe('DROP EXTENSION dx_usage');
    $session->quit;
    is_gone('dx_usage');
    is(snapshot(), $before, 'and after a drop all is as before');
    is(log_count($node, qr/starting background worker process "worker"/, $offset), 1, 'the worker was started once');
};

for (
    [ 'rollback', 'BEGIN', 'ROLLBACK' ],
    [ 'rollback to savepoint', 'BEGIN; SAVEPOINT s', 'ROLLBACK TO s', 'COMMIT' ],
    [ 'rollback of a released savepoint', 'BEGIN; SAVEPOINT s; SAVEPOINT t', 'RELEASE t; ROLLBACK TO s', 'COMMIT' ])
{
    my ($name, $begin, $undo, $end) = @$_;
    subtest $name => sub {
        my $before = snapshot();
        my $offset = log_offset($node);
        my $session = $node->background_psql('one');
        $session->query_safe($begin);
        $session->query_safe('CREATE EXTENSION dx_usage');
        is_usable_in($session);
        $session->query_safe('DROP EXTENSION dx_memory');
        $session->query_safe('DROP EXTENSION dx_worker');
        $session->query_safe($undo);
        is($session->query_safe(q(SELECT dx_address('my_ext:0.1:value') IS NULL)), 't', 'the lookup is NULL again');
        is($session->query_safe(q(SELECT dx_address('dx_memory:local') IS NOT NULL)), 't', 'the other is found again');
        $session->query_safe($end) if $end;
        $session->quit;
        is_as_before($before, 'nothing has changed');
        is(log_count($node, qr/starting background worker process "worker"/, $offset), 0, 'no worker of it was started');
        is(log_count($node, qr/starting background worker process "$_"/, $offset), 1, "$_ was started once more") for 'dx local';
        is(log_count($node, qr/starting background worker process "$_"/, $offset), 0, "$_ was not, for it does not use the database") for 'dx global';
    };
}

subtest 'rollback of a DO block with an exception handler' => sub {
    my $before = snapshot();
    my $offset = log_offset($node);
    $node->safe_psql('one', q(
        DO $$ BEGIN
          BEGIN
            CREATE EXTENSION dx_usage;
            DROP EXTENSION dx_worker;
            RAISE EXCEPTION 'undo';
          EXCEPTION WHEN raise_exception THEN NULL;
          END;
        END $$));
    is_as_before($before, 'nothing has changed');
    is(log_count($node, qr/starting background worker process "worker"/, $offset), 0, 'no worker of it was started');

    $node->safe_psql('one', q(
        DO $$ BEGIN
          BEGIN
            CREATE EXTENSION dx_usage;
            RAISE EXCEPTION 'undo';
          EXCEPTION WHEN raise_exception THEN NULL;
          END;
          CREATE EXTENSION dx_usage_cpp;
        END $$));
    is_whole($node, 'what came after the handler is there', 'one');
    is_gone('dx_usage');
    is(value($node, 'one', 'SELECT dx_usage_cpp_value()'), 'usage in C++', 'with its memory');
    value($node, 'one', 'DROP EXTENSION dx_usage_cpp');
    is_gone('dx_usage_cpp');
    is_as_before($before, 'all is as before');
    is(log_count($node, qr/starting background worker process "worker"/, $offset), 1, 'one worker was started');
};

subtest 'drop and create in one transaction' => sub {
    mark('before');
    my %before = map { $_ => pid_of($node, 'one', $_) } 'dx local', 'dx global';
    my $offset = log_offset($node);
    $node->safe_psql('one', q(
        BEGIN;
        DROP EXTENSION dx_worker; CREATE EXTENSION dx_worker;
        DROP EXTENSION dx_memory; CREATE EXTENSION dx_memory;
        COMMIT;));
    is_whole($node, 'everything is there', 'one');
    is(marked(), '', 'with new memory');
    for (sort keys %before) {
        isnt(pid_of($node, 'one', $_), $before{$_}, "a new process of $_");
        is(log_count($node, qr/starting background worker process "$_"/, $offset), 1, 'once');
    }
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM dynpgext.cluster_allocations WHERE state = 'draining')),
        'the old memory is gone');
};

subtest 'drop and create in one transaction, rolled back' => sub {
    mark('stays');
    my $before = snapshot();
    $node->safe_psql('one', q(
        BEGIN;
        DROP EXTENSION dx_worker; CREATE EXTENSION dx_worker;
        DROP EXTENSION dx_memory; CREATE EXTENSION dx_memory;
        SELECT dx_write('dx_memory:local', 'of the transaction');
        ROLLBACK;));
    is_as_before($before, 'nothing has changed');
    is(marked(), 'stays', 'nor the content');
    $node->safe_psql('one', q(
        BEGIN;
        CREATE EXTENSION dx_usage; DROP EXTENSION dx_usage;
        COMMIT;));
    is_as_before($before, 'create and drop in one transaction leaves nothing');
};

subtest 'reload with nothing to do' => sub {
    my $before = snapshot();
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'returns no row');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.reload('dx_worker'))), 0, 'nor for one extension');
    is(snapshot(), $before, 'and changes nothing');
};

subtest 'PREPARE TRANSACTION' => sub {
    my $before = snapshot();
    $node->safe_psql('one', q(BEGIN; CREATE EXTENSION dx_usage; PREPARE TRANSACTION 'p';));
    is(snapshot(), $before, 'prepared, nothing has changed');
    value($node, 'one', q(ROLLBACK PREPARED 'p'));
    is(snapshot(), $before, 'ROLLBACK PREPARED changes nothing');

    $node->safe_psql('one', q(BEGIN; CREATE EXTENSION dx_usage; PREPARE TRANSACTION 'p';));
    value($node, 'one', q(COMMIT PREPARED 'p'));
    is(value($node, 'one', 'SELECT dx_usage_value()'), 'usage', 'after COMMIT PREPARED the first lookup finds it');
    is_whole($node, 'and the worker starts', 'one');

    my $pid = pid_of($node, 'one', 'worker');
    $node->safe_psql('one', q(BEGIN; DROP EXTENSION dx_usage; PREPARE TRANSACTION 'p';));
    is(pid_of($node, 'one', 'worker'), $pid, 'a prepared drop leaves the worker alone');
    value($node, 'one', q(ROLLBACK PREPARED 'p'));
    is_whole($node, 'so does its rollback', 'one');
    is(pid_of($node, 'one', 'worker'), $pid, 'it is the same');

    $node->safe_psql('one', q(BEGIN; DROP EXTENSION dx_usage; PREPARE TRANSACTION 'p';));
    value($node, 'one', q(COMMIT PREPARED 'p'));
    is_gone('dx_usage');
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM dynpgext.reload(dry_run => true))), 'there is nothing to do');
    is(snapshot(), $before, 'all is as before');
};

subtest 'PREPARE TRANSACTION of dynpgext itself' => sub {
    $node->safe_psql('postgres', 'CREATE DATABASE prepared');
    $node->safe_psql('prepared',
        q(BEGIN; CREATE EXTENSION dynpgext; CREATE EXTENSION dx_usage; PREPARE TRANSACTION 'p';));
    value($node, 'prepared', q(COMMIT PREPARED 'p'));
    ok($node->poll_query_until('one',
        q(SELECT count(*) = 1 FROM dynpgext.cluster_workers WHERE extension = 'dx_usage' AND state = 'running')),
        'comes without a call');
    is_whole($node, 'in full', 'prepared');
    $node->safe_psql('prepared', q(BEGIN; DROP EXTENSION dynpgext; PREPARE TRANSACTION 'p';));
    value($node, 'prepared', q(COMMIT PREPARED 'p'));
    is_gone('dx_usage');
    $node->safe_psql('postgres', 'DROP DATABASE prepared');
};

# Such transactions do not see the event triggers; their changes are followed nevertheless.
subtest 'PREPARE TRANSACTION before dynpgext is created' => sub {
    for my $restart (0, 1) {
        my $how = $restart ? 'with a restart: ' : '';
        add_database($node, 'older', 'dx_bytes');
        $node->safe_psql('older', q(BEGIN; CREATE EXTENSION dx_memory; DROP EXTENSION dx_bytes; PREPARE TRANSACTION 'p';));
        value($node, 'older', 'CREATE EXTENSION dynpgext');
        if ($restart) {
            $node->restart;
            value($node, 'older', 'SELECT dynpgext.version()');
        }
        is_whole($node, "${how}before its end", 'older');
        is(value($node, 'older', 'SELECT extension FROM dynpgext.extensions'), 'dx_bytes', 'installed extensions are adopted');
        value($node, 'older', q(COMMIT PREPARED 'p'));
        is_whole($node, 'after its end', 'older');
        is(value($node, 'older', 'SELECT extension FROM dynpgext.extensions'), 'dx_memory', 'its changes are followed');
        value($node, 'postgres', 'DROP DATABASE older');
    }
    add_database($node, 'older');
    $node->safe_psql('older', q(BEGIN; CREATE EXTENSION dynpgext; PREPARE TRANSACTION 'p';));
    my $session = $node->background_psql('older');
    $session->query_safe('BEGIN');
    $session->query_safe('CREATE EXTENSION dx_memory');
    value($node, 'older', q(COMMIT PREPARED 'p'));
    is_whole($node, 'dynpgext has come with a prepared transaction', 'older');
    $session->query_safe('COMMIT');
    is_whole($node, 'another one was under way', 'older');
    is(value($node, 'older', 'SELECT extension FROM dynpgext.extensions'), 'dx_memory', 'and is followed');
    $session->quit;
    value($node, 'postgres', 'DROP DATABASE older');
    ok($node->poll_query_until('one', 'SELECT databases = 1 FROM dynpgext.status'), 'it is gone');
};

subtest 'DROP ... CASCADE' => sub {
    my $before = snapshot();
    value($node, 'one', 'CREATE SCHEMA elsewhere');
    value($node, 'one', 'CREATE EXTENSION dx_usage SCHEMA elsewhere');
    value($node, 'one', 'CREATE EXTENSION dx_raise SCHEMA elsewhere');
    is_whole($node, 'created', 'one');
    value($node, 'one', 'DROP SCHEMA elsewhere CASCADE');
    is_gone('dx_usage');
    is_gone('dx_raise');
    is(snapshot(), $before, 'DROP SCHEMA: all is as before');

    value($node, 'one', 'CREATE EXTENSION dx_requires');
    is_whole($node, 'created', 'one');
    value($node, 'one', 'DROP EXTENSION dx_memory CASCADE');
    is_gone('dx_memory');
    is_gone('dx_requires');
    value($node, 'one', 'CREATE EXTENSION dx_requires CASCADE');
    is_whole($node, 'CREATE EXTENSION ... CASCADE makes both', 'one');
    value($node, 'one', 'DROP EXTENSION dx_requires');
    is(snapshot(), $before, 'all is as before');
};

subtest 'DROP OWNED' => sub {
    my $before = snapshot();
    value($node, 'one', 'CREATE ROLE owner SUPERUSER');
    $node->safe_psql('one', 'SET ROLE owner; CREATE EXTENSION dx_usage; CREATE EXTENSION dx_raise;');
    is_whole($node, 'created', 'one');
    value($node, 'one', 'DROP OWNED BY owner');
    is_gone('dx_usage');
    is_gone('dx_raise');
    is(snapshot(), $before, 'all is as before');
};

subtest 'DROP EXTENSION dynpgext' => sub {
    mark('stays');
    my $before = snapshot();
    $node->safe_psql('one', 'BEGIN; DROP EXTENSION dynpgext; ROLLBACK;');
    is_as_before($before, 'rolled back, nothing has changed');
    is(marked(), 'stays', 'nor the content');
    $node->safe_psql('one', 'BEGIN; SAVEPOINT s; DROP EXTENSION dynpgext; ROLLBACK TO s; COMMIT;');
    is_as_before($before, 'nor when it was rolled back to a savepoint');

    value($node, 'one', 'DROP EXTENSION dynpgext');
    is(value($node, 'one', q(SELECT dx_address('dx_memory:local') IS NULL)), 't', 'the lookup is NULL');
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'dx%')),
        'no worker runs');
    $node->safe_psql('one', 'BEGIN; CREATE EXTENSION dynpgext; ROLLBACK;');
    is(value($node, 'one', q(SELECT dx_address('dx_memory:local') IS NULL)), 't', 'nor after a rolled-back CREATE EXTENSION');
    value($node, 'one', 'CREATE EXTENSION dynpgext');
    is_whole($node, 'all is back', 'one');
    is(marked(), '', 'with new memory');
    $node->safe_psql('one', 'BEGIN; DROP EXTENSION dynpgext; CREATE EXTENSION dynpgext; COMMIT;');
    is_whole($node, 'also when dropped and created in one transaction', 'one');
};

subtest 'update and rolled-back update' => sub {
    mark('kept');
    my $before = snapshot();
    $node->safe_psql('one', q(
        BEGIN;
        ALTER EXTENSION dx_memory UPDATE TO '0.2';
        ALTER EXTENSION dx_worker UPDATE TO '0.2';
        ROLLBACK;));
    is_as_before($before, 'rolled back, nothing has changed');
    $node->safe_psql('one', q(
        BEGIN;
        SAVEPOINT s;
        ALTER EXTENSION dx_memory UPDATE TO '0.2';
        ALTER EXTENSION dx_worker UPDATE TO '0.2';
        ROLLBACK TO s;
        COMMIT;));
    is_as_before($before, 'nor when it was rolled back to a savepoint');
    is(marked(), 'kept', 'nor the content');
    is(value($node, 'one', q(SELECT dx_address('dx_memory:coming') IS NULL)), 't', 'nothing came');

    my %pids = map { $_ => pid_of($node, 'one', $_) } 'dx local', 'dx global';
    value($node, 'one', q(ALTER EXTENSION dx_memory UPDATE TO '0.2'));
    value($node, 'one', q(ALTER EXTENSION dx_worker UPDATE TO '0.2'));
    is_whole($node, 'updated', 'one');
    is(marked(), 'kept', 'a name in both versions keeps its content');
    is(value($node, 'one', q(SELECT dx_address('dx_memory:going') IS NULL)), 't', 'one that goes is gone');
    is(value($node, 'one', q(SELECT dx_zero('dx_memory:coming', 4096))), 't', 'one that comes is there');
    isnt(pid_of($node, 'one', $_), $pids{$_}, "$_ is a new process") for sort keys %pids;
    ok($node->poll_query_until('one', qq(SELECT version = '0.2' FROM dx_worker_info('$_'))), "$_ runs the new library")
      for qw(local global);
    is(value($node, 'one', q(SELECT string_agg(DISTINCT version, ' ') FROM dynpgext.workers)), '0.2', 'as the view says');

    my $used = memory_used($node, 'one');
    my ($code, $out, $error) = $node->psql('one', q(ALTER EXTENSION dx_memory UPDATE TO '0.3'));
    like($error, qr/ERROR:.*dx_memory:local/, 'an update with another size is refused');
    is(memory_used($node, 'one'), $used, 'and takes no memory');
    is(marked(), 'kept', 'nor the content');
    is_whole($node, 'all is well', 'one');
};

$node->stop;
done_testing();
