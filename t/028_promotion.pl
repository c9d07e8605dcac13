# Promotion, switchover, and the content of a base backup.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use File::Copy ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# Each worker is for a different role of the server: 1 for the primary, 2 for standbys, 3 for both; 4 and 5
# decide by their start time, ConsistentState and RecoveryFinished.
my $on_primary = '1 running, 2 waiting, 3 running, 4 running, 5 running';
my $on_standby = '1 waiting, 2 running, 3 running, 4 running, 5 waiting';
my $old = new_primary('old',
    'shared_preload_libraries' => 'dynpgext',
    'dynpgext.crash_limit' => 1,
    'dx_supervised.connect' => 'on',
    'dx_supervised.servers' => 'primary,standby,both,consistent,',
    'dx_supervised.workers' => 5);
add_database($old, $_, qw(dynpgext dx_memory dx_supervised dx_usage)) for qw(one two);
becomes($old, $_, supervised_states(), $on_primary, "$_: on the primary") for qw(one two);

# The primary's guard blames a worker; a standby has its own guard.
crash($old, sub { ok(tell_to_crash($old, 'two', 5, 'segv'), 'a worker crashes on the primary') });
becomes($old, 'two', supervised_states(), $on_primary =~ s/5 running/5 quarantined/r, 'and is quarantined there');
my $file = 'pg_stat_tmp/dynpgext.guard';
ok(-e $old->data_dir . "/$file", 'the guard has a file');

# The standbys check by themselves only once an hour: every change must be announced.
my $new = new_standby($old, 'new', 'dynpgext.naptime' => '1h');
ok(!-e $old->backup_dir . "/for_new/$file", 'which is not in a base backup');
my $plain = new_standby($old, 'plain', 'dynpgext.naptime' => '1h', 'shared_preload_libraries' => '');
my $cold = new_standby($old, 'cold', hot_standby => 'off');
is(value($plain, 'one', q(SELECT dx_read('dx_memory:local'))), '', 'the one that is not preloaded is used');
for my $node ($new, $plain) {
    becomes($node, $_, supervised_states(), $on_standby, $node->name . ": $_: on the standby") for qw(one two);
}

# Promotes while the launcher is stopped: since PostgreSQL 19 the server waits for all processes before the
# end of the promotion.
sub promote_without {
    my ($node) = @_;
    return $node->promote if $node->pg_version < '19devel';
    my $offset = log_offset($node);
    run_log([ 'pg_ctl', '--pgdata', $node->data_dir, '--no-wait', 'promote' ]);
    return $node->wait_for_log(qr/archive recovery complete/, $offset);
}

# A backup made by hand, with all files.
subtest 'a copy of the guard file' => sub {
    my $copy = PostgreSQL::Test::Cluster->new('copied');
    $old->backup('by_hand', backup_options => [ '--checkpoint', 'fast' ]);
    $copy->init_from_backup($old, 'by_hand', has_streaming => 1);
    File::Copy::copy($old->data_dir . "/$file", $copy->data_dir . "/$file") or die "$file: $!";
    $copy->start;
    becomes($copy, 'two', supervised_states(), $on_standby, 'blames nobody');

    # a promotion before the launcher has followed the replayed changes
    my $launcher = value($copy, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    kill 'STOP', $launcher;
    value($old, 'one', 'CREATE EXTENSION dx_trusted');
    catch_up($old, $copy);
    promote_without($copy);
    kill 'CONT', $launcher;
    becomes($copy, $_, supervised_states(), $on_primary, "$_: promoted, all runs") for qw(one two);
    becomes($copy, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_trusted'), 'provisioned',
        'what was replayed before and not followed yet, too');
    value($old, 'one', 'DROP EXTENSION dx_trusted');
    $copy->stop;
};

# After a promotion, any launcher also checks for changes without an announcement.
subtest 'a launcher that was stopped during the promotion' => sub {
    value($old, 'one', $_) for 'ALTER EVENT TRIGGER dynpgext_on_create DISABLE', 'CREATE EXTENSION dx_trusted',
      'ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS';
    my $away = new_standby($old, 'away', 'dynpgext.naptime' => '1h');
    becomes($away, $_, supervised_states(), $on_standby, "$_: on the standby") for qw(one two);
    my $launcher = value($away, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    kill 'STOP', $launcher;
    promote_without($away);
    kill $_, $launcher for qw(TERM CONT);
    becomes($away, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_trusted'), 'provisioned',
        'the next one looks at everything');
    value($old, 'one', 'DROP EXTENSION dx_trusted');
    $away->stop;
};

subtest 'restart_worker() on a waiting worker before the promotion' => sub {
    my $early = new_standby($old, 'early');
    becomes($early, 'one', supervised_states(), $on_standby, 'a standby');
    is(value($early, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 5'))), 'f', 'cannot be restarted');
    $early->promote;
    becomes($early, 'two', supervised_states(), $on_primary, 'promoted, the workers of another database run');
    becomes($early, 'one', supervised_states(), $on_primary, 'and so does that one');
    $early->stop;
};

# Milliseconds from the promotion to the start of the last of these workers.
sub started_after {
    my ($node, $log_offset, @names) = @_;
    my $list = join ', ', map {"'$_'"} @names;
    my ($promoted) = slurp_file($node->logfile, $log_offset) =~ /^(\S+ \S+ \S+) [^[]*\[\d+\] .*archive recovery complete/m;
    return -1 unless $promoted;
    return value($node, 'one', qq(SELECT round(1000 * extract(epoch FROM max(last_started_at) - timestamptz '$promoted'))
        FROM dynpgext.cluster_workers WHERE name IN ($list)));
}

for my $node ($new, $plain) {
    my $name = $node->name;
    subtest "promotion of $name" => sub {
        my %pids = map { $_ => value($node, 'one', "SELECT pid FROM dynpgext.workers WHERE name = '$_'") } map {"dx supervised $_"} 2 .. 4;
        value($node, 'one', "SELECT dx_write('dx_memory:local', 'kept')");
        if ($node == $new) {    # a clean switchover: nothing left to send
            catch_up($old, $new);
            $old->stop;
        }
        my $offset = log_offset($node);
        my $begin = time;
        $node->promote;
        my $promoted = time;
        for my $database (qw(one two)) {
            becomes($node, $database, supervised_states(), $on_primary, "$database: those of a primary run, that of a standby waits");
        }
        note(sprintf 'promotion took %.0f ms; all is right in both databases %.0f ms after it', 1000 * ($promoted - $begin), 1000 * (time - $promoted));
        my $after = started_after($node, $offset, 'worker', 'dx supervised 1', 'dx supervised 5');
        note("the last worker started $after ms after the end of recovery");
        cmp_ok($after, '<', 1000 * $PostgreSQL::Test::Utils::timeout_default, 'not by the naptime, which is longer');
        cmp_ok($after, '>=', 0, 'and not before');
        my %there = processes($node);
        ok(!grep({ $_ == $pids{'dx supervised 2'} } map {@$_} values %there), 'the process of the one for standbys is gone');
        ok(!exists $there{'dx supervised 2'}, 'and none came instead');
        is(value($node, 'one', "SELECT pid FROM dynpgext.workers WHERE name = '$_'"), $pids{$_}, "$_ is the same process")
          for 'dx supervised 3', 'dx supervised 4';
        is(join(', ', map { "$_: " . @{ $there{$_} } } sort grep {/^(dx|worker)/} keys %there),
            'dx supervised 1: 2, dx supervised 3: 2, dx supervised 4: 2, dx supervised 5: 2, worker: 1', 'one process each');
        is(value($node, 'one', q(SELECT dx_read('dx_memory:local'))), 'kept', 'memory is untouched');
        is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload has nothing to do');

        value($node, 'one', 'CREATE EXTENSION dx_trusted');
        is(value($node, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_trusted')), 'provisioned', 'extensions can be created');
        value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 4', enabled => false)));
        becomes($node, 'one', supervised_states(), $on_primary =~ s/4 running/4 disabled/r, 'workers can be configured');
        value($node, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 4')));
        value($node, 'one', 'DROP EXTENSION dx_usage');
        becomes($node, 'two', q(SELECT string_agg(state, ' ') FROM dynpgext.cluster_workers WHERE name = 'worker'), 'running', 'a drop: the other database has it');
        value($node, 'two', 'DROP EXTENSION dx_usage');
        becomes($node, 'two', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE name = 'worker'), 0, 'dropped there, too, it ends');
        add_database($node, 'three', qw(dynpgext dx_usage_cpp));
        is_new($node, 'three');
    };
}

sub is_new {
    my ($node, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return becomes($node, $database, q(SELECT string_agg(state, ' ') FROM dynpgext.workers), 'running', 'a new database has its worker');
}

subtest 'a standby with hot_standby = off' => sub {
    $cold->wait_for_log(qr/entering standby mode/);
    my %there = processes($cold);
    is(join(' ', grep {/dynpgext|^dx|^worker/} keys %there), '', 'nothing of dynpgext runs');
    my @complaints = grep { /(WARNING|ERROR|FATAL|PANIC):  / && !/FATAL:  (?:streaming replication receiver "\w+" )?(the database system is not|could not (?:connect|receive|send)|terminating wal)/ }
      split /\n/, slurp_file($cold->logfile);
    is(join("\n", @complaints), '', 'it complains of nothing');
    $cold->promote;
    becomes($cold, $_, supervised_states(), $on_primary, "$_: promoted, all runs") for qw(one two);
    $cold->stop;
};

subtest 'the old primary comes back as a standby' => sub {
    $old->enable_streaming($new);
    $old->start;
    catch_up($new, $old);
    becomes($old, 'one', supervised_states(), $on_standby, 'one: as on a standby');
    becomes($old, 'two', supervised_states(), $on_standby =~ s/5 waiting/5 quarantined/r, 'two: its guard has not forgotten');
    becomes($old, 'one', q(SELECT string_agg(extension, ' ' ORDER BY extension) FROM dynpgext.extensions WHERE state = 'provisioned'),
        'dx_memory dx_supervised dx_trusted', 'it follows what was created and dropped since');
    becomes($old, 'three', q(SELECT string_agg(state, ' ') FROM dynpgext.workers), 'waiting', 'and the new database');
    is(value($old, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload has nothing to do');
    value($new, 'one', 'CREATE EXTENSION dx_usage');
    becomes($old, 'one', 'SELECT dx_usage_value()', 'usage', 'it follows');
    value($new, 'three', 'DROP EXTENSION dx_usage_cpp');
    becomes($old, 'three', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE extension = 'dx_usage_cpp'), 0, 'a drop, too');

    $new->stop;
    $old->promote;
    becomes($old, 'one', supervised_states(), $on_primary, 'promoted again, it is a primary');
    becomes($old, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'worker'), 'running', 'in full');
};

$_->stop for $old, $plain;
done_testing();
