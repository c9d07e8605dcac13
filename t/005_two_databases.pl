# The same extension in two databases: global objects exist once.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
add_database($node, $_, 'dynpgext') for qw(one two);

# Runs the commands in their sessions at the same time.
sub at_once {
    my (@session_and_command) = @_;
    while (my ($session, $command) = splice @session_and_command, 0, 2) {
        $session->query_until(qr/sent/, "\\echo sent\n$command;\n");
    }
    return;
}

sub global_processes {
    my %processes = processes($node);
    return scalar @{ $processes{'dx global'} // [] };
}

subtest 'create in two databases at once' => sub {
    my @sessions = map { $node->background_psql($_) } qw(one two);
    for my $round (1 .. 10) {
        my $offset = log_offset($node);
        at_once(map { $_ => 'CREATE EXTENSION dx_worker' } @sessions);
        $_->query_safe('SELECT 1') for @sessions;
        is_whole($node, "round $round", qw(one two));
        is(log_count($node, qr/starting background worker process "dx global"/, $offset), 1,
            'the global worker was started once');
        at_once(map { $_ => 'DROP EXTENSION dx_worker' } @sessions);
        $_->query_safe('SELECT 1') for @sessions;
        ok($node->poll_query_until('one', 'SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'and all end');
    }
    $_->quit for @sessions;
};

subtest 'create in one database while another drops' => sub {
    my @sessions = map { $node->background_psql($_) } qw(one two);
    $sessions[0]->query_safe('CREATE EXTENSION dx_worker');
    for my $round (1 .. 10) {
        at_once($sessions[0] => 'DROP EXTENSION dx_worker', $sessions[1] => 'CREATE EXTENSION dx_worker');
        $_->query_safe('SELECT 1') for @sessions;
        @sessions = reverse @sessions;
        is_whole($node, "round $round", $round % 2 ? qw(two one) : qw(one two));
        is(global_processes(), 1, 'one global worker');
    }
    $sessions[0]->query_safe('DROP EXTENSION dx_worker');
    $_->quit for @sessions;
    ok($node->poll_query_until('one', 'SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'and all end');
};

# The version that runs, according to the view and to the worker itself.
sub runs_version {
    my ($version, $test, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($node->poll_query_until($database, qq(
        SELECT version = '$version' AND state = 'running' FROM dynpgext.cluster_workers WHERE name = 'dx global')), $test);
    ok($node->poll_query_until($database, qq(
        SELECT i.version = '$version' AND i.pid = w.pid FROM dx_worker_info('global') i, dynpgext.cluster_workers w
         WHERE w.name = 'dx global')), '... as it says itself');
    is(global_processes(), 1, '... and it is one process');
    return;
}

subtest 'different versions in two databases' => sub {
    value($node, 'one', q(CREATE EXTENSION dx_worker VERSION '0.1'));
    runs_version('0.1', 'the one there is runs', 'one');
    value($node, 'two', q(CREATE EXTENSION dx_worker VERSION '0.2'));
    runs_version('0.2', 'the highest runs', 'one');
    is_whole($node, 'all is well', qw(one two));
    value($node, 'two', 'DROP EXTENSION dx_worker');
    runs_version('0.1', 'the next takes over when it goes', 'one');
    value($node, 'two', q(CREATE EXTENSION dx_worker VERSION '0.2'));
    runs_version('0.2', 'the highest takes over when it comes again', 'two');

    my $pid = pid_of($node, 'two', 'dx global');
    value($node, 'one', 'DROP EXTENSION dx_worker');
    is_whole($node, 'the lower one goes', 'two');
    is(pid_of($node, 'two', 'dx global'), $pid, 'and changes nothing');
    value($node, 'one', q(CREATE EXTENSION dx_worker VERSION '0.1'));
    is_whole($node, 'a lower one comes', qw(one two));
    is(pid_of($node, 'two', 'dx global'), $pid, 'and changes nothing');
    value($node, 'one', q(ALTER EXTENSION dx_worker UPDATE TO '0.2'));
    is_whole($node, 'updated to the same', qw(one two));
    is(pid_of($node, 'two', 'dx global'), $pid, 'that changes nothing');
    value($node, 'two', 'DROP EXTENSION dx_worker');
    is_whole($node, 'dropped where it came from', 'one');
    runs_version('0.2', 'it is there for the other database', 'one');
    value($node, 'one', 'DROP EXTENSION dx_worker');
    ok($node->poll_query_until('one', 'SELECT count(*) = 0 FROM dynpgext.cluster_workers'), 'it is removed with the last one');
};

subtest 'global memory' => sub {
    becomes($node, 'one', 'SELECT count(*) FROM dynpgext.cluster_allocations', 0, 'initially there is none');
    my $empty = memory_used($node, 'one');
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    my $one = memory_used($node, 'one');
    value($node, 'one', q(SELECT dx_write('dx_memory:global', 'of one'), dx_write('dx_memory:local', 'of one')));
    is(value($node, 'two', q(SELECT dynpgext.peek('dx_memory:global', length => 6) = 'of one')), 't',
        'a database that does not register it can read it');
    like(error_of($node, 'two', q(SELECT dynpgext.peek('dx_memory:local'))), qr/42704: .*"dx_memory:local" does not exist/,
        'but not what is local to another');
    value($node, 'two', 'CREATE EXTENSION dx_memory');
    is(value($node, 'two', q(SELECT dynpgext.peek('dx_memory:local', length => 6))), '\\x000000000000', 'it has its own');
    cmp_ok(memory_used($node, 'one') - $one, '<', 100_000, 'the second database takes none of it again');
    is(value($node, 'two', q(SELECT dx_read('dx_memory:global'))), 'of one', 'is shared');
    is(value($node, 'two', q(SELECT dx_read('dx_memory:local'))), '', 'database-local memory is not');
    is(value($node, 'two', 'SELECT dx_callbacks()'), 1, 'was initialised once');

    value($node, 'one', 'DROP EXTENSION dx_memory');
    is(value($node, 'two', q(SELECT dx_read('dx_memory:global'))), 'of one', 'survives a drop in one database');
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    is(value($node, 'one', q(SELECT dx_read('dx_memory:global'))), 'of one', 'is found by a later one');
    value($node, 'one', 'DROP EXTENSION dx_memory');

    my $holder = $node->background_psql('two');
    $holder->query_safe(q(SELECT dx_read('dx_memory:global')));
    value($node, 'two', 'DROP EXTENSION dx_memory');
    becomes($node, 'one', q(SELECT state, attached FROM dynpgext.cluster_allocations WHERE name = 'dx_memory:global'),
        'draining|1', 'drains with the last');
    cmp_ok(memory_used($node, 'one') - $empty, '>', 1_000_000, 'is kept as long as it is mapped');
    $holder->quit;
    ok($node->poll_query_until('one', "SELECT memory_used = $empty FROM dynpgext.status"), 'and is freed then');
};

subtest 'same name twice' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    value($node, 'one', q(SELECT dx_write('dx_memory:global', 'of one')));
    my $used = memory_used($node, 'one');
    my ($code, $out, $error) = $node->psql('two', q(
        \set VERBOSITY verbose
        SET dx_taken.global = 'dx_memory:global';
        CREATE EXTENSION dx_taken;));
    like($error, qr/ERROR:  42710: extension "dx_taken" .*"dx_memory:global"/, 'a global name of another extension in another database');
    like($error, qr/HINT:/, 'with a hint');
    ($code, $out, $error) = $node->psql('two', q(
        \set VERBOSITY verbose
        SET dx_taken.local = 'dx_memory:global';
        CREATE EXTENSION dx_taken;));
    like($error, qr/ERROR:  42710: extension "dx_taken" .*"dx_memory:global"/, 'also as a database-local one');
    is(memory_used($node, 'one'), $used, 'nothing has changed');
    is(value($node, 'one', q(SELECT dx_read('dx_memory:global'))), 'of one', 'nor the content');
    is($node->psql('two', q(
        SET dx_taken.local = 'dx_memory:local';
        CREATE EXTENSION dx_taken;)), 0, 'a database-local name is free in another database');
    is_whole($node, 'all is well', qw(one two));
};

$node->stop;
done_testing();
