# Rights that need several sessions or servers to test: trusted extensions, settings of a database's owner,
# dynpgext.allowed_extensions.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'dynpgext.naptime' => '1h', shared_preload_libraries => 'dynpgext');
my $super = $node->safe_psql('postgres', 'SELECT current_user');
$node->safe_psql('postgres', 'CREATE ROLE dx_owner LOGIN; CREATE ROLE dx_nobody LOGIN; CREATE DATABASE own OWNER dx_owner');
add_database($node, 'hub', qw(dynpgext dx_worker));
value($node, 'own', 'CREATE EXTENSION dynpgext');

# Runs SQL as a role: returns output, notices and errors.
sub as {
    my ($role, $database, $sql, %params) = @_;
    my ($code, $out, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$sql", on_error_stop => 0,
        connstr => $node->connstr($database) . " user=$role" . ($params{options} ? " options='$params{options}'" : ''));
    return ($out // '', $error // '');
}

subtest 'a trusted extension: the role of its init' => sub {
    my ($out, $said) = as('dx_owner', 'own', 'SET search_path = pg_temp, public; CREATE EXTENSION dx_who SCHEMA public; SELECT current_user, session_user, current_setting(\'search_path\')');
    like($said, qr/NOTICE: .*dx_who: \Q$super\E, dx_owner, pg_catalog, pg_temp/, 'as the owner of dynpgext, with its search_path');
    is($out, 'dx_owner|dx_owner|pg_temp, public', 'which is over when it is');
    is_whole($node, 'it is provisioned', 'own');
    ($out, $said) = as('dx_owner', 'own', 'DROP EXTENSION dx_who; SELECT current_user');
    is("$out$said", 'dx_owner', 'and dropped');
    # by a superuser after SET ROLE
    $said = error_of($node, 'own', 'SET ROLE dx_owner; CREATE EXTENSION dx_memory SCHEMA public');
    like($said, qr/42501: permission denied to create extension "dx_memory"/, 'SET ROLE counts');
    $said = error_of($node, 'own', 'SET SESSION AUTHORIZATION dx_owner; CREATE EXTENSION dx_memory SCHEMA public');
    like($said, qr/42501: permission denied to create extension "dx_memory"/, 'and SET SESSION AUTHORIZATION');
    is(value($node, 'own', "SET SESSION AUTHORIZATION dx_owner; CREATE EXTENSION dx_who SCHEMA public; SELECT current_user; RESET SESSION AUTHORIZATION; SELECT count(*) FROM dynpgext.extensions"),
        "dx_owner\n1", 'the session keeps its role');
};

subtest 'a trusted extension: what its owner cannot change' => sub {
    my @tricks = (
        'ALTER EXTENSION dx_who ADD TABLE dynpgext.registered_extension', 'ALTER EXTENSION dx_who ADD FUNCTION dynpgext.reload(name, boolean)',
        'ALTER EXTENSION dynpgext DROP EVENT TRIGGER dynpgext_on_create', 'ALTER EXTENSION dynpgext DROP TABLE dynpgext.registered_extension',
        'ALTER EXTENSION dynpgext SET SCHEMA public', 'ALTER EXTENSION dx_who ADD SCHEMA dynpgext', 'ALTER EXTENSION dynpgext UPDATE',
        'ALTER EVENT TRIGGER dynpgext_on_create DISABLE', 'ALTER EVENT TRIGGER dynpgext_on_drop OWNER TO dx_owner', 'DROP EVENT TRIGGER dynpgext_on_drop',
        'ALTER TABLE dynpgext.registered_extension ENABLE ROW LEVEL SECURITY', 'ALTER SCHEMA dynpgext RENAME TO x', 'ALTER SCHEMA dynpgext OWNER TO dx_owner',
        'CREATE TABLE dynpgext.x ()', 'ALTER EXTENSION dx_who ADD SCHEMA dynpgext_internal', 'ALTER SCHEMA dynpgext_internal RENAME TO x',
        'CREATE FUNCTION dynpgext_internal.x() RETURNS integer LANGUAGE sql AS $$SELECT 1$$', 'DROP SCHEMA dynpgext_internal CASCADE', 'DROP SCHEMA dynpgext CASCADE', 'DROP TABLE dynpgext.registered_extension CASCADE', 'REASSIGN OWNED BY CURRENT_USER TO ' . $super,
        q(CREATE FUNCTION x() RETURNS integer LANGUAGE c AS '$libdir/dx_worker', 'dx_worker_info'), q(LOAD '$libdir/dynpgext'),
        q(INSERT INTO dynpgext.registered_extension VALUES ('dx_who', '0.1', '$libdir/dx_worker', true, true, 0, 0)),
        q(SET session_replication_role = replica), 'DROP EXTENSION dynpgext CASCADE', 'COMMENT ON EXTENSION dynpgext IS NULL',
        'CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION dynpgext_internal.on_change()');
    my $before = value($node, 'own', 'SELECT * FROM dynpgext.registered_extension');
    for my $trick (@tricks) {
        my (undef, $error) = as('dx_owner', 'own', $trick);
        like($error, qr/ERROR:  42501: /, $trick);
    }
    # the owner may add and remove members that the role owns
    my (undef, $error) = as('dx_owner', 'own', q(CREATE SCHEMA mine; CREATE FUNCTION mine.f() RETURNS text LANGUAGE sql AS 'SELECT ''$libdir/dx_worker''';
        ALTER EXTENSION dx_who ADD FUNCTION mine.f(); ALTER EXTENSION dx_who DROP FUNCTION mine.f(); ALTER EXTENSION dx_who SET SCHEMA mine;));
    is($error =~ s/^NOTICE:.*\n(LOCATION:.*\n?)?//gmr, '', 'its own function comes and goes');
    is(value($node, 'own', 'SELECT * FROM dynpgext.registered_extension'), $before, 'the registrations are unchanged');
    is_whole($node, 'all is well', 'own');
};

# The owner can set these for every session in the database, including the launcher's processes.
subtest 'settings of a database by its owner' => sub {
    my ($out, $error) = as('dx_owner', 'own', q(
        CREATE SCHEMA evil;
        CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
        CREATE FUNCTION evil.eq(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
        CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
        CREATE FUNCTION evil.current_database() RETURNS name LANGUAGE sql AS 'SELECT evil.trap()::text::name';
        CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = name, RIGHTARG = name);
        CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = text, RIGHTARG = text);
        CREATE TABLE evil.pg_prepared_xacts (transaction xid, database name, prepared timestamptz);
        CREATE TABLE evil.pg_extension (oid oid, extname name, extversion text);
        CREATE TABLE evil.registered_extension (extension name);));
    is($error, '', 'a schema with traps');
    my %settings = (
        search_path => 'evil, pg_catalog', row_security => 'off', default_transaction_read_only => 'on',
        default_transaction_isolation => 'serializable', default_transaction_deferrable => 'on', statement_timeout => '1ms', role => 'dx_owner',
        idle_in_transaction_session_timeout => '1ms', client_min_messages => 'error', work_mem => '64kB', quote_all_identifiers => 'on',
        check_function_bodies => 'off', default_table_access_method => 'heap', extra_float_digits => '-15', bytea_output => 'escape',
        datestyle => 'SQL, DMY', array_nulls => 'off', transform_null_equals => 'on');
    $settings{standard_conforming_strings} = 'off' if $node->pg_version < '19devel';    # always on since
    for my $setting (sort keys %settings) {
        (undef, $error) = as('dx_owner', 'hub', "ALTER DATABASE own SET $setting = " . ($setting eq 'search_path' ? $settings{$setting} : "'$settings{$setting}'"));
        is($error, '', "$setting = $settings{$setting}");
        my $offset = log_offset($node);
        if ($setting =~ /search_path|role|read_only|isolation|row_security|timeout$/) {
            $node->restart;
            ok($node->poll_query_until('hub', q(
                SELECT count(*) = 1 FROM dynpgext_internal.live_extensions() WHERE database = (SELECT oid FROM pg_database WHERE datname = 'own') AND state = 'provisioned')),
                '... the launcher provisions it all the same')
              or diag(value($node, 'hub', 'SELECT * FROM dynpgext_internal.live_extensions()'), slurp_file($node->logfile, $offset) =~ /((?:ERROR|FATAL|WARNING):.*)/);
            like(slurp_file($node->logfile, $offset), qr/dx_who: \Q$super\E, \Q$super\E, pg_catalog, pg_temp/, '... its init as always') if $setting ne 'role';
            is(log_count($node, qr/trapped as/, $offset), 0, '... nothing is trapped');
            $node->safe_psql('hub', "ALTER DATABASE own RESET $setting") if $setting !~ /search_path/;
        }
    }
    $node->restart;
    ok($node->poll_query_until('hub', q(
        SELECT count(*) = 1 FROM dynpgext_internal.live_extensions() WHERE database = (SELECT oid FROM pg_database WHERE datname = 'own') AND state = 'provisioned')),
        'with the rest of them, too');
    $node->safe_psql('hub', 'ALTER DATABASE own RESET ALL');
    is_whole($node, 'all is well', 'own');
};

subtest 'settings of roles without the privilege' => sub {
    my @names = grep { !/max_database_workers/ } split /\n/, value($node, 'hub', q(SELECT name FROM pg_settings WHERE name LIKE 'dynpgext.%' AND context <> 'user'));
    cmp_ok(scalar @names, '>', 8, 'there are some');
    for my $name (@names, 'dynpgext.max_database_workers') {
        for my $command ("SET $name = '1'", "ALTER ROLE dx_owner SET $name = '1'", "ALTER DATABASE own SET $name = '1'", "ALTER SYSTEM SET $name = '1'",
            "SELECT set_config('$name', '1', false)") {
            my (undef, $error) = as('dx_owner', 'hub', $command);
            like($error, qr/ERROR:  (42501|55P02): /, $command);
        }
    }
    my (undef, $error) = as('dx_owner', 'hub', 'SET dynpgext.something = 1');
    like($error, qr/invalid configuration parameter name "dynpgext.something"/, 'nor a setting that there is not');
    # before the library is loaded, the server does not check them
    set_preload($node, 0);
    $node->restart;
    value($node, 'hub', 'GRANT EXECUTE ON FUNCTION dynpgext.version TO PUBLIC');
    for my $name (@names, 'dynpgext.max_database_workers') {
        my ($out) = as('dx_nobody', 'hub', qq(SET $name = '1'; SELECT dynpgext.version(); SELECT current_setting('$name')));
        is($out =~ s/.*\n//r, value($node, 'hub', "SELECT dynpgext.version(); SELECT current_setting('$name')") =~ s/.*\n//r, "$name, set before the library is loaded");
        ($out) = as('dx_nobody', 'hub', qq(SELECT dynpgext.version(); SELECT current_setting('$name')), options => "-c $name=1");
        is($out =~ s/.*\n//r, value($node, 'hub', "SELECT dynpgext.version(); SELECT current_setting('$name')") =~ s/.*\n//r, '... and as a client would');
        (undef, $error) = as('dx_owner', 'postgres', "ALTER DATABASE own SET $name = '1'");
        like($error, qr/ERROR:  42501: /, '... nor for the database');
    }
    set_preload($node, 1);
    $node->restart;
};

subtest 'event triggers that a superuser has disabled' => sub {
    is(error_of($node, 'own', 'SET session_replication_role = replica; CREATE EXTENSION dx_memory SCHEMA public'), '', 'a replica role');
    is_whole($node, 'does not keep it from being registered', 'own');
    is(value($node, 'own', q(SELECT count(*) FROM dynpgext.allocations WHERE extension = 'dx_memory')), 4, 'it is');
    value($node, 'own', 'ALTER EVENT TRIGGER dynpgext_on_drop DISABLE');
    value($node, 'own', 'DROP EXTENSION dx_memory');
    is(value($node, 'own', q(SELECT string_agg(DISTINCT action, ',') FROM dynpgext.reload(dry_run => true))) ne '', 1, 'a drop that was not seen');
    value($node, 'own', 'SELECT dynpgext.reload()');
    is(value($node, 'own', q(SELECT count(*) FROM dynpgext.allocations WHERE extension = 'dx_memory')), 0, 'is made up for by a reload');
    value($node, 'own', 'ALTER EVENT TRIGGER dynpgext_on_create DISABLE');
    value($node, 'own', 'CREATE EXTENSION dx_memory SCHEMA public');
    is(value($node, 'own', q(SELECT count(*) FROM dynpgext.allocations WHERE extension = 'dx_memory')), 0, 'one whose arrival was not noticed');
    $node->restart;
    ok($node->poll_query_until('own', q(SELECT count(*) = 4 FROM dynpgext.allocations WHERE extension = 'dx_memory' AND state = 'allocated')), 'by a restart');
    value($node, 'own', 'ALTER EVENT TRIGGER dynpgext_on_command_start DISABLE');
    value($node, 'own', 'DROP EXTENSION dynpgext');
    value($node, 'own', 'CREATE EXTENSION dynpgext');
    is_whole($node, 'dynpgext itself, dropped without being seen, and made again', 'own');
    is(value($node, 'own', q(SELECT string_agg(extension, ',' ORDER BY extension) FROM dynpgext.extensions)), 'dx_memory,dx_who', 'with existing objects');
};

subtest 'row level security on every table, and a restart' => sub {
    my @tables = split /\n/, value($node, 'hub', q(SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'dynpgext'::regnamespace));
    cmp_ok(scalar @tables, '>=', 10, 'all of them');
    value($node, 'hub', "ALTER TABLE $_ ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY") for @tables;
    $node->restart;
    is_whole($node, 'everything is back', 'hub');
    is(value($node, 'hub', 'SELECT count(*) FROM dynpgext.workers'), 2, 'all of it');
    value($node, 'hub', "ALTER TABLE $_ NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY") for @tables;
};

sub allow { return configure($node, 'hub', 'dynpgext.allowed_extensions' => $_[0]) }
sub states { return value($node, 'hub', q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions)) }
my $refused = qr/ERROR:  42501: extension "dx_memory" is not allowed to take part in dynpgext/;

subtest 'dynpgext.allowed_extensions: CREATE EXTENSION' => sub {
    allow('dx_worker, plain');
    like(error_of($node, 'hub', 'CREATE EXTENSION dx_memory'), $refused, 'one that is not in the list');
    is(value($node, 'hub', q(SELECT count(*) FROM pg_extension WHERE extname = 'dx_memory')), 0, 'is not there');
    like(error_of($node, 'hub', 'CREATE EXTENSION dx_requires CASCADE'), $refused, 'nor as one that is required');
    is(error_of($node, 'hub', 'CREATE EXTENSION dx_plain; CREATE EXTENSION dx_sql_only; DROP EXTENSION dx_plain, dx_sql_only'), '', 'extensions that do not take part are not affected');
    my (undef, $error) = as('dx_owner', 'own', 'DROP EXTENSION dx_who; CREATE EXTENSION dx_who SCHEMA public');
    like($error, qr/ERROR:  42501: extension "dx_who" is not allowed to take part/, 'a trusted one is not excepted');
    is(states(), 'dx_worker provisioned', 'the one in the list is well');
    for my $case ([ '', 0 ], [ '*', 1 ], [ '!dx_memory, *', 0 ], [ '*, !dx_memory', 1 ], [ 'DX_MEMORY', 0 ], [ '"dx_memory"', 1 ], [ '"*"', 0 ], [ 'dx_mem*', 0 ],
        [ '! dx_memory,*', 0 ], [ ' dx_worker ,dx_memory', 1 ], [ '!*, dx_memory', 0 ], [ 'dx_memory, !*', 1 ], [ '!"dx_memory",*', 0 ]) {
        my ($setting, $allowed) = @$case;
        allow($setting);
        my $error = error_of($node, 'hub', 'BEGIN; CREATE EXTENSION dx_memory; ROLLBACK');
        $allowed ? is($error, '', "'$setting' allows it") : like($error, $refused, "'$setting' refuses it");
    }
    allow('dx_worker,"Dx Quoted ""name"');
    is(error_of($node, 'hub', 'BEGIN; CREATE EXTENSION "Dx Quoted ""name"; ROLLBACK'), '', 'a quoted name');
    allow('!"Dx Quoted ""name",*');
    like(error_of($node, 'hub', 'BEGIN; CREATE EXTENSION "Dx Quoted ""name"; ROLLBACK'), qr/42501: extension "Dx Quoted "name" is not/, 'refused');
    # before the library is loaded, the server does not know the setting, and accepts any value from a client
    set_preload($node, 0);
    allow('!dx_who, *');
    $node->restart;
    value($node, 'hub', 'SELECT dynpgext.version()');
    value($node, 'own', 'DROP EXTENSION IF EXISTS dx_who');
    (undef, $error) = as('dx_owner', 'own', 'CREATE EXTENSION dx_who SCHEMA public');
    like($error, qr/ERROR:  42501: extension "dx_who" is not allowed to take part/, 'refused, not preloaded');
    (undef, $error) = as('dx_owner', 'own', q(SET dynpgext.allowed_extensions = '*'; CREATE EXTENSION dx_who SCHEMA public));
    like($error, qr/ERROR:  42501: extension "dx_who" is not allowed to take part/, 'also with a SET before');
    (undef, $error) = as('dx_owner', 'own', 'CREATE EXTENSION dx_who SCHEMA public', options => '-c dynpgext.allowed_extensions=*');
    like($error, qr/ERROR:  42501: extension "dx_who" is not allowed to take part/, 'also with a setting of the connection');
    value($node, 'own', 'DROP EXTENSION IF EXISTS dx_who');
    set_preload($node, 1);
    $node->restart;
    for my $wrong ('!', 'a,,b', '"open', 'a b', 'a,', ',a', '""', 'a"b"', '! , a') {
        like(error_of($node, 'hub', "ALTER SYSTEM SET dynpgext.allowed_extensions = '$wrong'"), qr/ERROR:  22023: invalid value for parameter "dynpgext.allowed_extensions": /,
            "'$wrong' is no list");
    }
    allow('dx_worker');
    my $offset = log_offset($node);
    $node->append_conf('postgresql.conf', "dynpgext.allowed_extensions = 'a b'");
    $node->reload;
    $node->wait_for_log(qr/invalid value for parameter "dynpgext.allowed_extensions": "a b"/, $offset);
    is(value($node, 'hub', 'SHOW dynpgext.allowed_extensions'), 'dx_worker', 'one in the file changes nothing');
    allow('*');
};

subtest 'dynpgext.allowed_extensions: installed extensions' => sub {
    value($node, 'hub', 'CREATE EXTENSION dx_memory; CREATE EXTENSION dx_usage');
    is_whole($node, 'all is well', 'hub');
    allow('!dx_memory, *');
    like(error_of($node, 'hub', q(SELECT dynpgext.unload('dx_memory'); SELECT dynpgext.load('dx_memory'))), $refused, 'load() is refused');
    like(error_of($node, 'hub', q(ALTER EXTENSION dx_memory UPDATE TO '0.2')), qr/^$|$refused/, 'nor can an unloaded extension be updated');
    isnt(value($node, 'hub', q(SELECT count(*) FROM dynpgext.allocations WHERE extension = 'dx_memory' AND state = 'allocated')), 4, 'nothing of it is there');
    allow('*');
    value($node, 'hub', q(SELECT dynpgext.load('dx_memory')));
    is_whole($node, 'all is well', 'hub');
    for my $preload (1, 0) {
        allow('!dx_memory, *');
        set_preload($node, $preload);
        $node->restart;
        value($node, 'hub', 'SELECT dynpgext.version()');
        ok($node->poll_query_until('hub', q(SELECT state = 'failed' FROM dynpgext.extensions WHERE extension = 'dx_memory')), 'after a restart it has failed');
        is(states(), 'dx_memory failed, dx_usage provisioned, dx_worker provisioned', 'the others have not');
        like(value($node, 'hub', q(SELECT error FROM dynpgext.extensions WHERE extension = 'dx_memory')),
            qr/extension "dx_memory" is not allowed to take part in dynpgext/, 'it reports the reason');
        is(value($node, 'hub', q(SELECT dx_read('dx_memory:local') IS NULL)), 't', 'it has no memory');
        is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.allocations WHERE extension = 'dx_memory' AND state = 'failed')), 4, 'as the view says');
        value($node, 'hub', 'SELECT dynpgext.reload()');
        is(states(), 'dx_memory failed, dx_usage provisioned, dx_worker provisioned', 'a reload changes nothing');
        allow('*');
        is_whole($node, 'but the new setting does, by itself', 'hub');
        is(value($node, 'hub', q(SELECT dx_read('dx_memory:local') IS NULL)), 'f', 'it has memory');
    }
    # running workers continue, and restart_worker() does not end a worker that could not be started again
    my $no_worker = qr/ERROR:  42501: extension "dx_worker" is not allowed to take part in dynpgext/;
    my $pids = q(SELECT string_agg(name || ' ' || pid || ' ' || starts, ', ' ORDER BY name) FROM dynpgext.workers WHERE extension = 'dx_worker');
    my $before = value($node, 'hub', $pids);
    allow('!dx_worker, *');
    like(error_of($node, 'hub', qq(SELECT dynpgext.restart_worker('dx_worker', 'dx $_'))), $no_worker, "restart_worker() of dx $_ is refused") for qw(local global);
    is(value($node, 'hub', $pids), $before, 'and has ended nothing');
    is(states(), 'dx_memory provisioned, dx_usage provisioned, dx_worker provisioned', 'nor marked anything as failed');
    value($node, 'hub', q(SELECT dynpgext.stop_worker('dx_worker', 'dx local')));
    like(error_of($node, 'hub', q(SELECT dynpgext.start_worker('dx_worker', 'dx local'))), $no_worker, 'start_worker() is refused');
    allow('*');
    is(value($node, 'hub', q(SELECT dynpgext.restart_worker('dx_worker', 'dx local'))), 't', 'until it is allowed');
    is_whole($node, 'all is well', 'hub');
    # a worker's extension is refused; and the way out
    allow('!dx_worker, *');
    $node->restart;
    value($node, 'hub', 'SELECT dynpgext.version()');
    ok($node->poll_query_until('hub', q(SELECT state = 'failed' FROM dynpgext.extensions WHERE extension = 'dx_worker')), q(a worker's extension is refused));
    is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_worker' AND pid IS NOT NULL)), 0, 'its workers do not run');
    like(error_of($node, 'hub', q(SELECT dynpgext.start_worker('dx_worker', 'dx local'))), $no_worker, 'start_worker() is refused');
    is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_worker' AND state = 'running')), 0, 'and has not started it');
    is(error_of($node, 'hub', 'DROP EXTENSION dx_worker'), '', 'it can be dropped');
    is_whole($node, 'all is well', 'hub');
    # installed without dynpgext, which is created later
    value($node, 'hub', 'DROP EXTENSION dynpgext; CREATE EXTENSION dx_worker');
    is(error_of($node, 'hub', 'CREATE EXTENSION dynpgext'), '', 'dynpgext can be created next to a refused one');
    is(states() =~ s/, dx_worker failed//r, 'dx_memory provisioned, dx_usage provisioned', 'the others are provisioned');
    is(value($node, 'hub', q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_worker' AND pid IS NOT NULL)), 0, 'the refused one has no workers');
    allow('*');
    is_whole($node, 'until it is allowed', 'hub');
    is(states(), 'dx_memory provisioned, dx_usage provisioned, dx_worker provisioned', 'all three');
};

$node->stop;
done_testing();
