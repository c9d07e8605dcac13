# Long-lived properties of dynpgext's processes: memory, settings, reported errors, and signals during their
# exit.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main',
    'dx_border.worker' => 'on',
    'dx_border.size' => 4 * 1024 * 1024,
    'dynpgext.crash_limit' => 1,
    'dynpgext.stop_timeout' => '100ms');
add_database($node, 'hub', 'dynpgext');
add_database($node, 'one', 'dynpgext', 'dx_border');
ok(wait_whole($node, 'one'), 'all is well');

# Waits until the log has this number of matches.
sub wait_for_count {
    my ($pattern, $offset, $count) = @_;
    return wait_until { log_count($node, $pattern, $offset) >= $count };
}

sub restart_doing {
    my ($what) = @_;
    my $offset = log_offset($node);
    configure($node, 'hub', 'dx_border.do' => $what);
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_border', 'dx border')));
    return $offset;
}

# ---- the launcher's memory ----

# The memory in contexts that are never reset.
sub top_memory {
    my $offset = log_offset($node);
    value($node, 'hub', 'SELECT pg_log_backend_memory_contexts(launcher_pid) FROM dynpgext.status');
    $node->wait_for_log(qr/level: [01]; TopMemoryContext: [^\n]* \d+ used/, $offset);
    my ($used) = slurp_file($node->logfile, $offset) =~ /level: [01]; TopMemoryContext: [^\n]* (\d+) used/;
    return $used;
}

my $command = $node->background_psql('hub');
my $offset = log_offset($node);
$command->query_safe('BEGIN; ALTER DATABASE one RENAME TO uno');
my $round = qr/a command on database \d+ is under way/;
ok(wait_for_count($round, $offset, 5), 'the launcher meets a command on a database');
my $before = top_memory();
$offset = log_offset($node);
ok(wait_for_count($round, $offset, 40), 'round after round');
cmp_ok(top_memory() - $before, '<', 2048, 'and takes no more memory for each');
$command->query_safe('ROLLBACK');
$command->quit;
ok(wait_whole($node, 'one'), 'after it the workers run again');

# ---- an error outside of a transaction ----

$offset = restart_doing('look up');
$node->wait_for_log(qr/dx_border (caught|: the lookup has not)|was terminated by signal/, $offset);
like(slurp_file($node->logfile, $offset), qr/dx_border caught ".*open.*" with a context of 41943040 bytes, whole/,
    'an error that leaves a lookup outside of a transaction is whole');

# ---- settings in the process of a worker ----

value($node, 'one', 'CREATE EXTENSION dx_supervised');
ok(wait_whole($node, 'one'), 'a second worker');
crash($node, sub { tell_to_crash($node, 'one', 1, 'segv') });
shows($node, 'one', 'dx supervised 1', "state = 'quarantined'", 'is quarantined after a crash');
configure($node, 'hub', 'dynpgext.max_workers' => 1, 'dx_border.sql' => "SELECT dynpgext.release(''dx_supervised'')");
$offset = restart_doing('sql');
$node->wait_for_log(qr/dx_border has executed its SQL/, $offset);
shows($node, 'one', 'dx supervised 1', "state = 'waiting'", 'released by a worker, it waits for a place under max_workers');
shows($node, 'one', 'dx border', "state = 'running'", 'that is taken');
configure($node, 'hub', 'dynpgext.max_workers' => -1);
shows($node, 'one', 'dx supervised 1', "state = 'running'", 'and starts when there is one');

# Quarantined objects run while the crash guard is off, even after a call of release().
restart_doing('nothing');
value($node, 'one', 'CREATE EXTENSION dx_worker');
ok(wait_whole($node, 'one'), 'a third worker');
crash($node, sub { tell_to_crash($node, 'one', 1, 'segv') });
crash($node, sub { $node->psql('one', q(SELECT dx_worker_command('local', 'segv'))) })
  if $node->poll_query_until('one', 'SELECT listening FROM dx_worker_info($$local$$)');
shows($node, 'one', $_, "state = 'quarantined'", "$_ is quarantined") for 'dx supervised 1', 'dx local';
configure($node, 'hub', 'dynpgext.crash_limit' => 0);
$node->restart;
ok(wait_whole($node, 'one'), 'without the crash guard they run');
$offset = restart_doing('sql');
$node->wait_for_log(qr/dx_border has executed its SQL/, $offset);
ok(reaches($node, 'one', 'dx border', "state = 'running'"), 'the worker runs again');
is(whole($node, 'one'), '', 'also after a worker has released one of them');
value($node, 'one', 'DROP EXTENSION dx_worker');
configure($node, 'hub', 'dynpgext.crash_limit' => 1);

# ---- a worker that hangs in its exit ----

my $hang = $node->data_dir . '/dx_border.hang';
append_to_file($hang, '');
$offset = restart_doing('hang');
$node->wait_for_log(qr/dx_border is busy/, $offset);
my $pid = pid_of($node, 'one', 'dx border');
value($node, 'one', q(SELECT dynpgext.stop_worker('dx_border', 'dx border')));
$node->wait_for_log(qr/dx_border hangs at its exit/, $offset);
my ($blocked) = slurp_file("/proc/$pid/status") =~ /^SigBlk:\s*[0-9a-f]*([0-9a-f]{8})$/m;
ok((hex($blocked) & 1 << 14) != 0, 'a worker that is ended where it is has SIGTERM blocked');
ok((hex($blocked) & 1 << 2) == 0, 'but not SIGQUIT');
my $victim = $node->background_psql('hub');
my $victim_pid = $victim->query_safe('SELECT pg_backend_pid()');
$offset = crash($node, sub { kill 'KILL', $victim_pid });
my $log = slurp_file($node->logfile, $offset);
unlike($log, qr/issuing SIGKILL/, 'so it ends with the server');
unlike($log, qr/"dx border"[^\n]*took the server down/, 'and is not blamed for the crash of another');
eval { $victim->quit };
unlink $hang;
configure($node, 'hub', 'dx_border.do' => 'nothing');
ok(wait_whole($node, 'one'), 'all is well again');

$node->stop;
done_testing();
