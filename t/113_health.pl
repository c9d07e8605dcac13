# A DBA's first information: the cluster in one list that fits a terminal, and its problems, for people,
# alerts and script/check_dynpgext.
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my ($install, $libraries) = private_install();
my $node = new_cluster('main', install_path => $install,
    'dynpgext.crash_limit' => 1,
    'dynpgext.restart_delay_max' => '50ms',
    'dynpgext.stop_timeout' => '200ms',
    'dx_supervised.workers' => 4,
    'dx_supervised.restart' => 'never,always,never,never',
    'dx_supervised.delay' => 10,
    'dx_supervised.deadline' => '0,0,500,0');
add_database($node, 'app', 'dynpgext', 'dx_memory');
add_database($node, 'shop', 'dynpgext', 'dx_supervised');
value($node, 'postgres', 'CREATE EXTENSION dynpgext; CREATE ROLE monitor LOGIN IN ROLE pg_monitor; CREATE ROLE anybody LOGIN');
is_whole($node, 'all is well before', 'app', 'shop');

# severity, object, name, database and keyword of each problem
my $health = q(SELECT concat_ws(' ', severity, object, name, database, split_part(problem, ':', 1)) FROM dynpgext.health());

sub ails {
    my ($expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return becomes($node, 'postgres', "SELECT string_agg(ill, ', ') FROM ($health) h (ill)", $expected, $test);
}

sub check {
    my ($database, $expected, $pattern, $test, @more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($out, $error);
    IPC::Run::run([ "$install/bin/check_dynpgext", '-h', $node->host, '-p', $node->port, '-d', $database, @more ],
        '>', \$out, '2>', \$error);
    is($? >> 8, $expected, "$test: exit $expected");
    return like($out, $pattern, $test);
}

subtest 'overview' => sub {
    is(value($node, 'postgres', q(SELECT database, extension, object, name, state, pid IS NOT NULL, why FROM dynpgext.overview)), <<'ROWS' =~ s/\n$//r, 'one line for each worker and allocation of all databases, in order');
|dx_memory|allocation|dx_memory:global|allocated|f|
|dx_memory|allocation|dx_memory:global_small|allocated|f|
app|dx_memory|allocation|dx_memory:going|allocated|f|
app|dx_memory|allocation|dx_memory:local|allocated|f|
shop|dx_supervised|allocation|dx_supervised:local|allocated|f|
shop|dx_supervised|worker|dx supervised 1|running|t|
shop|dx_supervised|worker|dx supervised 2|running|t|
shop|dx_supervised|worker|dx supervised 3|running|t|
shop|dx_supervised|worker|dx supervised 4|running|t|
ROWS
    is(value($node, 'postgres', q(SELECT bool_and(since ~ '^\d\d:\d\d:\d\d$' OR since ~ '^\d{4}-\d\d-\d\d$') FROM dynpgext.overview)), 't', 'each shows the time');
    is(value($node, 'postgres', q(SELECT database, extension, version, state, allocations, workers, provisioned_at IS NOT NULL FROM dynpgext.cluster_extensions ORDER BY 1)),
        "app|dx_memory|0.1|provisioned|4|0|t\nshop|dx_supervised|0.1|provisioned|1|4|t", 'the extensions of all databases');
    is(value($node, 'postgres', 'SELECT extensions_by_state, allocations_by_state, workers_by_state FROM dynpgext.status'),
        '{"provisioned": 2}|{"allocated": 5}|{"running": 4}', 'counts by state');
};

subtest 'all is well' => sub {
    is(value($node, 'postgres', 'SELECT count(*) FROM dynpgext.health()'), 0, 'no row');
    check('postgres', 0, qr/^DYNPGEXT OK - no problems \| critical=0 warning=0$/, 'the check reports it');
    check('postgres', 0, qr/^DYNPGEXT OK/, 'within eight seconds', '-t', '08');
    check('postgres', 2, qr/^$/, 'no time is no bound', '-t', '0');
    check('no_such_database', 2, qr/^DYNPGEXT CRITICAL - cannot be queried: .*"no_such_database" does not exist/, 'a database that cannot be queried is critical');
};

subtest 'functions of other roles' => sub {
    value($node, 'app', q(CREATE FUNCTION public.regexp_replace(text, text, text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
        CREATE FUNCTION public.concat_ws(text, text, text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$; ALTER DATABASE app SET search_path = public, pg_catalog));
    ok(tell($node, 'shop', 1, 'error'), 'something is wrong');
    ails('critical worker dx supervised 1 shop failed', 'it is critical');
    check('app', 2, qr/^DYNPGEXT CRITICAL - 1 critical/, 'the check calls functions of the server, not those of the owner of the database');
    value($node, 'app', 'DROP FUNCTION public.regexp_replace, public.concat_ws; ALTER DATABASE app RESET ALL');
    value($node, 'shop', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    ails('', 'all is well');
    # the owner of a database can drop it, and create another one of that name
    value($node, 'postgres', 'CREATE DATABASE fake');
    value($node, 'fake', q(CREATE TABLE public.called (); CREATE SCHEMA dynpgext;
        CREATE FUNCTION dynpgext.health(OUT severity text, OUT object text, OUT name text, OUT database name, OUT problem text, OUT remedy text)
            RETURNS SETOF record LANGUAGE sql AS 'INSERT INTO public.called DEFAULT VALUES; SELECT NULL::text, NULL::text, NULL::text, NULL::name, NULL::text, NULL::text WHERE false'));
    check('fake', 2, qr/^DYNPGEXT CRITICAL - cannot be queried: there is no dynpgext in this database; name another one with -d$/, 'a schema by that name is not dynpgext');
    is(value($node, 'fake', 'SELECT count(*) FROM public.called'), 0, 'and no function of it is called');
};

subtest 'privileges' => sub {
    my ($code, undef, $error) = $node->psql('postgres', 'SELECT * FROM dynpgext.health()', extra_params => [ '-U', 'anybody' ]);
    like($error, qr/permission denied for function health/, 'not everybody');
    my ($out) = ($node->psql('postgres', 'SELECT count(*) FROM dynpgext.health(), dynpgext.overview, dynpgext.cluster_commands, dynpgext.status', extra_params => [ '-U', 'monitor' ]))[1];
    is($out, 0, 'but members of pg_monitor');
};

subtest 'a worker fails' => sub {
    ok(tell($node, 'shop', 1, 'error'), 'it gets the command');
    ails('critical worker dx supervised 1 shop failed', 'it is critical');
    like(value($node, 'app', 'SELECT problem, remedy FROM dynpgext.health()'),
        qr/^failed: worker of extension "dx_supervised" has ended: 22012: .*\|Repair the cause, then SELECT dynpgext.restart_worker\('dx_supervised', 'dx supervised 1'\)$/, 'with its error and a hint');
    is(value($node, 'app', q(SELECT since BETWEEN now() - interval '10 minutes' AND now() FROM dynpgext.health())), 't', 'and since when');
    like(value($node, 'app', q(SELECT state, why FROM dynpgext.overview WHERE name = 'dx supervised 1')), qr/^failed\|\D/, 'the overview has the reason, without the SQLSTATE');
    check('app', 2, qr/^DYNPGEXT CRITICAL - 1 critical, 0 warnings: worker "dx supervised 1" in database shop: failed: .* \| critical=1 warning=0\ncritical worker/, 'the check tells of it');
    {
        local $ENV{PGOPTIONS} = '-c client_min_messages=debug5';
        check('app', 2, qr/^DYNPGEXT CRITICAL - 1 critical, .*\ncritical worker[^\n]*\n$/, 'and of no other messages of the server');
    }
    value($node, 'shop', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    ails('', 'the remedy ends it');
};

subtest 'a worker sends no heartbeats, or does not end' => sub {
    ok(tell($node, 'shop', 3, 'silent'), 'it gets the command silent');
    ails('critical worker dx supervised 3 shop unresponsive', 'it is critical');
    is(value($node, 'app', q(SELECT why FROM dynpgext.overview WHERE state = 'unresponsive')), 'no heartbeat', 'the overview shows the reason');
    ok(tell($node, 'shop', 3, 'wait'), 'it gets the command wait');
    ails('', 'then all is well');
    ok(tell($node, 'shop', 4, 'hold'), 'another one holds interrupts');
    $node->psql('shop', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 4')));
    ails('warning worker dx supervised 4 shop stopping', 'one that does not end is a warning');
    check('app', 1, qr/^DYNPGEXT WARNING - 0 critical, 1 warnings: worker "dx supervised 4" in database shop: stopping/, 'for the check, too');
    my $pid = value($node, 'shop', q(SELECT pid FROM dynpgext.workers WHERE name = 'dx supervised 4'));
    value($node, 'shop', q(SELECT dx_supervised_command(4, 'wait')));
    ails('', 'it has ended');
    value($node, 'shop', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 4')));
};

subtest 'a worker ends repeatedly' => sub {
    configure($node, 'shop', 'dx_supervised.fail' => 'dx supervised 2');
    value($node, 'shop', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 2')));
    ails('warning worker dx supervised 2 shop backoff', 'that is a warning');
    like(value($node, 'app', 'SELECT problem FROM dynpgext.health()'), qr/has ended soon \d+ times in a row: /, 'with how often');
    configure($node, 'shop', 'dx_supervised.fail' => '');
    becomes($node, 'shop', q(SELECT state FROM dynpgext.workers WHERE name = 'dx supervised 2'), 'running', 'it is repaired');
    ails('', 'and not told of any more when it has run for a while');
};

subtest 'SQL workers' => sub {
    value($node, 'app', q(CREATE EXTENSION dx_declared));
    value($node, 'app', q(SELECT dynpgext.register('dx_declared', format('{"dynpgext": 1, "workers": [{"name": "wrong", "run_as": %s, "command": "SELECT 1 / 0", "interval": "1 hour"}]}', to_json(current_user::text))::jsonb)));
    ails('warning worker wrong app failing', 'a failing command is a warning');
    is(value($node, 'shop', q(SELECT database, worker, scope, command, run_as, state, failures FROM dynpgext.cluster_commands WHERE worker = 'wrong')),
        'app|wrong|database||' . value($node, 'app', 'SELECT current_user') . '|running|1', 'other databases see the progress, not the command');
    is(value($node, 'app', q(SELECT database, worker, command, run_interval FROM dynpgext.cluster_commands WHERE worker = 'wrong')),
        'app|wrong|SELECT 1 / 0|01:00:00', 'its own sees the command');
    value($node, 'app', q(SELECT dynpgext.register('dx_declared', format('{"dynpgext": 1, "workers": [{"name": "wide", "scope": "global", "run_as": %s, "command": "SELECT 1 / 0", "interval": "1 hour"}]}', to_json(current_user::text))::jsonb)));
    ails('warning worker wide failing', 'a global one, too');
    like(value($node, 'shop', 'SELECT remedy FROM dynpgext.health()'), qr/^In database "app": Repair the cause/, 'with the database that registers it');
    value($node, 'app', 'DROP EXTENSION dx_declared');
    ails('', 'dropped');
};

# A superuser runs the shown statement, in a database with its owner's settings.
subtest 'a malicious name' => sub {
    my $name = "w\\'); SELECT 'gained' --\e[2J";
    value($node, 'app', 'CREATE EXTENSION dx_plain');
    register_sql_workers($node, 'app', 'dx_plain', { name => $name, sql => 'SELECT 1', channel => 'never', restart => 'never' });
    ok($node->poll_query_until('app', q(SELECT count(pg_terminate_backend(pid)) = 1 FROM dynpgext.commands WHERE runs = 1)), 'its process ends');
    ok($node->poll_query_until('app', q(SELECT count(*) = 1 FROM dynpgext.health())), 'and it has failed');
    my $remedy = value($node, 'app', 'SELECT remedy FROM dynpgext.health()');
    unlike($remedy, qr/[[:cntrl:]]/, 'the remedy is one line');
    my ($statement) = $remedy =~ /then (SELECT .*)/;
    ok($statement, 'with a statement');
    is(value($node, 'app', "SET backslash_quote = on; SET standard_conforming_strings = off; $statement"), 't', 'which starts the worker, and does nothing else');
    ok($node->poll_query_until('app', q(SELECT count(pg_terminate_backend(pid)) = 1 FROM dynpgext.commands WHERE runs = 2)), 'its process ends again');
    ok($node->poll_query_until('app', q(SELECT count(*) = 1 FROM dynpgext.health())), 'and it has failed again');
    check('app', 2, qr/^(?!.*[^[:print:]\n])DYNPGEXT CRITICAL - 1 critical/s, 'the check prints no control characters');
    value($node, 'app', 'DROP EXTENSION dx_plain');
    ails('', 'dropped');
};

# These take time, and so run side by side.
subtest 'waiting, draining and a replaced library' => sub {
    configure($node, 'postgres', 'dynpgext.max_workers' => 4);
    value($node, 'app', 'CREATE EXTENSION dx_usage');
    my $session = $node->background_psql('app');
    $session->query_safe(q(SELECT dx_read('dx_memory:going')));
    value($node, 'app', q(ALTER EXTENSION dx_memory UPDATE TO '0.2'));
    replace_library("$libraries/dx_supervised.so");
    is(value($node, 'app', q(SELECT state, why FROM dynpgext.overview WHERE name = 'worker')), 'waiting|max_workers', 'the overview shows what it waits for');
    is(value($node, 'app', q(SELECT why FROM dynpgext.overview WHERE state = 'draining')), 'looked up by 1', 'and why memory drains');
    my $stale = join ', ', map {"warning worker dx supervised $_ shop stale"} 1 .. 4;
    ails("warning allocation dx_memory:going app draining, warning worker worker waiting, $stale", 'all are reported');
    is(value($node, 'app', q(SELECT now() - since BETWEEN interval '10 seconds' AND interval '10 minutes' FROM dynpgext.health() WHERE problem ~ '^waiting')), 't', 'since they began');
    $session->quit;
    configure($node, 'postgres', 'dynpgext.max_workers' => -1);
    value($node, 'shop', q(SELECT * FROM dynpgext.reload()));
    ails('', 'then all is well');
    value($node, 'app', 'DROP EXTENSION dx_usage');
};

subtest 'memory' => sub {
    my $kilobytes = int(memory_used($node, 'app') / 1024 * 1.05);
    configure($node, 'postgres', 'dynpgext.memory_limit' => "${kilobytes}kB");
    ails('warning memory memory', 'more than nine tenths are used');
    configure($node, 'postgres', 'dynpgext.memory_limit' => '1kB');
    ails('critical memory memory', 'all of it');
    configure($node, 'postgres', 'dynpgext.memory_limit' => -1);
    ails('', 'no limit');
};

subtest 'a crash' => sub {
    crash($node, sub { tell_to_crash($node, 'shop', 2, 'segv') });
    value($node, 'shop', 'SELECT 1 FROM dynpgext.status');
    ails('critical worker dx supervised 2 shop quarantined', 'a quarantined worker is critical');
    is(value($node, 'shop', q(SELECT why FROM dynpgext.overview WHERE state = 'quarantined')), 'crashed 1 times', 'the overview shows the reason');
    value($node, 'shop', q(SELECT dynpgext.release('dx_supervised')));
    ails('', 'released');
};

subtest 'a restart, and no launcher' => sub {
    value($node, 'app', 'CREATE EXTENSION dx_who');
    append_to_file($node->data_dir . '/dx_who.wait', '');
    $node->restart;
    ails('critical launcher launcher', 'without preload there is none');
    ails('critical launcher launcher', 'and to look does not start one');
    is(value($node, 'postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'dynpgext')), 0, 'nor anything else');
    like(value($node, 'postgres', 'SELECT remedy FROM dynpgext.health()'), qr/^SELECT launcher_pid FROM dynpgext.status starts it; /, 'the remedy names one that does');
    value($node, 'postgres', 'SELECT * FROM dynpgext.status');
    ails('critical extension dx_who app provisioning', 'an init that does not end keeps its database from being provisioned');
    unlink $node->data_dir . '/dx_who.wait';
    ails('', 'it ends');
    is_whole($node, 'all is well', 'app', 'shop');
};

subtest 'first use of a worker after a restart' => sub {
    configure($node, 'postgres', 'dx_supervised.workers' => 5);
    $node->restart;
    is(value($node, 'shop', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 5'))), 'f', 'one that its library registers only now');
    becomes($node, 'shop', q(SELECT state FROM dynpgext.workers WHERE name = 'dx supervised 5'), 'running', 'is known, and starts with the commit');
    configure($node, 'postgres', 'dx_supervised.workers' => 4);
    $node->restart;
    my (undef, undef, $error) = $node->psql('shop', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 5')));
    like($error, qr/extension "dx_supervised" has no background worker "dx supervised 5" in this database/, 'one that its library does not register any more');
    becomes($node, 'shop', q(SELECT count(*) FROM dynpgext.workers WHERE name = 'dx supervised 5'), 0, 'a visit removes it, although the error has rolled back what the call had registered');
    configure($node, 'postgres', 'dx_supervised.workers' => 5);
    $node->restart;
    (undef, undef, $error) = $node->psql('shop', q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 5')));
    like($error, qr/"dx supervised 5" of extension "dx_supervised" is not committed yet/, 'one that its library registers only now cannot be started in the same transaction');
    becomes($node, 'shop', q(SELECT state FROM dynpgext.workers WHERE name = 'dx supervised 5'), 'running', 'a visit registers and starts it');
    configure($node, 'postgres', 'dx_supervised.workers' => 4);
    value($node, 'shop', q(SELECT count(*) FROM dynpgext.reload('dx_supervised')));
    is_whole($node, 'all is well', 'app', 'shop');
};

subtest 'a library is missing' => sub {
    rename "$libraries/dx_who.so", "$libraries/away" or die $!;
    $node->restart;
    value($node, 'postgres', 'SELECT * FROM dynpgext.status');
    ails('critical extension dx_who app failed', 'its extension is failed');
    is(value($node, 'app', q(SELECT state, left(why, 16) FROM dynpgext.overview WHERE extension = 'dx_who')), 'failed|could not access', 'so is its memory, and the overview shows the reason');
    is(value($node, 'shop', q(SELECT database, error <> '' FROM dynpgext.cluster_extensions WHERE state = 'failed')), 'app|t', 'other databases see it, too');
    is(value($node, 'shop', 'SELECT extensions_by_state FROM dynpgext.status'), '{"failed": 1, "provisioned": 2}', 'counted');
    rename "$libraries/away", "$libraries/dx_who.so" or die $!;
    ails('', 'it runs again');
};

subtest 'width' => sub {
    ok(tell($node, 'shop', 1, 'error'), 'a worker fails');
    becomes($node, 'shop', q(SELECT state FROM dynpgext.workers WHERE name = 'dx supervised 1'), 'failed', 'it has');
    my ($out) = run_command([ "$install/bin/psql", '-X', '-h', $node->host, '-p', $node->port, '-d', 'shop', '-c', 'SELECT * FROM dynpgext.overview' ]);
    my ($longest) = sort { $b <=> $a } map {length} split /\n/, $out;
    cmp_ok($longest, '<=', 120, 'all lines of the overview fit into 120 characters');
    like($out, qr/\.\.\.$/m, 'with a long reason among them');
};

done_testing();
