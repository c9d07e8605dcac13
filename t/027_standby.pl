# A standby follows its primary: which objects it provisions, which workers run on it, and what it refuses.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# Each worker is for a different role of the server: 1 for the primary, 2 for standbys, 3 for both; 4 and 5
# decide by their start time, ConsistentState and RecoveryFinished.
my $primary = new_primary('primary',
    'shared_preload_libraries' => 'dynpgext',
    'allow_in_place_tablespaces' => 'on',
    'dx_supervised.connect' => 'on',
    'dx_supervised.servers' => 'primary,standby,both,consistent,',
    'dx_supervised.workers' => 5);
my $on_primary = '1 running, 2 waiting, 3 running, 4 running, 5 running';
my $on_standby = '1 waiting, 2 running, 3 running, 4 running, 5 waiting';

# The standbys check by themselves only once an hour: every change must be announced.  The second one does not
# preload dynpgext.
my $standby = new_standby($primary, 'standby', 'dynpgext.naptime' => '1h');
my $plain = new_standby($primary, 'plain', 'dynpgext.naptime' => '1h', 'shared_preload_libraries' => '');
my @standbys = ($standby, $plain);

# The state of dynpgext on a standby, in one text.
sub snapshot {
    my ($node, $database) = @_;
    return join "\n", $node->safe_psql($database, q(
        SELECT extension, version, state, provisioned_at FROM dynpgext.extensions ORDER BY 1;
        SELECT name, extension, version, database, size, state, allocated_at FROM dynpgext.cluster_allocations ORDER BY 1, 5;
        SELECT database, extension, name, state, pid, starts FROM dynpgext.cluster_workers ORDER BY 1, 2, 3;
        SELECT memory_used, allocations, workers FROM dynpgext.status;));
}

my $nothing_to_do = q(SELECT count(*) FROM dynpgext.reload(dry_run => true));

subtest 'dynpgext and others are created while the standbys run' => sub {
    add_database($primary, 'one');
    my $begin = time;
    value($primary, 'one', join '', map {"CREATE EXTENSION $_;"} qw(dynpgext dx_memory dx_supervised dx_usage));
    my $committed = time;
    becomes($primary, 'one', supervised_states(), $on_primary, 'on the primary');
    catch_up($primary, @standbys);
    becomes($standby, 'one', supervised_states(), $on_standby, 'on the standby');
    note(sprintf 'after %.0f ms (create took %.0f)', 1000 * (time - $committed), 1000 * ($committed - $begin));
    is(value($plain, 'postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dynpgext%')), 0,
        'nothing runs on the one that is not preloaded');
    like(value($plain, 'one', 'SELECT severity, object, problem FROM dynpgext.health()'), qr/^critical\|launcher\|launcher: none is running[^\n]*$/, 'as health() says');
    is(value($plain, 'postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dynpgext%')), 0, 'which starts nothing');
    is(value($plain, 'one', q(SELECT dx_read('dx_memory:global_small'))), 'dx_memory 0.1 callback 1', 'until it is used');
    becomes($plain, 'one', supervised_states(), $on_standby, 'then all does');
    for my $node (@standbys) {
        my $name = $node->name;
        becomes($node, 'one', $nothing_to_do, 0, "$name: nothing is left to do");
        is(value($node, 'one', q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.allocations)),
            value($primary, 'one', q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.allocations)),
            "$name: allocations are as on the primary");
        is(value($node, 'one', q(SELECT count(*) FROM dynpgext.allocations WHERE state <> 'allocated' OR allocated_at IS NULL)), 0,
            "$name: all are allocated");
        is(value($node, 'one', q(SELECT dx_read('dx_memory:global_small'))), 'dx_memory 0.1 callback 1', "$name: the callback has run");
        is(value($node, 'one', 'SELECT problem FROM dynpgext.health()'), '', "$name: all is well");
        is(value($node, 'one', 'SELECT dx_usage_value()'), 'usage', "$name: a lookup");
        is(value($node, 'one', "SELECT dx_write('dx_memory:local', '$name')"), 't', "$name: memory can be written");
        is(value($node, 'one', q(SELECT dx_read('dx_memory:local'))), $name, "$name: and is its own");
        is(value($node, 'one', q(SELECT name || ' ' || state || ' ' || (pid IS NULL) FROM dynpgext.workers WHERE extension = 'dx_usage')),
            'worker waiting true', "$name: a worker for the end of recovery waits");
        my %there = processes($node);
        is(join(', ', map { "$_: " . @{ $there{$_} } } sort grep {/^(dx|worker)/} keys %there),
            'dx supervised 2: 1, dx supervised 3: 1, dx supervised 4: 1', "$name: one process each, no other");
        is(value($node, 'one', q(SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.extensions)), 'provisioned', "$name: all provisioned");
        like(value($node, 'one', q(SELECT string_agg(detail, ' ') FROM dynpgext.events WHERE name = 'dx supervised 1')),
            qr/recovery|primary/, "$name: an event tells why it waits");
    }
    is(value($primary, 'one', q(SELECT dx_read('dx_memory:local'))), '', 'the primary has its own memory, too');
};

subtest 'reload' => sub {
    # without provisioned_at: the init runs again
    my $seen = sub { snapshot($standby, 'one') =~ s/^dx_supervised\|[^\n]*\|provisioned\|\K.*//mr };
    my $before = $seen->();
    is(value($standby, 'one', 'SELECT * FROM dynpgext.reload()'), '', 'with nothing to do it returns no row');
    is(value($standby, 'one', q(SELECT * FROM dynpgext.reload('dx_supervised'))), '', 'nor for one extension');
    is(value($standby, 'one', 'SELECT * FROM dynpgext.reload(dry_run => true)'), '', 'nor as a dry run');
    is($seen->(), $before, 'and changes nothing');
    my $pid = pid_of($standby, 'one', 'dx supervised 4');
    is(value($standby, 'one', "SELECT pg_terminate_backend($pid, 10000)"), 't', 'a worker is ended there');
    shows($standby, 'one', 'dx supervised 4', q(state = 'failed' AND pid IS NULL), 'and has failed');
    is(value($standby, 'one', q(SELECT severity, object, name, split_part(problem, ':', 1) FROM dynpgext.health())), 'critical|worker|dx supervised 4|failed', 'health() tells of it');
    is(value($standby, 'one', 'SELECT object, name, action FROM dynpgext.reload(dry_run => true)'), 'worker|dx supervised 4|start', 'a dry run reports it');
    is(value($standby, 'one', 'SELECT object, name, action FROM dynpgext.reload()'), 'worker|dx supervised 4|start', 'a reload starts it');
    becomes($standby, 'one', supervised_states(), $on_standby, 'it runs');
    is(value($standby, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'once');
};

subtest 'commands' => sub {
    my $before = snapshot($standby, 'one');
    for my $command (
        q(dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false)),
        q(dynpgext.reset_worker('dx_supervised', 'dx supervised 3')),
        q(dynpgext.load('dx_memory')),
        q(dynpgext.unload('dx_memory')))
    {
        my ($function) = $command =~ /(dynpgext\.\w+)/;
        like(error_of($standby, 'one', "SELECT $command;"), qr/ERROR:  25006: .*\Q$function\E/, "$function is refused");
    }
    like(error_of($standby, 'one', 'CREATE EXTENSION dx_usage_cpp;'), qr/ERROR:  25006: /, 'so is CREATE EXTENSION');
    is(value($standby, 'one', q(SELECT dynpgext.release('dx_supervised'))), 'f', 'there is nothing to release');
    is(snapshot($standby, 'one'), $before, 'and nothing has changed');
    for my $n (1, 5) {
        is(value($standby, 'one', "SELECT dynpgext.start_worker('dx_supervised', 'dx supervised $n')"), 'f', "$n cannot be started");
    }
    becomes($standby, 'one', supervised_states(), $on_standby, 'and waits on');
    is(value($standby, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 3'))), 't', 'a worker can be stopped');
    shows($standby, 'one', 'dx supervised 3', q(state = 'stopped'), 'and is stopped');
    isnt(pid_of($primary, 'one', 'dx supervised 3'), '', 'there only');
    is(value($standby, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 3'))), 't', 'and started');
    becomes($standby, 'one', supervised_states(), $on_standby, 'again');
    is(value($primary, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 2'))), 'f',
        'one for standbys cannot be started on the primary');
    becomes($primary, 'one', supervised_states(), $on_primary, 'where it waits');
};

subtest 'changes on the primary are followed' => sub {
    value($primary, 'one', q(ALTER EXTENSION dx_memory UPDATE TO '0.2'));
    for my $node (@standbys) {
        my $name = $node->name;
        becomes($node, 'one', q(SELECT string_agg(name, ' ' ORDER BY name) FROM dynpgext.allocations
            WHERE extension = 'dx_memory' AND state = 'allocated'),
            'dx_memory:coming dx_memory:global dx_memory:global_small dx_memory:local', "$name: an update");
        is(value($node, 'one', q(SELECT dx_zero('dx_memory:coming', 4096))), 't', "$name: its memory is there");
        is(value($node, 'one', q(SELECT dx_address('dx_memory:going') IS NULL)), 't', "$name: what it took away is not");
        is(value($node, 'one', q(SELECT dx_read('dx_memory:local'))), $name, "$name: what it kept has its content");
        becomes($node, 'one', $nothing_to_do, 0, "$name: nothing is left to do");
    }
    my $pid = pid_of($standby, 'one', 'dx supervised 4');
    value($primary, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false)));
    becomes($_, 'one', supervised_states(), $on_standby =~ s/3 running/3 disabled/r, $_->name . ': configure_worker disables') for @standbys;
    value($primary, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 3')));
    value($primary, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 4', restart => 'always')));
    becomes($_, 'one', supervised_states(), $on_standby, $_->name . ': reset_worker enables') for @standbys;
    shows($_, 'one', 'dx supervised 4', q(restart = 'always'), $_->name . ': a policy') for @standbys;
    is(pid_of($standby, 'one', 'dx supervised 4'), $pid, 'which does not touch the process');
    value($standby, 'one', "SELECT pg_terminate_backend($pid, 10000)");
    shows($standby, 'one', 'dx supervised 4', "state = 'running' AND pid <> $pid", 'and decides on the standby');
    value($primary, 'one', q(DROP EXTENSION dx_usage));
    value($primary, 'one', q(SELECT dynpgext.unload('dx_memory')));
    for my $node (@standbys) {
        becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE extension = 'dx_usage'), 0, $node->name . ': a drop');
        becomes($node, 'one', q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions),
            'dx_memory unloaded, dx_supervised provisioned', $node->name . ': unload()');
        becomes($node, 'one', q(SELECT dx_address('dx_memory:local') IS NULL), 't', 'its memory is gone');
        becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_memory'), 0, 'in full');
        becomes($node, 'one', $nothing_to_do, 0, $node->name . ': nothing is left to do');
    }
    value($primary, 'one', q(SELECT dynpgext.load('dx_memory')));
    becomes($_, 'one', q(SELECT dx_address('dx_memory:coming') IS NOT NULL), 't', $_->name . ': load()') for @standbys;
};

# Waits until the standbys have nothing left to follow, so that they follow the next change only because of
# its own announcement.  A change visible on a standby was announced after all others, and all visits for them
# are finished when none is in progress.
sub settle {
    my $no_visits = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dynpgext provisioning');
    for my $policy (qw(always never)) {
        value($primary, 'one', "SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 4', restart => '$policy')");
        shows($_, 'one', 'dx supervised 4', "restart = '$policy'", $_->name . ' follows') for @standbys;
    }
    becomes($_, 'one', $no_visits, 0, $_->name . ' has nothing to follow') for @standbys;
    return;
}

subtest 'prepared transactions' => sub {
    settle();
    value($primary, 'one', q(BEGIN; CREATE EXTENSION dx_usage_cpp; PREPARE TRANSACTION 'p';));
    value($primary, 'one', q(COMMIT PREPARED 'p'));
    becomes($primary, 'one', 'SELECT count(*) FROM dynpgext.extensions WHERE extension = $$dx_usage_cpp$$ AND state = $$provisioned$$', 1, 'on the primary');
    becomes($_, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE name = 'worker' AND state = 'waiting'), 1,
        $_->name . ': CREATE EXTENSION is followed') for @standbys;
    settle();
    value($primary, 'one', q(BEGIN; SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false); PREPARE TRANSACTION 'p';));
    value($primary, 'one', q(COMMIT PREPARED 'p'));
    becomes($_, 'one', supervised_states(), $on_standby =~ s/3 running/3 disabled/r, $_->name . ': configure_worker is followed') for @standbys;
    value($primary, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 3')));
    settle();
    value($primary, 'one', q(BEGIN; DROP EXTENSION dx_usage_cpp; PREPARE TRANSACTION 'p';));
    value($primary, 'one', q(COMMIT PREPARED 'p'));
    becomes($_, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE name = 'worker'), 0, $_->name . ': a drop is followed') for @standbys;
};

subtest 'an announcement received by a launcher that ends is not lost' => sub {
    my $launcher = value($standby, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    kill 'STOP', $launcher;
    value($primary, 'one', 'CREATE EXTENSION dx_trusted');
    add_database($primary, 'meanwhile', qw(dynpgext dx_trusted));
    catch_up($primary, $standby);
    kill 'TERM', $launcher;
    kill 'CONT', $launcher;
    becomes($standby, 'one', "SELECT launcher_pid <> $launcher FROM dynpgext.status", 't', 'there is another one');
    becomes($standby, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_trusted' AND state = 'allocated'), 2,
        'what was created meanwhile is there, in a known database and in a new one');
    value($primary, 'one', 'DROP EXTENSION dx_trusted');
    value($primary, 'postgres', 'DROP DATABASE meanwhile');
    becomes($_, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_trusted'), 0, $_->name . ': and gone') for @standbys;
};

subtest 'databases' => sub {
    value($primary, 'postgres', 'CREATE DATABASE two TEMPLATE one');
    becomes($_, 'one', q(SELECT string_agg(substring(name FROM '[0-9]$'), ' ' ORDER BY name) FROM dynpgext.cluster_workers
        WHERE database = 'two' AND state = 'running'), '2 3 4', $_->name . ': a copy of a database has its workers') for @standbys;
    becomes($primary, 'one', supervised_states(), $on_primary, 'those of the template run again');
    is(value($standby, 'two', q(SELECT dx_read('dx_memory:local'))), '', 'and its memory');
    my $offset = log_offset($standby);
    my $begin = time;
    value($primary, 'postgres', 'DROP DATABASE two');
    catch_up($primary, @standbys);
    note(sprintf 'dropped and replayed in %.0f ms', 1000 * (time - $begin));
    for my $node (@standbys) {
        becomes($node, 'one', q(SELECT (SELECT count(*) FROM dynpgext.cluster_workers WHERE database IS DISTINCT FROM 'one')
            + (SELECT count(*) FROM dynpgext.cluster_allocations WHERE scope = 'database' AND database IS DISTINCT FROM 'one')), 0,
            $node->name . ': when it is dropped, nothing of it is left');
        becomes($node, 'one', supervised_states(), $on_standby, $node->name . ': the others run on');
    }
    is(log_count($standby, qr/database with OID \d+ does not exist|database "two" does not exist/, $offset), 0, 'nothing is tried in vain');
    value($primary, 'postgres', 'ALTER DATABASE one RENAME TO uno');
    becomes($_, 'uno', supervised_states(), $on_standby, $_->name . ': they run under another name of their database') for @standbys;
    value($primary, 'postgres', 'ALTER DATABASE uno RENAME TO one');
    becomes($_, 'one', supervised_states(), $on_standby, $_->name . ': and back') for @standbys;
    becomes($primary, 'one', supervised_states(), $on_primary, 'on the primary, too');
};

subtest 'exclusive locks' => sub {
    add_database($primary, 'other', 'dynpgext');
    catch_up($primary, @standbys);
    becomes($standby, 'other', 'SELECT count(*) FROM dynpgext.extensions', 0, 'another database');
    my $session = $primary->background_psql('one');
    $session->query_safe('BEGIN');
    $session->query_safe("LOCK TABLE dynpgext.$_ IN ACCESS EXCLUSIVE MODE")
      for qw(registered_extension registered_allocation registered_worker worker_settings);
    $session->query_safe('CREATE EXTENSION dx_trusted');
    value($primary, 'other', 'CREATE EXTENSION dx_trusted');    # also sends the locks, and an announcement
    becomes($standby, 'other', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_trusted'), 'provisioned',
        'while tables of one database are locked, another is served');
    $session->query_safe('COMMIT');
    $session->quit;
    becomes($standby, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_trusted'), 'provisioned', 'then this one is');
    value($primary, $_, 'DROP EXTENSION dx_trusted') for qw(one other);
    catch_up($primary, @standbys);
};

subtest 'DROP EXTENSION dynpgext' => sub {
    value($primary, 'one', 'DROP EXTENSION dynpgext');
    catch_up($primary, @standbys);
    for my $node (@standbys) {
        becomes($node, 'other', q(SELECT (SELECT count(*) FROM dynpgext.cluster_workers) + (SELECT count(*) FROM dynpgext.cluster_allocations)), 0,
            $node->name . ': nothing is left');
        my %there = processes($node);
        is(join(' ', grep {/^dx/} keys %there), '', $node->name . ': nor any worker');
        is(value($node, 'one', q(SELECT dx_address('dx_memory:local') IS NULL)), 't', $node->name . ': nor memory');
    }
    value($primary, 'one', 'CREATE EXTENSION dynpgext');
    catch_up($primary, @standbys);
    becomes($_, 'one', supervised_states(), $on_standby, $_->name . ': all is back with it') for @standbys;
};

subtest 'crashes on a standby' => sub {
    for my $time (1 .. 3) {
        my $offset = log_offset($standby);
        ok(tell_to_crash($standby, 'one', 4, 'segv'), "$time: a worker crashes there");
        $standby->wait_for_log(
            qr/all server processes terminated; reinitializing.*database system is ready to accept read-only connections/s, $offset);
        catch_up($primary, $standby);    # the standby replays from its last restartpoint
        ok($standby->poll_query_until('one', supervised_states(), $time < 3 ? $on_standby : $on_standby =~ s/4 running/4 quarantined/r),
            $time < 3 ? 'all is back' : 'it is quarantined, all others are back');
        is(log_count($standby, qr/WARNING:  .*took the server down \($time of 3 times/, $offset), 1, 'the log names it');
    }
    is(value($primary, 'one', supervised_states()), $on_primary, 'the primary is not concerned');
    is(value($standby, 'one', q(SELECT dynpgext.release('dx_supervised'))), 't', 'release() works there');
    becomes($standby, 'one', supervised_states(), $on_standby, 'then it runs');
    value($primary, 'one', 'CREATE EXTENSION dx_usage');
    catch_up($primary, $standby);    # an ERROR for a missing function would count as a complaint
    becomes($standby, 'one', 'SELECT dx_usage_value()', 'usage', 'the primary is followed as before');
};

subtest 'restart_worker on a worker that waits for a promotion' => sub {
    for my $n (1, 5) {
        is(value($standby, 'one', "SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised $n')"), 'f', "$n cannot be restarted");
    }
    shows($standby, 'one', 'dx supervised 1', q(state = 'waiting'), 'and waits on');
};

subtest 'pg_dump of a standby' => sub {
    my $file = PostgreSQL::Test::Utils::tempdir('dump') . '/dump.sql';
    value($primary, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 4', restart => 'on_failure')));
    shows($standby, 'one', 'dx supervised 4', q(restart = 'on_failure'), 'a setting');
    value($primary, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 4', restart => 'never')));
    shows($standby, 'one', 'dx supervised 4', q(restart = 'never'), 'and another');
    command_ok([ 'pg_dump', '-d', $standby->connstr('one'), '-f', $file ], 'works');
    like(slurp_file($file), qr/COPY dynpgext\.worker_settings .*\ndx_supervised\tdx supervised 4\t/, 'with the settings');
};

# The server terminates all connections to a database that is moved.
subtest 'a database moves to another tablespace' => sub {
    value($primary, 'postgres', q(CREATE TABLESPACE elsewhere LOCATION ''));
    value($primary, 'postgres', 'ALTER DATABASE one SET TABLESPACE elsewhere');
    catch_up($primary, @standbys);
    becomes($primary, 'one', supervised_states(), $on_primary, 'on the primary all run again');
    for my $node (@standbys) {
        shows($node, 'one', "dx supervised $_", q(state = 'running'), $node->name . ": so does $_") for 2 .. 4;
    }
    value($primary, 'postgres', 'ALTER DATABASE one SET TABLESPACE pg_default');
    catch_up($primary, @standbys);
};

my $expected = qr/ERROR:\ \ cannot\ execute\ .*\ (in\ a\ read-only\ transaction|during\ recovery)
  |FATAL:\ \ terminating\ (connection|background\ worker|walreceiver)
  |FATAL:\ \ cannot\ connect\ to\ invalid\ database\ "\w+"   # the drop was faster than the connection
  |FATAL:\ \ database\ ("\w+"|\d+)\ does\ not\ exist
  |FATAL:\ \ (the\ database\ system\ is|could\ not\ (connect|receive|send))
  |WARNING:\ \ (terminating\ connection\ because|background\ worker\ "dx\ supervised\ 4".*(took\ the\ server\ down|is\ quarantined))/x;
for my $node (@standbys) {
    my @complaints = grep { /(WARNING|ERROR|FATAL|PANIC):  / && !/$expected/ } split /\n/, slurp_file($node->logfile);
    is(join("\n", @complaints), '', $node->name . ': no other complaint in the log');
}
$_->stop for @standbys, $primary;
done_testing();
