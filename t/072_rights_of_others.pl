# The effect of rights on tables.  Members of pg_write_all_data can lock any table, including dynpgext's: only
# commands that concern dynpgext wait for them, and such a lock needs a right to the table.  A role that can
# create triggers on an extension's tables does not gain a superuser's rights through its workers.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main');
add_database($node, 'one', 'dynpgext');
value($node, 'one', <<'SQL');
CREATE ROLE dx_user LOGIN;
CREATE ROLE dx_writer LOGIN IN ROLE pg_write_all_data;
GRANT CREATE ON DATABASE one TO dx_user;
CREATE SCHEMA dx AUTHORIZATION dx_user;
SQL

# The tables of dynpgext that the transaction has locked, after each of the statements.
my $locked = q(SELECT COALESCE(string_agg(relation::regclass || ' ' || mode, ', '), 'none') FROM pg_locks
    WHERE pid = pg_backend_pid() AND relation IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dynpgext')));
my @commands = (
    'CREATE TABLE dx.mine (i int PRIMARY KEY, j int); CREATE VIEW dx.seen AS SELECT * FROM dx.mine; CREATE TYPE dx.mood AS ENUM (\'good\')',
    q(CREATE FUNCTION dx.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER noted BEFORE INSERT ON dx.mine FOR EACH ROW EXECUTE FUNCTION dx.noted()),
    'ALTER TABLE dx.mine ADD k int',
    'ALTER TABLE dx.mine DISABLE TRIGGER ALL',
    'ALTER TABLE dx.mine ENABLE TRIGGER noted',
    'ALTER TABLE dx.mine ENABLE ALWAYS TRIGGER noted',
    'ALTER TABLE dx.mine DROP COLUMN k',
    'ALTER TABLE dx.mine RENAME TO manifests',
    'ALTER TABLE dx.manifests ENABLE TRIGGER ALL',
    'DROP VIEW dx.seen',
    'DROP TYPE dx.mood',
    'DROP TABLE dx.manifests CASCADE',
    'CREATE SCHEMA dx_other; CREATE TABLE dx_other.mine (i int); DROP SCHEMA dx_other CASCADE');

sub locks_of {
    my ($role) = @_;
    return [ split /\n/, value($node, 'one', join ";\n", "SET ROLE $role", 'SET client_min_messages = error', 'BEGIN', (map { ($_, $locked) } @commands), 'DROP FUNCTION dx.noted', 'COMMIT') ];
}

for my $role ('dx_user', 'postgres') {
    is_deeply(locks_of($role), [ ('none') x @commands ], "commands of $role on tables of its own lock none of dynpgext's");
}

# Everybody may call it, as it is used in a constraint.
value($node, 'one', 'CREATE EXTENSION dx_worker');
is(value($node, 'one', "SET ROLE dx_user; BEGIN; DO \$\$ BEGIN PERFORM dynpgext_internal.may_configure('dx_worker', 'dx local'); END \$\$; $locked; ROLLBACK"), 'none', 'may_configure() keeps no lock');
my (undef, undef, $refused) = $node->psql('one', q(SET ROLE dx_user; SELECT dynpgext_internal.may_configure('dx_nothing', 'none')));
like($refused, qr/permission denied to configure background worker "none"/, 'and checks nevertheless');

subtest 'all tables of dynpgext are locked' => sub {
    my $locker = $node->background_psql('one', on_error_stop => 1);
    $locker->query_safe($_) for 'SET ROLE dx_writer', 'BEGIN',
      'LOCK TABLE dynpgext.registered_extension, dynpgext.registered_allocation, dynpgext.registered_worker, dynpgext.registered_command,
          dynpgext.registered_content, dynpgext.registered_manifest, dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities,
          dynpgext.restore IN ACCESS EXCLUSIVE MODE';
    for my $role ('dx_user', 'postgres') {
        my ($code, $out, $said) = $node->psql('one', join ";\n", "SET ROLE $role", 'SET client_min_messages = error', q(SET statement_timeout = '30s'), @commands, 'DROP FUNCTION dx.noted');
        is($said, '', "commands of $role do not wait");
    }
    my (undef, undef, $said) = $node->psql('one', q(SET lock_timeout = '100ms'; CREATE EXTENSION dx_memory));
    like($said, qr/canceling statement due to lock timeout/, 'one on an extension does');
    $locker->query_safe('ROLLBACK');
    $locker->quit;
};

# Every role may do that to its own function, and thereby lock any extension.
subtest 'the extension is locked' => sub {
    value($node, 'one', q(CREATE EXTENSION dx_plain; CREATE FUNCTION dx.own() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION dx.own() OWNER TO dx_user;
        SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx tick", "command": "SELECT 1", "interval": "50 ms", "run_as": "dx_user"}]}')));
    my ($locker, $dropper) = map { $node->background_psql('one', on_error_stop => 1) } 1 .. 2;
    for my $command ('DROP EXTENSION dx_plain CASCADE', 'DROP EXTENSION dynpgext CASCADE') {
        my $extension = $command =~ /(d\w+) CASCADE/ && $1;
        my $goes_on = sub {
            my $runs = value($node, 'one', q(SELECT runs FROM dynpgext.commands WHERE worker = 'dx tick'));
            return ok($node->poll_query_until('one', "SELECT state = 'running' AND runs > $runs + 1 FROM dynpgext.commands WHERE worker = 'dx tick'"), $_[0]);
        };
        $goes_on->('the worker runs');
        $locker->query_safe("SET ROLE dx_user; BEGIN; ALTER FUNCTION dx.own() DEPENDS ON EXTENSION $extension");
        my $pid = $dropper->query_safe('SELECT pg_backend_pid()');
        $dropper->query_safe('BEGIN');
        $dropper->query_until(qr/waits/, "\\echo waits\n$command;\n\\echo dropped\n");
        ok($node->poll_query_until('one', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid"), "$command waits");
        $goes_on->('and the worker goes on');
        $locker->query_safe('ROLLBACK');
        $dropper->query_until(qr/dropped/, '');
        is(value($node, 'one', q(SELECT state FROM dynpgext.commands WHERE worker = 'dx tick')), 'waiting', 'it is paused once the command has its lock')
          if $extension eq 'dx_plain';
        $dropper->query_safe('ROLLBACK');
        $goes_on->('and comes back with the rollback');
    }
    $_->quit for $locker, $dropper;
};

subtest 'commands that concern dynpgext are still noticed' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    value($node, 'one', 'CREATE SCHEMA dx_inner; DROP EXTENSION dx_memory; DROP SCHEMA dx_inner');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_memory')), 0, 'an extension that is dropped');
    value($node, 'one', 'CREATE SCHEMA dx_inner; CREATE EXTENSION dx_memory SCHEMA dx_inner; DROP SCHEMA dx_inner CASCADE');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_memory')), 0, 'one dropped with its schema');
    my $modes = q(SELECT count(*) FROM pg_trigger WHERE tgrelid = 'dynpgext.manifests'::regclass AND NOT tgisinternal AND tgenabled = 'O');
    for my $named ('dynpgext.manifests', 'manifests') {
        value($node, 'one', "SET search_path = dynpgext; ALTER TABLE $named DISABLE TRIGGER ALL; ALTER TABLE $named ENABLE TRIGGER ALL");
        is(value($node, 'one', $modes), 0, "triggers that are on again ($named)");
    }
    value($node, 'one', 'CREATE SCHEMA dx_inner; DROP SCHEMA dx_inner; DROP EXTENSION dynpgext CASCADE');
    value($node, 'one', 'CREATE EXTENSION dynpgext');
    becomes($node, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_worker'), 'provisioned', 'dynpgext itself');
};

# ---- roles that can create triggers on tables of an extension ----

my $superuser = 'postgres';
my $has_references = value($node, 'postgres', q(SELECT current_setting('server_version_num'))) < 180000;
add_database($node, 'two', 'dynpgext');
value($node, 'two', <<'SQL');
CREATE SCHEMA s;
GRANT USAGE ON SCHEMA s TO dx_user;
CREATE SCHEMA dx AUTHORIZATION dx_user;
CREATE ROLE dx_boss SUPERUSER;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO dx_user;
SQL

sub comes_to {
    my ($worker, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(command_is($node, 'two', $worker, $condition), $test) || diag(command_row($node, 'two', $worker));
}

# From now on it runs, or fails with this error.
sub runs { return comes_to($_[0], 'last_run_at > ' . quoted(value($node, 'two', 'SELECT clock_timestamp()')) . ' AND last_failed_at IS DISTINCT FROM last_run_at', $_[1]) }

sub is_refused {
    my ($worker, $who_can, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $error = "42501: $who_can, and the command of the script of extension \"dx_declared\" would run as a superuser";
    return comes_to($worker, 'last_failed_at > ' . quoted(value($node, 'two', 'SELECT clock_timestamp()')) . ' AND last_error = ' . quoted($error), $test);
}

subtest 'a trigger does not make its author a superuser' => sub {
    my (undef, undef, $said) = $node->psql('two', 'CREATE EXTENSION dx_declared SCHEMA s');
    my $can = 'role "dx_user" can put triggers on table "s.dx_declared_log"';
    like($said, qr/WARNING:  the command of SQL worker "dx tick" of extension "dx_declared" does not run as superuser "$superuser": $can\nHINT:  .*ALTER DEFAULT PRIVILEGES/, 'the registration reports it');
    value($node, 'two', <<'SQL');
SET ROLE dx_user;
CREATE FUNCTION dx.raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER ROLE dx_user SUPERUSER'; RETURN NULL; END $$;
CREATE TRIGGER raises AFTER INSERT ON s.dx_declared_log FOR EACH STATEMENT EXECUTE FUNCTION dx.raises();
SQL
    is_refused('dx tick', $can, 'the command does not run');
    is(value($node, 'two', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'dx_user')), 'f', 'the author of the trigger has gained nothing');
    value($node, 'two', 'DROP TRIGGER raises ON s.dx_declared_log; REVOKE ALL ON s.dx_declared_log FROM dx_user');
    runs('dx tick', 'it does without the privileges');
};

# A role that can create schemas can take the name used in the command.
sub take_name {
    return value($node, 'two', <<'SQL');
SET ROLE dx_user;
CREATE SCHEMA s;
CREATE TABLE s.dx_declared_log (worker text);
CREATE TRIGGER raises AFTER INSERT ON s.dx_declared_log FOR EACH STATEMENT EXECUTE FUNCTION dx.raises();
SQL
}

subtest 'a schema with another name' => sub {
    my $since = value($node, 'two', 'SELECT clock_timestamp()');
    value($node, 'two', 'ALTER SCHEMA s RENAME TO was_s; GRANT CREATE ON DATABASE two TO dx_user');
    take_name();
    comes_to('dx tick', 'last_failed_at > ' . quoted($since) . ' AND last_error = ' . quoted('42501: the script of extension "dx_declared" registered it in schema s, which is was_s now'), 'the command does not run');
    is(value($node, 'two', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'dx_user')), 'f', 'and the role that has taken the name has gained nothing');
    value($node, 'two', 'DROP SCHEMA s CASCADE; ALTER SCHEMA was_s RENAME TO s; REVOKE CREATE ON DATABASE two FROM dx_user');
    runs('dx tick', 'it does under the old name');
};

# The name is looked up again after each wait for a lock, at a time decided by the holder of the lock.
subtest 'a schema gets another name while the command waits' => sub {
    my $locker = $node->background_psql('two', on_error_stop => 1);
    $locker->query_safe($_) for 'BEGIN', 'LOCK TABLE s.dx_declared_log';
    ok($node->poll_query_until('two', q(SELECT count(*) > 0 FROM pg_locks WHERE relation = 's.dx_declared_log'::regclass AND NOT granted)), 'it waits');
    value($node, 'two', 'ALTER SCHEMA s RENAME TO was_s; GRANT CREATE ON DATABASE two TO dx_user');
    # it has been stopped, but may have begun again, and found the table by its old name
    take_name();
    my $since = value($node, 'two', 'SELECT clock_timestamp()');
    $locker->query_safe('COMMIT');
    $locker->quit;
    comes_to('dx tick', 'last_failed_at > ' . quoted($since), 'the command does not run');
    is(value($node, 'two', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'dx_user')), 'f', 'and the role that has taken the name has gained nothing');
    value($node, 'two', 'DROP SCHEMA s CASCADE; ALTER SCHEMA was_s RENAME TO s; REVOKE CREATE ON DATABASE two FROM dx_user');
    runs('dx tick', 'it does under the old name');
};

# Members may be in other schemas.
subtest 'another schema with another name' => sub {
    value($node, 'two', 'CREATE SCHEMA "more, of it"; CREATE TABLE "more, of it".t (); REVOKE ALL ON "more, of it".t FROM dx_user; ALTER EXTENSION dx_declared ADD TABLE "more, of it".t; ALTER EXTENSION dx_declared UPDATE TO \'0.2\'');
    runs('dx tick', 'the new command runs');
    my $since = value($node, 'two', 'SELECT clock_timestamp()');
    value($node, 'two', 'ALTER SCHEMA "more, of it" RENAME TO renamed');
    comes_to('dx tick', 'last_failed_at > ' . quoted($since) . ' AND last_error = ' . quoted('42501: the script of extension "dx_declared" registered it in schema s, "more, of it", which is s, renamed now'), 'it does not then');
    value($node, 'two', 'ALTER SCHEMA renamed RENAME TO "more, of it"');
    runs('dx tick', 'it does under the old name');
    value($node, 'two', 'ALTER EXTENSION dx_declared DROP TABLE "more, of it".t; DROP SCHEMA "more, of it" CASCADE');
    value($node, 'two', 'DROP EXTENSION dx_declared');
    value($node, 'two', "SET client_min_messages = error; CREATE EXTENSION dx_declared SCHEMA s VERSION '0.1'; REVOKE ALL ON s.dx_declared_log FROM dx_user");
    runs('dx tick', 'made again');
};

# What is done, what undoes it, and the message.
my @rights = (
    [ 'GRANT TRIGGER ON s.dx_declared_log TO PUBLIC', 'REVOKE TRIGGER ON s.dx_declared_log FROM PUBLIC', 'everybody can put triggers on table "s.dx_declared_log"' ],
    [ 'ALTER TABLE s.dx_declared_log OWNER TO dx_user', "ALTER TABLE s.dx_declared_log OWNER TO $superuser", 'role "dx_user" can put triggers on table "s.dx_declared_log"' ],
    [ 'CREATE VIEW s.seen AS SELECT 1; GRANT TRIGGER ON s.seen TO dx_user; ALTER EXTENSION dx_declared ADD VIEW s.seen', 'ALTER EXTENSION dx_declared DROP VIEW s.seen; DROP VIEW s.seen', 'role "dx_user" can put triggers on table "s.seen"' ],
    [ q(CREATE FUNCTION s.left_there() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION s.left_there OWNER TO dx_user), 'DROP FUNCTION s.left_there', 'role "dx_user" owns function s.left_there()' ],
    [ q(CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION s.f OWNER TO dx_user; ALTER EXTENSION dx_declared ADD FUNCTION s.f), 'ALTER EXTENSION dx_declared DROP FUNCTION s.f; DROP FUNCTION s.f', 'role "dx_user" can replace function "s.f(integer)"' ],
    [ 'CREATE SCHEMA "more of it"; GRANT CREATE ON SCHEMA "more of it" TO dx_user; ALTER EXTENSION dx_declared ADD SCHEMA "more of it"', 'ALTER EXTENSION dx_declared DROP SCHEMA "more of it"; DROP SCHEMA "more of it"', 'role "dx_user" can create objects in schema "more of it"' ],
    [ 'CREATE MATERIALIZED VIEW s.m AS SELECT 1; ALTER MATERIALIZED VIEW s.m OWNER TO dx_user; ALTER EXTENSION dx_declared ADD MATERIALIZED VIEW s.m', 'ALTER EXTENSION dx_declared DROP MATERIALIZED VIEW s.m; DROP MATERIALIZED VIEW s.m', 'role "dx_user" can change materialized view s.m' ],
    [ 'CREATE DOMAIN s.d AS int; ALTER DOMAIN s.d OWNER TO dx_user; ALTER EXTENSION dx_declared ADD DOMAIN s.d', 'ALTER EXTENSION dx_declared DROP DOMAIN s.d; DROP DOMAIN s.d', 'role "dx_user" can change type s.d' ],
    [ 'CREATE TYPE s.c AS (i int); ALTER TYPE s.c OWNER TO dx_user; ALTER EXTENSION dx_declared ADD TYPE s.c', 'ALTER EXTENSION dx_declared DROP TYPE s.c; DROP TYPE s.c', 'role "dx_user" can change type s.c' ],
    [ 'CREATE FOREIGN DATA WRAPPER dx_fdw; CREATE SERVER dx_server FOREIGN DATA WRAPPER dx_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER dx_fdw TO dx_user; ALTER SERVER dx_server OWNER TO dx_user; ALTER EXTENSION dx_declared ADD SERVER dx_server', 'ALTER EXTENSION dx_declared DROP SERVER dx_server; DROP FOREIGN DATA WRAPPER dx_fdw CASCADE', 'role "dx_user" can change server dx_server' ],
    [ 'CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (); REVOKE ALL ON elsewhere.t FROM dx_user; ALTER EXTENSION dx_declared ADD TABLE elsewhere.t; GRANT CREATE ON SCHEMA elsewhere TO dx_user', 'ALTER EXTENSION dx_declared DROP TABLE elsewhere.t; DROP SCHEMA elsewhere CASCADE', 'role "dx_user" can create objects in schema "elsewhere"' ]);
push @rights,
  [ 'GRANT REFERENCES ON s.dx_declared_log TO dx_user', 'REVOKE REFERENCES ON s.dx_declared_log FROM dx_user', 'role "dx_user" can make foreign keys to table "s.dx_declared_log"' ],
  [ 'GRANT REFERENCES (worker) ON s.dx_declared_log TO dx_user', 'REVOKE REFERENCES (worker) ON s.dx_declared_log FROM dx_user', 'role "dx_user" can make foreign keys to table "s.dx_declared_log"' ]
  if $has_references;
my $by_hand = qq({"dynpgext": 1, "workers": [{"name": "dx by hand", "command": "INSERT INTO s.dx_declared_log VALUES ('by hand')", "interval": "50 ms", "run_as": "%s"}]});

subtest 'a privilege that lets others decide what a command does' => sub {
    value($node, 'two', 'CREATE ROLE dx_app LOGIN; GRANT USAGE ON SCHEMA s TO dx_app; GRANT SELECT, INSERT ON s.dx_declared_log TO dx_app; CREATE EXTENSION dx_plain');
    for my $case (@rights) {
        my ($give, $take, $who_can) = @$case;
        value($node, 'two', $give);
        is_refused('dx tick', $who_can, $give);
        value($node, 'two', $take);
        runs('dx tick', $take);
    }
    for my $harmless ('GRANT TRIGGER, REFERENCES ON s.dx_declared_log TO dx_boss', 'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON s.dx_declared_log TO dx_user', 'CREATE TABLE s.other (); GRANT ALL ON s.other TO dx_user') {
        value($node, 'two', $harmless);
        runs('dx tick', $harmless);
    }
    # registered by hand, for a table of its extension
    value($node, 'two', 'ALTER EXTENSION dx_plain ADD TABLE s.other');
    for my $as ($superuser, 'dx_app') {
        my $register = sub { return ($node->psql('two', q{SELECT dynpgext.register('dx_plain', } . quoted(sprintf $by_hand, $as) . ')'))[2] };
        value($node, 'two', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}'); GRANT ALL ON s.other TO dx_user));
        like($register->(), qr/WARNING:  the command of SQL worker "dx by hand" of extension "dx_plain" runs as role "$as": role "dx_user" can put triggers on table "s.other"/, "a WARNING, by hand, as $as");
        runs('dx by hand', 'it runs');
        value($node, 'two', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}'); REVOKE ALL ON s.other FROM dx_user; GRANT TRIGGER ON s.other TO dx_app));
        $as eq $superuser ? like($register->(), qr/role "dx_app" can put/, 'another one') : is($register->(), '', 'its own role is no stranger');
    }
};

# Also with roles that only the dropped extension needs.
subtest 'dynpgext is locked, and an extension is being dropped, over a restart' => sub {
    value($node, 'two', q(CREATE FUNCTION dx.own() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION dx.own() OWNER TO dx_user));
    value($node, 'two', q(SET ROLE dx_user; BEGIN; ALTER FUNCTION dx.own() DEPENDS ON EXTENSION dynpgext; PREPARE TRANSACTION 'locks'));
    value($node, 'two', q(BEGIN; DROP EXTENSION dx_plain; PREPARE TRANSACTION 'drops'));
    $node->restart;
    runs('dx tick', 'workers of the database run again');
    value($node, 'two', q(ROLLBACK PREPARED 'locks'));
    value($node, 'two', q(COMMIT PREPARED 'drops'));
    is(error_of($node, 'two', 'DROP EXTENSION dx_declared'), '', 'the others are dropped');
};

$node->stop;
done_testing();
