# Libraries for shared_preload_libraries, hosted on a server that was started without dynpgext.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', max_prepared_transactions => 2, max_worker_processes => 24);
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

sub has_restarted { return $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()') ne $started }

sub hosted {
    my ($columns, $library) = @_;
    return value($node, 'postgres', "SELECT $columns FROM dynpgext.hosted WHERE library = '" . ($library // 'dx_hosted') . q('));
}

sub keepers {
    my %all = processes($node);
    return scalar map { @{ $all{$_} } } grep { /^dynpgext keeper/ } keys %all;
}

my $older = $node->background_psql('postgres');
add_database($node, 'postgres', 'dynpgext');
add_database($node, 'other', 'dynpgext');

subtest 'host, and immediate use' => sub {
    is($node->safe_psql('postgres', q(
        SELECT dynpgext.host('dx_hosted');
        CREATE EXTENSION dx_hosted;
        SELECT dx_hosted_next();
        SELECT dx_hosted_put(1, 11))), "hosted\n1\nt", 'the session that hosts it has it at once');
    is($node->safe_psql('postgres', 'SELECT dx_hosted_next(); SELECT dx_hosted_get(1)'), "2\n11", 'and a new one');
    $node->safe_psql('other', 'CREATE EXTENSION dx_hosted');
    is($node->safe_psql('other', 'SELECT dx_hosted_next()'), '3', 'and one in another database');
    ok($node->poll_query_until('postgres', 'SELECT dx_hosted_state()',
        'max 3, same address, made by the postmaster, worker as registered, dynamic 0'),
        'it finds what it would find if it were preloaded');
    is($node->safe_psql('postgres', 'SELECT dx_hosted_start(7); SELECT dx_hosted_state()'),
        "t\nmax 3, same address, made by the postmaster, worker as registered, dynamic 1007", 'a dynamic worker');
    is(hosted(q(concat_ws(' ', scope, database, position, state, error, workers, settings, stale, memory_requested > 0, memory_used > 0))),
        'global 1 hosted 1 f t t', 'the view');
    is($node->safe_psql('other', 'SELECT scope, state FROM dynpgext.hosted'), 'global|hosted', 'in another database, too');
    is($node->safe_psql('postgres', 'SHOW session_preload_libraries'), 'dynpgext_sessions', 'sessions load it');
    ok(!has_restarted(), 'the server has not been restarted');
};

subtest 'an older session' => sub {
    like($older->query('SELECT count(*) FROM pg_stat_activity'), qr/\d/, 'goes on');
    is($older->query('SELECT dynpgext.attach_hosted()'), '1', 'joins');
    is($older->query('SELECT dynpgext.attach_hosted()'), '0', 'once');
    ok($older->query('SELECT dx_hosted_next()') > 3, 'and has it');
    is(hosted('sessions'), '2', 'the view counts it, and itself');
};

subtest 'hooks, also in parallel workers' => sub {
    is($node->safe_psql('postgres', 'SELECT 1; SELECT 2; SELECT dx_hosted_statements()'), "1\n2\n3", 'in a session');
    my $forced = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
    is($node->safe_psql('postgres', qq(SET $forced = on; SELECT dx_hosted_get(1))), '11', 'memory in a parallel worker');
    my $offset = log_offset($node);
    $node->safe_psql('postgres', qq(SET $forced = on; SELECT count(*) FROM pg_class));
    is(log_count($node, qr/WARNING|ERROR/, $offset), 0, 'without a complaint');
};

subtest 'its worker is a worker of dynpgext' => sub {
    is(value($node, 'postgres', q(SELECT concat_ws(' ', extension, name, scope, library, function, state, restart) FROM dynpgext.workers)),
        'dx_hosted dx hosted global dx_hosted dx_hosted_main running on_failure', 'as it has registered it');
    is(value($node, 'postgres', q(SELECT dynpgext.stop_worker('dx_hosted', 'dx hosted'))), 't', 'stopped');
    is(value($node, 'postgres', q(SELECT state FROM dynpgext.workers)), 'stopped', 'and stays so');
    is(value($node, 'postgres', q(SELECT dynpgext.restart_worker('dx_hosted', 'dx hosted'))), 't', 'restarted');
    value($node, 'postgres', q(SELECT dynpgext.configure_worker('dx_hosted', 'dx hosted', enabled => false)));
    becomes($node, 'postgres', q(SELECT state FROM dynpgext.workers), 'disabled', 'disabled');
    value($node, 'postgres', q(SELECT dynpgext.reset_worker('dx_hosted', 'dx hosted')));
    becomes($node, 'postgres', q(SELECT state FROM dynpgext.workers), 'running', 'enabled');
    like(error_of($node, 'postgres', q(SELECT dynpgext.unload('dx_hosted'))), qr/55000.*library "dx_hosted" is hosted/s,
        'it is no extension that could be unloaded');
    like(error_of($node, 'postgres', q(SELECT dynpgext.register('dx_hosted', '{"dynpgext": 1, "extension": "dx_hosted"}'))), qr/55000.*library "dx_hosted" is hosted/s,
        'or be registered for');
    is(value($node, 'postgres', q(SELECT count(*) FROM dynpgext.extensions)), '0', 'and none in the view of these');
    is(value($node, 'postgres', q(SELECT count(*) FROM dynpgext.reload())), '0', 'reload() has nothing to do');
};

subtest 'errors' => sub {
    my %errors = (
        q('dx_hosted') => qr/42710.*library "dx_hosted" is hosted already/,
        q('dx_rmgr') => qr/0A000.*library "dx_rmgr" cannot be hosted.*RegisterCustomRmgr.*can_host/s,
        q('dynpgext') => qr/0A000.*It is dynpgext itself/s,
        q('dx_nowhere') => qr/58P01.*there is no library "dx_nowhere"/,
        q('../x') => qr/22023.*is not the name of a library/,
        q('auto_explain', 'cluster') => qr/22023.*"cluster" is not a scope/,
        q('auto_explain', settings => '[]') => qr/22023.*settings must be an object/,
        q('auto_explain', settings => '{"a.b": 1}') => qr/22023.*settings must be an object/,
        q('auto_explain', settings => '{"work_mem": "1"}') => qr/22023.*settings must be an object/,
        q(NULL) => qr/22004/,
        q('auto_explain', NULL) => qr/22004/,
    );
    like(error_of($node, 'postgres', "SELECT dynpgext.host($_)"), $errors{$_}, $_) for sort keys %errors;
    like(error_of($node, 'other', q(SELECT dynpgext.host('dx_hosted'))), qr/42710.*hosted already.*another database/s,
        'hosted by another database');
    is(value($node, 'other', q(SELECT dynpgext.unhost('dx_hosted'))), 'f', 'only a superuser can revoke it');
    like(error_of($node, 'other', q(SELECT dynpgext.rehost('dx_hosted'))), qr/42704.*is not hosted by this database/, 'or host it again');
    like(error_of($node, 'postgres', q(LOAD 'auto_explain'; SELECT dynpgext.host('auto_explain'))),
        qr/55000.*is loaded in this session already/, 'loaded before');
    $node->safe_psql('postgres', 'CREATE ROLE dx_nobody; GRANT CREATE ON SCHEMA public TO dx_nobody');
    like(error_of($node, 'postgres', q(SET ROLE dx_nobody; SELECT dynpgext.host('auto_explain'))), qr/42501/, 'not for everybody');
    like(error_of($node, 'postgres', q(SET ROLE dx_nobody; INSERT INTO dynpgext.hosted_libraries VALUES ('x', 'global', 1, NULL, true))),
        qr/42501/, 'nor the table');
    configure($node, 'postgres', 'dynpgext.allowed_extensions' => '!auto_explain, *');
    like(error_of($node, 'postgres', q(SELECT dynpgext.host('auto_explain'))), qr/42501/, 'allowed_extensions');
    configure($node, 'postgres', 'dynpgext.allowed_extensions' => '*', 'dynpgext.memory_limit' => '1MB');
    like(error_of($node, 'postgres', q(SELECT dynpgext.host('pg_stat_statements'))),
        qr/dynpgext\.memory_limit is 1048576 bytes.*requests \d+ bytes/s, 'memory_limit, with the sizes');
    configure($node, 'postgres', 'dynpgext.memory_limit' => '-1');
    is(value($node, 'postgres', 'SELECT string_agg(library, $$,$$) FROM dynpgext.hosted'), 'dx_hosted', 'nothing of these is hosted');
    is(keepers(), 1, 'or has left a keeper');
};

subtest 'a role with EXECUTE' => sub {
    $node->safe_psql('other', 'GRANT USAGE ON SCHEMA dynpgext TO dx_nobody; GRANT EXECUTE ON FUNCTION dynpgext.host, dynpgext.rehost, dynpgext.unhost TO dx_nobody');
    is($node->safe_psql('other', q(SET ROLE dx_nobody; SELECT dynpgext.host('auto_explain'); SELECT dynpgext.rehost('auto_explain'); SELECT current_user)),
        "hosted\nhosted\ndx_nobody", 'hosts a library, without being allowed to use ALTER SYSTEM');
    is($node->safe_psql('other', q(SELECT current_setting('dynpgext.hosting_databases') ~ ('\m' || oid || '\M') FROM pg_database WHERE datname = 'other')), 't',
        'for sessions');
    is($node->safe_psql('other', q(SET ROLE dx_nobody; SELECT dynpgext.unhost('auto_explain'))), 't', 'and unhosts it');
    like(error_of($node, 'other', 'SET ROLE dx_nobody; SELECT * FROM dynpgext.hosted'), qr/42501/, 'the view is not included');
    $node->safe_psql('other', 'REVOKE ALL ON SCHEMA dynpgext FROM dx_nobody; REVOKE ALL ON FUNCTION dynpgext.host, dynpgext.rehost, dynpgext.unhost FROM dx_nobody');
    ok(wait_until { keepers() == 1 }, 'its keeper ends');
};

subtest "settings in a client's connection options" => sub {
    $node->safe_psql('postgres', q(CREATE ROLE dx_client LOGIN; SELECT dynpgext.host('auto_explain', settings => '{"auto_explain.log_min_duration": "0"}')));
    my $connect = sub {
        my ($role, $option) = @_;
        local $ENV{PGOPTIONS} = "-c $option";
        # not with its input on a pipe, which a refused client leaves unread
        my ($out, $error) = run_command([ 'psql', '-XAtc', 'SHOW auto_explain.log_min_duration', $node->connstr('postgres') . " user=$role" ]);
        return $out . $error =~ s/.*(?=FATAL)//sr;
    };
    is($connect->('dx_client', 'auto_explain.log_min_duration=5'), 'FATAL:  permission denied to set parameter "auto_explain.log_min_duration"', 'a setting for superusers, by another role');
    is($connect->('postgres', 'auto_explain.log_min_duration=5'), '5ms', 'by a superuser');
    $node->safe_psql('postgres', 'GRANT SET ON PARAMETER auto_explain.log_min_duration TO dx_client');
    is($connect->('dx_client', 'auto_explain.log_min_duration=6'), '6ms', 'by a role with the grant');
    is($connect->($_, 'dx_hosted.max=7'), 'FATAL:  parameter "dx_hosted.max" cannot be set when connecting', "a setting of the server's start, by $_") for 'dx_client', 'postgres';
    is($connect->('dx_client', 'work_mem=1MB'), '0', 'another setting');
    $node->safe_psql('postgres', q(SELECT dynpgext.unhost('auto_explain')));
};

subtest 'transactions' => sub {
    my $two = q(SELECT string_agg(library, ',' ORDER BY position) FROM dynpgext.hosted);
    is($node->safe_psql('postgres', "BEGIN; SELECT dynpgext.host('auto_explain'); $two; ROLLBACK; $two"),
        "hosted\ndx_hosted,auto_explain\ndx_hosted", 'rollback');
    is($node->safe_psql('postgres', "BEGIN; SAVEPOINT a; SELECT dynpgext.host('auto_explain'); ROLLBACK TO a; $two; COMMIT; $two"),
        "hosted\ndx_hosted\ndx_hosted", 'rollback to a savepoint');
    is($node->safe_psql('postgres', "BEGIN; SAVEPOINT a; SELECT dynpgext.unhost('dx_hosted'); $two; ROLLBACK TO a; COMMIT; $two"),
        "t\n\ndx_hosted", 'unhosted, and rolled back to a savepoint');
    like(error_of($node, 'postgres', "SELECT dynpgext.host('auto_explain'), 1 / 0"), qr/22012/, 'a statement that fails');
    like(error_of($node, 'postgres', "BEGIN; SELECT dynpgext.host('auto_explain'); PREPARE TRANSACTION 'x'"),
        qr/0A000.*cannot PREPARE/, 'prepared transactions');
    is(value($node, 'postgres', $two), 'dx_hosted', 'none of these has hosted it');
    ok(wait_until { keepers() == 1 }, 'or has left a keeper');

    my $one = $node->background_psql('postgres');
    $one->query("BEGIN; SELECT dynpgext.host('auto_explain')");
    is(value($node, 'postgres', $two), 'dx_hosted', 'others do not see it before the commit');
    like(error_of($node, 'other', q(SELECT dynpgext.host('auto_explain'))), qr/42710.*hosted already/, 'and cannot host it');
    $one->query('COMMIT');
    is(value($node, 'postgres', $two), 'dx_hosted,auto_explain', 'afterwards they do');
    $one->quit;
    is(value($node, 'postgres', q(SELECT dynpgext.unhost('auto_explain'))), 't', 'unhosted');
    ok(wait_until { keepers() == 1 }, 'its keeper ends');
};

subtest 'settings' => sub {
    $node->append_conf('postgresql.conf', "dx_hosted.max = 5\ndx_hosted.noisy = on");
    $node->reload;
    my $offset = log_offset($node);
    is($node->safe_psql('postgres', 'SHOW dx_hosted.max'), '3', 'a setting of the server start is unchanged');
    is($node->safe_psql('postgres', 'SHOW dx_hosted.noisy'), 'on', 'others change');
    like(error_of($node, 'postgres', 'SET dx_hosted.max = 7'), qr/55P02.*cannot be changed/, 'and a session cannot change it');
    is($node->safe_psql('postgres', q(SELECT dynpgext.rehost('dx_hosted'))), 'hosted', 'hosted again');
    is($node->safe_psql('postgres', 'SHOW dx_hosted.max; SELECT dx_hosted_next()'), "5\n1", 'it has the new value, in new memory');
    ok($node->poll_query_until('postgres', q(SELECT dx_hosted_state() LIKE '%worker as registered%')), 'and a new worker');
    ok($older->query('SELECT dx_hosted_next()') > 4, 'the older session has the older memory');
    is(log_count($node, qr/dx_hosted says hello/, $offset), 1, 'its _PG_init logs once, in the keeper')
      if $node->safe_psql('postgres', 'SHOW server_version_num') < 190000;
};

subtest 'own settings' => sub {
    is($node->safe_psql('postgres', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'unhosted');
    my %refused = (
        '{"dx_hosted.max": "many"}' => qr/22023.*setting "dx_hosted.max" of library "dx_hosted": invalid value for parameter "dx_hosted.max": "many"/,
        '{"dx_hosted.max": "101"}' => qr/22023.*setting "dx_hosted.max" of library "dx_hosted": 101 is outside the valid range/,
        '{"dx_hosted.noisy": "loud"}' => qr/22023.*setting "dx_hosted.noisy" of library "dx_hosted": /,
        '{"dx_hosted.max": "9", "dx_hosted.maximum": "9"}' => qr/22023.*library "dx_hosted" defines no setting "dx_hosted.maximum"/);
    like(error_of($node, 'postgres', "SELECT dynpgext.host('dx_hosted', settings => '$_')"), $refused{$_}, $_) for sort keys %refused;
    is($node->safe_psql('postgres', 'SELECT count(*) FROM dynpgext.hosted'), 0, 'nothing is hosted then');
    is($node->safe_psql('postgres', q(SELECT dynpgext.host('dx_hosted', settings => '{"dx_hosted.max": "9", "dx_hosted.noisy": "off"}'))),
        'hosted', 'hosted with settings');
    is($node->safe_psql('postgres', 'SHOW dx_hosted.max; SHOW dx_hosted.noisy'), "9\noff", 'which take precedence');
    $node->reload;
    is($node->safe_psql('postgres', 'SHOW dx_hosted.noisy'), 'off', 'also after a reload');
    is(hosted('settings'), '{"dx_hosted.max": "9", "dx_hosted.noisy": "off"}', 'the view has them');
};

subtest 'a library that fails' => sub {
    my $rehosted = 'SELECT dynpgext.rehost($$dx_hosted$$)';
    for my $place (qw(init request startup)) {
        $node->append_conf('postgresql.conf', "dx_hosted.fails = '$place'");
        $node->reload;
        like(error_of($node, 'postgres', $rehosted), qr/38000.*could not be hosted: dx_hosted fails at $place/, "at $place");
        is(hosted('state'), 'hosted', 'the previous one continues');
    }
    $node->append_conf('postgresql.conf', "dx_hosted.fails = ''\ndx_hosted.size = 1000000");
    $node->reload;
    like(error_of($node, 'postgres', $rehosted), qr/could not be hosted: .*(there is no memory for it|memory_limit).*requests \d{12}/s,
        'more memory than there is');
    $node->append_conf('postgresql.conf', 'dx_hosted.size = 0');
    $node->reload;
    is($node->safe_psql('postgres', $rehosted), 'hosted', 'and then it is hosted again');
    is($node->safe_psql('postgres', 'SELECT dx_hosted_next()'), '1', 'and works');
};

subtest 'unhost' => sub {
    my $before = memory_used($node);
    my $session = $node->background_psql('postgres');
    is($session->query('SELECT dx_hosted_next()'), '2', 'a session that has it');
    is($node->safe_psql('postgres', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'unhosted');
    is($session->query('SELECT dx_hosted_next()'), '3', 'keeps it');
    cmp_ok(memory_used($node), '>', $before - 10000, 'and its memory');
    $session->quit;
    $older->quit;
    ok(wait_until { memory_used($node) < 10000 }, 'which is removed with the last one');
    is($node->safe_psql('postgres', 'SHOW session_preload_libraries'), '', 'sessions do not load it any more');
    is($node->safe_psql('postgres', 'SHOW dynpgext.hosting_databases'), '', 'or wait for it');
    is(value($node, 'postgres', 'SELECT count(*) FROM dynpgext.workers'), '0', 'its worker is gone');
    ok(wait_until { keepers() == 0 }, 'and its keeper');
    like(error_of($node, 'postgres', 'SELECT dx_hosted_next()'), qr/must be loaded via shared_preload_libraries/, 'it is as before');
    is($node->safe_psql('postgres', q(SELECT dynpgext.unhost('dx_hosted'))), 'f', 'nothing to unhost');
};

ok(!has_restarted(), 'the server has never been restarted');
is(log_count($node, qr/PANIC|terminated by signal/, 0), 0, 'and nothing has crashed');
$node->stop;
done_testing();
