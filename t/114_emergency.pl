# The statements of docs/emergency.md, unchanged and in order, in the situations for which they are written.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# The SQL blocks of each section, with the names used here.
my (%blocks, %used);
{
    my $section = '';
    my $page = slurp_file("$FindBin::RealBin/../docs/emergency.md");
    while ($page =~ /^## ([^\n]*)$|^```postgresql\n(.*?)^```$/msg) {
        if (defined $1) { $section = $1; next }
        my $sql = $2;
        $sql =~ s/'my_ext'/'dx_supervised'/g;
        $sql =~ s/\bmy_ext\b/dx_supervised/g;
        $sql =~ s/'my worker'/'dx supervised 1'/g;
        push @{ $blocks{$section} }, $sql;
    }
}

my $node = new_cluster('main', 'dynpgext.stop_timeout' => '300ms', 'dynpgext.crash_limit' => 1, 'dx_supervised.workers' => 2, 'dx_supervised.connect' => 'on');
add_database($node, 'app', 'dynpgext', 'dx_supervised', 'dx_memory');
value($node, 'postgres', 'CREATE EXTENSION dynpgext');
is_whole($node, 'all is well before', 'app');

# step(SECTION, N): the result of its Nth block, in database app
sub step {
    my ($section, $n) = @_;
    my $sql = $blocks{$section}[$n - 1] // die "no block $n in $section";
    $used{"$section $n"} = 1;
    my ($code, $out, $error) = $node->psql('app', $sql, on_error_stop => 1);
    is($code, 0, "$section, step $n") or diag($sql, $error);
    return $out;
}

sub states_are {
    my ($expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return becomes($node, 'app', supervised_states(), $expected, $test);
}

subtest 'safe mode on a running server' => sub {
    value($node, 'app', q(CREATE TABLE ran (); CREATE EXTENSION dx_declared));
    value($node, 'app', q(SELECT dynpgext.register('dx_declared', format('{"dynpgext": 1, "workers": [{"name": "sql", "run_as": %s, "command": "INSERT INTO public.ran DEFAULT VALUES", "interval": "20 ms"}]}', to_json(current_user::text))::jsonb)));
    becomes($node, 'app', 'SELECT count(*) > 0 FROM ran', 't', 'an SQL worker runs');
    step('Safe mode', 1);
    states_are('1 waiting, 2 waiting', 'workers end, and wait');
    becomes($node, 'app', 'SELECT string_agg(DISTINCT waits_for, \',\') FROM dynpgext.workers', 'dynpgext.safe_mode', 'the views show the reason');
    becomes($node, 'app', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^dynpgext sql|dx'), 0, 'no process is left');
    is(value($node, 'app', q(SELECT severity, object, split_part(problem, ':', 1) FROM dynpgext.health())), 'warning|server|safe mode', 'health() shows it, and nothing else');
    like(error_of($node, 'app', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1'))),
        qr/42501: extension "dx_supervised" cannot take part in dynpgext: dynpgext.safe_mode is on/, 'start_worker() is refused');
    like(error_of($node, 'app', 'CREATE EXTENSION dx_usage'), qr/42501: .*dynpgext.safe_mode is on/, 'so is CREATE EXTENSION');
    is(value($node, 'app', q(SELECT count(*) FROM dynpgext.reload() WHERE action = 'start')), 0, 'reload() starts nothing');
    is(value($node, 'app', q(SELECT dx_read('dx_memory:local') IS NOT NULL)), 't', 'memory stays');
    my $runs = value($node, 'app', 'SELECT count(*) FROM ran');

    step('Safe mode', 2);
    states_are('', 'objects of an unloaded extension are gone');
    step('Safe mode', 3);
    becomes($node, 'app', "SELECT count(*) > $runs FROM ran", 't', 'the rest continues');
    states_are('', 'unloaded extensions stay unloaded');
    value($node, 'app', q(SELECT dynpgext.load('dx_supervised')));
    value($node, 'app', 'DROP EXTENSION dx_declared');
    is_whole($node, 'all is well', 'app');
};

subtest 'safe mode at the start of the server' => sub {
    for my $preloaded (0, 1) {
        my $how = $preloaded ? ' (preloaded)' : '';
        set_preload($node, $preloaded);
        $node->append_conf('postgresql.conf', 'dynpgext.safe_mode = on');
        my $offset = log_offset($node);
        $node->restart;
        becomes($node, 'app', q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions), 'dx_memory failed, dx_supervised failed', "nothing is provisioned$how");
        states_are('1 registered, 2 registered', "no worker runs$how");
        unlike(slurp_file($node->logfile, $offset), qr/starting background worker process "dx/, "nor has one$how");
        $node->append_conf('postgresql.conf', 'dynpgext.safe_mode = off');
        $node->reload;
        is_whole($node, "all is well when it is off$how", 'app');
    }
};

subtest 'what is wrong?' => sub {
    step('What is wrong?', 1);
    is(step('What is wrong?', 2), value($node, 'app', 'SELECT dynpgext.version()'), 'the database has dynpgext');
};

subtest 'a worker blocks' => sub {
    value($node, 'app', 'CREATE TABLE dx_locked (n integer)');
    ok(tell($node, 'app', 1, 'lock'), 'a worker locks a table');
    becomes($node, 'app', q(SELECT count(*) FROM pg_locks l JOIN dynpgext.workers w USING (pid) WHERE relation = 'dx_locked'::regclass), 1, 'it does');
    my $session = $node->background_psql('app');
    $session->query_until(qr/waits/, "\\echo waits\nDROP TABLE dx_locked;\n");
    becomes($node, 'app', q(SELECT count(*) FROM pg_locks WHERE NOT granted), 1, 'a session waits for it');
    like(step('A worker blocks others', 1), qr/^\d+\|app\|DROP TABLE dx_locked;\|dx_supervised\|dx supervised 1\|\d+$/, 'both are found');
    step('A worker blocks others', 2);
    becomes($node, 'app', q(SELECT to_regclass('dx_locked') IS NULL), 't', 'the session continues');
    $session->quit;
    step('A worker blocks others', 3);
    becomes($node, 'app', q(SELECT state FROM dynpgext.workers WHERE name = 'dx supervised 1'), 'stopped', 'it has ended');
};

subtest 'a worker does harm' => sub {
    step('A worker does harm', 1);
    states_are('1 disabled, 2 running', 'it is switched off');
    step('A worker does harm', 2);
    states_are('', 'the extension is unloaded');
    step('A worker does harm', 3);
    states_are('1 running, 2 running', 'everything runs again');
};

subtest 'memory' => sub {
    like(step('Memory runs out', 1), qr/^\|dx_memory\|2\|1024 kB\|0$/m, 'the largest comes first');
    like(step('Memory runs out', 2), qr/^\d+\|/, 'sessions');
    step('Memory runs out', 3);
    states_are('', 'unloaded');
    value($node, 'app', q(SELECT dynpgext.load('dx_supervised')));
    states_are('1 running, 2 running', 'loaded');
    my $pid = pid_of($node, 'app', 'dx supervised 1');
    step('Memory runs out', 4);
    isnt(pid_of($node, 'app', 'dx supervised 1'), $pid, 'another process');
    step('Memory runs out', 5);
    becomes($node, 'app', 'SELECT memory_limit FROM dynpgext.status', 2 * 1024**3, 'the limit holds');
};

subtest 'slots' => sub {
    like(step('Slots run out', 1), qr/^dx/m, 'who has them');
    step('Slots run out', 2);
    states_are('1 stopped, 2 running', 'one is free');
    step('Slots run out', 3);
    becomes($node, 'app', q(SELECT current_setting('dynpgext.max_workers') || current_setting('dynpgext.max_runners')), '204', 'the limits hold');
};

subtest 'crashes' => sub {
    crash($node, sub { tell_to_crash($node, 'app', 2, 'segv') });
    value($node, 'app', 'SELECT * FROM dynpgext.status');
    states_are('1 running, 2 quarantined', 'quarantined');
    like(step('The server crashes again and again', 1), qr/\|dx_supervised\|worker\|dx supervised 2\|app\|/, 'events name it');
    step('The server crashes again and again', 2);
    states_are('1 running, 2 running', 'released');
};

subtest 'upgrade' => sub {
    step('Upgrade', 1);
    step('Upgrade', 2);
    is_whole($node, 'all is well', 'app');
};

subtest 'restore' => sub {
    step('Restore', 2);
    states_are('1 waiting, 2 waiting', 'workers wait');
    step('Restore', 3);
    states_are('1 running, 2 running', 'and go on');
    # as after an interrupted restore
    value($node, 'app', 'SELECT dynpgext.begin_restore()');
    becomes($node, 'app', q(SELECT split_part(problem, ':', 1) FROM dynpgext.health()), 'restore', 'health() shows it');
    step('Restore', 1);
    states_are('1 running, 2 running', 'and go on again');
    # the shell commands, with this test's database names
    my $dump = PostgreSQL::Test::Utils::tempdir('dump') . '/app.dump';
    command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('app'), '-f', $dump ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE again');
    command_ok([ 'pg_restore', '-d', $node->connstr('again'), $dump ], 'pg_restore');
    becomes($node, 'again', supervised_states(), '1 running, 2 running', 'workers start when it is over');
    value($node, 'postgres', 'DROP DATABASE again');
};

subtest 'uninstall' => sub {
    step('Uninstall', 1);
    is(value($node, 'app', q(SELECT count(*) FROM pg_namespace WHERE nspname = 'dynpgext')), 0, 'it is gone');
    step('Uninstall', 2);
    unlike(slurp_file($node->data_dir . '/postgresql.auto.conf'), qr/dynpgext/, 'and out of the configuration that the steps have made');
    becomes($node, 'app', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^dx'), 0, 'no worker is left');
};

my @all = map { my $section = $_; map {"$section $_"} 1 .. @{ $blocks{$section} } } sort keys %blocks;
is_deeply([ grep { !$used{$_} } @all ], [], 'every block of the page has been run');

done_testing();
