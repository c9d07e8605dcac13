# run_worker(): runs the command of an SQL worker now, once, while the session waits for the end of the run.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', 'deadlock_timeout' => '200ms', 'dynpgext.restart_delay_max' => '1h');
add_database($node, 'one', qw(dynpgext dx_plain dx_worker));
value($node, 'one', 'CREATE TABLE public.done (what text, at timestamptz DEFAULT clock_timestamp()); CREATE TABLE public.blocked (i int); CREATE INDEX ON public.blocked (i); CREATE TABLE public.switch (is_on bool)');

sub call { return sprintf q(SELECT dynpgext.run_worker('dx_plain', %s)), quoted($_[0]) }
sub runs_of { return value($node, 'one', 'SELECT runs FROM dynpgext.commands WHERE worker = ' . quoted($_[0])) }
sub has_run { return ok(command_is($node, 'one', $_[0], 'runs = ' . $_[1]), $_[2]) }

# One test: the call fails with this error.
sub fails {
    my ($worker, $error, $test, $before) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like(error_of($node, 'one', ($before // '') . call($worker)), $error, $test);
}

# A session that has begun to wait for a run.
sub waiting {
    my ($worker) = @_;
    my $session = $node->background_psql('one', on_error_stop => 0);
    $session->query_until(qr/sent/, "\\echo sent\n" . call($worker) . ";\n");
    ok($node->poll_query_until('one', q(SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query ~ '^SELECT dynpgext.run_worker')), '(a session waits)');
    return $session;
}

sub is_blocked { return $node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks WHERE relation = 'public.blocked'::regclass AND NOT granted)) }

my %daily = (name => 'daily', sql => q(INSERT INTO public.done VALUES ('daily')), interval => 24 * $hour);
my %blocked = (name => 'blocked', sql => 'INSERT INTO public.blocked VALUES (1)', interval => $hour);
register_sql_workers($node, 'one', 'dx_plain', \%daily, \%blocked,
    { name => 'told', sql => q(INSERT INTO public.done VALUES ('told')), channel => 'work' },
    { name => 'fails', sql => q(DO $$BEGIN RAISE 'no "good"' USING ERRCODE = 'P9999', DETAIL = 'It is bad.', HINT = 'Try again.'; END$$), interval => $hour },
    { name => 'block', sql => 'BEGIN', interval => $hour },
    { name => 'vacuum', sql => 'VACUUM public.done', interval => $hour },
    { name => 'vacuums', sql => 'VACUUM public.done', interval => $hour, atomic => 0 },
    # its own process: a run at its start waits for snapshots of others' calls
    { name => 'reindexes', sql => 'REINDEX TABLE CONCURRENTLY public.blocked', channel => 'reindexes', atomic => 0, process => 'own' },
    { name => 'chain', sql => call('daily'), channel => 'chain' },
    { name => 'slow', sql => 'SELECT pg_sleep(3600) FROM public.switch', channel => 'slow' },
    { name => 'late', sql => 'SELECT pg_sleep(3600)', channel => 'late', deadline => 300 });

subtest 'a run' => sub {
    has_run('daily', 1, 'at its start');
    has_run('late', 1, 'and so have all');
    like(value($node, 'one', call('daily')), qr/^00:00:0\d\.\d+$/, 'the call returns the duration');
    is(runs_of('daily'), 2, 'when the run is over');
    is(value($node, 'one', q(SELECT count(*) FROM done WHERE what = 'daily')), 2, 'and its work is done');
    ok(command_is($node, 'one', 'daily', q(next_run_at > now() + '23 hours')), 'the next one is due as before');
    value($node, 'one', call('told'));
    is(runs_of('told'), 2, 'one that is notified runs, too');
    value($node, 'one', 'BEGIN; ' . call('told') . '; ROLLBACK');
    is(runs_of('told'), 3, 'a rollback does not undo it');
    value($node, 'one', call('vacuums'));
    is(runs_of('vacuums'), 2, 'one that is not atomic runs outside of a transaction');
    is(value($node, 'one', q(SELECT dynpgext.run_worker('dx_plain', NULL) IS NULL)), 't', 'NULL for NULL');
};

subtest 'a run that fails' => sub {
    fails('fails', qr/^psql:.*ERROR:  P9999: no "good"\nDETAIL:  It is bad\.\nHINT:  Try again\.\n/, 'its error is raised unchanged');
    fails('vacuum', qr/ERROR:  25001: VACUUM cannot be executed from a function\nHINT:  With "atomic": false each/, 'with a hint of dynpgext\'s, too');
    fails('late', qr/ERROR:  57014: canceling a command that runs longer than its deadline of 300 ms/, 'a deadline holds');
    is(value($node, 'one', q(SELECT failures || ' ' || runs FROM dynpgext.commands WHERE worker = 'fails')), '2 2', 'it counts as any other');
    is(value($node, 'one', <<'SQL'), 'P9999', 'and can be caught');
DO $$BEGIN PERFORM dynpgext.run_worker('dx_plain', 'fails'); EXCEPTION WHEN SQLSTATE 'P9999' THEN PERFORM set_config('my.state', SQLSTATE, false); END$$;
SELECT current_setting('my.state')
SQL
};

subtest 'workers that cannot run' => sub {
    like(error_of($node, 'one', q(SELECT dynpgext.run_worker('dx_worker', 'dx local'))),
        qr/ERROR:  42809: .*has no command\nDETAIL:  .*\nHINT:  .*restart_worker/, 'a worker in C');
    fails('nobody', qr/ERROR:  42704: .*has no background worker "nobody"/, 'none');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_plain', 'daily', enabled => false)));
    fails('daily', qr/ERROR:  55000: .*is disabled\nHINT:/, 'one that is disabled');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_plain', 'daily')));
    ok(command_is($node, 'one', 'daily', q(state = 'running')), 'until it is not');
    value($node, 'one', call('daily'));
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'daily')));
    fails('daily', qr/ERROR:  55000: .*is stopped\nHINT:  Use dynpgext\.start_worker\(\)/, 'one that is stopped');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'daily')));
    fails('chain', qr/ERROR:  55000: .*"daily".* cannot be run by this command\nDETAIL:  The commands of a database and role/, 'one of the same process, by its command');
    is(value($node, 'one', q(SELECT runs > 0 FROM dynpgext.commands WHERE worker = 'daily')), 't', 'which continues');
    fails('daily', qr/ERROR:  55000: .*cannot run before the end of this transaction/, 'one whose extension this transaction changes',
        'CREATE SCHEMA other; BEGIN; ALTER EXTENSION dx_plain SET SCHEMA other; ');
    my $manifest = q({"dynpgext": 1, "workers": [{"name": "new", "command": "SELECT 1", "interval": "1 h"}]});
    $manifest = as_superuser($manifest);
    fails('new', qr/ERROR:  55000: .*is not committed yet\nHINT:  Commit/, 'one that is not committed', "BEGIN; SELECT dynpgext.register('dx_worker', '$manifest'); " =~ s/dx_worker/dx_plain/r);
    value($node, 'one', 'SELECT dynpgext.begin_restore()');
    fails('daily', qr/ERROR:  55000: .*does not run before the end of a restore/, 'during a restore');
    value($node, 'one', 'SELECT dynpgext.end_restore()');
    ok(command_is($node, 'one', 'daily', q(state = 'running')), 'which is over');
    configure($node, 'one', 'dynpgext.safe_mode' => 'on');
    ok($node->poll_query_until('one', 'SHOW dynpgext.safe_mode', 'on'), '(safe mode)');
    fails('daily', qr/ERROR:  42501: .*dynpgext.safe_mode is on/, 'in safe mode');
    configure($node, 'one', 'dynpgext.safe_mode' => 'off');
    ok(command_is($node, 'one', 'daily', q(state = 'running')), 'which is over');
};

subtest 'locks of the waiting transaction' => sub {
    value($node, 'one', call('blocked'));    # also waits for the run at its start
    my $runs = runs_of('blocked');
    my $lock = 'BEGIN; LOCK TABLE public.blocked; ';
    fails('blocked', qr/ERROR:  40P01: the run of .*"blocked".* waits for this transaction\nDETAIL:.*\nHINT:  .*transaction of its own/, 'are no deadlock', $lock);
    has_run('blocked', $runs + 1, 'the run continues when they are released');
    fails('blocked', qr/ERROR:  55P03: the run of .*"blocked".* waits for this transaction/, 'lock_timeout', "SET lock_timeout = '50ms'; $lock");
    has_run('blocked', $runs + 2, 'and then, too');
    fails('daily', qr/ERROR:  40P01: the run of .*"daily".* waits for this transaction/, 'also where another run is before it',
        $lock . q(DO $$BEGIN PERFORM dynpgext.run_worker('dx_plain', 'blocked'); EXCEPTION WHEN deadlock_detected THEN NULL; END$$; ));
    has_run('blocked', $runs + 3, 'which then continues');
    $runs = runs_of('reindexes');
    fails('reindexes', qr/ERROR:  40P01: .* waits for this transaction\nDETAIL:  .*snapshot.*\nHINT:  .*REINDEX CONCURRENTLY/, 'so is its snapshot');
    has_run('reindexes', $runs + 1, 'which a command waits for until the call has failed');
};

subtest 'a wait that ends' => sub {
    my $locker = $node->background_psql('one');
    $locker->query_safe('BEGIN; LOCK TABLE public.blocked');
    my ($blocked, $daily) = map { runs_of($_) } qw(blocked daily);
    fails('blocked', qr/ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout', q(SET statement_timeout = '300ms'; ));
    ok(is_blocked(), 'the run continues');
    fails('daily', qr/ERROR:  57014/, 'one that has not begun', q(SET statement_timeout = '300ms'; ));
    my $session = waiting('daily');
    value($node, 'one', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT dynpgext.run_worker' AND pid <> pg_backend_pid()));
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE query ~ '^SELECT dynpgext.run_worker' AND pid <> pg_backend_pid())), 'also of a session that ends');
    eval { $session->quit };
    $locker->query_safe('COMMIT');
    has_run('blocked', $blocked + 1, 'runs when it can');
    value($node, 'one', call('told'));
    is(runs_of('daily'), $daily, 'and a run that no session waits for does not');
    $locker->quit;
};

subtest 'the end of the worker' => sub {
    value($node, 'one', 'INSERT INTO public.switch VALUES (true)');
    my $session = waiting('slow');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND state = 'active')), '(its command runs)');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_plain', 'slow')));
    like($session->query("SELECT 1"), qr/1/, 'the session continues');
    like($session->{stderr}, qr/ERROR:  the worker was stopped while its command ran/, 'and knows why');
    $session->quit;
    value($node, 'one', 'TRUNCATE public.switch');
    my $slow = runs_of('slow');
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'slow')));
    has_run('slow', $slow + 1, 'it starts again');
    value($node, 'one', 'INSERT INTO public.switch VALUES (true)');
    $session = waiting('slow');
    ok($node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND state = 'active')), '(its command runs)');
    value($node, 'one', 'DELETE FROM public.switch');
    value($node, 'one', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dynpgext sql'));
    like($session->query("SELECT 1"), qr/1/, 'the end of its process');
    like($session->{stderr}, qr/ERROR:  terminating (background worker|connection)/, 'is an error, too');
    $session->quit;
    ok(command_is($node, 'one', 'daily', q(state = 'running')), 'the others go on');
    value($node, 'one', call('daily'));
};

subtest 'a worker at rest' => sub {
    register_sql_workers($node, 'one', 'dx_plain', \%daily);
    configure($node, 'one', 'dynpgext.runner_idle_timeout' => '100ms');
    ok(command_is($node, 'one', 'daily', q(state = 'running' AND pid IS NULL AND runs > 0)), 'it has no process');
    my $starts = q(SELECT starts FROM dynpgext.workers WHERE name = 'daily');
    my ($runs, $before) = (runs_of('daily'), value($node, 'one', $starts));
    value($node, 'one', call('daily')) for 1 .. 3;
    is(runs_of('daily'), $runs + 3, 'it gets one');
    ok(command_is($node, 'one', 'daily', q(state = 'running' AND pid IS NULL AND next_run_at > now() + '23 hours')), 'and rests again');
    is(value($node, 'one', $starts), $before, 'that is no start');
};

subtest 'many at once' => sub {
    my @sessions = map { $node->background_psql('one') } 1 .. 4;
    my $runs = runs_of('daily');
    $_->query_until(qr/sent/, "\\echo sent\n" . call('daily') . ";\n") for @sessions;
    like($_->query_safe('SELECT 1'), qr/1/, 'each returns') for @sessions;
    my $more = runs_of('daily') - $runs;
    ok($more >= 1 && $more <= 4, "of $more runs");
    $_->quit for @sessions;
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.health())), 0, 'all is well');
};

# Without preload nothing of dynpgext runs before its first use.
subtest 'the first call after a start of the server' => sub {
    $node->restart;
    like(value($node, 'one', call('daily')), qr/^00:00:0\d\.\d+$/, 'runs it');
    $node->restart;
    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_plain', 'daily'))), 't', 'starts it');
};

$node->stop;
done_testing();
