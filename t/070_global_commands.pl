# A global SQL worker is connected to one of the databases that register it.  The owner of that database can
# prevent it from running there, but not elsewhere.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', shared_preload_libraries => 'dynpgext', 'dynpgext.restart_delay_max' => '1s');
value($node, 'postgres', 'CREATE ROLE role_c LOGIN CREATEDB; CREATE ROLE role_v LOGIN; CREATE ROLE runs LOGIN');
for my $name (qw(cdb vdb)) {
    add_database($node, $name, qw(dynpgext dx_plain));
    # the registration records possible owners
    value($node, 'postgres', "ALTER DATABASE $name OWNER TO role_c; ALTER DATABASE $name OWNER TO role_v; ALTER DATABASE $name OWNER TO CURRENT_USER");
    register_sql_workers($node, $name, 'dx_plain',
        { name => 'of a superuser', sql => 'SELECT 1', interval => 50, scope => 'global' },
        { name => 'of a role', sql => 'SELECT 1', interval => 50, scope => 'global', run_as => 'runs' });
}
my $superuser = value($node, 'postgres', 'SELECT current_user');
my @workers = ('of a superuser', 'of a role');

# The state of the workers, seen from the database that is not involved.
sub row {
    my ($worker, $column) = @_;
    return value($node, 'vdb', "SELECT $column FROM dynpgext.commands WHERE worker = '$worker'");
}

sub run_in {
    my ($database, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $worker (@workers) {
        my $runs = row($worker, 'runs - failures');
        ok($node->poll_query_until('vdb', "SELECT state = 'running' AND database = '$database' AND runs - failures > $runs + 2 FROM dynpgext.commands WHERE worker = '$worker'"),
            "$test: one $worker runs in $database")
          || diag(value($node, 'vdb', 'SELECT worker, database, state, runs, failures, last_error FROM dynpgext.commands'), "\n",
            value($node, 'vdb', 'SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 12'));
    }
    return;
}

# The databases belong to other roles, and the workers run in cdb.
sub begin_in_cdb {
    value($node, 'postgres', "ALTER DATABASE cdb OWNER TO $superuser; ALTER DATABASE vdb OWNER TO role_v");
    run_in('cdb', 'a superuser owns it');
    value($node, 'postgres', 'ALTER DATABASE cdb OWNER TO role_c');
    run_in('cdb', 'they stay when it gets another owner');
    return;
}

sub session_of_role_c {
    my ($database) = @_;
    return $node->background_psql($database, extra_params => [ '-U', 'role_c' ]);
}

subtest 'a database of a superuser comes first' => sub {
    value($node, 'postgres', 'ALTER DATABASE cdb OWNER TO role_c');
    run_in('vdb', 'the other database has the lower OID');
};

subtest 'a transaction that drops the extension, and stays open' => sub {
    begin_in_cdb();
    my $session = session_of_role_c('cdb');
    $session->query_safe('BEGIN; SET client_min_messages = error; DROP SCHEMA public CASCADE');
    run_in('vdb', 'in cdb it is paused');
    $session->query_safe('ROLLBACK');
    $session->quit;
    run_in('vdb', 'when that is over they stay where they are');
};

subtest 'a command on the database that stays open' => sub {
    begin_in_cdb();
    my $session = session_of_role_c('postgres');
    $session->query_safe('BEGIN; ALTER DATABASE cdb ALLOW_CONNECTIONS true; ALTER DATABASE cdb RENAME TO other');
    run_in('vdb', 'cdb is closed');
    $session->query_safe('ROLLBACK');
    $session->quit;
};

subtest 'a database without connections allowed' => sub {
    begin_in_cdb();
    my $session = session_of_role_c('postgres');
    $session->query_safe('ALTER DATABASE cdb ALLOW_CONNECTIONS false');
    $session->query_safe(q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cdb'));
    run_in('vdb', 'cdb refuses connections');
    $session->query_safe('ALTER DATABASE cdb ALLOW_CONNECTIONS true');
    $session->quit;
};

subtest 'settings and revokes by the owner' => sub {
    value($node, 'postgres', "ALTER DATABASE vdb OWNER TO $superuser; ALTER DATABASE cdb OWNER TO role_c");
    run_in('vdb', 'they run where a superuser owns the database');
    value($node, 'cdb', q(SET ROLE role_c; ALTER DATABASE cdb SET statement_timeout = '1ms'; REVOKE CONNECT ON DATABASE cdb FROM PUBLIC));
    run_in('vdb', 'so it concerns them not');
    is(row($_, 'failures'), 0, "one $_ has not failed") for @workers;
};

$node->stop;
done_testing();
