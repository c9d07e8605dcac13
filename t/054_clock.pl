# The wall clock is set forward and back while everything runs: this affects no measured or due time, and the
# views show future times by the current clock.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use Clock;
use DynpgextTest;
use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# Worker 1 has a heartbeat, 2 is restarted after two seconds, 3 ignores SIGTERM, 4 works and sends heartbeats.
my $node = new_cluster_with_clock('main',
    'dynpgext.crash_limit' => 0,
    'dynpgext.stop_timeout' => '2min',
    'dx_supervised.connect' => 'on',
    'dx_supervised.deadline' => '20000,0,0,20000',
    'dx_supervised.delay' => 2000,
    'dx_supervised.restart' => 'always',
    'dx_supervised.workers' => 4);
add_database($node, 'one', qw(dynpgext dx_supervised dx_plain));

my $hour = 3600;
my @jumps = ([ '10 s back', -10 ], [ '10 s forward', 10 ], [ '8 h back', -8 * $hour ], [ '8 h forward', 8 * $hour ],
    [ '10 d forward', 240 * $hour ], [ 'as it was', 0 ]);

subtest 'the clock of this server can be set' => sub {
    my $real = time;
    for my $jump (@jumps) {
        my ($name, $seconds) = @$jump;
        set_clock($seconds);
        my $shown = value($node, 'one', 'SELECT extract(epoch FROM clock_timestamp())');
        cmp_ok(abs($shown - $real - $seconds), '<', 60 + time - $real, $name);
    }
};

value($node, 'postgres', 'CREATE ROLE dx_role LOGIN; CREATE ROLE dx_dba LOGIN SUPERUSER');
register_sql_workers($node, 'one', 'dx_plain',
    { name => 'tick', sql => 'SELECT 1', interval => 100 },
    # runs most of the time, also when the clock is set; not pg_sleep(), which uses the wall clock
    { name => 'slow', sql => 'SELECT count(*) FROM generate_series(1, 700000)', interval => 500, deadline => 60_000 },
    { name => 'rare', sql => 'SELECT 1', interval => 3600_000 });
is_whole($node, 'all is well before', 'one');
ok(tell($node, 'one', 4, 'beat'), 'one works, and sends heartbeats');

sub runs_of { return value($node, 'one', "SELECT runs FROM dynpgext.commands WHERE worker = '$_[0]'") }

# Seconds until the restart of worker 2, by the server's clock; '' if none is due.
sub due_in {
    return value($node, 'one', q(SELECT round(extract(epoch FROM next_start_at - clock_timestamp()), 3) FROM dynpgext.workers WHERE state = 'backoff'));
}

# The messages about anything late.
my $late = qr/has sent no heartbeat|has not ended|blocks commands that wait|no process came of|canceling/;
my $log = log_offset($node);

for my $jump (@jumps) {
    my ($name, $seconds) = @$jump;
    subtest $name => sub {
        # a restart that is due soon
        ok(tell($node, 'one', 2, 'exit1'), 'one that is restarted ends');
        ok(reaches($node, 'one', 'dx supervised 2', q(state = 'backoff')), 'its restart is due');
        my $starts = value($node, 'one', q(SELECT sum(starts) FROM dynpgext.workers WHERE name <> 'dx supervised 2' AND name ~ '^dx'));
        my $slow = runs_of('slow');

        my $began = clock_gettime(CLOCK_MONOTONIC);
        my $due_before = due_in();
        set_clock($seconds);
        my $due = due_in();
      SKIP: {
            skip 'it was restarted at once', 1 if $due_before eq '' || $due eq '';
            ok($due <= $due_before && $due > $due_before - (clock_gettime(CLOCK_MONOTONIC) - $began),
                "the view shows its restart by the new clock: in $due_before s, then in $due s");
        }
        is(value($node, 'one', q(SELECT next_run_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 h'
            FROM dynpgext.commands WHERE worker = 'rare')), 't', 'and the next run of a command');

        my $runs = runs_of('tick');
        my $before = clock_gettime(CLOCK_MONOTONIC);
        ok(command_is($node, 'one', 'tick', "runs >= $runs + 20"), 'a command continues');
        cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $before, '<', 60, 'in its rhythm');
        cmp_ok(runs_of('tick') - $runs, '<=', 2 + 10 * (clock_gettime(CLOCK_MONOTONIC) - $before), 'and no faster');
        ok(command_is($node, 'one', 'slow', "runs > $slow AND failures = 0"), 'one that ran meanwhile has ended');
        is(value($node, 'one', q(SELECT runs FROM dynpgext.commands WHERE worker = 'rare')), 1, 'one that is not due has not run');

        ok(reaches($node, 'one', 'dx supervised 2', q(state = 'running')), 'the restart takes place');
        cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $began, '<', 45, 'when it is due');
        is(value($node, 'one', q(SELECT sum(starts) FROM dynpgext.workers WHERE name <> 'dx supervised 2' AND name ~ '^dx')), $starts,
            'no other worker was ended');
        is(value($node, 'one', q(SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.workers)), 'running', 'all run');
        # its next delay is the first one again
        value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 2')));
        value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 2')));
    };
}
is(log_count($node, $late, $log), 0, 'nothing was considered late');

# A session waits for an end while the clock is set.
for my $jump ([ '10 d forward', 240 * $hour ], [ '8 h back', -8 * $hour ]) {
    my ($name, $seconds) = @$jump;
    subtest "stop_worker() waits, $name" => sub {
        set_clock(0);
        ok(tell($node, 'one', 3, 'deaf'), 'a worker does not listen');
        ok($node->poll_query_until('one', q(SELECT doing = 'deaf' FROM dx_supervised_info(3))), 'to anybody');
        my ($out, $error) = ('', '');
        my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('one'),
                '-c', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 3')) ], '<', \undef, '>', \$out, '2>', \$error);
        ok(reaches($node, 'one', 'dx supervised 3', q(state = 'stopping')), 'it is signalled to end');
        set_clock($seconds);
        my $runs = runs_of('tick');
        ok(command_is($node, 'one', 'tick', "runs >= $runs + 10"), 'a second passes');
        is(value($node, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'dx supervised 3')), 'stopping', 'it is still to end');
        is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'overdue')), 0, 'and not overdue');
        is(value($node, 'one', q(SELECT dx_supervised_command(3, 'exit0'))), 't', 'it ends');
        ok(finish($session), 'the command returns');
        is("$out$error", "t\n", 'without a warning');
        is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 3'))), 't', 'it is started again');
    };
}

subtest 'the deadline of a command' => sub {
    set_clock(0);
    register_sql_workers($node, 'one', 'dx_plain', { name => 'endless', sql => 'SELECT pg_sleep(600)', interval => 60_000, deadline => 3000 });
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep.600')), 'it runs');
    set_clock(-8 * $hour);
    ok(command_is($node, 'one', 'endless', q(failures = 1 AND last_error ~ 'its deadline of 3000 ms')), 'takes place, although the clock was set back');
};

# While large tables are restored, the sessions of pg_restore --jobs register nothing.
for my $jump ([ '10 s back', -10 ], [ '10 s forward', 10 ]) {
    my ($name, $seconds) = @$jump;
    subtest "a restore that continues in other sessions, $name" => sub {
        set_clock(0);
        value($node, 'postgres', 'CREATE DATABASE restored');
        my $look = q(SET check_function_bodies = false; SET search_path = ''; SET client_min_messages = warning);
        my ($first, $second);
        {
            local $ENV{PGAPPNAME} = 'pg_restore';
            $first = $node->background_psql('restored');
            $first->query_safe("$look; CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain SCHEMA public");
            $first->quit;
            set_clock($seconds);
            $second = $node->background_psql('restored');
        }
        $second->query_safe($look);
        sleep 5;    # longer than the gap between two sessions of a restore
        $second->query_safe(q(INSERT INTO dynpgext.manifests VALUES ('dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx a", "command": "SELECT 1", "interval": "50 ms"}]}');
            INSERT INTO dynpgext.identities VALUES ('dx_plain', 'dx a', 'dx_role', 'dx_dba', false, false, true)));
        $second->quit;
        ok(command_is($node, 'restored', 'dx a', q(state = 'running' AND run_as = 'dx_role' AND runs > 1)), 'its rows decide about roles')
          or diag(command_row($node, 'restored', 'dx a'));
        value($node, 'postgres', 'DROP DATABASE restored');
    };
}

done_testing();
