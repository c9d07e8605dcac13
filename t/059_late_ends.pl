# Workers that do not end on SIGTERM, because their code ignores it or blocks signals: after
# dynpgext.stop_timeout another signal ends them, and a shutdown, which waits for all processes, finishes.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main',
    shared_preload_libraries => 'dynpgext',
    'dx_supervised.workers' => 2,
    'dynpgext.stop_timeout' => '1s');
add_database($node, 'one', qw(dynpgext dx_supervised dx_bytes));
is_whole($node, 'all is well', 'one');

# The log message about one of our workers, with pid and database.
sub named {
    my ($worker, $pid) = @_;
    return qr/WARNING:  background worker "dx supervised $worker" of extension "dx_supervised" \(PID $pid, database "one"\)/;
}

# Returns the pid of a worker once it obeys the command.
sub make {
    my ($worker, $what) = @_;
    my $pid = pid_of($node, 'one', "dx supervised $worker");
    tell($node, 'one', $worker, $what) or die "worker $worker does not listen";
    $node->poll_query_until('one', "SELECT doing = '$what' FROM dx_supervised_info($worker)") or die "it does not $what";
    return $pid;
}

my %how = (
    ignore => 'SIGTERM is ignored, and no interrupt served',
    ignore_politely => 'SIGTERM is ignored, interrupts are served',
    deaf => 'a handler of its own does nothing',
    block => 'signals are blocked as when a process starts');

for my $what (sort keys %how) {
    subtest "stop_worker(): $how{$what}" => sub {
        my $offset = log_offset($node);
        my $pid = make(1, $what);
        $node->psql('one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
        ok($node->poll_query_until('one', q(SELECT state = 'stopped' AND pid IS NULL FROM dynpgext.workers WHERE name = 'dx supervised 1')), 'it ends');
        my $named = named(1, $pid);
        is_logged($node, qr/$named has not ended within 1000 ms of SIGTERM; another signal ends it/, $offset, 1, 'one line names it, its pid and its database');
        is(log_count($node, qr/terminated by signal|terminating any other active/, $offset), 0, 'the server does not take it for a crash');
        is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1'))), 't', 'it is started again');
        is_whole($node, 'all is well', 'one');
    };
}

subtest 'a worker that does not end stays reported' => sub {
    for my $what ('shut', 'hold') {
        my $offset = log_offset($node);
        my $pid = make(1, $what);
        $node->psql('one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
        my $named = named(1, $pid);
        $node->wait_for_log(qr/$named cannot be ended/, $offset);
        is(value($node, 'one', q(SELECT state, pid FROM dynpgext.workers WHERE name = 'dx supervised 1')), "stopping|$pid", "$what: it is shown");
        ok(tell($node, 'one', 1, 'exit0'), 'it gets the command to end');
        ok($node->poll_query_until('one', q(SELECT state = 'stopped' FROM dynpgext.workers WHERE name = 'dx supervised 1')), 'it does');
        is(log_count($node, qr/$named cannot be ended/, $offset), 1, 'it was named once');
        value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')));
    }
};

# Only our own signal counts.
subtest 'a plain SIGCONT' => sub {
    my $pid = pid_of($node, 'one', 'dx supervised 1');
    is(kill('CONT', $pid), 1, 'is sent');
    my $beats = value($node, 'one', 'SELECT beats FROM dx_supervised_info(1)');
    ok(tell($node, 'one', 1, 'beat'), 'the worker continues');
    ok($node->poll_query_until('one', "SELECT beats > $beats + 10 FROM dx_supervised_info(1)"), 'for a while');
    is(pid_of($node, 'one', 'dx supervised 1'), $pid, 'in the same process');
};

sub shuts_down {
    my ($mode, $test) = @_;
    my @stop = ('pg_ctl', '-D', $node->data_dir, '-m', $mode, '-t', $PostgreSQL::Test::Utils::timeout_default, '-w', 'stop');
    ok(PostgreSQL::Test::Utils::run_log(\@stop), $test)
      or BAIL_OUT('the server does not stop');
    $node->_update_pid(0);
    return;
}

for my $preload (1, 0) {
    set_preload($node, $preload);
    $node->restart;
    for my $what (sort keys %how) {
        subtest "shutdown, preload $preload: $how{$what}" => sub {
            value($node, 'one', 'SELECT dynpgext.version()');
            is_whole($node, 'all is well', 'one');
            my $offset = log_offset($node);
            my $pid = make(1, $what);
            shuts_down('fast', 'a fast shutdown ends');
            my $named = named(1, $pid);
            is(log_count($node, qr/$named has not ended within 1000 ms of SIGTERM; another signal ends it/, $offset), 1, 'the log names it');
            is(log_count($node, qr/WARNING:.*"dx supervised 2"/, $offset), 0, 'and not the other');
            is(log_count($node, qr/was not properly shut down|abnormal|terminated by signal/, $offset), 0, 'nothing crashes');
            $node->start;
        };
    }
}

subtest 'a smart shutdown' => sub {
    value($node, 'one', 'SELECT dynpgext.version()');
    is_whole($node, 'all is well', 'one');
    make(1, 'ignore');
    shuts_down('smart', 'ends as well');
    $node->start;
};

subtest 'a worker that cannot be ended' => sub {
    value($node, 'one', 'SELECT dynpgext.version()');
    is_whole($node, 'all is well', 'one');
    my $offset = log_offset($node);
    my $pid = make(1, 'shut');
    my $launcher = value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    system('pg_ctl', '-D', $node->data_dir, '-m', 'fast', '-W', 'stop');
    my $named = named(1, $pid);
    $node->wait_for_log(qr/$named cannot be ended/, $offset);
    ok(wait_until { !kill 0, $launcher }, 'the launcher does not wait for ever');
    ok(kill(0, $pid), 'the worker does');
    shuts_down('immediate', 'an immediate shutdown ends it');
    $node->start;
    value($node, 'one', 'SELECT dynpgext.version()');
    is_whole($node, 'and all is back', 'one');
};

subtest 'a terminated launcher ends no workers' => sub {
    my $offset = log_offset($node);
    make(1, 'ignore');
    my $pid = value($node, 'one', q(SELECT pid FROM dynpgext.workers WHERE name = 'dx supervised 1'));
    my $launcher = value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    value($node, 'one', "SELECT pg_terminate_backend($launcher, 10000)");
    ok($node->poll_query_until('one', "SELECT launcher_pid <> $launcher FROM dynpgext.status"), 'another one is there');
    is(value($node, 'one', q(SELECT pid FROM dynpgext.workers WHERE name = 'dx supervised 1')), $pid, 'the worker continues');
    is(log_count($node, qr/ms of SIGTERM/, $offset), 0, 'it was not signalled to end');
    ok(tell($node, 'one', 1, 'return'), 'until it ends');
};

# A deaf worker does not prevent a drop of its database: the server waits five seconds.
subtest 'DROP DATABASE' => sub {
    set_preload($node, 1);
    configure($node, 'one', 'dx_supervised.connect' => 'on');
    $node->restart;
    add_database($node, 'two', qw(dynpgext dx_supervised));
    is_whole($node, 'all is well', 'one', 'two');
    tell($node, 'two', 1, 'ignore');
    ok($node->poll_query_until('two', q(SELECT doing = 'ignore' FROM dx_supervised_info(1))), 'a worker ignores SIGTERM');
    my ($code, $out, $error) = $node->psql('postgres', 'DROP DATABASE two');
    is($code, 0, 'the database is dropped') or diag($error);
    is_whole($node, 'all is well', 'one');
};

$node->stop;
done_testing();
