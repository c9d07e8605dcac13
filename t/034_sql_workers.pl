# SQL workers: commands that run at an interval or when notified, all of a database in one process.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my %settings = ('dynpgext.restart_delay_max' => '1s', 'dynpgext.crash_limit' => 3, 'dynpgext.stop_timeout' => '60s');
my $node = new_cluster('main', %settings);
add_database($node, 'one', qw(dynpgext dx_plain));
value($node, 'one', 'CREATE TABLE public.done (what text, at timestamptz DEFAULT clock_timestamp())');

# One test: waits until the view shows the condition for a command.
sub comes_to {
    my ($worker, $condition, $test, $on, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $on //= $node;
    $database //= 'one';
    return ok(command_is($on, $database, $worker, $condition), $test)
      || diag(command_row($on, $database, $worker), "\n", $on->safe_psql($database, q(SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 12)));
}

sub runs_of { return value($node, 'one', 'SELECT runs FROM dynpgext.commands WHERE worker = ' . quoted($_[0])) }
sub starts_of { return value($node, 'one', 'SELECT starts FROM dynpgext.workers WHERE name = ' . quoted($_[0])) }

# Waits for another run.
sub goes_on {
    my ($worker, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $runs = runs_of($worker);
    return comes_to($worker, "state = 'running' AND runs > $runs", $test);
}

sub event_count {
    my ($worker, $event) = @_;
    return value($node, 'one', "SELECT count(*) FROM dynpgext.events WHERE name = '$worker' AND event = '$event'");
}

my %tick = (name => 'tick', sql => q(INSERT INTO public.done VALUES ('tick')), interval => 50);
my %other = (name => 'other', sql => 'SELECT 1', interval => 50);

subtest 'at an interval' => sub {
    register_sql_workers($node, 'one', 'dx_plain', \%tick);
    comes_to('tick', q(state = 'running' AND runs >= 3 AND failures = 0 AND run_interval = '50 ms' AND channel IS NULL AND run_as = current_user AND registered_by = current_user
        AND last_run_at <= now() AND last_duration > '0' AND last_failed_at IS NULL AND next_run_at IS NOT NULL AND database = 'one'), 'it runs');
    ok(value($node, 'one', q(SELECT count(*) >= 3 FROM done WHERE what = 'tick')), 'and has its effect');
    is(runner_pid($node, 'one'), pid_of($node, 'one', 'tick'), 'in the one process');
    is(value($node, 'one', q(SELECT datname || ' ' || usename FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')),
        'one ' . value($node, 'one', 'SELECT rolname FROM pg_authid WHERE oid = 10'), 'that is connected to the database');
    ok($node->poll_query_until('one', q(SELECT application_name = 'dynpgext sql runner' AND state = 'idle' AND query ~ '^INSERT'
        FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')), 'idle between two runs');
    ok($node->poll_query_until('one', q(SELECT n_tup_ins > 0 FROM pg_stat_user_tables WHERE relname = 'done')), 'its work is counted');
};

subtest 'when notified' => sub {
    register_sql_workers($node, 'one', 'dx_plain', \%tick,
        { name => 'told', sql => q(INSERT INTO public.done VALUES ('told')), channel => 'work' },
        { name => 'both', sql => q(INSERT INTO public.done VALUES ('both')), channel => 'Work "2"', interval => $hour },
        { name => 'chain', sql => q(NOTIFY work), channel => 'chain' },
        { name => 'waits', sql => 'SELECT pg_advisory_xact_lock(1)', channel => 'wait' });
    comes_to('told', q(runs >= 1 AND channel = 'work' AND run_interval IS NULL AND next_run_at IS NULL), 'once at its start');
    comes_to('both', q(runs = 1 AND next_run_at > now() + '50 min'), 'as one that has an interval, too');
    comes_to('chain', q(runs = 1), 'and one that notifies another');
    # the notifications so far lead to one run
    value($node, 'one', 'NOTIFY "Work ""2"""');
    comes_to('both', 'runs = 2', 'it runs again');
    my $told = runs_of('told');
    value($node, 'one', 'NOTIFY nobody');
    value($node, 'one', 'NOTIFY chain');
    comes_to('told', "runs = $told + 1", 'also by the command of another');
    my $session = $node->background_psql('one');
    $session->query_safe('SELECT pg_advisory_lock(1)');
    value($node, 'one', 'NOTIFY wait');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)), 'while another command runs');
    like(value($node, 'one', q(SELECT state || ' ' || application_name || ' ' || query FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')),
        qr{^active dynpgext: dx_plain/waits SELECT pg_advisory_xact_lock\(1\)$}, '(which pg_stat_activity shows)');
    value($node, 'one', "NOTIFY work, 'payload $_'") for 1 .. 10;
    is(runs_of('told'), $told + 1, 'it waits');
    $session->quit;
    comes_to('told', "runs = $told + 2", 'many are one');
    value($node, 'one', 'NOTIFY work');
    comes_to('told', "runs = $told + 3", 'and no more');
    is(value($node, 'one', q(SELECT count(*) FROM done WHERE what = 'both')), 2, 'the others have not run');
};

subtest 'a command that fails' => sub {
    my $offset = log_offset($node);
    register_sql_workers($node, 'one', 'dx_plain', \%tick, \%other,
        { name => 'fails', sql => q(INSERT INTO public.done VALUES ('fails'); SELECT 1 / count(*) FROM public.switch), interval => 20 });
    comes_to('fails', q(state = 'running' AND failures >= 3 AND failures = runs AND last_error LIKE '42P01: relation "public.switch" does not exist%' AND last_failed_at = last_run_at), 'is counted and shown');
    is(value($node, 'one', q(SELECT last_error FROM dynpgext.workers WHERE name = 'fails')), '42P01: relation "public.switch" does not exist', 'also with the workers');
    is(value($node, 'one', q(SELECT count(*) FROM done WHERE what = 'fails')), 0, 'nothing of it has happened');
    is(event_count('fails', 'failing'), 1, 'one event');
    is(log_count($node, qr/WARNING:  relation "public.switch" does not exist/, $offset), 1, 'one line in the log');
    is(log_count($node, qr/CONTEXT:  .*SQL worker "fails" of extension "dx_plain"/, $offset) >= 1, 1, 'that names it');
    is(starts_of('fails'), 1, 'it does not end');
    goes_on('other', 'nor do others');
    value($node, 'one', 'CREATE TABLE public.switch AS SELECT 1');
    comes_to('fails', q(failures < runs AND last_error LIKE '42P01: %'), 'it runs when it can');
    is(event_count('fails', 'recovered'), 1, 'which is an event');
    value($node, 'one', 'TRUNCATE public.switch');
    comes_to('fails', q(last_error = '22012: division by zero'), 'and fails again');
    is(event_count('fails', 'failing'), 2, 'which is one, too');
};

subtest 'each worker is started, stopped and configured separately' => sub {
    register_sql_workers($node, 'one', 'dx_plain', \%tick, \%other);
    comes_to($_, q(runs > 0), "$_ runs") for qw(tick other);
    my $pid = runner_pid($node, 'one');
    is(value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'tick'))), 't', 'stopped');
    comes_to('tick', q(state = 'stopped' AND pid IS NULL AND next_run_at IS NULL), 'it is');
    my $runs = runs_of('tick');
    goes_on('other', 'the other is not');
    value($node, 'one', 'SELECT dynpgext.reload()');
    is(runs_of('tick'), $runs, 'it does not run any more');
    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'tick'))), 't', 'started');
    goes_on('tick', 'it is');
    is(value($node, 'one', q(SELECT dynpgext.restart_worker('dx_plain', 'tick'))), 't', 'started anew');
    goes_on('tick', 'it is');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_plain', 'tick', enabled => false)));
    comes_to('tick', q(state = 'disabled' AND pid IS NULL), 'disabled');
    goes_on('other', 'the other is not');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_plain', 'tick', enabled => true)));
    goes_on('tick', 'enabled');
    is(starts_of('tick'), 4, 'it has been started for each');
    is(starts_of('other'), 1, 'the other once');
    is(runner_pid($node, 'one'), $pid, 'the process is the same');

    register_sql_workers($node, 'one', 'dx_plain', { %tick, sql => q(INSERT INTO public.done VALUES ('changed')) }, \%other);
    ok($node->poll_query_until('one', q(SELECT count(*) > 0 FROM done WHERE what = 'changed')), 'another command takes its place');
    is(starts_of('other'), 1, 'the other continues');

    register_sql_workers($node, 'one', 'dx_plain', { name => 'long', sql => 'SELECT pg_sleep(3600)', interval => $hour }, \%other);
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active' AND datname = current_database())), 'one that takes long');
    is(value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'long'))), 't', 'is stopped');
    comes_to('long', q(state = 'stopped' AND runs = 0 AND failures = 0), 'which is no failure');
    goes_on('other', 'the other gets its turn');

    register_sql_workers($node, 'one', 'dx_plain');
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')), 'without any there is no process');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.workers'), 0, 'and nothing is left of them');
};

subtest 'the deadline' => sub {
    value($node, 'one', q(CREATE ROLE quick LOGIN SUPERUSER; ALTER ROLE quick SET statement_timeout = '20ms'; ALTER ROLE quick IN DATABASE one SET statement_timeout = '30ms'; CREATE ROLE patient LOGIN SUPERUSER));
    my %long = (sql => 'SELECT pg_sleep(3600)', interval => 100);
    register_sql_workers($node, 'one', 'dx_plain', \%other,
        { %long, name => 'role', run_as => 'quick' },
        { %long, name => 'deadline', run_as => 'patient', deadline => 40 },
        { %long, name => 'both', run_as => 'quick', deadline => $hour });
    comes_to('role', q(failures >= 2 AND last_error = '57014: canceling statement due to statement timeout' AND last_duration < '1 min'), 'the timeout of its role');
    comes_to('both', q(failures >= 2 AND last_error = '57014: canceling statement due to statement timeout'), 'which is shorter than its deadline');
    comes_to('deadline', q(failures >= 2 AND last_error = '57014: canceling a command that runs longer than its deadline of 40 ms'), 'its deadline');
    goes_on('other', 'another has none');
    local $ENV{PGOPTIONS} = '-c statement_timeout=0';    # for the sessions of this test
    value($node, 'one', q(ALTER DATABASE one SET statement_timeout = '25ms'));
    register_sql_workers($node, 'one', 'dx_plain', \%other, { %long, name => 'database', run_as => 'patient' });
    comes_to('database', q(failures >= 2 AND last_error = '57014: canceling statement due to statement timeout'), 'the timeout of the database');
    value($node, 'one', q(ALTER DATABASE one RESET statement_timeout));
};

subtest 'cancelled and terminated' => sub {
    register_sql_workers($node, 'one', 'dx_plain');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'long', sql => 'SELECT pg_sleep(3600)', channel => 'long' }, \%other,
        { name => 'never', sql => 'SELECT 1', interval => $hour, restart => 'never' });
    my $sleeps = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active' AND datname = current_database());
    ok($node->poll_query_until('one', $sleeps), 'one runs');
    my $pid = runner_pid($node, 'one');
    value($node, 'one', "SELECT pg_cancel_backend($pid)");
    comes_to('long', q(failures = 1 AND last_error = '57014: canceling statement due to user request'), 'a cancel is for the command');
    goes_on('other', 'the others go on');
    comes_to('never', 'runs = 1', 'each of them');
    value($node, 'one', "SELECT pg_cancel_backend($pid)") for 1 .. 5;
    goes_on('other', 'a cancel between two commands is for none');
    is(runner_pid($node, 'one'), $pid, 'the process is the same');

    value($node, 'one', "NOTIFY long");
    ok($node->poll_query_until('one', $sleeps), 'it runs again');
    value($node, 'one', "SELECT pg_terminate_backend($pid)");
    comes_to('long', "pid <> $pid AND state = 'running' AND failures = 2 AND last_error LIKE '57P01: %'", 'terminated: the one that ran is restarted');
    comes_to($_, "pid <> $pid AND state = 'running' AND failures = 0", "$_ goes on") for qw(other never);
    is(starts_of('other'), 2, 'started once more');
    like(runner_pid($node, 'one'), qr/^\d+$/, 'in one process');

    # between two commands no worker is at fault, and each worker's policy applies
    register_sql_workers($node, 'one', 'dx_plain', { %other, interval => $hour }, { name => 'never', sql => 'SELECT 1', interval => $hour, restart => 'never' });
    comes_to($_, q(state = 'running' AND runs > 0), "$_ runs") for qw(other never);
    $pid = runner_pid($node, 'one');
    my $wait = $node->pg_version >= 17 ? 'DynpgextSqlRunner' : 'Extension';
    ok($node->poll_query_until('one', "SELECT state = 'idle' AND wait_event = '$wait' FROM pg_stat_activity WHERE pid = $pid"), 'the process waits');
    value($node, 'one', "SELECT pg_terminate_backend($pid)");
    comes_to('never', q(state = 'failed' AND last_error LIKE '57P01: %'), 'terminated: one that is never restarted has failed');
    comes_to('other', "pid <> $pid AND state = 'running'", 'another is restarted');
    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'never'))), 't', 'the one that has failed is started');
    comes_to('never', q(state = 'running'), 'it is');
};

subtest 'crashes' => sub {
    register_sql_workers($node, 'one', 'dx_plain', { name => 'long', sql => 'SELECT pg_sleep(3600)', channel => 'long' }, \%other);
    add_database($node, 'two', qw(dynpgext dx_plain));
    register_sql_workers($node, 'two', 'dx_plain', { name => 'crashes', sql => 'SELECT 1', interval => 50 }, \%other);
    ok(command_is($node, 'two', 'crashes', 'runs > 2'), 'another database has its own process');
    isnt(runner_pid($node, 'two'), runner_pid($node, 'one'), 'it has');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active' AND datname = current_database())), 'one runs');
    my $offset = crash($node, sub { kill 'KILL', runner_pid($node, 'one') });
    # by the launcher, which starts a moment after the server
    ok($node->wait_for_log(qr/WARNING:  SQL worker "long" of extension "dx_plain", run as role "\w+" in database "one", took the server down \(1 of 3/, $offset), 'the command that ran is blamed');
    is(log_count($node, qr/took the server down \(/, $offset), 1, 'and no other');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active' AND datname = current_database())), 'it runs again');
    ok(command_is($node, 'two', 'crashes', q(state = 'running')), 'so does the other database');

    $offset = log_offset($node);
    register_sql_workers($node, 'one', 'dx_plain');
    value($node, 'two', 'CREATE ROLE neighbour LOGIN');
    # the crash may end the session that has just committed
    eval { register_sql_workers($node, 'two', 'dx_plain', { name => 'crashes', sql => 'SELECT public.dx_plain_crash()', interval => 50 }, { %other, run_as => 'neighbour' }) };
    ok($node->poll_query_until('two', q(SELECT state = 'quarantined' FROM dynpgext.workers WHERE name = 'crashes')), 'one that crashes is quarantined');
    is(log_count($node, qr/SQL worker "crashes" of extension "dx_plain", run as role "\w+" in database "two", took the server down/, $offset), 3, 'after three times');
    is(log_count($node, qr/took the server down \(/, $offset), 3, 'nobody else is blamed');
    ok(command_is($node, 'two', 'other', q(runs > 2)), 'those of another role run');
    register_sql_workers($node, 'two', 'dx_plain');
    value($node, 'two', q(SELECT dynpgext.release('dx_plain')));
};

subtest 'commands on databases' => sub {
    my %long = (name => 'long', sql => 'SELECT pg_sleep(3600)', interval => $hour);
    my $runs = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active' AND datname = current_database());
    for my $way ('', "LOAD 'dynpgext';\n") {
        my $told = $way ? 'with the library' : 'without the library';
        add_database($node, 'doomed', qw(dynpgext dx_plain));
        register_sql_workers($node, 'doomed', 'dx_plain', \%long, \%other);
        ok($node->poll_query_until('doomed', $runs), "$told: a command runs");
        is(error_of($node, 'postgres', "${way}ALTER DATABASE doomed RENAME TO renamed"), '', 'RENAME');
        ok($node->poll_query_until('renamed', $runs), 'it runs again after it');
        is(error_of($node, 'postgres', "${way}CREATE DATABASE copied TEMPLATE renamed"), '', 'as a template');
        ok($node->poll_query_until('renamed', $runs), 'it runs again after it');
        ok($node->poll_query_until('copied', $runs), 'and in the new one') or diag(worker_row($node, 'copied', 'long'));
        is(error_of($node, 'postgres', "${way}DROP DATABASE $_"), '', "DROP DATABASE $_") for qw(copied renamed);
    }
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM dynpgext.cluster_workers WHERE database IS NULL OR database NOT IN ('one', 'two'))), 'nothing is left of them');
};

subtest 'a global worker' => sub {
    my %global = (name => 'everywhere', sql => q(INSERT INTO public.done VALUES ('global')), interval => 50, scope => 'global');
    value($node, 'two', 'CREATE TABLE public.done (what text, at timestamptz DEFAULT clock_timestamp())');
    register_sql_workers($node, 'one', 'dx_plain', \%global);
    comes_to('everywhere', q(runs > 2 AND scope = 'global' AND database = 'one'), 'runs in one');
    register_sql_workers($node, 'two', 'dx_plain', \%global, \%other);
    ok(command_is($node, 'two', 'everywhere', q(runs > 2 AND database = 'one')), 'and not in another');
    register_sql_workers($node, 'one', 'dx_plain');
    ok(command_is($node, 'two', 'everywhere', q(state = 'running' AND database = 'two')), 'until that has it no longer');
    ok($node->poll_query_until('two', 'SELECT count(*) > 2 FROM public.done'), 'it runs there then');
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND datname = 'one')), 'the process of the first ends');
    register_sql_workers($node, 'two', 'dx_plain');
};

subtest 'restarts' => sub {
    for my $preload (1, 0) {
        register_sql_workers($node, 'one', 'dx_plain', \%other, { name => 'told', sql => 'SELECT 1', channel => 'work' });
        set_preload($node, $preload);
        $node->restart;
        value($node, 'one', 'SELECT * FROM dynpgext.status') unless $preload;
        ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')), "it comes back, preload $preload");
        comes_to($_, q(state = 'running' AND runs >= 1), $_) for qw(other told);
        value($node, 'one', 'NOTIFY work');
        comes_to('told', 'runs = 2', 'and listens');
    }
};
$node->stop;

subtest 'a worker that starts while the process ends' => sub {
    my $quiet = new_cluster('quiet', %settings, 'dynpgext.naptime' => '1h');
    add_database($quiet, 'one', qw(dynpgext dx_plain));
    my @missed;
    for my $time (1 .. 60) {
        register_sql_workers($quiet, 'one', 'dx_plain');    # its process serves no worker, and ends
        register_sql_workers($quiet, 'one', 'dx_plain', { name => "time $time", sql => 'SELECT 1', interval => $hour });
        push @missed, command_row($quiet, 'one', "time $time") unless command_is($quiet, 'one', "time $time", 'runs = 1');
    }
    is(join("\n", @missed), '', 'is served by the next');
    $quiet->stop;
};

subtest 'at rest' => sub {
    my $idle = new_cluster('idle', %settings, 'dynpgext.runner_idle_timeout' => '50ms', 'dynpgext.naptime' => '1h');
    add_database($idle, 'one', qw(dynpgext dx_plain dx_sql_only));
    value($idle, 'one', q(CREATE TABLE public.done (what text, pid integer DEFAULT pg_backend_pid(), at timestamptz DEFAULT clock_timestamp())));
    my $starts = sub { return value($idle, 'one', "SELECT starts FROM dynpgext.workers WHERE name = '$_[0]'") };
    my $no_process = q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql');

    register_sql_workers($idle, 'one', 'dx_plain', { name => 'seldom', sql => q(INSERT INTO public.done VALUES ('seldom')), interval => $hour });
    comes_to('seldom', q(state = 'running' AND pid IS NULL AND runs = 1 AND next_run_at - last_run_at BETWEEN '59 min' AND '61 min'), 'one that is due in an hour has no process', $idle);
    ok($idle->poll_query_until('one', $no_process), 'there is none');
    register_sql_workers($idle, 'one', 'dx_sql_only', { name => 'now and then', sql => q(INSERT INTO public.done VALUES ('now and then')), interval => 1000 });
    ok($idle->poll_query_until('one', q(SELECT count(*) >= 3 AND count(DISTINCT pid) >= 3 FROM done WHERE what = 'now and then')), 'one that is due in a second has another one each time');
    is(value($idle, 'one', q(SELECT count(*) FROM (SELECT at - lag(at) OVER (ORDER BY at) AS since FROM done WHERE what = 'now and then') AS s WHERE since < '500 ms')), 0, 'it runs when it is due');
    is($starts->('now and then'), 1, 'which are no starts');
    is(value($idle, 'one', q(SELECT count(*) FROM dynpgext.events WHERE name = 'now and then' AND event IN ('started', 'exited', 'stopping'))), 1, 'and no events');
    is(value($idle, 'one', q(SELECT count(*) FROM done WHERE what = 'seldom')), 1, 'the other one has not run again');
    register_sql_workers($idle, 'one', 'dx_sql_only', { name => 'listens', sql => q(INSERT INTO public.done VALUES ('listens')), channel => 'x' });
    comes_to('listens', 'runs = 1', 'one that listens runs', $idle);
    value($idle, 'one', 'NOTIFY x');
    comes_to('listens', 'runs = 2 AND pid IS NOT NULL', 'and has a process all the time', $idle);
    register_sql_workers($idle, 'one', 'dx_sql_only');
    ok($idle->poll_query_until('one', $no_process), 'which goes with it');

    # functions for a worker at rest
    is(value($idle, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'seldom'))), 't', 'it can be stopped');
    comes_to('seldom', q(state = 'stopped' AND runs = 1), 'it is', $idle);
    value($idle, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'seldom')));
    comes_to('seldom', q(state = 'running' AND pid IS NULL AND runs = 2), 'started', $idle);
    value($idle, 'one', q(SELECT dynpgext.restart_worker('dx_plain', 'seldom')));
    comes_to('seldom', q(state = 'running' AND pid IS NULL AND runs = 3), 'restarted', $idle);
    is($starts->('seldom'), 3, 'these are starts');
    value($idle, 'one', q(SELECT dynpgext.configure_worker('dx_plain', 'seldom', enabled => false)));
    comes_to('seldom', q(state = 'disabled'), 'disabled', $idle);
    value($idle, 'one', q(SELECT dynpgext.configure_worker('dx_plain', 'seldom', enabled => true)));
    comes_to('seldom', q(state = 'running' AND pid IS NULL AND runs = 4), 'enabled', $idle);
    register_sql_workers($idle, 'one', 'dx_plain', { name => 'seldom', sql => q(INSERT INTO public.done VALUES ('changed')), interval => $hour });
    comes_to('seldom', q(state = 'running' AND pid IS NULL AND runs = 5), 'another command', $idle);
    is(value($idle, 'one', q(SELECT count(*) FROM done WHERE what = 'changed')), 1, 'which has run');
    is(value($idle, 'one', 'SELECT * FROM dynpgext.reload()'), '', 'a reload has nothing to do');
    # stopped while its next process connects and waits for a lock
    my ($blocks, $starts_it) = map { $idle->background_psql('one') } 1 .. 2;
    my $started = $starts->('seldom');
    $blocks->query_safe('BEGIN; LOCK TABLE pg_db_role_setting');
    $starts_it->query_until(qr/begins/, "\\echo begins\nSELECT dynpgext.start_worker('dx_plain', 'seldom');\n");
    ok(wait_until { $blocks->query_safe(q(SELECT state FROM dynpgext.workers WHERE name = 'seldom')) eq 'starting' }, 'while it gets a process');
    is($blocks->query_safe(q(SELECT dynpgext.stop_worker('dx_plain', 'seldom'))), 't', 'it can be stopped, too');
    $blocks->query_safe('COMMIT');
    $_->quit for $blocks, $starts_it;
    value($idle, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'seldom')));
    comes_to('seldom', q(state = 'running' AND pid IS NULL AND runs = 6), 'and started', $idle);
    is($starts->('seldom'), $started + 1, 'which is a start');
    value($idle, 'postgres', 'CREATE DATABASE copy TEMPLATE one');
    comes_to('seldom', q(state = 'running' AND runs = 6), 'a command on its database finds nothing in its way', $idle);
    value($idle, 'one', 'BEGIN; DROP EXTENSION dx_plain; ROLLBACK');
    comes_to('seldom', q(state = 'running' AND runs = 6), 'nor does one on its extension', $idle);
    value($idle, 'one', 'DROP EXTENSION dx_plain');
    becomes($idle, 'one', 'SELECT count(*) FROM dynpgext.workers', 0, 'it is removed with its extension');
    configure($idle, 'one', 'dynpgext.runner_idle_timeout' => -1);
    register_sql_workers($idle, 'one', 'dx_sql_only', { name => 'kept', sql => 'SELECT 1', interval => $hour });
    comes_to('kept', 'runs = 1 AND pid IS NOT NULL', 'with -1 its process stays', $idle);
    $idle->restart;
    value($idle, 'one', 'SELECT * FROM dynpgext.status');
    comes_to('kept', 'runs = 1 AND pid IS NOT NULL', 'and is there after a restart', $idle);
    $idle->stop;
};

subtest 'places' => sub {
    # one slot for the launcher, one for a visit, a worker or a runner, and one more
    my $small = new_cluster('small', %settings, max_logical_replication_workers => 0, max_worker_processes => 3, 'dx_supervised.workers' => 2);
    add_database($small, 'one', qw(dynpgext dx_plain));
    my @hundred = map { { name => "command $_", sql => 'SELECT 1', interval => 1000 + $_ } } 1 .. 100;
    register_sql_workers($small, 'one', 'dx_plain', @hundred);
    ok($small->poll_query_until('one', q(SELECT count(*) = 100 FROM dynpgext.commands WHERE state = 'running' AND runs > 1)), 'a hundred commands');
    is(value($small, 'one', 'SELECT count(DISTINCT pid) FROM dynpgext.commands'), 1, 'in one slot');
    register_sql_workers($small, 'one', 'dx_plain');
    ok($small->poll_query_until('one', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql')), 'which they free');

    value($small, 'one', 'CREATE EXTENSION dx_supervised');
    ok($small->poll_query_until('one', q(SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running')), 'others have all slots');
    my $offset = log_offset($small);
    register_sql_workers($small, 'one', 'dx_plain', @hundred[0 .. 4]);
    ok($small->poll_query_until('one', q(SELECT count(*) = 5 FROM dynpgext.commands WHERE state = 'waiting')), 'they wait');
    value($small, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
    ok($small->poll_query_until('one', q(SELECT count(*) = 5 FROM dynpgext.commands WHERE state = 'running')), 'and start when one is free');
    value($small, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 2')));
    register_sql_workers($small, 'one', 'dx_plain');

    configure($small, 'one', 'dynpgext.max_workers' => 1);
    register_sql_workers($small, 'one', 'dx_plain', @hundred[0 .. 4]);
    ok($small->poll_query_until('one', q(SELECT count(*) = 5 FROM dynpgext.commands WHERE state = 'running')), 'max_workers counts their process');
    value($small, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')));
    ok($small->poll_query_until('one', q(SELECT state = 'waiting' FROM dynpgext.workers WHERE name = 'dx supervised 1')), 'so another worker finds no place');
    register_sql_workers($small, 'one', 'dx_plain', @hundred[0 .. 9]);
    ok($small->poll_query_until('one', q(SELECT count(*) = 10 FROM dynpgext.commands WHERE state = 'running')), 'and more commands do');
    register_sql_workers($small, 'one', 'dx_plain');
    ok($small->poll_query_until('one', q(SELECT state = 'running' FROM dynpgext.workers WHERE name = 'dx supervised 1')), 'the worker gets its place');
    register_sql_workers($small, 'one', 'dx_plain', @hundred[0 .. 4]);
    ok($small->poll_query_until('one', q(SELECT count(*) = 5 FROM dynpgext.commands WHERE state = 'waiting')), 'and they wait');
    $small->stop;
};

subtest 'standby' => sub {
    my $primary = new_primary('primary', %settings);
    add_database($primary, 'one', qw(dynpgext dx_plain));
    my %asks = (sql => 'SELECT pg_is_in_recovery()', interval => 50);
    register_sql_workers($primary, 'one', 'dx_plain',
        { %asks, name => 'by start time' },
        { %asks, name => 'primary', servers => 'primary' },
        map { { %asks, name => $_, servers => $_, start => 'consistent' } } qw(standby both));
    # nothing runs often in this database: its runner learns of a promotion from the workers that start then
    add_database($primary, 'two', qw(dynpgext dx_sql_only));
    my $both = q({"command": "SELECT 1", "interval": "1 h", "channel": "work", "servers": "both", "start": "consistent"});
    value($primary, 'two', as_superuser(qq(SELECT dynpgext.register('dx_sql_only', jsonb_build_object('dynpgext', 1, 'workers', jsonb_build_array(
        '$both'::jsonb || '{"name": "quiet"}', '{"name": "later", "command": "SELECT 1", "interval": "1 h"}'::jsonb))))));
    my $standby = new_standby($primary, 'standby', 'shared_preload_libraries' => 'dynpgext');
    my $states = q(SELECT string_agg(worker || ' ' || state, ', ' ORDER BY worker) FROM dynpgext.commands);
    becomes($primary, 'one', $states, 'both running, by start time running, primary running, standby waiting', 'on the primary');
    becomes($standby, 'one', $states, 'both running, by start time waiting, primary waiting, standby running', 'on the standby');
    ok(command_is($standby, 'one', 'standby', 'runs > 2 AND failures = 0'), 'it runs there');
    # registered with register(), which announces it to standbys
    my $told = q('{"dynpgext": 1, "workers": [{"name": "told", "command": "SELECT 1", "channel": "work", "interval": "1 h", "servers": "both", "start": "consistent"}]}');
    value($primary, 'one', as_superuser("CREATE EXTENSION dx_sql_only; SELECT dynpgext.register('dx_sql_only', $told)"));
    ok(command_is($standby, 'one', 'told', q(state = 'running' AND runs = 1)), 'one that comes later runs, too, and cannot be notified');
    ok(command_is($standby, 'two', 'quiet', q(state = 'running' AND runs = 1)), 'in the other database, too');
    my $pid = runner_pid($standby, 'one');
    catch_up($primary, $standby);
    $primary->stop;
    $standby->promote;
    becomes($standby, 'one', $states, 'both running, by start time running, primary running, standby waiting, told running', 'after the promotion');
    ok(command_is($standby, 'one', $_, 'runs > 2 AND failures = 0'), $_) for 'both', 'primary';
    ok(command_is($standby, 'one', 'told', 'runs = 2'), 'one that may have been notified runs');
    ok(command_is($standby, 'two', 'later', 'runs = 1'), 'in the other database one starts');
    ok(command_is($standby, 'two', 'quiet', 'runs = 2'), 'and that, too, has one run that may have been notified');
    value($standby, 'one', 'NOTIFY work');
    ok(command_is($standby, 'one', 'told', 'runs = 3'), 'and hears');
    is(runner_pid($standby, 'one'), $pid, 'in the same process');
    $standby->stop;
};

done_testing();
