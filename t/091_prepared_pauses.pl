# Pauses of a prepared transaction last until its end, even over a restart or crash of the server, and on a
# standby that is promoted.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use SqlWorkers;
use Test::More;

my $node = new_primary('main');
add_database($node, 'one', 'dynpgext');
value($node, 'one', <<'SQL');
CREATE SCHEMA s;
CREATE SCHEMA t;
CREATE EXTENSION dx_declared SCHEMA s;
CREATE EXTENSION dx_busy SCHEMA t;
CREATE EXTENSION dx_plain;
SQL

register_sql_workers($node, 'one', 'dx_plain', { name => 'dx other', sql => 'SELECT 1', interval => 50 });
my $states = q(SELECT string_agg(name || ' ' || state || COALESCE(' for ' || waits_for, ''), ', ' ORDER BY name) FROM dynpgext.workers WHERE extension = '%s');
my $declared = sprintf $states, 'dx_declared';
my $running = 'dx bell running, dx tick running';
my $paused = 'dx bell waiting for a command on its extension, dx tick waiting for a command on its extension';

sub runs_on {
    my ($on, $worker, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $since = value($on, 'one', 'SELECT clock_timestamp()');
    return ok(command_is($on, 'one', $worker, "last_run_at > '$since' AND last_failed_at IS DISTINCT FROM last_run_at"), $test) || diag(command_row($on, 'one', $worker));
}

# Once the others run, the paused workers have been checked, too.
sub stays_paused {
    my ($on, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    runs_on($on, 'dx busy', 'others run');
    is(value($on, 'one', q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_declared' AND state IN ('running', 'starting'))), 0, $test);
    return is(value($on, 'one', q(SELECT count(*) FROM dynpgext.events WHERE extension = 'dx_declared' AND event = 'started')), 0, 'none has been started in between');
}

# For each way in which shared memory is made anew.
my %restarts = (
    'a restart' => sub { $node->restart },
    'an immediate stop' => sub { $node->stop('immediate'); $node->start },
    'a crash' => sub {
        my $session = $node->background_psql('one');
        my $pid = $session->query_safe('SELECT pg_backend_pid()');
        crash($node, sub { kill 'KILL', $pid });
        $session->{run}->finish;
    });

for my $preload (0, 1) {
    my $how = $preload ? 'preloaded' : 'not preloaded';
    set_preload($node, $preload);
    $node->restart;
    for my $restart (sort keys %restarts) {
        subtest "$restart, $how" => sub {
            becomes($node, 'one', $declared, $running, 'its workers run');
            value($node, 'one', q(BEGIN; ALTER SCHEMA s RENAME TO was_s; PREPARE TRANSACTION 'renames'));
            becomes($node, 'one', $declared, $paused, 'the extension is paused');
            runs_on($node, 'dx busy', 'others are not');
            $restarts{$restart}->();
            stays_paused($node, 'so it is afterwards');
            is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_declared', 'dx tick'))), 'f', 'nor is it by hand');
            value($node, 'one', q(ROLLBACK PREPARED 'renames'));
            becomes($node, 'one', $declared, $running, 'it runs when that has ended');
            runs_on($node, 'dx tick', 'as before');
        };
    }
}

subtest 'a prepared command is committed' => sub {
    value($node, 'one', q(BEGIN; DROP EXTENSION dx_busy; PREPARE TRANSACTION 'drops'; BEGIN; ALTER EXTENSION dx_declared UPDATE TO '0.2'; PREPARE TRANSACTION 'updates'));
    $node->restart;
    ok(command_is($node, 'one', 'dx other', 'runs > 1'), 'another worker runs');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE extension IN ('dx_declared', 'dx_busy') AND event = 'started')), 0, 'those of neither');
    value($node, 'one', q(COMMIT PREPARED 'updates'; COMMIT PREPARED 'drops'));
    becomes($node, 'one', $declared, $running, 'the update is followed');
    becomes($node, 'one', sprintf($states, 'dx_busy'), '', 'and the drop');
    ok(command_is($node, 'one', 'dx tick', q(command LIKE '%tick 0.2%' AND runs > 0)), 'with the new command');
};

subtest 'a pause rolled back to a savepoint does not last' => sub {
    value($node, 'one', q(BEGIN; SAVEPOINT a; ALTER SCHEMA s RENAME TO was_s; ROLLBACK TO a; CREATE TABLE other (); PREPARE TRANSACTION 'nothing'));
    $node->restart;
    becomes($node, 'one', $declared, $running, 'its workers run');
    value($node, 'one', q(ROLLBACK PREPARED 'nothing'));
};

# Only then does it have the locks of prepared transactions.
subtest 'a promoted standby' => sub {
    my $standby = new_standby($node, 'standby');
    value($node, 'one', q(BEGIN; ALTER SCHEMA s RENAME TO was_s; PREPARE TRANSACTION 'renames'));
    catch_up($node, $standby);
    $node->stop;
    $standby->promote;
    ok(command_is($standby, 'one', 'dx other', 'runs > 1'), 'workers run on the new primary');
    is(value($standby, 'one', q(SELECT count(*) FROM dynpgext.events WHERE extension = 'dx_declared' AND event = 'started')), 0, 'except paused ones');
    value($standby, 'one', q(COMMIT PREPARED 'renames'; ALTER SCHEMA was_s RENAME TO s));
    becomes($standby, 'one', $declared, $running, 'until the transaction ends');
    $standby->stop;
};

done_testing();
