# A switchover and back, with pg_rewind for the old primary: which parts of dynpgext's state belong to a node,
# which move with the data, and which are lost.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $a = new_primary('a',
    shared_preload_libraries => 'dynpgext',
    wal_log_hints => 'on',
    'dynpgext.crash_limit' => 1,
    'dx_supervised.servers' => 'primary',
    'dx_supervised.workers' => 3);
add_database($a, 'one', qw(dynpgext dx_supervised dx_memory));
is_whole($a, 'all runs on a', 'one');
my $b = new_standby($a, 'b');
becomes($b, 'one', supervised_states(), '1 waiting, 2 waiting, 3 waiting', 'and waits on b');

# A standby without preload, never used.
my $c = new_standby($a, 'c', shared_preload_libraries => '');

sub has_worker {
    my ($node) = @_;
    my %there = processes($node);
    return exists $there{'dx supervised 1'};
}

subtest 'without preload' => sub {
    catch_up($a, $c);
    $c->promote;
    value($c, 'one', 'CREATE TABLE used AS SELECT 1');
    my %there = processes($c);
    is(join(' ', grep {/^dx |^dynpgext/} sort keys %there), '', 'a promotion, and a session of a user, start nothing');
    value($c, 'postgres', 'SELECT 1');
    value($c, 'one', 'SELECT dynpgext.version()');
    becomes($c, 'one', supervised_states(), '1 running, 2 running, 3 running', 'the first use does');

    # in a database without dynpgext, in a session that does not use it
    $c->append_conf('postgresql.conf', q(session_preload_libraries = 'dynpgext'));
    $c->restart;
    value($c, 'postgres', 'SELECT 1');
    ok(wait_until { has_worker($c) }, 'with session_preload_libraries the first session of any role does');
    becomes($c, 'one', supervised_states(), '1 running, 2 running, 3 running', 'all run');
    # a failure to start the launcher does not refuse a session
    $c->append_conf('postgresql.conf', 'max_worker_processes = 0');
    $c->restart;
    is(value($c, 'postgres', 'SELECT 1'), 1, 'without a slot for it, a session starts nevertheless');
    $c->stop;
};

my $guard = 'pg_stat_tmp/dynpgext.guard';

crash($a, sub { ok(tell_to_crash($a, 'one', 1, 'segv'), 'a worker crashes on a') });
becomes($a, 'one', supervised_states(), '1 quarantined, 2 running, 3 running', 'and is quarantined there');
value($a, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', enabled => false)));
$a->restart;
becomes($a, 'one', supervised_states(), '1 quarantined, 2 disabled, 3 running', 'so it is after a restart');

# The old primary first gets its own timeline, as if it had been cut off, and then follows the new one.
sub switch_over {
    my ($old, $new) = @_;
    catch_up($old, $new);
    $new->promote;
    value($new, 'postgres', 'CHECKPOINT');    # otherwise pg_rewind sees the old timeline
    value($old, 'one', 'CREATE TABLE IF NOT EXISTS diverged AS SELECT 1');
    $old->stop;
    my $settings = slurp_file($old->data_dir . '/postgresql.conf');
    my @rewind = ('pg_rewind', '--debug', '--source-server', $new->connstr('postgres'), '--target-pgdata', $old->data_dir);
    my ($out, $error) = run_command(\@rewind);
    like("$out$error", qr/Done!/, 'pg_rewind of ' . $old->name) or BAIL_OUT("pg_rewind: $out$error");
    like("$out$error", qr/\Q$guard\E \(REMOVE\)/, 'it removes the file of the guard');
    ok(!-e $old->data_dir . "/$guard", 'which is not there any more');
    open(my $file, '>', $old->data_dir . '/postgresql.conf') or die;
    print $file $settings;
    close $file;
    $old->enable_streaming($new);
    $old->set_standby_mode;
    $old->start;
    return;
}

subtest 'from a to b' => sub {
    switch_over($a, $b);
    becomes($b, 'one', supervised_states(), '1 running, 2 disabled, 3 running', 'b: the quarantine of a does not apply, the settings of the DBA do');
    becomes($a, 'one', supervised_states(), '1 waiting, 2 disabled, 3 waiting', 'a: as a standby that is new');
};

subtest 'and back' => sub {
    crash($b, sub { ok(tell_to_crash($b, 'one', 3, 'segv'), 'another worker crashes on b') });
    becomes($b, 'one', supervised_states(), '1 running, 2 disabled, 3 quarantined', 'and is quarantined there');
    ok($a->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming')), 'a follows b');
    switch_over($b, $a);
    becomes($a, 'one', supervised_states(), '1 running, 2 disabled, 3 running', 'a: quarantined workers run again, disabled ones do not');
    crash($a, sub { ok(tell_to_crash($a, 'one', 1, 'segv'), 'it crashes again') });
    becomes($a, 'one', supervised_states(), '1 quarantined, 2 disabled, 3 running', 'and is quarantined again');
    becomes($b, 'one', supervised_states(), '1 waiting, 2 disabled, 3 waiting', 'b: nothing is quarantined');
};

$_->stop for $b, $a;
done_testing();
