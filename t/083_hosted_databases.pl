# Libraries hosted for single databases: an instance for each, with its own memory, workers and settings.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', max_worker_processes => 40);
my @databases = qw(one two three);
add_database($node, $_, 'dynpgext') for @databases;

sub keepers {
    my %all = processes($node);
    return scalar map { @{ $all{$_} } } grep { /^dynpgext keeper of dx_hosted/ } keys %all;
}

subtest 'one instance for each' => sub {
    for my $n (0 .. 2) {
        my $settings = sprintf '{"dx_hosted.max": "%d"}', 10 + $n;
        is($node->safe_psql($databases[$n], "SELECT dynpgext.host('dx_hosted', 'database', '$settings'); CREATE EXTENSION dx_hosted"),
            'hosted', "$databases[$n]: hosted");
    }
    for my $n (0 .. 2) {
        my $database = $databases[$n];
        is($node->safe_psql($database, 'SHOW dx_hosted.max'), 10 + $n, "$database: its own setting");
        is($node->safe_psql($database, 'SELECT dx_hosted_next()') , 1, "$database: its own memory");
        becomes($node, $database, q(SELECT concat_ws(' ', scope, database, state) FROM dynpgext.workers), "database $database running",
            "$database: its own worker");
        ok($node->poll_query_until($database, q(SELECT dx_hosted_state() LIKE '%worker as registered%')), "$database: with its argument");
        is($node->safe_psql($database, q(SELECT concat_ws(' ', scope, database, state) FROM dynpgext.hosted)), "database $database hosted",
            "$database: its view has this one alone");
    }
    like(error_of($node, 'postgres', 'SHOW dx_hosted.max'), qr/42704/, 'another database does not have it');
    add_database($node, 'four', 'dynpgext');
    like(error_of($node, 'four', q(SELECT dynpgext.host('dx_hosted'))), qr/42710.*is hosted already/, 'and it cannot be hosted for the server');
};

subtest 'databases are created and dropped' => sub {
    is($node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE four; DROP DATABASE three'), '', 'one is dropped');
    ok(wait_until { keepers() == 2 }, 'its keeper ends');
    $node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE two');
    ok($node->poll_query_until('twin', q(SELECT state = 'hosted' FROM dynpgext.hosted)), 'a copy has an instance of its own');
    ok(wait_until { keepers() == 3 }, 'with a keeper');
    is($node->safe_psql('twin', 'SHOW dx_hosted.max; SELECT dx_hosted_next()'), "11\n1", 'the settings, and new memory');
    $node->safe_psql('postgres', 'DROP DATABASE twin');
    is($node->safe_psql('postgres', 'ALTER DATABASE two RENAME TO zwei'), '', 'one is renamed');
    is($node->safe_psql('zwei', 'SELECT dx_hosted_next()'), '2', 'and keeps its memory');
    $node->safe_psql('postgres', 'ALTER DATABASE zwei RENAME TO two');
};

subtest 'restart' => sub {
    $node->restart;
    for my $database (qw(one two)) {
        is($node->safe_psql($database, 'SELECT dx_hosted_next()'), '1', "$database: the first session has it");
        becomes($node, $database, q(SELECT state FROM dynpgext.workers), 'running', "$database: its worker runs");
    }
    is($node->safe_psql('one', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'unhosted in one');
    is($node->safe_psql('two', 'SELECT dx_hosted_next()'), '2', 'the other has it');
    is($node->safe_psql('two', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'unhosted there, too');
    ok($node->poll_query_until('two', q(SELECT current_setting('session_preload_libraries') = '')), 'sessions load nothing any more');
};

my $lists = q(SELECT current_setting('dynpgext.hosting_databases') ~ ('\m' || oid || '\M') FROM pg_database WHERE datname = current_database());

subtest 'changes of the lists' => sub {
    is($node->safe_psql('four', q(SELECT dynpgext.host('dx_hosted', 'database'))), 'hosted', 'one database stays listed');
    my $oids = value($node, 'postgres', q(SELECT string_agg(oid::text, ', ') FROM pg_database WHERE datname IN ('one', 'two', 'four')));
    my $holder = $node->background_psql('postgres');
    my %sessions = map { $_ => $node->background_psql($_) } qw(one two);
    my $lost = 0;
    for my $round (1 .. 12) {
        value($node, $_, q(INSERT INTO dynpgext.hosted_libraries (library, scope, position, sessions) VALUES ('auto_explain', 'database', 10, true)))
          for keys %sessions;
        value($node, 'postgres', "ALTER SYSTEM SET dynpgext.hosting_databases = $oids");
        value($node, 'postgres', 'SELECT pg_reload_conf()');
        ok($node->poll_query_until('postgres', "SELECT current_setting('dynpgext.hosting_databases') ~ ','"), 'both are listed');
        # a table that all databases share, so that both begin at the same time
        $holder->query_safe('BEGIN; LOCK TABLE pg_catalog.pg_shdescription');
        $_->query_until(qr/sent/, "\\echo sent\nBEGIN; LOCK TABLE pg_catalog.pg_shdescription IN ACCESS SHARE MODE; SELECT dynpgext.unhost('auto_explain'); COMMIT;\n")
          for values %sessions;
        ok($node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM pg_locks WHERE relation = 'pg_shdescription'::regclass AND NOT granted)), 'both are ready');
        $holder->query_safe('COMMIT');
        $_->query_safe('SELECT 1') for values %sessions;
        $node->poll_query_until('postgres', q(SELECT setting !~ ',' FROM pg_file_settings WHERE name = 'dynpgext.hosting_databases')) or ++$lost;
    }
    is($lost, 0, 'two at the same time lose none');
    $_->quit for values %sessions, $holder;

    $node->safe_psql('postgres', 'CREATE DATABASE five');
    my $session = $node->background_psql('five');
    $session->query_safe(q(BEGIN; CREATE EXTENSION dynpgext; SELECT dynpgext.host('dx_hosted', 'database')));
    $node->safe_psql('one', q(SELECT dynpgext.host('auto_explain', 'database')));
    $node->safe_psql('one', q(SELECT dynpgext.unhost('auto_explain')));
    $session->query_safe('COMMIT');
    $session->quit;
    ok($node->poll_query_until('one', "SELECT NOT ($lists)"), 'a database that hosts nothing any more is not listed');
    is(value($node, 'five', $lists), 't', 'one that has just begun is');
    is(value($node, $_, q(SELECT dynpgext.unhost('dx_hosted'))), 't', "$_: unhosted") for qw(four five);
    value($node, 'postgres', 'DROP DATABASE five');
};

# So that other databases can tell what is hosted while nobody can connect.
subtest 'notes of what is hosted' => sub {
    my $noted = q(SELECT coalesce((SELECT string_agg(c, '') FROM pg_db_role_setting, unnest(setconfig) c
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = 'one') AND c ~ '\.hosts='), '-'));
    value($node, 'one', q(SELECT dynpgext.host('auto_explain', 'database')));
    like(value($node, 'postgres', $noted), qr/=database auto_explain$/, 'the library of one');
    my $session = $node->background_psql('one');
    $session->query_safe(q(BEGIN; SELECT dynpgext.unhost('auto_explain')));
    value($node, 'one', q(INSERT INTO dynpgext.hosted_libraries (library, scope, position, sessions) VALUES ('pg_stat_statements', 'database', 11, true)));
    # the end of a prepared transaction requests a visit
    value($node, 'one', q(BEGIN; CREATE EXTENSION dx_memory; PREPARE TRANSACTION 'visit'));
    value($node, 'one', q(ROLLBACK PREPARED 'visit'));
    ok($node->poll_query_until('one', q(SELECT state = 'hosted' FROM dynpgext.hosted WHERE library = 'pg_stat_statements')), 'a visit hosts another one');
    ok(wait_until { my %all = processes($node); !grep { /^dynpgext provisioning/ } keys %all }, 'and ends');
    $session->query_safe('ROLLBACK');
    $session->quit;
    ok($node->poll_query_until('postgres', "SELECT ($noted) ~ 'pg_stat_statements'"), 'a later visit notes it');
    value($node, 'one', "SELECT dynpgext.unhost('$_')") for qw(auto_explain pg_stat_statements);
    is(value($node, 'postgres', $noted), '-', 'without a library there is no note');
};

# A visit does not see rows of such a transaction.
subtest 'a visit during host()' => sub {
    my $transactions = q(SELECT xact_commit FROM pg_stat_database WHERE datname = 'four');
    # as after a transaction that has died
    my $oid = value($node, 'postgres', q(SELECT oid FROM pg_database WHERE datname = 'four'));
    value($node, 'postgres', "ALTER SYSTEM SET dynpgext.hosting_databases = $oid");
    value($node, 'postgres', 'SELECT pg_reload_conf()');
    ok($node->poll_query_until('four', $lists), 'it is listed');
    my $session = $node->background_psql('four');
    $session->query_safe(q(BEGIN; SELECT dynpgext.host('dx_hosted', 'database')));
    my $before = value($node, 'postgres', $transactions);
    $node->safe_psql('one', q(SELECT dynpgext.host('auto_explain', 'database')));
    $node->safe_psql('one', q(SELECT dynpgext.unhost('auto_explain')));
    ok($node->poll_query_until('postgres', "SELECT ($transactions) > $before"), 'visited');
    $session->query_safe('COMMIT');
    $session->quit;
    is(value($node, 'four', $lists), 't', 'it stays listed');
    is($node->safe_psql('four', 'SHOW dx_hosted.max'), 3, 'sessions have it');
    is(value($node, 'four', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'unhosted');
    ok($node->poll_query_until('four', "SELECT NOT ($lists)"), 'and not listed any more');
};

subtest 'a rollback of CREATE EXTENSION dynpgext and host()' => sub {
    $node->safe_psql('postgres', 'CREATE DATABASE six');
    my $entries = q(SELECT count(*) FROM pg_file_settings WHERE name IN ('session_preload_libraries', 'dynpgext.hosting_databases'));
    $node->safe_psql('six', q(BEGIN; CREATE EXTENSION dynpgext; SELECT dynpgext.host('dx_hosted'); ROLLBACK));
    ok($node->poll_query_until('postgres', $entries, 0), 'a visit takes the database off the lists');
    $node->safe_psql('postgres', 'DROP DATABASE six');
};

subtest 'copies' => sub {
    $node->safe_psql('four', q(CREATE ROLE tenant LOGIN CREATEDB; SELECT dynpgext.host('dx_hosted'); ALTER DATABASE four IS_TEMPLATE true));
    $node->safe_psql('four', 'CREATE DATABASE ours TEMPLATE four; SET ROLE tenant; CREATE DATABASE theirs TEMPLATE four');
    ok($node->poll_query_until('ours', $lists), 'a copy of a superuser hosts, too');
    ok(wait_until { log_count($node, qr/libraries are not hosted: this database is a copy/) >= 1 }, 'one of another role does not, as the log shows');
    is(value($node, 'theirs', $lists), 'f', 'so nobody waits for it');
    is(value($node, 'postgres', q(SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) c WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = 'theirs') AND c ~ 'hosts=.')), 0,
        'nor is it noted as hosting, for a time when it is locked');
    is(value($node, 'four', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'unhosted');
    ok($node->poll_query_until('four', q(SELECT state = 'hosted' FROM dynpgext.hosted)), 'then the copy of the superuser hosts it');
    is(value($node, 'postgres', 'SHOW dx_hosted.max'), '3', 'for all');
    value($node, 'postgres', 'DROP DATABASE ours');
    ok(wait_until { keepers() == 0 }, 'which is dropped: nobody does');
    $node->restart;
    like(error_of($node, 'theirs', 'SHOW dx_hosted.max'), qr/42704/, 'after a restart, too');
    is(value($node, 'theirs', q(SELECT state FROM dynpgext.hosted)), 'pending', 'nothing is hosted');
    is(value($node, 'theirs', q(SELECT coalesce(string_agg(name || ' ' || state, ', '), '') FROM dynpgext.workers)), '', 'nor is there a worker of it');
    is(value($node, 'theirs', q(SELECT dynpgext.rehost('dx_hosted'))), 'hosted', 'a superuser has it hosted from there');
    $node->restart;
    is(value($node, 'postgres', 'SHOW dx_hosted.max'), '3', 'which lasts');
    value($node, 'theirs', q(SELECT dynpgext.unhost('dx_hosted')));
    value($node, 'postgres', 'DROP DATABASE theirs');
};

is(log_count($node, qr/PANIC|terminated by signal/, 0), 0, 'nothing has crashed');
$node->stop;
done_testing();
