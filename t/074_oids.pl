# A role that may create databases may choose the OID of a dropped one.  The new database counts as another
# one.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

# not preloaded: no process learns of commands on databases
my $node = new_cluster('main', 'dynpgext.naptime' => '1h', 'dynpgext.restart_delay_max' => '1s');
value($node, 'postgres', 'CREATE ROLE creator LOGIN CREATEDB');

my $mark = q(SELECT setconfig[1] FROM pg_db_role_setting WHERE setrole = 10 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()));

sub oid_of { return value($node, 'postgres', "SELECT oid FROM pg_database WHERE datname = '$_[0]'") }

# Drops the first database; the role at once creates a copy of the second with its OID.
sub replace_database {
    my ($name, $template) = @_;
    my $oid = oid_of($name);
    $node->safe_psql('postgres', "DROP DATABASE $name;\nSET ROLE creator;\nCREATE DATABASE replaced TEMPLATE $template OID $oid;");
    is(oid_of('replaced'), $oid, 'a database with the OID of another one');
    return;
}

sub gained_nothing {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(value($node, 'postgres', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'creator')), 'f', $test);
}

subtest 'a copy in place of the original' => sub {
    add_database($node, 'original', qw(dynpgext dx_plain));
    value($node, 'original', 'CREATE TABLE public.stats (who name)');
    value($node, 'original', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "nightly", "command": "INSERT INTO public.stats VALUES (current_user)", "interval": "50 ms", "run_as": "postgres"}]}')));
    ok(command_is($node, 'original', 'nightly', 'runs > 0 AND failures = 0'), 'it runs in the original');
    like(value($node, 'original', $mark), qr/^dynpgext_database.mark=[0-9a-f-]{36}$/, 'which has a mark');
    value($node, 'original', q(ALTER DATABASE original IS_TEMPLATE true; SELECT dynpgext.stop_worker('dx_plain', 'nightly')));
    value($node, 'postgres', 'SET ROLE creator; CREATE DATABASE kept TEMPLATE original');
    value($node, 'postgres', 'ALTER DATABASE original IS_TEMPLATE false');
    replace_database('original', 'kept');
    value($node, 'replaced', q(CREATE FUNCTION public.evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ALTER ROLE creator SUPERUSER; RETURN new; END';
        CREATE TRIGGER evil BEFORE INSERT ON public.stats FOR EACH ROW EXECUTE FUNCTION public.evil()));
    ok(command_is($node, 'replaced', 'nightly', q(state = 'failed' AND failures = runs AND last_error = '42501: role "creator", which has owned this database since, is not a member of role "postgres"')),
        'is a copy as before');
    gained_nothing('and its owner has gained nothing');
    like(value($node, 'replaced', $mark), qr/^dynpgext_database.mark=/, 'it has a mark of its own');
    like(error_of($node, 'replaced', 'SET ROLE creator; ALTER ROLE postgres IN DATABASE replaced RESET dynpgext_database.mark;'), qr/ERROR:  42501: /, 'which its owner cannot change');
    value($node, 'replaced', 'DROP EXTENSION dynpgext CASCADE');
    is(value($node, 'replaced', $mark), '', 'it is removed with dynpgext');
    value($node, 'postgres', 'DROP DATABASE replaced; DROP DATABASE kept');
};

subtest 'memory' => sub {
    add_database($node, 'app', qw(dynpgext dx_memory));
    add_database($node, 'prepared', qw(dynpgext dx_memory));
    value($node, 'app', q(SELECT dx_write('dx_memory:local', 'secret')));
    value($node, 'postgres', 'ALTER DATABASE prepared OWNER TO creator');
    replace_database('app', 'prepared');
    is(value($node, 'replaced', q(SELECT dx_read('dx_memory:local'))), '', 'the memory is not that of the one that was dropped');
    is(value($node, 'replaced', q(SELECT dx_write('dx_memory:local', 'mine'), dx_read('dx_memory:local'))), 't|mine', 'but its own');
    is(value($node, 'replaced', q(SELECT dx_read('dx_memory:local'))), 'mine', 'which stays');
    is_whole($node, 'all is well', 'replaced');
    value($node, 'postgres', 'DROP DATABASE replaced; DROP DATABASE prepared');
};

subtest 'memory, in a parallel query' => sub {
    my $force = value($node, 'postgres', q(SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')));
    add_database($node, 'app', qw(dynpgext dx_memory));
    add_database($node, 'prepared', qw(dynpgext dx_memory));
    value($node, 'app', q(SELECT dx_write('dx_memory:local', 'secret')));
    value($node, 'postgres', 'ALTER DATABASE prepared OWNER TO creator');
    replace_database('app', 'prepared');
    is(value($node, 'replaced', qq(SET $force = on; SELECT dx_parallel_read('dx_memory:local', 1))), '', 'nor is it there');
    value($node, 'postgres', 'DROP DATABASE replaced; DROP DATABASE prepared');
};

subtest 'a due worker' => sub {
    add_database($node, 'app', qw(dynpgext dx_worker));
    value($node, 'postgres', 'CREATE DATABASE prepared OWNER creator');
    value($node, 'app', q(SELECT FROM dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always', restart_delay => '1 s')));
    ok($node->poll_query_until('app', q(SELECT pg_terminate_backend(pid) FROM dynpgext.workers WHERE name = 'dx local')), 'a worker ends');
    ok($node->poll_query_until('app', q(SELECT pid IS NULL FROM dynpgext.workers WHERE name = 'dx local')), 'and is due to start again');
    replace_database('app', 'prepared');
    my $at = value($node, 'postgres', 'SELECT now()');
    add_database($node, 'looks', 'dynpgext');
    ok($node->poll_query_until('looks', qq(SELECT NOT EXISTS (SELECT FROM dynpgext.cluster_workers WHERE name = 'dx local'))), 'it is forgotten');
    is(value($node, 'looks', qq(SELECT count(*) FROM dynpgext.events WHERE name = 'dx local' AND event = 'started' AND at > '$at')), 0, 'and does not run in the new one');
    value($node, 'postgres', 'DROP DATABASE replaced; DROP DATABASE prepared; DROP DATABASE looks');
};

# After changes by ALTER DATABASE it is still the same database.
subtest 'the same database' => sub {
    add_database($node, 'app', qw(dynpgext dx_memory dx_worker));
    value($node, 'app', q(SELECT dx_write('dx_memory:local', 'kept')));
    my $before = value($node, 'app', $mark);
    value($node, 'app', q(SELECT dynpgext.stop_worker('dx_worker', 'dx local')));
    ok($node->poll_query_until('app', q(SELECT state = 'stopped' FROM dynpgext.workers WHERE name = 'dx local')), 'its worker stops');
    value($node, 'postgres', 'ALTER DATABASE app RENAME TO renamed');
    is(value($node, 'renamed', q(SELECT dx_read('dx_memory:local'))), 'kept', 'its memory stays');
    is(value($node, 'renamed', $mark), $before, 'so does its mark');
    value($node, 'renamed', q(SELECT dynpgext.start_worker('dx_worker', 'dx local')));
    ok($node->poll_query_until('renamed', q(SELECT state = 'running' FROM dynpgext.workers WHERE name = 'dx local')), 'its worker runs');
    is_whole($node, 'all is well', 'renamed');
};

$node->stop;
done_testing();
