# Workers that crash the server: they are restarted until they have done it too often.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Twelve workers, all with a restart policy: only the crash guard can prevent a restart.
my $node = new_cluster('main',
    'shared_preload_libraries' => 'dynpgext',
    'dynpgext.naptime' => '1h',
    'dx_supervised.delay' => 0,
    'dx_supervised.restart' => 'always',
    'dx_supervised.workers' => 12);
add_database($node, 'one', qw(dynpgext dx_supervised dx_memory));
is_whole($node, 'all is well before', 'one');

# Worker $n crashes the server.
sub crash_by {
    my ($n, $how) = @_;
    return crash($node, sub { ok(tell_to_crash($node, 'one', $n, $how), "worker $n is told: $how") });
}

sub is_quarantined {
    my ($n, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return shows($node, 'one', "dx supervised $n", q(state = 'quarantined' AND pid IS NULL), $test);
}

# All workers except these run, in one process each.
sub only_others_run {
    my ($test, @out) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %out = map { $_ => 1 } @out;
    my $expected = join ' ', grep { !$out{$_} } 1 .. 12;
    my $well = $node->poll_query_until('one', q(
        SELECT string_agg(n::text, ' ' ORDER BY n) FROM (
          SELECT substring(name FROM '[0-9]+$')::integer AS n FROM dynpgext.workers
           WHERE extension = 'dx_supervised' AND state = 'running') AS w), $expected);
    my %processes = processes($node);
    my $real = join ' ', sort { $a <=> $b } map { s/^dx supervised //r } grep {/^dx supervised/} keys %processes;
    my @doubles = grep { /^dx supervised/ && @{ $processes{$_} } > 1 } keys %processes;
    return is("$real, twice: @doubles", "$expected, twice: ", $test) && $well;
}

sub blames {
    my ($offset) = @_;
    return log_count($node, qr/WARNING:  .*took the server down \(/, $offset);
}

my $blamed = 'WARNING:  background worker "dx supervised %d" of extension "dx_supervised" in database "\w+" '
  . 'took the server down \(%d of %d times within 5 min\)';

my $n = 0;
for my $how (qw(segv kill9 exit3)) {
    $n++;
    subtest "a worker that ends by $how" => sub {
        my $session = $how eq 'segv' ? $node->background_psql('one', on_error_stop => 0) : undef;
        $session->query(q(SELECT dx_read('dx_memory:local'))) if $session;    # a bystander
        for my $time (1 .. 3) {
            my $offset = crash_by($n, $how);
            only_others_run($time < 3 ? "$time: all are back" : '3: all others are back', $time < 3 ? 1 .. $n - 1 : 1 .. $n);
            is(value($node, 'one', q(SELECT dx_read('dx_memory:local') IS NOT NULL)), 't', 'so is the memory');
            my $line = sprintf $blamed, $n, $time, 3;
            is(log_count($node, qr/$line/, $offset), 1, 'the log names it');
            is(blames($offset), 1, 'and nobody else');
            is(log_count($node, qr/is quarantined/, $offset), $time < 3 ? 0 : 1, 'it is quarantined by the third');
        }
        eval { $session->quit } if $session;
        is_quarantined($n, 'the view shows it');
        like(value($node, 'one', "SELECT last_error FROM dynpgext.workers WHERE name = 'dx supervised $n'"),
            qr/^quarantined since \d{4}-\d\d-\d\d .*: it took the server down 3 times; dynpgext\.release\(\) ends it$/, 'and why');
        ok($node->log_contains(
            qr/WARNING:  background worker "dx supervised $n" of extension "dx_supervised" in database "one" is quarantined: it took the server down 3 times within 5 min\n.*HINT:  Nothing of it runs until dynpgext\.release\('dx_supervised'\) is called in that database\./),
            'the log has a hint');
        is(value($node, 'one', "SELECT state FROM dynpgext.extensions WHERE extension = 'dx_supervised'"), 'provisioned', 'its extension is not');
        is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload does not restart it');
        like(error_of($node, 'one', "SELECT dynpgext.start_worker('dx_supervised', 'dx supervised $n');"),
            qr/ERROR:  55000: .*is quarantined.*HINT:.*dynpgext\.release\(\)/s, 'nor does start_worker');
        is(value($node, 'one', "SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised $n')"), 'f', 'there is nothing to stop');
        is_quarantined($n, 'it is quarantined');
        is(value($node, 'one', qq(SELECT string_agg(event, ' ' ORDER BY at) FROM dynpgext.events WHERE name = 'dx supervised $n')),
            'crashed quarantined', 'the events show it');
    };
}

subtest 'release' => sub {
    $node->restart;
    only_others_run('they stay so over a restart', 1 .. 3);
    is_quarantined($_, "$_ is quarantined") for 1 .. 3;
    is(value($node, 'one', q(SELECT dynpgext.release('dx_memory'))), 'f', 'another extension has nothing to release');
    like(error_of($node, 'one', q(SELECT dynpgext.release('none');)), qr/ERROR:  42704: /, 'one that is not there');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_supervised'))), 't', 'released');
    is_whole($node, 'all run', 'one');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_supervised'))), 'f', 'there is nothing to release');
    my $offset = crash_by(1, 'segv');
    only_others_run('it is back');
    my $line = sprintf $blamed, 1, 1, 3;
    is(log_count($node, qr/$line/, $offset), 1, 'it begins to count again');
};

# The worker's PGPROC already belongs to another process when the postmaster sees how the worker has ended.
subtest 'a worker whose PGPROC is reused' => sub {
    my $linger = $node->data_dir . '/dx_supervised.linger';
    for my $time (1 .. 3) {
        append_to_file($linger, '');
        my $offset = log_offset($node);
        my $pid = pid_of($node, 'one', 'dx supervised 7');
        tell($node, 'one', 7, 'linger3');
        ok($node->poll_query_until('one', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'its PGPROC has been freed');
        is(value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 8'))), 't', 'another one takes its place');
        unlink $linger;
        wait_crash_restart($node, $offset);
        only_others_run("$time: all others are back", $time < 3 ? () : 7);
        my $line = sprintf $blamed, 7, $time, 3;
        is(log_count($node, qr/$line/, $offset), 1, 'the log names it');
        is(blames($offset), 1, 'and nobody else');
    }
    is_quarantined(7, 'it is quarantined');
    value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
    is_whole($node, 'released, all run', 'one');
};

subtest 'with restarts in between' => sub {
    my $offset = log_offset($node);
    crash_by(4, 'segv');
    $node->restart;
    crash_by(4, 'segv');
    $node->stop('immediate');
    $node->start;
    crash_by(4, 'segv');
    is_quarantined(4, 'it counts on');
    only_others_run('the others run', 4);
    is(blames($offset), 3, 'nobody else is blamed');
    value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
    is_whole($node, 'released, all run', 'one');
};

subtest 'restart_after_crash = off' => sub {
    configure($node, 'one', restart_after_crash => 'off', 'dynpgext.crash_limit' => 2);
    for my $time (1, 2) {
        my $offset = log_offset($node);
        ok(tell_to_crash($node, 'one', 5, 'segv'), 'told');
        $node->wait_for_log(qr/shutting down because "?restart_after_crash"? is off.*database system is shut down/s, $offset);
        wait_until { !-e $node->data_dir . '/postmaster.pid' } or die 'the server does not stop';
        $node->{_pid} = undef;
        $node->start;
        only_others_run($time < 2 ? 'all are back' : 'all others are back', $time < 2 ? () : 5);
        my $line = sprintf $blamed, 5, $time, 2;
        is(log_count($node, qr/$line/, $offset), 1, 'the log names it');
        is(blames($offset), 1, 'and nobody else');
    }
    is_quarantined(5, 'it is quarantined by the second, which is the limit');
    configure($node, 'one', restart_after_crash => 'on', 'dynpgext.crash_limit' => 3);
    value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
    is_whole($node, 'released, all run', 'one');
};

# Kills these processes, and starts the server again when they have gone.
sub kill_and_start {
    my (@pids) = @_;
    kill 'KILL', @pids;
    wait_until { !kill 0, @pids } or die 'not all are gone';
    $node->{_pid} = undef;
    $node->start;
    return;
}

sub everything {
    my %processes = processes($node);
    my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    return ($postmaster, map {@$_} values %processes);
}

subtest 'all killed at once' => sub {
    my $offset = log_offset($node);
    my @pids = everything();
    kill 'STOP', @pids;    # none can react
    kill_and_start(@pids);
    only_others_run('all run');
    is(blames($offset), 0, 'no worker is blamed');
    is(log_count($node, qr/LOG:  dynpgext: all processes were killed at once; no extension is blamed/, $offset), 1, 'as the log says');
};

subtest 'all killed, the postmaster first' => sub {
    my $offset = log_offset($node);
    kill_and_start(everything());
    only_others_run('all run');
    is(blames($offset), 0, 'no worker is blamed');
    value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
    $offset = log_offset($node);
    my @pids = everything();
    # a process that has not noticed the crash by the time it is killed
    my ($deaf) = value($node, 'one', q(SELECT pid FROM dynpgext.workers WHERE name = 'dx supervised 12'));
    kill 'STOP', $deaf;
    kill 'KILL', $pids[0];
    my @others = grep { $_ != $deaf } @pids;
    wait_until { !kill 0, @others } or die 'not all others are gone';
    kill_and_start($deaf);
    only_others_run('all run');
    is(blames($offset), 0, 'nor one that still existed after the postmaster');
    value($node, 'one', q(SELECT dynpgext.release('dx_supervised')));
};

subtest 'crash_limit = 0' => sub {
    configure($node, 'one', 'dynpgext.crash_limit' => 0);
    my $offset = log_offset($node);
    crash_by(6, 'segv') for 1 .. 4;
    only_others_run('it comes back each time');
    is(blames($offset), 0, 'no worker is blamed');
    configure($node, 'one', 'dynpgext.crash_limit' => 3);
    $offset = crash_by(6, 'segv');
    my $line = sprintf $blamed, 6, 1, 3;
    only_others_run('it comes back again');    # the process that judges the crash may start after the first session
    is(log_count($node, qr/$line/, $offset), 1, 'nor were those counted');
};

subtest 'the window passes' => sub {
    configure($node, 'one', 'dynpgext.crash_window' => '1s', 'dynpgext.crash_limit' => 2);
    my $offset = log_offset($node);
    for my $time (1 .. 3) {
        crash_by(7, 'segv');
        ok($node->poll_query_until('one', q(
            SELECT at < clock_timestamp() - interval '1.1 s' FROM dynpgext.events WHERE event = 'crashed')), 'the window passes');
    }
    only_others_run('it is not quarantined');
    is(log_count($node, qr/took the server down \(1 of 2 times within 1 s\)/, $offset), 3, 'each counts for itself');
    configure($node, 'one', 'dynpgext.crash_window' => '5min', 'dynpgext.crash_limit' => 1);
    crash_by(8, 'segv');
    is_quarantined(8, 'with a limit of one, the first is enough');
};

subtest 'DROP EXTENSION forgets' => sub {
    value($node, 'one', 'DROP EXTENSION dx_supervised');
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    is_whole($node, 'all run', 'one');
    configure($node, 'one', 'dynpgext.crash_limit' => 3);
};

subtest 'a crash that is nobody\'s' => sub {
    my $offset = log_offset($node);
    crash($node, sub {
        my $session = $node->background_psql('one', on_error_stop => 0);
        my $pid = $session->query(q(SELECT dx_read('dx_memory:local') IS NULL, pg_backend_pid())) =~ s/.*\|//r;
        kill 'KILL', $pid;
        eval { $session->quit };
    }) for 1 .. 3;
    only_others_run('all run');
    is(blames($offset), 0, 'no worker is blamed for a session');
};

# Worker 11 crashes, 10 has its own handler of SIGQUIT.  One side is stopped, to make certain which of them
# observes the other: worker 10 itself, or all processes that could show that it still existed when 11 had
# gone.
for my $case ([ 'own_sigquit_busy', 1, 'never waits' ], [ 'own_sigquit', 2, 'waits' ]) {
    my ($command, $time, $how) = @$case;
    subtest "a bystander with a handler of SIGQUIT of its own that $how" => sub {
        for my $command ($command, $how eq 'waits' ? 'wait' : ()) {    # two, to be sure that it has waited in between
            ok(tell($node, 'one', 10, $command), 'told');
            ok($node->poll_query_until('one', "SELECT doing = '$command' FROM dx_supervised_info(10)"), "it does: $command");
        }
        my ($crashing, $bystander) = map { pid_of($node, 'one', "dx supervised $_") } 11, 10;
        my %processes = processes($node);
        my @others = grep { $_ != $crashing && $_ != $bystander } map {@$_} values %processes;
        my ($stopped, $free) = $how eq 'waits' ? (\@others, [$bystander]) : ([$bystander], \@others);
        my $offset = log_offset($node);
        kill 'STOP', @$stopped;
        kill 'SEGV', $crashing;
        ok(wait_until { !kill 0, @$free }, 'one side has ended');
        kill 'CONT', @$stopped;
        wait_crash_restart($node, $offset);
        only_others_run('all run');
        my $line = sprintf $blamed, 11, $time, 3;
        is(log_count($node, qr/$line/, $offset), 1, 'the log names the one that has crashed');
        is(blames($offset), 1, 'and nobody else');
    };
}

$node->stop;
done_testing();
