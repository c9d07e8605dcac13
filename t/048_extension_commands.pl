# Commands on extensions: DROP EXTENSION, ALTER EXTENSION UPDATE and similar commands stop the extension's
# workers first, in every kind of session; after a rollback the workers run again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;
use Time::HiRes qw(time);

# Long enough that a command waiting for dynpgext.stop_timeout would be late.
my $node = new_primary('main', 'dynpgext.stop_timeout' => '3min', deadlock_timeout => '100ms');

# dx_locks has three tables, created as a, b, c, so DROP EXTENSION locks them in this order; its update alters
# c, b, a.
sub make {
    my ($database) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, q(CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; CREATE EXTENSION dx_locks));
    return;
}

# Writes the tables in the given order, with a pause in which a command can intervene.
sub writer {
    my ($order) = @_;
    my $inserts = join ' ', map {"INSERT INTO public.t_$_ VALUES (1); PERFORM pg_sleep(0.05);"} split //, $order;
    return { name => 'writer', interval => 10, sql => "DO \$\$BEGIN $inserts END\$\$" };
}

my $neighbour = { name => 'neighbour', interval => 50, sql => q(SELECT 1) };

# One test: the worker's command is running.
sub is_at_work {
    my ($database, $worker) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($node->poll_query_until($database,
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'dynpgext: dx_locks/$worker' AND state = 'active'"),
        "$worker is at work");
}

# One command in its own session, without an error, and without reaching the timeout.
sub succeeds_in_time {
    my ($database, $sql, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $began = time;
    my $error = error_of($node, $database, $sql);
    my $took = time - $began;
    note sprintf '%s: %.3f s', $sql, $took;
    is($error, '', $test);
    return cmp_ok($took, '<', 120, "$test: in time");
}

sub events_of {
    my ($database, $worker) = @_;
    return value($node, $database, qq(SELECT string_agg(event, ' ' ORDER BY at) FROM dynpgext.events WHERE name = '$worker'
        AND database = current_database() AND detail = 'for a command on its extension'));
}

my %ways = ('not loaded' => '', 'loaded' => 'SELECT dynpgext.version();', 'preloaded' => '');
for my $way ('not loaded', 'loaded', 'preloaded') {
    my $first = $ways{$way};
    subtest "$way: DROP EXTENSION against a worker that locks in another order" => sub {
        if ($way eq 'preloaded') {
            set_preload($node, 1);
            $node->restart;
        }
        make('drop');
        for my $n (1 .. 8) {
            register_sql_workers($node, 'drop', 'dx_locks', writer('cba'));
            is_at_work('drop', 'writer') or return;
            succeeds_in_time('drop', "$first DROP EXTENSION dx_locks", "dropped, $n");
            $node->safe_psql('drop', 'CREATE EXTENSION dx_locks');
        }
        $node->safe_psql('postgres', 'DROP DATABASE drop WITH (FORCE)');
    };

    subtest "$way: ALTER EXTENSION UPDATE" => sub {
        make('update');
        register_sql_workers($node, 'update', 'dx_plain', $neighbour);
        for my $n (1 .. 6) {
            register_sql_workers($node, 'update', 'dx_locks', writer('abc'));
            is_at_work('update', 'writer') or return;
            succeeds_in_time('update', "$first ALTER EXTENSION dx_locks UPDATE TO '0.2'", "updated, $n");
            ok(command_is($node, 'update', 'writer', q(state = 'running' AND failures = 0)), 'the worker runs again');
            is_at_work('update', 'writer');
            succeeds_in_time('update', "$first ALTER EXTENSION dx_locks UPDATE TO '0.1'", "and back, $n");
        }
        like(events_of('update', 'writer'), qr/^stopping waiting/, 'the events tell');
        is(value($node, 'update', q(SELECT count(*) FROM dynpgext.events WHERE name = 'neighbour' AND database = current_database()
            AND event <> 'started')), 0,
            'nothing has happened to a neighbour in the same process');
        my $starts = value($node, 'update', q(SELECT starts FROM dynpgext.workers WHERE name = 'writer'));
        succeeds_in_time('update', "$first ALTER EXTENSION dx_locks UPDATE TO '0.1'", 'an update to the installed version');
        is(value($node, 'update', q(SELECT starts FROM dynpgext.workers WHERE name = 'writer')), $starts, 'stops no worker');
        $node->safe_psql('postgres', 'DROP DATABASE update WITH (FORCE)');
    };

    subtest "$way: a command that holds a lock for long" => sub {
        make('long');
        my $long = { name => 'long', interval => 10, sql => q(INSERT INTO public.t_a VALUES (1); SELECT pg_sleep(3600)) };
        register_sql_workers($node, 'long', 'dx_locks', $long);
        register_sql_workers($node, 'long', 'dx_plain', $neighbour);
        is_at_work('long', 'long') or return;

        # rollbacks: of the transaction, and to a savepoint
        my $session = $node->background_psql('long');
        $session->query_safe('BEGIN');
        $session->query_safe("$first SAVEPOINT s");
        $session->query_safe('DROP EXTENSION dx_locks');
        ok($node->poll_query_until('long', q(SELECT state = 'waiting' FROM dynpgext.workers WHERE name = 'long')), 'it waits');
        is(value($node, 'long', q(SELECT dynpgext.start_worker('dx_locks', 'long'))), 'f', 'no role can start it');
        ok(command_is($node, 'long', 'neighbour', q(state = 'running' AND runs > 1)), 'a neighbour runs');
        $session->query_safe('ROLLBACK TO s');
        is_at_work('long', 'long');
        $session->query_safe('CREATE SCHEMA other; ALTER EXTENSION dx_locks SET SCHEMA other');
        ok($node->poll_query_until('long', q(SELECT state = 'waiting' FROM dynpgext.workers WHERE name = 'long')), 'it waits for SET SCHEMA, too');
        $session->query_safe('ROLLBACK TO s');
        is_at_work('long', 'long');
        $session->query_safe(q(DO $$BEGIN DROP EXTENSION dx_locks; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END$$));
        is_at_work('long', 'long');
        $session->query_safe('DROP EXTENSION dx_locks');
        $session->query_safe('ROLLBACK');
        is_at_work('long', 'long');
        # a session whose process has ended
        $session->query_safe("BEGIN; $first DROP EXTENSION dx_locks");
        my $pid = $session->query_safe('SELECT pg_backend_pid()');
        ok($node->poll_query_until('long', q(SELECT state = 'waiting' FROM dynpgext.workers WHERE name = 'long')), 'it waits');
        value($node, 'long', "SELECT pg_terminate_backend($pid)");
        is_at_work('long', 'long');
        eval { $session->quit };

        # and prepared transactions
        for my $end (qw(ROLLBACK COMMIT)) {
            value($node, 'long', "$first BEGIN; ALTER EXTENSION dx_locks UPDATE TO '0.2'; PREPARE TRANSACTION 'p'") if $end eq 'ROLLBACK';
            value($node, 'long', "$first BEGIN; DROP EXTENSION dx_locks; PREPARE TRANSACTION 'p'") if $end eq 'COMMIT';
            is(value($node, 'long', q(SELECT state FROM dynpgext.workers WHERE name = 'long')), 'waiting', 'prepared: it waits');
            value($node, 'long', "$end PREPARED 'p'");
            is_at_work('long', 'long') if $end eq 'ROLLBACK';
        }
        ok($node->poll_query_until('long', q(SELECT count(*) = 0 FROM dynpgext.workers WHERE extension = 'dx_locks')), 'committed: it is gone');
        $node->safe_psql('postgres', 'DROP DATABASE long WITH (FORCE)');
    };

    subtest "$way: what takes the extension along" => sub {
        make('along');
        $node->safe_psql('along', 'DROP EXTENSION dx_locks');
        value($node, 'postgres', 'CREATE ROLE dx_master SUPERUSER LOGIN') if $way eq 'not loaded';
        for my $drop ('DROP SCHEMA nest CASCADE', 'DROP OWNED BY dx_master CASCADE', 'DROP EXTENSION dynpgext CASCADE') {
            $node->safe_psql('along', 'SET ROLE dx_master; CREATE SCHEMA IF NOT EXISTS nest; CREATE EXTENSION dx_locks SCHEMA nest');
            register_sql_workers($node, 'along', 'dx_locks',
                { name => 'long', interval => 10, sql => q(INSERT INTO nest.t_a VALUES (1); SELECT pg_sleep(3600)) });
            is_at_work('along', 'long') or return;
            succeeds_in_time('along', "$first $drop", $drop);
        }
        $node->safe_psql('postgres', 'DROP DATABASE along WITH (FORCE)');
    };

    subtest "$way: a role that may not" => sub {
        make('rights');
        $node->safe_psql('rights', 'GRANT EXECUTE ON FUNCTION dynpgext.version TO PUBLIC; GRANT USAGE ON SCHEMA dynpgext TO PUBLIC');
        value($node, 'postgres', 'CREATE ROLE dx_nobody LOGIN') if $way eq 'not loaded';
        register_sql_workers($node, 'rights', 'dx_locks',
            { name => 'long', interval => 10, sql => q(INSERT INTO public.t_a VALUES (1); SELECT pg_sleep(3600)) });
        is_at_work('rights', 'long') or return;
        my $starts = value($node, 'rights', q(SELECT starts FROM dynpgext.workers WHERE name = 'long'));
        for my $sql ('DROP EXTENSION dx_locks', 'DROP EXTENSION dx_locks, dx_nothing', q(ALTER EXTENSION dx_locks UPDATE TO '0.2'),
            'DROP SCHEMA public CASCADE', 'DROP OWNED BY dx_master CASCADE', 'DROP EXTENSION dynpgext CASCADE') {
            my $as = $sql =~ /nothing/ ? '' : 'SET ROLE dx_nobody;';
            isnt(error_of($node, 'rights', "$first $as $sql"), '', $sql);
        }
        isnt(error_of($node, 'rights', "$first BEGIN READ ONLY; DROP EXTENSION dx_locks"), '', 'in a read-only transaction');
        is(value($node, 'rights', q(SELECT starts, state FROM dynpgext.workers WHERE name = 'long')), "$starts|running", 'stops no worker');
        is(events_of('rights', 'long'), '', 'not for a moment');
        $node->safe_psql('postgres', 'DROP DATABASE rights WITH (FORCE)');
    };
}

subtest 'a worker that drops its own extension' => sub {
    make('own');
    register_sql_workers($node, 'own', 'dx_locks', { name => 'suicide', interval => 3600_000, sql => 'DROP EXTENSION dx_locks' });
    ok($node->poll_query_until('own', q(SELECT count(*) = 0 FROM pg_extension WHERE extname = 'dx_locks')), 'can');
    ok($node->poll_query_until('own', q(SELECT count(*) = 0 FROM dynpgext.workers WHERE extension = 'dx_locks')), 'and is gone');
    # its rights are checked again after changes of catalogs by others
    $node->safe_psql('own', 'CREATE EXTENSION dx_locks');
    my $session = $node->background_psql('own');
    $session->query_safe('SELECT pg_advisory_lock(48)');
    register_sql_workers($node, 'own', 'dx_locks', { name => 'suicide', interval => 3600_000,
        sql => 'DO $$ BEGIN DROP EXTENSION dx_locks; PERFORM pg_advisory_lock(48); PERFORM FROM pg_class; END $$' });
    ok($node->poll_query_until('own', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)), 'another one waits after its drop');
    $node->safe_psql('own', 'CREATE SCHEMA meanwhile');
    $session->query_safe('SELECT pg_advisory_unlock(48)');
    $session->quit;
    ok($node->poll_query_until('own', q(SELECT count(*) = 0 FROM pg_extension WHERE extname = 'dx_locks')), 'and goes on');
    $node->safe_psql('postgres', 'DROP DATABASE own WITH (FORCE)');
};

# The worker's own handler of SIGTERM ends neither its query nor its wait for a standby.
subtest 'a worker in C' => sub {
    $node->append_conf('postgresql.conf', "dx_supervised.connect = 'on'\ndx_supervised.restart = 'always'\ndx_supervised.delay = 100");
    $node->reload;
    add_database($node, 'c', qw(dynpgext dx_supervised));
    value($node, 'c', 'CREATE TABLE public.dx_locked (n integer); ALTER EXTENSION dx_supervised ADD TABLE public.dx_locked');
    my $writes = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'dx_supervised writes' AND state = 'active' AND datname = 'c'
        AND wait_event);
    shows($node, 'c', 'dx supervised 1', q(state = 'running'), 'it runs');
    my $pid = pid_of($node, 'c', 'dx supervised 1');
    my $session = $node->background_psql('c');
    ok(tell($node, 'c', 1, 'lock'), 'gets the command to write');
    ok($node->poll_query_until('c', "$writes = 'PgSleep'"), 'it sleeps in a query');
    $session->query_safe('BEGIN; DROP EXTENSION dx_supervised');
    ok($node->poll_query_until('c', q(SELECT state = 'waiting' FROM dynpgext.workers WHERE name = 'dx supervised 1')), 'dropped: it waits');
    $session->query_safe('ROLLBACK');
    shows($node, 'c', 'dx supervised 1', "state = 'running' AND pid <> $pid", 'rolled back: it runs again');

    # a commit that waits for a non-existent standby
    $session->query_safe('SET synchronous_commit = local');
    configure($node, 'c', synchronous_standby_names => 'nobody');
    # the checkpointer publishes the setting to other processes
    ok($node->poll_query_until('c', "SELECT dx_supervised_command(1, 'commit') AND ($writes = 'SyncRep')"), 'it waits for a standby');
    $session->query_safe('DROP EXTENSION dx_supervised');
    is(value($node, 'c', q(SELECT count(*) FROM dynpgext.workers)), 0, 'dropped');

    # and an SQL worker
    $session->query_safe('CREATE EXTENSION dx_plain; CREATE TABLE public.dx_locked (n integer); ALTER EXTENSION dx_plain ADD TABLE public.dx_locked');
    $session->query_safe(as_superuser(q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "commits", "interval": "10 ms",
        "command": "INSERT INTO public.dx_locked VALUES (1)"}]}'))));
    ok($node->poll_query_until('c', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dynpgext: dx_plain/commits'
        AND wait_event = 'SyncRep')), 'an SQL worker waits for a standby');
    $session->query_safe('DROP EXTENSION dx_plain');
    is(value($node, 'c', q(SELECT count(*) FROM dynpgext.workers)), 0, 'dropped');
    $session->quit;
    configure($node, 'c', synchronous_standby_names => '');
    $node->safe_psql('postgres', 'DROP DATABASE c WITH (FORCE)');
};

subtest 'a command that catches its cancellation' => sub {
    make('deaf');
    configure($node, 'deaf', 'dynpgext.stop_timeout' => '1s');
    register_sql_workers($node, 'deaf', 'dx_locks', { name => 'deaf', interval => 10, sql => q(
        DO $$BEGIN FOR n IN 1 .. 100000 LOOP BEGIN PERFORM pg_sleep(0.1); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END$$) });
    is_at_work('deaf', 'deaf') or return;
    my $offset = log_offset($node);
    my ($code, $out, $error) = $node->psql('deaf', 'DROP EXTENSION dx_locks');
    is($code, 0, 'it holds no lock, so the command succeeds');
    # by the command, or by the launcher, which then ends it
    ok($node->wait_for_log(qr/WARNING:  background worker "deaf" of extension "dx_locks" .*has not (ended )?within 1000 ms/, $offset), 'and it is named');
    $node->stop('immediate');
};

done_testing();
