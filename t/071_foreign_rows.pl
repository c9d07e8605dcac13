# Rows of dynpgext's tables made by roles other than superusers: a dump of data alone, or a publication, of a
# database where anybody has made tables with these names.  A superuser who restores it, or subscribes to it,
# does not lend any rights to these rows.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', wal_level => 'logical', max_wal_senders => 5, max_replication_slots => 5, max_worker_processes => 40);
my $folder = PostgreSQL::Test::Utils::tempdir('dump');
my $superuser = 'postgres';
value($node, 'postgres', 'CREATE ROLE dx_forger LOGIN; CREATE ROLE dx_victim LOGIN; CREATE DATABASE forged OWNER dx_forger');

# Tables of dx_forger, as in a dump.
my $raise = 'ALTER ROLE dx_forger SUPERUSER';
my $worker = sub { qq({"name": "$_[0]", "command": "$_[1]", "interval": "50 ms"$_[2]}) };
my $manifest = '{"dynpgext": 1, "workers": [' . join(', ', $worker->('dx known', $raise, ''), $worker->('dx forged', $raise, ''),
    $worker->('dx named', $raise, qq(, "run_as": "$superuser")), $worker->('dx other', 'SELECT current_user', '')) . ']}';
value($node, 'forged', qq(
    SET ROLE dx_forger;
    CREATE TABLE public.orders (id integer);
    INSERT INTO public.orders VALUES (1);
    CREATE SCHEMA dynpgext;
    CREATE TABLE dynpgext.manifests (extension name, manifest jsonb);
    CREATE TABLE dynpgext.identities (extension name, worker text, run_as text, registered_by text, superuser boolean, without_login boolean, by_hand boolean);
    INSERT INTO dynpgext.manifests VALUES ('dx_sql_only', '$manifest');
    INSERT INTO dynpgext.identities SELECT 'dx_sql_only', w, '$superuser', '$superuser', true, false, true FROM unnest(ARRAY['dx known', 'dx forged', 'dx named', 'dx kept']) w;
    INSERT INTO dynpgext.identities VALUES ('dx_sql_only', 'dx other', 'dx_victim', '$superuser', false, false, true)));

# A database with dynpgext in which a superuser has registered a worker that the rows also name.
sub make_target {
    my ($database) = @_;
    add_database($node, $database, qw(dynpgext dx_sql_only));
    my $known = '{"dynpgext": 1, "workers": [' . $worker->('dx known', 'SELECT 1', qq(, "run_as": "$superuser")) . ']}';
    value($node, $database, "CREATE TABLE public.orders (id integer); SELECT dynpgext.register('dx_sql_only', '$known'); DELETE FROM dynpgext.manifests");
    return ok(command_is($node, $database, 'dx known', q(state = 'running' AND runs > 0)), "$database: a superuser's worker runs");
}

my $commands = q(SELECT string_agg(concat_ws(' ', worker, state, COALESCE(run_as, 'nobody'), CASE WHEN worker <> 'dx known' THEN runs END), ', ' ORDER BY worker) FROM dynpgext.commands WHERE extension = 'dx_sql_only');
my $all_nobody = 'dx forged failed nobody 0, dx known failed nobody, dx named failed nobody 0, dx other failed nobody 0';

sub gains_nothing {
    my ($database, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    becomes($node, $database, $commands, $expected // $all_nobody, 'the commands in the rows do not run');
    like(value($node, $database, q(SELECT last_error FROM dynpgext.commands WHERE worker = 'dx forged')), qr/^42704: it comes from rows of tables, which name no role: a superuser has to register it/, 'which shows the reason') if !defined $expected;
    is(value($node, $database, q(SELECT string_agg(worker, ', ') FROM dynpgext.identities WHERE run_as IS NOT NULL AND decided_in IS NOT NULL)), '', 'no row that counts names a role');
    return is(value($node, 'postgres', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'dx_forger')), 'f', 'the author of the rows has gained nothing');
}

command_ok([ 'pg_dump', '-Fc', '-f', "$folder/forged", $node->connstr('forged') . ' user=dx_forger' ], 'pg_dump of the forged tables');
for my $way ([ 'data only' ], [ 'inserts', '-f', "$folder/inserts.sql" ], [ 'triggers off', '--disable-triggers' ], [ 'parallel', '-j', '2' ], [ 'one transaction', '-1' ]) {
    my ($name, @options) = @$way;
    my $database = 'r_' . $name =~ s/ /_/r;
    subtest $name => sub {
        make_target($database);
        my $offset = log_offset($node);
        if ($name eq 'inserts') {
            command_ok([ 'pg_dump', '-a', '--inserts', '-f', "$folder/inserts.sql", $node->connstr('forged') ], 'pg_dump --inserts');
            command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/inserts.sql", '-d', $node->connstr($database) ], 'restored by a superuser');
        } else {
            command_ok([ 'pg_restore', '-a', '--exit-on-error', @options, '-d', $node->connstr($database), "$folder/forged" ], 'restored by a superuser');
        }
        is(value($node, $database, 'TABLE public.orders'), 1, 'its other objects exist');
        value($node, $database, 'SELECT * FROM dynpgext.reload()');
        gains_nothing($database);
        ok(log_count($node, qr/WARNING:  .*"dx forged" of extension "dx_sql_only" has no role to run as: the row of dynpgext.manifests was not restored with dynpgext itself/, $offset), 'a warning reports it');
        value($node, 'postgres', "DROP DATABASE $database");
    };
}

# Nor does a dump of the database launder them.
subtest 'rows that do not count are not dumped' => sub {
    make_target('target');
    command_ok([ 'pg_restore', '-a', '--exit-on-error', '-d', $node->connstr('target'), "$folder/forged" ], 'restored by a superuser');
    value($node, 'target', qq(ALTER TABLE dynpgext.identities DISABLE TRIGGER ALL; INSERT INTO dynpgext.identities VALUES ('dx_sql_only', 'dx forged', '$superuser', '$superuser', true, false, true)));
    command_ok([ 'pg_dump', '-Fc', '-f', "$folder/laundered", $node->connstr('target') ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE laundered');
    command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('laundered'), "$folder/laundered" ], 'restored');
    gains_nothing('laundered');
    value($node, 'postgres', 'DROP DATABASE laundered; DROP DATABASE target');
};

subtest 'a whole dump of such a database' => sub {
    make_target('target');
    # the tables already exist: pg_restore reports this, and continues
    run_command([ 'pg_restore', '-d', $node->connstr('target'), "$folder/forged" ]);
    gains_nothing('target');
    value($node, 'postgres', 'DROP DATABASE target');
};

subtest 'after a restore in the same session, or by psql' => sub {
    value($node, 'postgres', 'CREATE DATABASE target');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('target'), '-c', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_sql_only; CREATE TABLE public.orders (id integer)',
            '-f', "$folder/inserts.sql" ], 'created by hand, then data alone');
    gains_nothing('target');
    command_ok([ 'pg_dump', '-s', '-f', "$folder/schema.sql", $node->connstr('target') ], 'pg_dump of the schema');
    value($node, 'postgres', 'DROP DATABASE target; CREATE DATABASE target');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/schema.sql", '-d', $node->connstr('target') ], 'the schema is restored by psql');
    command_ok([ 'pg_restore', '-a', '--exit-on-error', '-d', $node->connstr('target'), "$folder/forged" ], 'at once data of others');
    gains_nothing('target');
    value($node, 'postgres', 'DROP DATABASE target');
};

# Tables of registrations are never dumped: rows for them come from other tables.
subtest 'rows of registrations' => sub {
    make_target('target');
    value($node, 'forged', q(SET ROLE dx_forger; CREATE TABLE dynpgext.registered_command (extension name, worker text, command text, run_interval bigint, channel text, run_as oid, deadline bigint,
            registered_by oid, superuser boolean, without_login boolean, by_hand boolean, atomic boolean, decided_in text, schemas text, owners text, foreign_owner text, first_run bigint);
        INSERT INTO dynpgext.registered_command VALUES ('dx_sql_only', 'dx straight', 'ALTER ROLE dx_forger SUPERUSER', 50, '', 10, 0, 10, true, false, true, true, 0, 'public', '', '', 0)));
    command_ok([ 'pg_dump', '-Fc', '-t', 'dynpgext.registered_command', '-f', "$folder/registered", $node->connstr('forged') ], 'pg_dump');
    for my $options ([], ['--disable-triggers']) {
        my ($out, $error) = run_command([ 'pg_restore', '-a', @$options, '-d', $node->connstr('target'), "$folder/registered" ]);
        like($error, qr/permission denied to write table "dynpgext.registered_command"/, "@$options: refused to a superuser, too");
    }
    like(error_of($node, 'target', q(INSERT INTO dynpgext.restore VALUES (now(), 0, true, true);)), qr/permission denied to write table "dynpgext.restore"/, 'nor can SQL claim that a restore creates dynpgext');
    is(value($node, 'target', 'SELECT count(*) FROM dynpgext.registered_command'), 1, 'there is no row of it');
    value($node, 'forged', 'DROP TABLE dynpgext.registered_command');
    value($node, 'postgres', 'DROP DATABASE target');
};

subtest 'functions in C, and global objects' => sub {
    make_target('target');
    my $insert = q(INSERT INTO dynpgext.manifests VALUES ('dx_sql_only', '{"dynpgext": 1, %s}') ON CONFLICT (extension) DO UPDATE SET manifest = EXCLUDED.manifest);
    my %refused = (
        '"workers": [{"name": "dx c", "library": "$libdir/dx_worker-0.1", "function": "dx_worker_main"}]' => 'only a superuser may register a function in C',
        '"workers": [{"name": "dx g", "scope": "global", "command": "SELECT 1", "channel": "g"}]' => 'only a superuser may register global objects',
        '"allocations": [{"name": "dx_memory:state", "size": 8}]' => 'only a superuser may register a name that does not begin with "dx_sql_only:"');
    for my $items (sort keys %refused) {
        my $offset = log_offset($node);
        value($node, 'target', sprintf $insert, $items);
        ok(log_count($node, qr/WARNING:  the manifest of extension "dx_sql_only" in dynpgext.manifests cannot be followed: .*\Q$refused{$items}/, $offset), $refused{$items});
    }
    is(value($node, 'target', $commands) , "dx known running $superuser", 'existing workers continue');
    value($node, 'target', sprintf $insert, '"allocations": [{"name": "dx_sql_only:state", "size": 8}]');
    is(value($node, 'target', q(SELECT count(*) FROM dynpgext.allocations WHERE name = 'dx_sql_only:state')), 1, 'rows that give no rights are followed');
    value($node, 'postgres', 'DROP DATABASE target');
};

subtest 'logical replication' => sub {
    make_target('target');
    value($node, 'forged', q(SET ROLE dx_forger; ALTER TABLE dynpgext.manifests REPLICA IDENTITY FULL; ALTER TABLE dynpgext.identities REPLICA IDENTITY FULL; TRUNCATE public.orders;
        CREATE PUBLICATION dx_forged FOR TABLE public.orders, dynpgext.manifests, dynpgext.identities));
    value($node, 'forged', q(SELECT pg_create_logical_replication_slot('dx_forged', 'pgoutput')));
    my $connection = $node->connstr('forged') =~ s/'/''/gr;
    value($node, 'target', q(SELECT dynpgext.register('dx_sql_only', '{"dynpgext": 1}'); DELETE FROM dynpgext.manifests));
    value($node, 'target', "CREATE SUBSCRIPTION dx_forged CONNECTION '$connection' PUBLICATION dx_forged WITH (create_slot = false, slot_name = 'dx_forged')");
    # first the initial copy, then the changes
    becomes($node, 'target', $commands, $all_nobody, 'existing rows are copied');
    value($node, 'forged', q(SET ROLE dx_forger; UPDATE dynpgext.identities SET registered_by = run_as; UPDATE dynpgext.manifests SET manifest = replace(manifest::text, '50 ms', '60 ms')::jsonb; INSERT INTO public.orders VALUES (1)));
    becomes($node, 'target', q(SELECT string_agg(id::text, ',') FROM public.orders), 1, 'a change has arrived');
    becomes($node, 'target', q(SELECT count(*) FROM dynpgext.commands WHERE run_interval = '60 ms'), 4, 'also of the manifest');
    gains_nothing('target');
    value($node, 'target', 'ALTER SUBSCRIPTION dx_forged DISABLE; ALTER SUBSCRIPTION dx_forged SET (slot_name = NONE); DROP SUBSCRIPTION dx_forged');
    ok($node->poll_query_until('forged', q(SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'dx_forged')), 'it ends');
    value($node, 'forged', q(SELECT pg_drop_replication_slot('dx_forged')));
    value($node, 'postgres', 'DROP DATABASE target');
};

# A restore in parts, declared by a superuser or by another role.
subtest 'a restore in several parts' => sub {
    make_target('source');
    value($node, 'source', qq(SELECT dynpgext.register('dx_sql_only', manifest) FROM (SELECT dynpgext.export('dx_sql_only') - 'version' AS manifest) e));
    command_ok([ 'pg_dump', '-Fc', '-f', "$folder/source", $node->connstr('source') ], 'pg_dump');
    my $in_parts = sub {
        my ($database, @between) = @_;
        value($node, 'postgres', "CREATE DATABASE $database");
        local $ENV{PGOPTIONS} = '-c dynpgext.restore=on';
        command_ok([ 'pg_restore', '--section=pre-data', '--exit-on-error', '-d', $node->connstr($database), "$folder/source" ], 'the first part');
        $_->() for @between;
        return command_ok([ 'pg_restore', '--section=data', '--disable-triggers', '-a', '--exit-on-error', '-d', $node->connstr($database), "$folder/source" ], 'the second one');
    };
    $in_parts->('joined');
    value($node, 'joined', 'SELECT dynpgext.end_restore()');
    ok(command_is($node, 'joined', 'dx known', qq(state = 'running' AND run_as = '$superuser' AND runs > 0)), 'the worker has its role');
    $in_parts->('cut', sub { $node->restart });
    value($node, 'cut', 'SELECT dynpgext.end_restore()');
    becomes($node, 'cut', $commands, 'dx known failed nobody', 'not when the server has been restarted in between');
    value($node, 'postgres', "DROP DATABASE $_") for qw(joined cut source);
};

# Three seconds after the superuser's session, another session does not belong to the restore, whoever else is
# still connected.
subtest "the owner's session cannot prolong a restore for others" => sub {
    make_target('source');
    command_ok([ 'pg_dump', '-Fc', '-f', "$folder/small", $node->connstr('source') ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE kept OWNER dx_forger');
    my $stays = do {
        local $ENV{PGAPPNAME} = 'pg_restore';
        $node->background_psql('kept', on_error_stop => 0, extra_params => [ '-U', 'dx_forger' ]);
    };
    delete local $ENV{PGAPPNAME};    # so that pg_restore sets its own
    command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('kept'), "$folder/small" ], 'a restore with dynpgext');
    value($node, 'kept', 'SELECT pg_sleep(4)');
    is(value($node, 'kept', 'SELECT count(*) FROM dynpgext.restore'), 1, 'it is under way still');
    command_ok([ 'pg_restore', '-a', '--exit-on-error', '-d', $node->connstr('kept'), "$folder/forged" ], 'then rows of others');
    value($node, 'kept', 'SELECT * FROM dynpgext.reload()');
    $stays->quit;
    gains_nothing('kept');
    value($node, 'postgres', "DROP DATABASE $_") for qw(kept source);
};

# The owner of a database decides on settings of sessions that set nothing themselves.
subtest "the owner's settings do not make a session a restore" => sub {
    make_target('source');
    command_ok([ 'pg_dump', '-Fc', '-f', "$folder/good", $node->connstr('source') ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE "set" OWNER dx_forger');
    value($node, 'postgres', "SET ROLE dx_forger; ALTER DATABASE \"set\" SET $_")
      for q(search_path = ''), 'check_function_bodies = off', 'client_min_messages = warning', q(application_name = 'pg_restore');
    my $rows = '\\i ' . "$folder/inserts.sql";
    command_ok([ 'pg_dump', '-a', '--inserts', '-f', "$folder/inserts.sql", $node->connstr('forged') ], 'pg_dump --inserts');
    PostgreSQL::Test::Utils::append_to_file("$folder/session.sql", "CREATE TABLE public.orders (id int); CREATE EXTENSION dynpgext; CREATE EXTENSION dx_sql_only SCHEMA public;\n$rows\n");
    my $connection = $node->connstr('set');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/session.sql", '-d', $connection ], 'a session creates dynpgext, and takes rows of others');
    value($node, 'set', 'SET search_path = dynpgext, pg_catalog; SELECT * FROM dynpgext.reload()');
    gains_nothing('set', 'dx forged failed nobody 0, dx known failed nobody, dx named failed nobody 0, dx other failed nobody 0');
    value($node, 'postgres', 'DROP DATABASE "set"');

    value($node, 'postgres', 'CREATE DATABASE "set" OWNER dx_forger');
    value($node, 'postgres', q(SET ROLE dx_forger; ALTER DATABASE "set" SET application_name = 'pg_restore'));
    # a client that does not set its name
    my $stays = $node->background_psql('postgres', on_error_stop => 1);
    $stays->query_safe('CREATE EXTENSION dblink; SELECT dblink_connect(' . quoted($connection) . ')');
    delete local $ENV{PGAPPNAME};    # so that pg_restore sets its own
    command_ok([ 'pg_restore', '--exit-on-error', '-d', $connection, "$folder/good" ], 'a restore, while an agent is connected');
    value($node, 'set', 'SELECT pg_sleep(4)');
    is(value($node, 'set', q(SELECT count(*) FROM pg_stat_activity WHERE datname = 'set' AND application_name = 'pg_restore')), 1, 'which is called as the owner has chosen');
    is(value($node, 'set', 'SELECT brings_dynpgext FROM dynpgext.restore'), 't', 'the restore is one that has created dynpgext');
    command_ok([ 'pg_restore', '-a', '--exit-on-error', '-d', $connection, "$folder/forged" ], 'then rows of others');
    $stays->quit;
    value($node, 'postgres', 'DROP EXTENSION dblink');
    value($node, 'set', 'SELECT dynpgext.end_restore(); SELECT * FROM dynpgext.reload()');
    gains_nothing('set');
    value($node, 'postgres', "DROP DATABASE $_") for qw("set" source);
};

$node->stop;
done_testing();
