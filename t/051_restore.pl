# A restore in several transactions: nothing of dynpgext runs in the database before its end, without any
# action of the user.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;

delete $ENV{PGAPPNAME};    # so that pg_restore sets its own
my $node = new_cluster('restore', 'dx_supervised.workers' => 2, 'dynpgext.naptime' => '50ms');
my $dumps = PostgreSQL::Test::Utils::tempdir('restore');

# The data of a.pause is restored first, which takes until a worker has run, or up to a limit.
add_database($node, 'source', qw(dynpgext dx_restored dx_supervised));
value($node, 'source', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', enabled => false)));
$node->safe_psql('source', <<'SQL');
CREATE TABLE public.dx_user (id integer PRIMARY KEY, origin text);
CREATE SCHEMA a;
CREATE FUNCTION a.pauses(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..30 LOOP
        EXIT WHEN EXISTS (SELECT FROM dynpgext.cluster_workers WHERE database = current_database() AND starts > 0);
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN true;
END $$;
CREATE TABLE a.pause (n integer CHECK (a.pauses(n)));
SQL
becomes($node, 'source', 'SELECT (SELECT count(*) FROM dx_restored_item), (SELECT count(*) FROM dx_user)', '5|5', 'the worker has made rows');
value($node, 'source', q(UPDATE dx_restored_item SET origin = 'source'; UPDATE dx_user SET origin = 'source'; INSERT INTO a.pause VALUES (1)));

sub run_ok {
    my ($test, @command) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($out, $error) = run_command(\@command);
    return is($error, '', $test);
}
command_ok([ 'pg_dump', '-Fc', '-f', "$dumps/custom", $node->connstr('source') ], 'pg_dump');
command_ok([ 'pg_dump', '-f', "$dumps/plain.sql", $node->connstr('source') ], 'pg_dump as SQL');

my $rows = q(SELECT (SELECT string_agg(id || origin, ' ' ORDER BY id) FROM dx_restored_item),
    (SELECT string_agg(id || origin, ' ' ORDER BY id) FROM dx_user));
my $dumped = value($node, 'source', $rows);
is($dumped, join('|', ('1source 2source 3source 4source 5source') x 2), 'what is dumped');
my $states = q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.workers);
my $at_work = 'dx filler running, dx supervised 1 disabled, dx supervised 2 running';
my $held = 'dx filler waiting, dx supervised 1 disabled, dx supervised 2 waiting';
my $started = q(SELECT count(*) FROM dynpgext.events WHERE database = current_database() AND event = 'started' AND name = );

# The rows are those of the dump, and the settings existed before anything ran.
sub is_as_dumped {
    my ($database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(value($node, $database, $rows), $dumped, 'all rows are those of the dump');
    becomes($node, $database, $states, $at_work, 'its workers run when it is over');
    is(value($node, $database, "$started 'dx supervised 1'"), 0, 'the disabled one never ran');
    is(value($node, $database, 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload has nothing to do');
    return;
}

sub restores {
    my ($name, @steps) = @_;
    subtest $name => sub {
        my $database = 'r' . ($name =~ s/\W+/_/gr);
        value($node, 'postgres', "CREATE DATABASE $database");
        for my $step (@steps) {
            if (ref $step) {
                local $ENV{PGOPTIONS} = $name =~ /setting (\S+)/ ? "-c dynpgext.restore=$1" : '';
                run_ok("@$step[0]", map { s/DATABASE/$node->connstr($database)/er } @$step);
            } else {
                value($node, $database, $step);
            }
        }
        is_as_dumped($database);
        value($node, 'postgres', "DROP DATABASE $database");
    };
    return;
}

my @restore = ('pg_restore', '-d', 'DATABASE', "$dumps/custom");
my @psql = ('psql', '-Xq', '-o', "$dumps/out", '-d', 'DATABASE', '-f', "$dumps/plain.sql");
restores('pg_restore', \@restore);
restores('pg_restore in parallel', [ @restore, '-j', '2' ]);
restores('pg_restore in one transaction', [ @restore, '-1' ]);
restores('psql', \@psql);
restores('psql in one transaction', [ @psql, '-1' ]);


# Nothing shows that another part will follow, so the user declares it.
sub part { return [ @restore, '--section', $_[0] ] }
restores('in parts, with the setting on', part('pre-data'),
    q(DO $$ BEGIN ASSERT (SELECT until_told FROM dynpgext.restore); END $$),
    part('data'), part('post-data'), q(DO $$ BEGIN ASSERT dynpgext.end_restore(); END $$));

# ---- a session that stays after its restore -----------------------------------------------------

# psql runs these commands, and then waits for tell_session().
my $sessions = 0;
sub start_session {
    my ($database, @arguments) = @_;
    my $session = { signal => "$dumps/end" . ++$sessions, out => '' };
    my $wait = "$dumps/wait$sessions.sql";
    append_to_file($wait, "\\! for i in `seq 1800`; do test -e $session->{signal} && break; sleep 0.1; done\n");
    $session->{run} = start([ 'psql', '-Xq', '-d', $node->connstr($database), @arguments, '-f', $wait ], '>&', \$session->{out});
    return $session;
}

sub session_of_stranger {
    my ($database, $options, @arguments) = @_;
    local $ENV{PGOPTIONS} = $options;
    local $ENV{PGUSER} = 'dx_stranger';
    return start_session($database, @arguments);
}

sub end_session {
    my ($session) = @_;
    append_to_file($session->{signal}, '');
    finish $session->{run};
    return;
}

sub restore_is {
    my ($database, $expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return becomes($node, $database, q(SELECT COALESCE(string_agg(CASE WHEN until_told THEN 'until told' WHEN boot = dynpgext_internal.boot() THEN 'under way' ELSE 'interrupted' END, ' '), 'none') FROM dynpgext.restore), $expected, $test);
}

subtest 'the views during a restore' => sub {
    value($node, 'postgres', 'CREATE DATABASE seen');
    my $offset = log_offset($node);
    my $session = start_session('seen', '-o', "$dumps/out", '-f', "$dumps/plain.sql");
    ok($node->poll_query_until('seen', q(SELECT to_regclass('dx_user_pkey') IS NOT NULL)), 'the dump is in');
    restore_is('seen', 'under way', 'the restore is not over while its session is there');
    becomes($node, 'seen', $states, $held, 'workers wait');
    is(value($node, 'seen', q(SELECT string_agg(DISTINCT waits_for, ', ') FROM dynpgext.workers)), 'the end of a restore', 'and show the reason');
    is(value($node, 'seen', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 2'))), 'f', 'none is started');
    is(value($node, 'seen', q(SELECT count(*) FROM dynpgext.reload())), 0, 'nor does a reload');
    is(value($node, 'seen', q(SELECT count(*) FROM dynpgext.allocations WHERE state <> 'allocated')), 0, 'memory is there');
    is(value($node, 'source', $states), $at_work, 'other databases have nothing to do with it');
    is(log_count($node, qr/LOG:  a restore of database "seen" is under way/, $offset), 1, 'the log tells of it');
    end_session($session);
    restore_is('seen', 'none', 'its session ends it');
    is_as_dumped('seen');
    is(log_count($node, qr/LOG:  the restore of database "seen" is over/, $offset), 1, 'which the log tells, too');
};

# Data that is restored into tables that workers use.
subtest 'into a database whose workers run' => sub {
    command_ok([ 'pg_dump', '-a', '-n', 'dynpgext', '-f', "$dumps/data.sql", '-t', 'dynpgext.worker_settings', $node->connstr('source') ], 'pg_dump --data-only');
    value($node, 'seen', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1')));
    becomes($node, 'seen', $states, $at_work =~ s/disabled/running/r, 'all run');
    my $session = start_session('seen', '-o', "$dumps/out", '-f', "$dumps/data.sql");
    becomes($node, 'seen', $states, $held, 'they end when it is noticed');
    end_session($session);
    becomes($node, 'seen', $states, $at_work, 'and run again');
};

subtest 'a restore during which the server stops' => sub {
    my $session = start_session('seen', '-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql");
    becomes($node, 'seen', $states, $held, 'a restore is under way');
    my $offset = log_offset($node);
    $node->stop('fast');
    $node->start;
    end_session($session);
    restore_is('seen', 'interrupted', 'it is not over');
    becomes($node, 'seen', $states, $held, 'workers wait');
    becomes($node, 'source', $states, $at_work, 'while those of other databases run');
    is(log_count($node, qr/WARNING:  a restore of database "seen" was under way when the server stopped/, $offset), 1, 'the log warns of it');
    $session = start_session('seen', '-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql");
    restore_is('seen', 'under way', 'another restore continues it');
    end_session($session);
    restore_is('seen', 'none', 'and ends it');
    becomes($node, 'seen', $states, $at_work, 'its workers run');
};

# The data may be incomplete.
my $broken_off = qr/WARNING:  a restore of database "seen" has broken off: workers of extensions wait there/;
my %breaks_off = (
    'whose client is killed' => sub { $_[0]{run}->signal('KILL') },
    'whose session is terminated' => sub { value($node, 'seen', q(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'seen' AND application_name = 'dx restoring')) });
for my $how (sort keys %breaks_off) {
    for my $program ('psql', 'pg_restore') {
        subtest "one $how, of $program" => sub {
            my $offset = log_offset($node);
            my @restore = ('-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql");
            # psql, unlike pg_restore, is known not to disconnect and return
            my $session = start_session('seen', '-c', "SET application_name = '$program'", @restore, '-c', q(SET application_name = 'dx restoring'));
            becomes($node, 'seen', $states, $held, 'a restore is under way');
            ok($node->poll_query_until('seen', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dx restoring')), 'it has come so far');
            $breaks_off{$how}->($session);
            restore_is('seen', 'interrupted', 'it is not over');
            end_session($session);
            becomes($node, 'seen', $states, $held, 'workers wait');
            is(log_count($node, $broken_off, $offset), 1, 'the log warns of it');
            $session = start_session('seen', @restore);
            restore_is('seen', 'under way', 'another restore continues it');
            end_session($session);
            restore_is('seen', 'none', 'and ends it');
            becomes($node, 'seen', $states, $at_work, 'its workers run');
        };
    }
}

subtest 'an interrupted restore, and a restart' => sub {
    my $session = start_session('seen', '-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql");
    becomes($node, 'seen', $states, $held, 'a restore is under way');
    $session->{run}->signal('KILL');
    restore_is('seen', 'interrupted', 'it breaks off');
    end_session($session);
    my $offset = log_offset($node);
    $node->restart;
    restore_is('seen', 'interrupted', 'still after a restart');
    $node->wait_for_log($broken_off, $offset);
    is(value($node, 'seen', 'SELECT dynpgext.end_restore()'), 't', 'until end_restore()');
    becomes($node, 'seen', $states, $at_work, 'its workers run');
};

subtest 'declared by the user' => sub {
    is(value($node, 'seen', 'SELECT dynpgext.begin_restore()'), 't', 'begin_restore');
    becomes($node, 'seen', $states, $held, 'its workers end');
    is(value($node, 'seen', 'SELECT dynpgext.begin_restore()'), 'f', 'a second time it is nothing new');
    my $session = start_session('seen', '-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql");
    end_session($session);
    $node->stop('immediate');
    $node->start;
    restore_is('seen', 'until told', 'neither a session nor a restart ends it');
    becomes($node, 'seen', $states, $held, 'workers wait');
    value($node, 'seen', 'BEGIN; SELECT dynpgext.end_restore(); ROLLBACK');
    restore_is('seen', 'until told', 'nor does a rolled-back change');
    is(value($node, 'seen', 'SELECT dynpgext.end_restore()'), 't', 'end_restore');
    becomes($node, 'seen', $states, $at_work, 'its workers run');
    is(value($node, 'seen', 'SELECT dynpgext.end_restore()'), 'f', 'a second time there is nothing to end');
    # the restoring session ends the restore itself, and continues
    $session = start_session('seen', '-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql", '-c', 'SELECT dynpgext.end_restore()',
        '-c', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', restart => 'always')));
    shows($node, 'seen', 'dx supervised 2', q(restart = 'always' AND state = 'running'), 'also in the session that restores');
    restore_is('seen', 'none', 'for good');
    end_session($session);
};

subtest 'which sessions count as restoring' => sub {
    my $look = join ' ', map {"-c $_"} 'check_function_bodies=off', 'search_path=', 'client_min_messages=warning';
    my $configure = q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', restart_delay => '1 s'));
    my @session = ('-c', $configure, '-c', 'RESET dynpgext.restore');
    {
        local $ENV{PGOPTIONS} = "$look -c dynpgext.restore=off";
        my $session = start_session('seen', @session);
        shows($node, 'seen', 'dx supervised 2', q(state = 'running'), 'not one that says no');
        restore_is('seen', 'none', 'to what it looks like');
        end_session($session);
    }
    value($node, 'seen', q(CREATE ROLE dx_stranger LOGIN; GRANT EXECUTE ON FUNCTION dynpgext.configure_worker TO dx_stranger));
    {
        my $pid = pid_of($node, 'seen', 'dx supervised 2');
        my $session = session_of_stranger('seen', $look, '-c', $configure =~ s/1 s/2 s/r);
        ok($node->poll_query_until('seen', q(SELECT restart_delay = '2 s' FROM dynpgext.worker_settings WHERE worker = 'dx supervised 2')), 'a stranger');
        restore_is('seen', 'none', 'may not restore');
        is(pid_of($node, 'seen', 'dx supervised 2'), $pid, 'and nothing ends for him');
        end_session($session);
    }
    value($node, 'postgres', 'ALTER DATABASE seen OWNER TO dx_stranger');
    my $session = session_of_stranger('seen', $look, '-c', $configure);
    restore_is('seen', 'under way', 'the owner of the database may');
    end_session($session);
    restore_is('seen', 'none', 'as long as his session is there');
};

# Any role can set this name for its session.
subtest 'the session name pg_restore' => sub {
    my @restore = ('-o', "$dumps/out", '-c', 'DELETE FROM dynpgext.worker_settings', '-f', "$dumps/data.sql");
    my @named = ('-c', q(SET application_name = 'pg_restore'));
    my $is_there = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pg_restore');
    # a superuser registers the command of "dx filler" again, which decides its role, and records past and
    # future owners of the database
    value($node, 'seen', q(LOAD 'dynpgext'; CREATE ROLE dx_owners ROLE dx_stranger; ALTER DATABASE seen OWNER TO dx_owners; ALTER DATABASE seen OWNER TO CURRENT_USER;
        SELECT count(*) FROM dynpgext.apply(dynpgext.export())));
    becomes($node, 'seen', $states, $at_work, 'workers run');
    my $stranger = session_of_stranger('seen', '', @named);
    ok($node->poll_query_until('seen', $is_there), 'a stranger sets the name');
    my $session = start_session('seen', @restore);
    restore_is('seen', 'under way', 'a restore is under way');
    end_session($session);
    restore_is('seen', 'none', 'which does not wait for him');
    becomes($node, 'seen', $states, $at_work, 'workers run');
    ok($node->poll_query_until('seen', $is_there), 'while he is there');
    end_session($stranger);

    value($node, 'postgres', 'ALTER DATABASE seen OWNER TO dx_owners');
    my $owner = session_of_stranger('seen', '', @named);
    ok($node->poll_query_until('seen', $is_there), 'a member of the role that owns the database');
    $session = start_session('seen', @restore);
    restore_is('seen', 'under way', 'a restore is under way');
    end_session($session);
    # the launcher checks both databases
    $session = start_session('source', @restore);
    restore_is('source', 'under way', 'another one begins');
    end_session($session);
    restore_is('source', 'none', 'and ends');
    restore_is('seen', 'under way', 'while this one waits for the other session');
    end_session($owner);
    restore_is('seen', 'none', 'until that has ended');
};

# If every session loads the library, sessions of pg_restore --jobs are recognised under any name.
set_preload($node, 1);
$node->restart;
$ENV{PGAPPNAME} = 'my restore';
restores('pg_restore in parallel, under another name', [ @restore, '-j', '2' ]);
restores('pg_restore under another name', \@restore);

$node->stop;
done_testing();
