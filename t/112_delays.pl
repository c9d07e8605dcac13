# A report of SQL workers whose command delays others of its process: dynpgext.delay_warning.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', 'dynpgext.delay_warning' => '300ms', 'dynpgext.naptime' => '1h');
add_database($node, 'one', qw(dynpgext dx_plain));
my %slow = (name => 'slow', sql => 'SELECT pg_sleep(1)', interval => $hour);
my %often = (name => 'often', sql => 'SELECT 1', interval => 50);
my %rare = (name => 'rare', sql => 'SELECT 1', interval => $hour);

sub events { return value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'delaying')) }
sub run_slow { return value($node, 'one', q(SELECT dynpgext.run_worker('dx_plain', 'slow') >= '1 s')) }

subtest 'no worker waits' => sub {
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%rare);
    ok(command_is($node, 'one', $_, 'runs = 1'), "$_ runs") for qw(slow rare);
    is(run_slow(), 't', 'a slow command');
    # the other worker may have waited for it at its start
    ok(events() <= 1, 'is no event where no other is due');
};

subtest 'other workers wait' => sub {
    my ($before, $offset) = (events(), log_offset($node));
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%rare, \%often, { %often, name => 'too' });
    ok(command_is($node, 'one', $_, 'runs > 0'), "$_ runs") for qw(often too);
    run_slow();
    is(events(), $before + 1, 'an event');
    like(value($node, 'one', q(SELECT extension || ' ' || name || ' ' || detail FROM dynpgext.events WHERE event = 'delaying' ORDER BY at DESC LIMIT 1)),
        qr/^dx_plain slow 2 others, for up to (9\d\d|1\d\d\d) ms$/, 'shows the number and the delay');
    is_logged($node, qr/WARNING:  SQL worker "slow" of extension "dx_plain" has delayed 2 others for up to \d+ ms/, $offset, 1, 'and so does the log');
    run_slow();
    is(events(), $before + 1, 'once in a row');
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%rare);
    run_slow();
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%often);
    ok(command_is($node, 'one', 'often', 'runs > 0'), 'others run again');
    run_slow();
    is(events(), $before + 2, 'and again after a run that delays no worker');
};

# It runs until the lock is released.
subtest 'a run that does not end' => sub {
    my %held = (name => 'held', sql => 'SELECT pg_advisory_xact_lock(1)', interval => $hour);
    my $waits = q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted);
    my $unhealthy = q(SELECT severity || ' ' || name || ' ' || problem FROM dynpgext.health() WHERE problem LIKE 'delaying:%');
    configure($node, 'one', 'dynpgext.naptime' => '100ms');
    my ($before, $offset) = (events(), log_offset($node));
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1)');
    register_sql_workers($node, 'one', 'dx_plain', \%held);
    becomes($node, 'one', $waits, 1, 'it runs');
    is($node->poll_query_until('one', q(SELECT now() - query_start > '500 ms' FROM pg_stat_activity WHERE wait_event = 'advisory')), 1, 'for long');
    is(events(), $before, 'if no process waits, there is no message');
    is(value($node, 'one', $unhealthy), '', 'nor by health()');
    register_sql_workers($node, 'one', 'dx_plain', \%held, \%often, map { { %often, name => $_ } } 'too', 'also', 'as well');
    ok($node->poll_query_until('one', q(SELECT count(*) > 0 FROM dynpgext.events WHERE event = 'delaying' AND name = 'held')), 'others wait: there is an event before its end');
    is(value($node, 'one', $waits), 1, 'it runs still');
    like(value($node, 'one', q(SELECT detail FROM dynpgext.events WHERE name = 'held' AND event = 'delaying')), qr/^4 others, for up to \d+ ms; still running, for \d+ ms$/, 'which tells how long');
    my $pid = runner_pid($node, 'one');
    is_logged($node, qr/WARNING:  SQL worker "held" of extension "dx_plain" \(PID $pid\) has run for \d+ ms and delays 4 others for up to \d+ ms: (?:"[a-z ]+"(?:, )?){3} and 1 more/, $offset, 1, 'so does the log, with names');
    becomes($node, 'one', $unhealthy =~ s/problem FROM/regexp_replace(problem, '\\d+ s', 'N s') FROM/r, 'warning held delaying: SQL worker of extension "dx_plain" has run for N s and delays 4 others of its process', 'and health()');
    like(value($node, 'one', q(SELECT remedy FROM dynpgext.health() WHERE problem LIKE 'delaying:%')), qr/"process": "own".*SELECT dynpgext\.stop_worker\('dx_plain', 'held'\)/, 'with a remedy');
    # after several checks of the launcher
    is($node->poll_query_until('one', q(SELECT now() - query_start > '2 s' FROM pg_stat_activity WHERE wait_event = 'advisory')), 1, 'it continues');
    is(events(), $before + 1, 'once for the run');
    $holder->query_safe('SELECT pg_advisory_unlock(1)');
    $holder->quit;
    ok(command_is($node, 'one', 'held', 'runs = 1'), 'it ends');
    ok(command_is($node, 'one', 'also', 'runs > 0'), 'the others run');
    is(events(), $before + 1, 'which is not reported again');
    is(value($node, 'one', $unhealthy), '', 'all is well');
};

# The launcher looks every 100 ms.
subtest 'a run that does not end, after one that was reported' => sub {
    my %hangs = (name => 'hangs', sql => 'SELECT pg_sleep(0.6), pg_advisory_xact_lock(1)', channel => 'hang');
    my $reported = q(SELECT count(*) FROM dynpgext.events WHERE event = 'delaying' AND name = 'hangs');
    register_sql_workers($node, 'one', 'dx_plain', \%often);
    ok(command_is($node, 'one', 'often', 'runs > 0'), 'another one runs');
    register_sql_workers($node, 'one', 'dx_plain', \%hangs, \%often);
    ok(command_is($node, 'one', 'hangs', 'runs = 1'), 'its run ends');
    is(value($node, 'one', $reported), 1, 'and was reported');
    value($node, 'one', 'NOTIFY hang');
    ok(command_is($node, 'one', 'hangs', 'runs = 2'), 'another one');
    is(value($node, 'one', $reported), 1, 'is not');
    my $offset = log_offset($node);
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1)');
    value($node, 'one', 'NOTIFY hang');
    becomes($node, 'one', $reported, 2, 'one that lasts much longer is');
    is_logged($node, qr/WARNING:  SQL worker "hangs" .* has run for \d+ ms and delays 1 other for up to \d+ ms: "often"/, $offset, 1, 'while it lasts');
    $holder->quit;
    ok(command_is($node, 'one', 'hangs', 'runs = 3'), 'it ends');
    is(value($node, 'one', $reported), 2, 'which is not said again');
};

# Whichever of the others comes first: one of them is left.
subtest 'those that wait have been notified' => sub {
    my %held = (name => 'held', sql => 'SELECT pg_advisory_xact_lock(1)', channel => 'hold');
    my @told = map { { name => $_, sql => 'SELECT 1', channel => 'tell' } } 'first told', 'second told';
    my %busy = (name => 'busy', sql => 'SELECT pg_advisory_xact_lock(2)', channel => 'busy');
    register_sql_workers($node, 'one', 'dx_plain', $told[0], \%held, $told[1], \%busy);
    ok(command_is($node, 'one', $_->{name}, 'runs = 1'), "$_->{name} runs") for @told, \%held, \%busy;
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1), pg_advisory_lock(2)');
    value($node, 'one', 'NOTIFY busy');
    becomes($node, 'one', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted), 1, 'their process is busy');
    value($node, 'one', 'NOTIFY hold; NOTIFY tell');
    $holder->query_safe('SELECT pg_advisory_unlock(2)');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM dynpgext.events WHERE event = 'delaying' AND name = 'held' AND detail ~ '^[12] others?, .*still running')), 'there is an event before its end')
      || diag(value($node, 'one', 'SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 10'));
    $holder->quit;
    ok(command_is($node, 'one', $_->{name}, 'runs = 2'), "$_->{name} runs") for @told, \%held;
};

# Its process cannot know of the request before the run ends.
subtest 'a session waits for a run' => sub {
    my %occupied = (name => 'occupied', sql => 'SELECT pg_advisory_xact_lock(1)', channel => 'occupied');
    register_sql_workers($node, 'one', 'dx_plain', \%rare, \%occupied);
    ok(command_is($node, 'one', $_, 'runs = 1'), "$_ runs") for qw(rare occupied);
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1)');
    value($node, 'one', 'NOTIFY occupied');
    becomes($node, 'one', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted), 1, 'their process is busy');
    my $session = $node->background_psql('one');
    $session->query_until(qr/requested/, "\\echo requested\nSELECT dynpgext.run_worker('dx_plain', 'rare');\n");
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM dynpgext.events WHERE event = 'delaying' AND name = 'occupied' AND detail ~ '^1 other, .*still running')), 'there is an event before the end')
      || diag(value($node, 'one', 'SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 10'));
    $holder->quit;
    ok(command_is($node, 'one', 'rare', 'runs = 2'), 'it gets its run');
    $session->quit;
};

subtest 'and the worker is at rest' => sub {
    my %occupied = (name => 'occupied later', sql => 'SELECT pg_advisory_xact_lock(1)', interval => 1500);
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '50ms');
    register_sql_workers($node, 'one', 'dx_plain', \%rare, \%occupied);
    ok(command_is($node, 'one', $_, 'runs > 0'), "$_ runs") for 'rare', 'occupied later';
    my $holder = $node->background_psql('one');
    $holder->query_safe('SELECT pg_advisory_lock(1)');
    becomes($node, 'one', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted), 1, 'another process is busy');
    my $session = $node->background_psql('one');
    $session->query_until(qr/requested/, "\\echo requested\nSELECT dynpgext.run_worker('dx_plain', 'rare');\n");
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM dynpgext.events WHERE event = 'delaying' AND name = 'occupied later' AND detail ~ '^1 other, .*still running')), 'there is an event before the end')
      || diag(value($node, 'one', 'SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 10'));
    $holder->quit;
    $session->quit;
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '10s');
};

subtest 'dynpgext.delay_warning' => sub {
    my $before = events();
    configure($node, 'one', 'dynpgext.delay_warning' => 0);
    register_sql_workers($node, 'one', 'dx_plain', { %slow, sql => 'SELECT pg_sleep(1.0)' }, \%often);
    ok(command_is($node, 'one', 'slow', 'runs > 0'), 'a new command');
    run_slow();
    is(events(), $before, '0: none');
};

$node->stop;
done_testing();
