# Every past owner of a database could decide what its commands refer to.  So a command no longer runs after
# the database had an owner who is not a member of the command's role, whoever owns it later.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node;
my $folder = PostgreSQL::Test::Utils::tempdir();

sub register {
    my ($database, %with) = @_;
    my $as = $with{as} // 'dba';
    return value($node, $database, qq(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "sweep", "command": "DELETE FROM public.jobs WHERE done",
        "run_as": "$as", "interval": "50 ms", "restart": {"policy": "on_failure", "delay": "100 ms"}}]}')));
}

sub comes_to {
    my ($database, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(command_is($node, $database, 'sweep', $condition), $test)
      || diag(command_row($node, $database, 'sweep'), "\n", $node->safe_psql($database, q(SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 12)));
}

sub runs { return comes_to($_[0], 'state = \'running\' AND last_run_at > ' . quoted(value($node, $_[0], 'SELECT clock_timestamp()')) . ' AND last_failed_at IS DISTINCT FROM last_run_at', $_[1]) }

sub refused {
    my ($database, $owner, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return comes_to($database, "state = 'failed' AND last_error = " . quoted(qq(42501: role "$owner", which has owned this database since, is not a member of role "dba")), $test);
}

# The owner of a database may do this to the table that the command names.
sub plant {
    my ($database) = @_;
    return value($node, $database, <<'SQL');
SET ROLE tenant;
ALTER SCHEMA public RENAME TO was_public;
CREATE SCHEMA public;
CREATE TABLE public.jobs (done boolean);
INSERT INTO public.jobs VALUES (true), (true);
CREATE FUNCTION public.raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER ROLE tenant SUPERUSER'; RETURN NULL; END $$;
CREATE TRIGGER raises BEFORE DELETE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.raises();
SQL
}

sub gained_nothing {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(value($node, 'postgres', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'tenant')), 'f', $test);
}

sub drop_databases { value($node, 'postgres', "DROP DATABASE IF EXISTS $_ WITH (FORCE)") for @_ }

# Afterwards the present state has been checked, as by a visit.
sub look { return value($node, $_[0], 'SELECT count(*) FROM dynpgext.reload()') }

for my $preload ('', 'dynpgext') {
    my $how = $preload ? 'preloaded' : 'not preloaded';
    $node = new_cluster($preload ? 'preloaded' : 'plain', 'dynpgext.restart_delay_max' => '1s', shared_preload_libraries => $preload);
    value($node, 'postgres', 'CREATE ROLE dba SUPERUSER LOGIN; CREATE ROLE dba_2 SUPERUSER LOGIN; CREATE ROLE tenant LOGIN CREATEDB');
    value($node, 'postgres', 'CREATE DATABASE model_db IS_TEMPLATE true OWNER dba');
    value($node, 'model_db', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; CREATE TABLE public.jobs (done boolean)');
    register('model_db');
    runs('model_db', "$how: it runs");

    subtest "$how: a tenant's copy that a superuser comes to own" => sub {
        my @ways = (
            [ 'ALTER DATABASE', 'postgres', 'ALTER DATABASE mine OWNER TO dba', 'mine' ],
            [ 'REASSIGN OWNED', 'postgres', 'REASSIGN OWNED BY tenant TO dba', 'mine' ],
            [ 'a copy of the copy', 'postgres', 'CREATE DATABASE saved TEMPLATE mine OWNER dba', 'saved' ]);
        for my $way (@ways) {
            my ($name, $from, $command, $database) = @$way;
            value($node, 'postgres', 'SET ROLE tenant; CREATE DATABASE mine TEMPLATE model_db');
            refused('mine', 'tenant', "$name: the copy of the tenant's does not run it");
            plant('mine');
            value($node, $from, $command);
            $node->poll_query_until($database, 'SELECT count(*) = 1 FROM dynpgext.commands');
            refused($database, 'tenant', "$name: nor does the superuser's");
            look($database);
            refused($database, 'tenant', "$name: nor after a reload");
            gained_nothing("$name: the tenant has gained nothing");
            drop_databases('mine', 'saved');
        }
    };

    subtest "$how: a DBA's database that is given away" => sub {
        value($node, 'postgres', 'CREATE DATABASE shop TEMPLATE model_db OWNER dba');
        runs('shop', 'a copy of the DBA\'s own runs it');
        my $offset = log_offset($node);
        value($node, 'postgres', 'ALTER DATABASE shop OWNER TO tenant');
        plant('shop');
        refused('shop', 'tenant', 'the new owner\'s does not');
        # by a visit, or by the next run, whichever comes first
        ok((wait_until { log_count($node, qr/WARNING:  (?:SQL worker "sweep" of extension "dx_plain" does not run any more: )?role "tenant", which has owned this database since, is not a member of role "dba"/, $offset) > 0 }), 'the log reports it');
        value($node, 'postgres', 'ALTER DATABASE shop OWNER TO dba');
        look('shop');
        refused('shop', 'tenant', 'it does not run again with the old owner');
        gained_nothing('the tenant has gained nothing');
        like(error_of($node, 'shop', q(SET ROLE tenant; SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}');)), qr/ERROR:  42501/, 'nor does the tenant register it');
    };

    subtest "$how: a dump of it" => sub {
        command_ok([ 'pg_dump', '-Fc', '-f', "$folder/shop_$preload.dump", $node->connstr('shop') ], 'pg_dump');
        value($node, 'postgres', 'CREATE DATABASE restored OWNER dba');
        command_ok([ 'pg_restore', '-d', $node->connstr('restored'), "$folder/shop_$preload.dump" ], 'restored by a superuser');
        comes_to('restored', q(state = 'failed' AND run_as IS NULL AND runs = 0), 'names no role for it');
        gained_nothing('the tenant has gained nothing');
        drop_databases('restored');
    };

    subtest "$how: a superuser decides anew" => sub {
        value($node, 'shop', 'DROP SCHEMA public CASCADE; ALTER SCHEMA was_public RENAME TO public');
        register('shop');
        runs('shop', 'registered again, it runs');
        value($node, 'postgres', 'ALTER DATABASE shop OWNER TO dba_2; CREATE DATABASE saved TEMPLATE shop OWNER dba_2');
        runs('shop', 'also as another superuser\'s');
        runs('saved', 'and in a copy');
        value($node, 'postgres', 'ALTER DATABASE shop OWNER TO tenant');
        runs('shop', 'also of an owner known at the decision');
        drop_databases('shop', 'saved');
        value($node, 'postgres', 'SET ROLE tenant; CREATE DATABASE mine TEMPLATE model_db');
        refused('mine', 'tenant', 'a copy that a superuser accepts');
        my $export = value($node, 'mine', 'SELECT dynpgext.export()');
        is(value($node, 'mine', 'SET ROLE dba; SELECT count(*) FROM dynpgext.apply(' . quoted($export) . ', true)'), 1, 'apply() of its own export changes it');
        value($node, 'mine', 'SET ROLE dba; SELECT count(*) FROM dynpgext.apply(' . quoted($export) . ')');
        runs('mine', 'then it runs');
        drop_databases('mine');
    };

    # Nothing of dynpgext runs in the database meanwhile.
    subtest "$how: away and back" => sub {
        value($node, 'postgres', 'CREATE DATABASE shop TEMPLATE model_db OWNER dba');
        runs('shop', 'it runs');
        value($node, 'shop', q(SELECT dynpgext.stop_worker('dx_plain', 'sweep')));
        value($node, 'postgres', 'BEGIN; ALTER DATABASE shop OWNER TO tenant; ALTER DATABASE shop OWNER TO dba; COMMIT');
        value($node, 'postgres', 'SELECT 1');
        value($node, 'shop', q(SELECT dynpgext.start_worker('dx_plain', 'sweep')));
        $preload ? refused('shop', 'tenant', 'the command that does so is noted') : runs('shop', 'it was not noticed');
        drop_databases('shop');
    };

    # It uses dynpgext before the launcher reads the list of databases again.
    subtest "$how: a session notices the new owner first" => sub {
        value($node, 'postgres', 'CREATE DATABASE shop TEMPLATE model_db OWNER dba');
        runs('shop', 'it runs');
        value($node, 'shop', q(SELECT dynpgext.stop_worker('dx_plain', 'sweep')));
        configure($node, 'model_db', 'dynpgext.naptime' => '1h');
        value($node, 'postgres', 'ALTER DATABASE shop OWNER TO tenant');
        value($node, 'shop', 'SELECT databases FROM dynpgext.status');
        configure($node, 'model_db', 'dynpgext.naptime' => '100ms');
        becomes($node, 'postgres', q(SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS c
            WHERE datname = 'shop' AND c ~ ('^dynpgext_database\.owners=.*\m' || 'tenant'::regrole::oid || '\M')), 1, 'a visit records the owner');
        value($node, 'postgres', 'ALTER DATABASE shop OWNER TO dba');
        value($node, 'shop', q(SELECT dynpgext.start_worker('dx_plain', 'sweep')));
        refused('shop', 'tenant', 'which counts once the database is given back');
        drop_databases('shop');
    };

    subtest "$how: a copy that is closed" => sub {
        # no visit checks it, because the tenant allows connections only for a moment
        configure($node, 'model_db', 'dynpgext.naptime' => '1h');
        value($node, 'postgres', 'SET ROLE tenant; CREATE DATABASE mine TEMPLATE model_db ALLOW_CONNECTIONS false; ALTER DATABASE mine ALLOW_CONNECTIONS true');
        plant('mine');
        value($node, 'postgres', 'SET ROLE tenant; ALTER DATABASE mine ALLOW_CONNECTIONS false');
        configure($node, 'model_db', 'dynpgext.naptime' => '100ms');
        value($node, 'postgres', 'CREATE DATABASE copy TEMPLATE mine');
        refused('copy', 'tenant', 'a possible owner of the template counts in a copy of a superuser');
        my $dump = "$folder/restored.dump";
        $node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('model_db') ], 'a dump of the template');
        value($node, 'postgres', 'CREATE DATABASE restored');
        $node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'restored is no copy');
        runs('restored', 'and runs');
        drop_databases('copy', 'mine', 'restored');
        gained_nothing('the tenant has gained nothing');
    };

    subtest "$how: a database that is given away, and closed" => sub {
        value($node, 'postgres', 'CREATE DATABASE theirs');
        value($node, 'theirs', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; CREATE TABLE public.jobs (done boolean)');
        register('theirs');
        runs('theirs', 'it runs');
        value($node, 'postgres', 'BEGIN; ALTER DATABASE theirs OWNER TO tenant; SET LOCAL ROLE tenant; ALTER DATABASE theirs ALLOW_CONNECTIONS false; COMMIT');
        $node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'theirs'));
        ok($node->poll_query_until('postgres', q(SELECT setconfig::text ~ (' ' || 'tenant'::regrole::oid) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'theirs' AND setrole = 10)), 'noticed') if $preload;
        value($node, 'postgres', 'SET ROLE tenant; ALTER DATABASE theirs ALLOW_CONNECTIONS true');
        plant('theirs');
        value($node, 'postgres', 'SET ROLE tenant; ALTER DATABASE theirs ALLOW_CONNECTIONS false');
        value($node, 'postgres', 'CREATE DATABASE copy TEMPLATE theirs');
        refused('copy', 'tenant', 'the owner of the template counts in a copy of a superuser');
        drop_databases('copy', 'theirs');
        gained_nothing('the tenant has gained nothing');
    };

    # without preload, nothing shows this, see SECURITY.md
    subtest "$how: a copy that is given away before anybody has looked at it" => sub {
        configure($node, 'model_db', 'dynpgext.naptime' => '1h');
        value($node, 'postgres', 'CREATE DATABASE mine TEMPLATE model_db ALLOW_CONNECTIONS false');
        value($node, 'postgres', 'ALTER DATABASE mine OWNER TO tenant');
        value($node, 'postgres', 'SET ROLE tenant; ALTER DATABASE mine ALLOW_CONNECTIONS true');
        plant('mine');
        value($node, 'postgres', 'SET ROLE tenant; ALTER DATABASE mine ALLOW_CONNECTIONS false; RESET ROLE; ALTER DATABASE mine OWNER TO dba; ALTER DATABASE mine ALLOW_CONNECTIONS true');
        configure($node, 'model_db', 'dynpgext.naptime' => '100ms');
        refused('mine', 'tenant', 'the commands that did so have noted him');
        drop_databases('mine');
        gained_nothing('the tenant has gained nothing');
    } if $preload;

    subtest "$how: a copy that nobody can look at" => sub {
        # the tenant has locked tables that every visit reads
        value($node, 'postgres', 'SET ROLE tenant; CREATE DATABASE mine TEMPLATE model_db');
        value($node, 'mine', q(BEGIN; LOCK TABLE dynpgext.registered_worker; PREPARE TRANSACTION 'locked'));
        value($node, 'postgres', 'ALTER ROLE postgres IN DATABASE mine RESET dynpgext_database.owners');
        $node->restart;
        value($node, 'model_db', 'SELECT count(*) FROM dynpgext.workers');
        ok($node->poll_query_until('postgres', q(SELECT setconfig::text ~ 'dynpgext_database.owners' FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'mine' AND setrole = 10)), 'a visit notes the owner');
        plant('mine');
        value($node, 'postgres', 'ALTER DATABASE mine OWNER TO dba');
        value($node, 'mine', q(COMMIT PREPARED 'locked'));
        $node->poll_query_until('mine', 'SELECT count(*) = 1 FROM dynpgext.commands');
        refused('mine', 'tenant', 'its past owners are known nevertheless');
        gained_nothing('the tenant has gained nothing');
        drop_databases('mine');
    };

    subtest "$how: an owner comes while dynpgext goes" => sub {
        value($node, 'postgres', 'CREATE DATABASE shop TEMPLATE model_db OWNER dba');
        runs('shop', 'it runs');
        my ($gives, $drops) = map { $node->background_psql($_, on_error_stop => 0) } 'model_db', 'shop';
        $gives->query_safe('SELECT dynpgext.version(); BEGIN; ALTER DATABASE shop OWNER TO tenant');
        my $offset = log_offset($node);
        $drops->query_until(qr/started/, "\\echo started\nDROP EXTENSION dynpgext;\n");
        ok($node->poll_query_until('postgres', q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DROP EXTENSION%' AND wait_event_type = 'Lock'))), 'one waits for the other');
        $gives->query_safe('COMMIT');
        $_->quit for $gives, $drops;
        is(value($node, 'shop', q(SELECT count(*) FROM pg_extension WHERE extname = 'dynpgext')), 0, 'and both succeed');
        is(value($node, 'shop', q(SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'shop' AND setconfig::text ~ 'dynpgext_database')), 0, 'nothing is kept of the database');
        unlike(slurp_file($node->logfile, $offset), qr/tuple concurrently/, 'none has failed');
        drop_databases('shop');
    };
    $node->stop;
}

done_testing();
