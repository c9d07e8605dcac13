# DBAs' settings with configure_worker(): which value applies, from when on, and what happens to it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;

# The launcher checks by itself only once an hour: every test must wake it.
my $node = new_cluster('main',
    'dynpgext.naptime' => '1h',
    'dynpgext.restart_delay_max' => '20ms',
    'dx_supervised.delay' => 20,
    'dx_supervised.restart' => 'never,on_failure,always,always',
    'dx_supervised.workers' => 4);
add_database($node, 'one', qw(dynpgext dx_supervised dx_worker));
is_whole($node, 'all is well before', 'one');

sub name_of { return "dx supervised $_[0]" }

sub set {
    my ($n, $what, $database) = @_;
    return $node->safe_psql($database // 'one', "SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised $n', $what)");
}

sub unset {
    my ($n, $database) = @_;
    return $node->safe_psql($database // 'one', "SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised $n')");
}

sub settings {
    my ($database) = @_;
    return $node->safe_psql($database // 'one',
        'SELECT extension, worker, enabled, restart, restart_delay FROM dynpgext.worker_settings ORDER BY 1, 2');
}

sub is_shown {
    my ($n, $condition, $test, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return shows($node, $database // 'one', name_of($n), $condition, $test);
}

sub starts_of {
    my ($n, $database) = @_;
    return value($node, $database // 'one', "SELECT starts FROM dynpgext.workers WHERE name = 'dx supervised $n'");
}

subtest 'bad input' => sub {
    my $worker = q('dx_supervised', 'dx supervised 1');
    my %bad = (
        "$worker, restart => 'sometimes'" => '22023',
        "$worker, restart => ''" => '22023',
        "$worker, restart => 'ALWAYS'" => '22023',
        "$worker, restart_delay => '-1 s'" => '22023',
        "$worker, restart_delay => '24:00:00.001'" => '22023',
        "$worker, restart_delay => '1 month'" => '22023',
        "$worker, restart_delay => '178000000 years'" => '22023',
        q('dx_supervised', 'no such', enabled => false) => '42704',
        q('no_such', 'dx supervised 1', enabled => false) => '42704',
        q(NULL, 'dx supervised 1', enabled => false) => '22004',
        q('dx_supervised', NULL, enabled => false) => '22004',
        q('dx_supervised', repeat('x', 96), enabled => false) => '42622');
    for my $arguments (sort keys %bad) {
        like(error_of($node, 'one', "SELECT dynpgext.configure_worker($arguments);"), qr/ERROR:  $bad{$arguments}: /, $arguments);
    }
    like(error_of($node, 'one', "BEGIN READ ONLY; SELECT dynpgext.configure_worker($worker, enabled => false);"),
        qr/ERROR:  25006: /, 'in a read-only transaction');
    like(error_of($node, 'one', "BEGIN READ ONLY; SELECT dynpgext.reset_worker($worker);"),
        qr/ERROR:  25006: /, 'reset_worker in a read-only transaction');
    like(error_of($node, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'no such');)), qr/ERROR:  42704: /, 'reset_worker');
    like(error_of($node, 'one', q(INSERT INTO dynpgext.worker_settings VALUES ('dx_supervised', 'dx supervised 1', true, 'sometimes');)),
        qr/ERROR:  23514: /, 'by hand');
    is(settings(), '', 'nothing is set');
    is_whole($node, 'all runs', 'one');
};

subtest 'privileges' => sub {
    value($node, 'one', 'CREATE ROLE operator; CREATE ROLE nobody;
        GRANT EXECUTE ON FUNCTION dynpgext.configure_worker, dynpgext.reset_worker TO operator');
    my $call = q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', restart => 'always'););
    like(error_of($node, 'one', "SET ROLE nobody; $call"), qr/ERROR:  42501: /, 'not for everybody');
    is(error_of($node, 'one', "SET ROLE operator; $call"), '', 'for a role with EXECUTE and nothing else');
    is_shown(1, q(restart = 'always'), 'it takes effect');
    is(error_of($node, 'one', q(SET ROLE operator; SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1');)), '', 'reset_worker, too');
    is_shown(1, q(restart = 'never'), 'it takes effect');
};

subtest 'which value applies' => sub {
    is_shown(1, q(restart = 'never'), 'the choice of the author');
    set(1, q(restart => 'always'));
    is_shown(1, q(restart = 'always'), 'the setting of the DBA');
    set(1, q(restart_delay => '5 ms'));
    is(settings(), 'dx_supervised|dx supervised 1||always|00:00:00.005', 'NULL keeps the present setting');
    ok(tell($node, 'one', 1, 'exit0'), 'it ends');
    is_shown(1, q(state = 'running' AND starts = 2), 'and is restarted');
    set(1, 'enabled => false');
    is_shown(1, q(state = 'disabled' AND pid IS NULL), 'a disabled one does not run');
    is(settings(), 'dx_supervised|dx supervised 1|f|always|00:00:00.005', 'all three are kept');
    is(unset(1), 't', 'reset_worker');
    is_shown(1, q(state = 'running' AND restart = 'never'), 'is as the author has chosen');
    is(settings(), '', 'nothing is left');
    is(unset(1), 'f', 'there is nothing to reset');
    set(1, q(restart_delay => '24 hours'));
    set(1, q(restart_delay => '0'));
    is(settings(), 'dx_supervised|dx supervised 1|||00:00:00', 'the delays from 0 to 24 hours');
    unset(1);
};

subtest 'transactional' => sub {
    my $pid = pid_of($node, 'one', name_of(3));
    $node->safe_psql('one', qq(
        BEGIN;
        SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false);
        SAVEPOINT a;
        SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', enabled => false);
        ROLLBACK TO a;
        ROLLBACK;));
    is(settings(), '', 'rolled back');
    $node->safe_psql('one', qq(
        BEGIN;
        SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', restart => 'never');
        SAVEPOINT a;
        SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false);
        ROLLBACK TO a;
        COMMIT;));
    is(settings(), 'dx_supervised|dx supervised 2||never|', 'rolled back to a savepoint');
    is_shown(2, q(restart = 'never'), 'the rest takes effect');
    is(pid_of($node, 'one', name_of(3)), $pid, 'the process was left alone');
    unset(2);

    my $session = $node->background_psql('one');
    $session->query_safe('BEGIN');
    $session->query_safe(q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false)));
    is(pid_of($node, 'one', name_of(3)), $pid, 'nothing happens before the commit');
    $session->query_safe('COMMIT');
    is_shown(3, q(state = 'disabled' AND pid IS NULL), 'it ends with the commit');
    $session->quit;
    unset(3);
    is_whole($node, 'all runs', 'one');
};

subtest 'in a prepared transaction' => sub {
    configure($node, 'one', 'dynpgext.naptime' => '100ms');    # to see the end of the transaction soon
    $node->safe_psql('one', q(
        BEGIN;
        SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false);
        PREPARE TRANSACTION 'configured';));
    is_shown(3, q(state = 'running'), 'nothing happens before its end');
    $node->safe_psql('one', q(COMMIT PREPARED 'configured'));
    is_shown(3, q(state = 'disabled'), 'it ends with the commit');
    unset(3);
    is_whole($node, 'all runs', 'one');
    configure($node, 'one', 'dynpgext.naptime' => '1h');
};

subtest 'in backoff' => sub {
    set(3, q(restart_delay => '1 hour'));
    my $n = starts_of(3);
    ok(tell($node, 'one', 3, 'error'), 'it fails');
    is_shown(3, q(state = 'backoff' AND next_start_at > now() + interval '40 min'), 'it is in backoff');
    set(3, q(restart => 'never'));
    is_shown(3, q(state = 'failed' AND next_start_at IS NULL), 'never: the restart is called off');
    set(3, q(restart => 'on_failure'));
    is_shown(3, q(state = 'backoff' AND next_start_at > now() + interval '40 min'), 'on_failure: it is to be restarted again');
    set(3, 'enabled => false');
    is_shown(3, q(state = 'disabled' AND next_start_at IS NULL), 'disabled');
    set(3, 'enabled => true');
    is_shown(3, "state = 'running' AND starts = $n + 1", 'enabled: it begins again');
    ok(tell($node, 'one', 3, 'error'), 'it fails');
    is_shown(3, q(state = 'backoff'), 'it is in backoff');
    set(3, q(restart_delay => '10 ms'));
    is_shown(3, "state = 'running' AND starts = $n + 2", 'a shorter delay counts at once');
    set(3, q(restart_delay => '1 hour'));
    ok(tell($node, 'one', 3, 'exit0'), 'it ends with 0');
    is_shown(3, q(state = 'stopped'), 'which is no failure');
    set(3, q(restart => 'always'));
    is_shown(3, q(state = 'backoff'), 'always: it is to be restarted');
    set(3, q(restart => 'on_failure'));
    is_shown(3, q(state = 'stopped' AND next_start_at IS NULL), 'on_failure: no longer');
    unset(3);
    is_shown(3, "state = 'running' AND starts = $n + 3", 'restarted, as its author has chosen');
};

subtest 'after its end' => sub {
    my $n = starts_of(1);
    ok(tell($node, 'one', 1, 'error'), 'it fails');
    is_shown(1, q(state = 'failed' AND pid IS NULL), 'it has failed');
    set(1, q(restart => 'on_failure'));
    is_shown(1, "state = 'running' AND starts = $n + 1", 'it is restarted by its new policy');
    unset(1);
    ok(tell($node, 'one', 1, 'exit0'), 'it ends with 0');
    is_shown(1, q(state = 'stopped' AND pid IS NULL), 'it is stopped');
    set(1, q(restart => 'on_failure'));
    is_shown(1, q(state = 'stopped' AND restart = 'on_failure'), 'that was no failure');
    set(1, q(restart => 'always'));
    is_shown(1, "state = 'running' AND starts = $n + 2", 'always: it is restarted');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
    set(1, q(restart => 'on_failure'));
    set(1, q(restart => 'always'));
    is_shown(1, q(state = 'stopped' AND restart = 'always'), 'a stopped worker stays stopped');
    unset(1);
    value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')));
    is_whole($node, 'all runs', 'one');
};

subtest 'disabled' => sub {
    set(4, 'enabled => false');
    is_shown(4, q(state = 'disabled' AND pid IS NULL), 'it does not run');
    like(error_of($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 4');)),
        qr/ERROR:  55000: .*disabled.*HINT:.*configure_worker/s, 'start_worker refuses');
    like(error_of($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 4');)),
        qr/ERROR:  55000: .*disabled/s, 'restart_worker refuses');
    is(value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 4'))), 'f', 'there is nothing to stop');
    is_shown(4, q(state = 'disabled'), 'it is disabled');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload leaves it alone');
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
    set(1, 'enabled => false');
    is_shown(1, q(state = 'disabled'), 'a stopped one');
    set(1, 'enabled => true');
    is_shown(1, q(state = 'running'), 'enabled, it begins again');
    unset(1);
};

subtest 'survives' => sub {
    set(2, q(restart => 'never', restart_delay => '7 ms'));
    my $before = settings();
    $node->restart;
    value($node, 'one', 'SELECT dynpgext.version()');
    is_shown(3, q(state = 'running'), 'others run after a restart');
    is_shown(4, q(state = 'disabled' AND starts = 0), 'the disabled one does not');
    is_shown(2, q(state = 'running' AND restart = 'never'), 'the policy is as set');
    ok(tell($node, 'one', 2, 'error'), 'it fails');
    is_shown(2, q(state = 'failed' AND pid IS NULL), 'and is not restarted');

    value($node, 'one', q(SELECT dynpgext.unload('dx_supervised')));
    is(settings(), $before, 'unload() keeps it');
    value($node, 'one', q(SELECT dynpgext.load('dx_supervised')));
    is_shown(1, q(state = 'running'), 'others run after a load');
    is_shown(4, q(state = 'disabled'), 'the disabled one does not');

    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false)));
    value($node, 'one', q(ALTER EXTENSION dx_worker UPDATE TO '0.2'));
    shows($node, 'one', 'dx global', q(state = 'running' AND version = '0.2'), 'others run after an update');
    shows($node, 'one', 'dx local', q(state = 'disabled'), 'the disabled one does not');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_worker', 'dx local')));
    shows($node, 'one', 'dx local', q(state = 'running' AND version = '0.2'), 'enabled, it runs in the new version');
};

subtest 'pg_dump and restore' => sub {
    my $before = settings();
    isnt($before, '', 'something is set');
    my $dump = sub {
        my ($database, $file) = @_;
        command_ok([ 'pg_dump', '--no-sync', '-f', $file, $node->connstr($database) ], "dump of $database");
        return slurp_file($file) =~ s{^\\(un)?restrict .*\n}{}mgr;
    };
    my $folder = PostgreSQL::Test::Utils::tempdir();
    my $first = $dump->('one', "$folder/one.sql");
    $node->safe_psql('postgres', 'CREATE DATABASE restored');
    $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/one.sql" ], 'restored');
    is(settings('restored'), $before, 'the settings are there');
    is_shown(1, q(state = 'running'), 'others run', 'restored');
    is_shown(4, q(state = 'disabled' AND pid IS NULL), 'the disabled one does not', 'restored');
    is_shown(2, q(restart = 'never'), 'the policy is as set', 'restored');
    ok(tell($node, 'restored', 2, 'error'), 'it fails');
    is_shown(2, q(state = 'failed' AND pid IS NULL), 'and is not restarted', 'restored');
    is($dump->('restored', "$folder/restored.sql"), $first, 'a second dump is the same');
    add_database($node, 'other', 'dynpgext');
    is(value($node, 'other', q(SELECT count(*) FROM dynpgext.workers WHERE scope = 'database')), 0, 'another database shows none of its workers');
    $node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');
    is(value($node, 'other', q(SELECT count(*) FROM dynpgext.workers WHERE scope = 'database')), 0, 'nor when it is dropped');
    configure($node, 'one', 'dynpgext.naptime' => '100ms');
    ok($node->poll_query_until('one', q(SELECT count(*) = 0 FROM dynpgext.cluster_workers WHERE database IS DISTINCT FROM 'one' AND scope = 'database')),
        'nor anywhere after a naptime');
    configure($node, 'one', 'dynpgext.naptime' => '1h');
};

subtest 'by hand' => sub {
    value($node, 'one', q(UPDATE dynpgext.worker_settings SET enabled = true WHERE worker = 'dx supervised 4'));
    is_shown(4, q(state = 'running'), 'UPDATE takes effect');
    value($node, 'one', q(TRUNCATE dynpgext.worker_settings));
    is_shown(2, q(restart = 'on_failure' AND state = 'running'), 'TRUNCATE takes effect');
    value($node, 'one', q(INSERT INTO dynpgext.worker_settings (extension, worker, enabled) VALUES ('dx_supervised', 'dx supervised 3', false), ('none', 'such', false)));
    is_shown(3, q(state = 'disabled'), 'INSERT takes effect');
    value($node, 'one', q(DELETE FROM dynpgext.worker_settings));
    is_whole($node, 'DELETE takes effect', 'one');
};

subtest 'DROP EXTENSION forgets' => sub {
    set(1, 'enabled => false');
    is_shown(1, q(state = 'disabled'), 'disabled');
    $node->safe_psql('one', 'BEGIN; DROP EXTENSION dx_supervised; ROLLBACK');
    isnt(settings(), '', 'not when it is rolled back');
    $node->safe_psql('one', 'DROP EXTENSION dx_supervised');
    is(settings(), '', 'nothing is left');
    $node->safe_psql('one', 'CREATE EXTENSION dx_supervised');
    is_whole($node, 'created again, all runs', 'one');
    $node->safe_psql('one', q(
        BEGIN;
        DROP EXTENSION dx_supervised;
        CREATE EXTENSION dx_supervised;
        SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', enabled => false);
        COMMIT));
    is_shown(2, q(state = 'running'), 'created in a transaction that disables one: the others run');
    is_shown(1, q(state = 'disabled' AND starts <= 1), 'that one does not');
    unset(1);
};

subtest 'two sessions at once' => sub {
    my @sessions;
    for my $i (1, 2) {
        my $sql = join '', map {"SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', restart_delay => '$i$_ ms');\n"} 1 .. 40;
        my %session = (in => $sql, out => '', error => '');
        $session{run} = start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('one') ],
            '<', \$session{in}, '>', \$session{out}, '2>', \$session{error});
        push @sessions, \%session;
    }
    for my $session (@sessions) {
        ok(finish($session->{run}), 'succeeds') or diag($session->{error});
    }
    like(settings(), qr/^dx_supervised\|dx supervised 1\|\|\|00:00:00\.\d+$/, 'one of them has the last word');
    unset(1);
};

subtest 'global worker, two databases' => sub {
    for my $database (qw(g1 g2)) {
        $node->safe_psql('postgres', "CREATE DATABASE $database; ALTER DATABASE $database SET dx_supervised.scope = 'global'");
        $node->safe_psql($database, 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_supervised');
    }
    is_whole($node, 'all runs', qw(g1 g2));
    for my $database (qw(g1 g2)) {
        set(1, q(restart => 'always'), $database);
        is_shown(1, q(restart = 'always'), "set in $database, seen in $_", $_) for qw(g1 g2);
        set(1, 'enabled => false', $database);
        is_shown(1, q(state = 'disabled' AND pid IS NULL), "disabled in $database, seen in $_", $_) for qw(g1 g2);
        is(unset(1, $database), 't', 'reset');
        is_shown(1, q(state = 'running' AND restart = 'never'), "it runs, seen in $_", $_) for qw(g1 g2);
    }
    set(1, q(restart => 'on_failure'), 'g2');
    set(1, q(restart => 'always', enabled => false), 'g1');
    is_shown(1, q(restart = 'always' AND state = 'disabled'), 'where they contradict each other, the older database counts', 'g2');
    $node->safe_psql('g1', 'DROP EXTENSION dx_supervised');
    is_shown(1, q(restart = 'on_failure' AND state = 'running'), 'dropped there, what the other says', 'g2');
    $node->safe_psql('g2', 'DROP EXTENSION dx_supervised');
    becomes($node, 'g1', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE scope = 'global' AND extension = 'dx_supervised'), 0, 'gone');
    is_whole($node, 'the database-local ones are not concerned', 'one');
};

# An announcement to standbys must not remove the file that every connection reads first.
subtest 'the file of the relation cache' => sub {
    my @files = ($node->data_dir . '/global/pg_internal.init',
        $node->data_dir . '/base/' . value($node, 'one', q(SELECT oid FROM pg_database WHERE datname = 'one')) . '/pg_internal.init');
    my $inodes = sub { return join ' ', map { (stat $_)[1] // 'none' } @files };
    value($node, 'one', 'SELECT 1');
    my $before = $inodes->();
    unlike($before, qr/none/, 'is there');
    set(1, q(restart => 'always'));
    set(1, q(restart => 'never'));
    is($inodes->(), $before, 'and stays the same');
};

$node->stop;
done_testing();
