# Workers stopped by dynpgext end normally: no exit code, no error, no FATAL in the log, no misleading
# intermediate state.  Ends caused by others are shown as usual.
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;

my ($install, $libraries) = private_install();
# workers 1 to 4 react differently to the signal
my $node = new_cluster('main', install_path => $install,
    'dx_supervised.connect' => 'on',
    'dx_supervised.delay' => 10,
    'dx_supervised.restart' => 'never',
    'dx_supervised.workers' => 4);
add_database($node, 'one', qw(dynpgext dx_supervised));
add_database($node, 'two', qw(dynpgext dx_supervised));
is_whole($node, 'all is well before', qw(one two));

my $offset;
sub mark { $offset = log_offset($node); return }

# One test: nothing in the log since mark() looks like a failure.
sub is_quiet {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @bad = grep {/FATAL|WARNING|ERROR|exited with exit code [^0]/} split /\n/, slurp_file($node->logfile, $offset);
    return is(join("\n", @bad), '', $test);
}

sub ended_well {
    my ($n, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return shows($node, 'one', "dx supervised $n", "$condition AND last_exit_code = 0 AND last_error IS NULL", $test);
}

# What they do when they are signalled: wait; work and serve interrupts; work until they are ended after a
# second, wherever they are.
sub occupy {
    is(join(' ', map { tell($node, 'one', $_->[0], $_->[1]) ? 1 : 0 } [ 2, 'silent' ], [ 3, 'numb' ]), '1 1', 'they are busy');
    return;
}

subtest 'pg_stat_activity' => sub {
    occupy();
    is(value($node, 'one', q(SELECT string_agg(backend_type || ' ' || application_name, ', ' ORDER BY backend_type) FROM pg_stat_activity
        WHERE datname = 'one' AND backend_type ~ '^dx supervised [12]')),
        'dx supervised 1 dynpgext: dx_supervised/dx supervised 1, dx supervised 2 dynpgext: dx_supervised/dx supervised 2', 'names their extensions');
    becomes($node, 'one', q(SELECT string_agg(state, ' ' ORDER BY backend_type) FROM pg_stat_activity
        WHERE datname = 'one' AND backend_type ~ '^dx supervised'), 'idle active active idle', 'and which of them work');
    value($node, 'one', "SELECT dx_supervised_command($_, 'wait')") for 2, 3;
    becomes($node, 'one', q(SELECT string_agg(state, ' ' ORDER BY backend_type) FROM pg_stat_activity
        WHERE datname = 'one' AND backend_type ~ '^dx supervised'), 'idle idle idle idle', 'or wait');
};

subtest 'stop_worker' => sub {
    occupy();
    mark();
    for my $n (1 .. 3) {
        is(value($node, 'one', "SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised $n')"), 't', "worker $n");
        ended_well($n, q(state = 'stopped' AND pid IS NULL), 'has ended well');
    }
    is_quiet('the log has nothing of it');
    is(value($node, 'one', q(SELECT string_agg(DISTINCT detail, ' ') FROM dynpgext.events WHERE event = 'exited')), 'code 0', 'nor have the events');
    value($node, 'one', "SELECT dynpgext.start_worker('dx_supervised', 'dx supervised $_')") for 1 .. 3;
};

subtest 'its own handler ends it with exit code 1' => sub {
    ok(tell($node, 'one', 4, 'deaf'), 'one listens to SIGTERM itself');
    ok($node->poll_query_until('one', q(SELECT doing = 'deaf' FROM dx_supervised_info(4))), 'and does');
    my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('one'),
            '-c', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 4')) ], '<', \undef, '>', \my $out, '2>', \my $error);
    ok(reaches($node, 'one', 'dx supervised 4', q(state = 'stopping')), 'it is signalled to end');
    value($node, 'one', q(SELECT dx_supervised_command(4, 'exit1')));
    ok(finish($session), 'it ends');
    ended_well(4, q(state = 'stopped' AND pid IS NULL), 'well');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 4')));
};

subtest 'an error during its exit is shown' => sub {
    ok(tell($node, 'one', 4, 'deaf'), 'one listens to SIGTERM itself');
    ok($node->poll_query_until('one', q(SELECT doing = 'deaf' FROM dx_supervised_info(4))), 'and does');
    my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('one'),
            '-c', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 4')) ], '<', \undef, '>', \my $out, '2>', \my $error);
    ok(reaches($node, 'one', 'dx supervised 4', q(state = 'stopping')), 'it is signalled to end');
    value($node, 'one', q(SELECT dx_supervised_command(4, 'error')));
    ok(finish($session), 'it ends');
    shows($node, 'one', 'dx supervised 4', q(state = 'stopped' AND last_exit_code = 1 AND last_error ~ '^22012'), 'with that error');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 4')));
};

# The workers' states in the view, read by one session as fast as possible, until all have been started again.
value($node, 'one', <<'SQL');
CREATE FUNCTION public.states_until_restarted(before bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text[] := '{}';
  now_seen text[];
  is_done boolean := false;
BEGIN
  FOR i IN 1 .. 2000000 LOOP
    SELECT array_agg(DISTINCT state), bool_and(state = 'running') AND sum(starts) >= before + 4 INTO now_seen, is_done
      FROM dynpgext.workers;
    seen := ARRAY(SELECT DISTINCT unnest(seen || now_seen) ORDER BY 1);
    EXIT WHEN is_done;
  END LOOP;
  RETURN array_to_string(seen, ' ');
END $$;
SQL

for my $how ([ 'reload', sub { replace_library("$libraries/dx_supervised.so"); return q(SELECT dynpgext.reload()) } ],
    [ 'restart_worker', sub { return join ';', map {"SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised $_')"} 1 .. 4 } ]) {
    my ($name, $prepare) = @$how;
    subtest $name => sub {
        is_whole($node, 'all runs', 'one');    # only one: those of database two run the old file
        occupy();
        my $command = $prepare->();
        my $starts = value($node, 'one', 'SELECT sum(starts) FROM dynpgext.workers');
        mark();
        my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('one'), '-c', "SELECT states_until_restarted($starts)" ],
            '<', \undef, '>', \my $states, '2>', \my $error);
        ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^SELECT states_until')), 'a process checks');
        value($node, 'one', $command);
        ok(finish($session), 'all have been restarted') or diag($error);
        my %known = map { $_ => 1 } $name eq 'reload' ? qw(running stopping registered starting) : qw(running stopping stopped starting);
        is(join(' ', grep { !$known{$_} } split ' ', $states), '', "the states on the way are those of the reference: $states") or diag($states);
        ended_well($_, q(state = 'running'), "worker $_ had ended well") for 1 .. 4;
        is_quiet('the log has nothing of it');
    };
}

subtest 'configure_worker, commands on databases, drops' => sub {
    occupy();
    mark();
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', enabled => false)));
    ended_well(2, q(state = 'disabled'), 'a disabled one');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 2')));
    value($node, 'postgres', 'ALTER DATABASE one RENAME TO other; ALTER DATABASE other RENAME TO one');
    ended_well($_, q(state = 'running'), "worker $_, for a command on its database") for 1 .. 4;
    value($node, 'two', 'DROP EXTENSION dx_supervised');
    ok($node->poll_query_until('two', q(SELECT count(*) = 4 AND bool_and(detail = 'code 0') FROM dynpgext.events
        WHERE database = 'two' AND event = 'exited')), 'those of a dropped extension');
    is_quiet('the log has nothing of it');
};

subtest 'ended by others' => sub {
    is_whole($node, 'all runs', 'one');
    mark();
    is(value($node, 'one', q(SELECT pg_terminate_backend(pid, 10000) FROM dynpgext.workers WHERE name = 'dx supervised 1')), 't', 'pg_terminate_backend');
    shows($node, 'one', 'dx supervised 1', q(state = 'failed' AND last_exit_code = 1 AND last_error ~ '^57P01: terminating background worker'), 'is a failure');
    is(log_count($node, qr/FATAL:  terminating background worker "dx supervised 1"/, $offset), 1, 'and in the log');
};

done_testing();
