# A role keeps a command waiting for a lock, and meanwhile gets rights that the command is checked for. It
# cannot affect the running command: rights are checked again before any code could run.
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
CREATE ROLE dx_app LOGIN;
CREATE SCHEMA dx AUTHORIZATION dx_user;
CREATE SCHEMA s;
GRANT USAGE ON SCHEMA s TO dx_user, dx_app;
CREATE EXTENSION dx_rights SCHEMA s;
CREATE SEQUENCE dx.counted;
CREATE TABLE dx.seen (who name DEFAULT current_user, what text);
GRANT ALL ON dx.seen TO PUBLIC;
SET ROLE dx_user;
CREATE FUNCTION dx.notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO dx.seen (what) VALUES (TG_ARGV[0]); RETURN NEW; END $$;
GRANT USAGE ON SCHEMA dx TO PUBLIC;
SQL
my $superuser = 'postgres';

# Runs the worker, which waits for a session's lock; then runs the others' statements; then releases the lock.
sub run_meanwhile {
    my ($worker, $lock, @others) = @_;
    command_is($node, 'one', $worker, q(state = 'running')) or die command_row($node, 'one', $worker);
    my $locker = $node->background_psql('one', on_error_stop => 1);
    $locker->query_safe("BEGIN; $lock");
    my $before = value($node, 'one', "SELECT runs FROM dynpgext.commands WHERE worker = '$worker'");
    value($node, 'one', qq(NOTIFY "$worker"));
    $node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND backend_type = 'dynpgext sql'))
      or die 'the command does not wait';
    value($node, 'one', $_) for @others;
    $locker->query_safe('COMMIT');
    $locker->quit;
    command_is($node, 'one', $worker, "runs > $before") or die command_row($node, 'one', $worker);
    return;
}

# The error of the last run; '' if it has succeeded.
sub last_error { return value($node, 'one', "SELECT CASE WHEN last_failed_at = last_run_at THEN last_error END FROM dynpgext.commands WHERE worker = '$_[0]'") }

sub is_ended {
    my ($test, $worker, $error, $lock, $undo, @others) = @_;
    subtest $test => sub {
        value($node, 'one', 'TRUNCATE dx.seen');
        # it runs as long as no role has got such a right
        run_meanwhile($worker, $lock);
        is(last_error($worker), '', 'it runs');
        run_meanwhile($worker, $lock, @others);
        is(value($node, 'one', q(SELECT (SELECT string_agg(DISTINCT who || ' ' || what, ', ') FROM dx.seen), is_called FROM dx.counted)), '|f', 'nothing of others has run');
        is(last_error($worker), $error, 'the command has ended with the error of its next run');
        # compare with the next run
        my $runs = value($node, 'one', "SELECT runs FROM dynpgext.commands WHERE worker = '$worker'");
        value($node, 'one', qq(NOTIFY "$worker"));
        command_is($node, 'one', $worker, "runs > $runs");
        is(last_error($worker), $error, 'which is the same');
        value($node, 'one', $undo);
        run_meanwhile($worker, $lock);
        is(last_error($worker), '', 'and runs again without the right');
    };
    return;
}

sub refusal { return qq(42501: $_[0], and the command of the script of extension "dx_rights" would run as a superuser) }

sub trigger_on {
    my ($table, $event) = @_;
    return (
        refusal(qq(role "dx_user" can put triggers on table "s.$table")),
        "GRANT TRIGGER ON s.$table TO dx_user",
        "SET ROLE dx_user; CREATE TRIGGER notes BEFORE $event ON s.$table FOR EACH STATEMENT EXECUTE FUNCTION dx.notes('$event')",
        "DROP TRIGGER notes ON s.$table; REVOKE TRIGGER ON s.$table FROM dx_user");
}

my $gate = 'LOCK TABLE s.dx_gate IN ACCESS EXCLUSIVE MODE';
my ($error, $grant, $make, $undo) = trigger_on('dx_next', 'INSERT');
is_ended('a trigger on a table of a later statement', 'dx two', $error, $gate, $undo, $grant, $make);
is_ended('a procedure that commits', 'dx procedure', $error, $gate, $undo, $grant, $make);
is_ended('a function that goes on after errors', 'dx catches', $error, $gate, $undo, $grant, $make);
($error, $grant, $make, $undo) = trigger_on('dx_next', 'TRUNCATE');
is_ended('a utility statement', 'dx truncate', $error, $gate, $undo, $grant, $make);

# Creates the trigger in the transaction that has the lock.
{
    my $row = "BEFORE INSERT ON s.dx_part FOR EACH ROW EXECUTE FUNCTION dx.notes('part')";
    for my $case ([ 'dx one', 'dx_next', 'BEFORE INSERT ON s.dx_next FOR EACH ROW EXECUTE FUNCTION dx.notes(\'one\')' ], [ 'dx part', 'dx_part', $row ]) {
        my ($worker, $table, $trigger) = @$case;
        subtest "a trigger of whoever holds the lock, $worker" => sub {
            value($node, 'one', 'TRUNCATE dx.seen');
            my $runs = value($node, 'one', "SELECT runs FROM dynpgext.commands WHERE worker = '$worker'");
            value($node, 'one', "GRANT INSERT, UPDATE ON s.$table TO dx_user");
            my $locker = $node->background_psql('one', on_error_stop => 1);
            $locker->query_safe("SET ROLE dx_user; BEGIN; LOCK TABLE s.$table IN ACCESS EXCLUSIVE MODE");
            value($node, 'one', qq(NOTIFY "$worker"));
            $node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND backend_type = 'dynpgext sql'))
              or die 'the command does not wait';
            value($node, 'one', "GRANT TRIGGER ON s.$table TO dx_user");
            $locker->query_safe("CREATE TRIGGER notes $trigger; COMMIT");
            $locker->quit;
            command_is($node, 'one', $worker, "runs > $runs");
            is(value($node, 'one', 'SELECT count(*) FROM dx.seen'), 0, 'it has not fired');
            is(last_error($worker), refusal(qq(role "dx_user" can put triggers on table "s.$table")), 'the command has ended');
            value($node, 'one', "DROP TRIGGER notes ON s.$table; REVOKE ALL ON s.$table FROM dx_user");
        };
    }
}

# The server inlines it, and then calls only built-in functions.
is_ended('a function that is replaced', 'dx assigns', refusal('role "dx_user" can replace function "s.dx_value()"'), $gate,
    "ALTER FUNCTION s.dx_value OWNER TO $superuser; CREATE OR REPLACE FUNCTION s.dx_value() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    'GRANT CREATE ON SCHEMA s TO dx_user; ALTER FUNCTION s.dx_value OWNER TO dx_user; SET ROLE dx_user;
     CREATE OR REPLACE FUNCTION s.dx_value() RETURNS integer LANGUAGE sql AS $$ SELECT pg_catalog.nextval(\'dx.counted\')::integer $$; RESET ROLE; REVOKE CREATE ON SCHEMA s FROM dx_user');
is_ended('a CHECK of a domain', 'dx casts', refusal('role "dx_user" can change type s.dx_word'), $gate,
    "ALTER DOMAIN s.dx_word DROP CONSTRAINT notes; ALTER DOMAIN s.dx_word OWNER TO $superuser",
    'GRANT CREATE ON SCHEMA s TO dx_user; ALTER DOMAIN s.dx_word OWNER TO dx_user; REVOKE CREATE ON SCHEMA s FROM dx_user',
    q(SET ROLE dx_user; CREATE FUNCTION dx.checks(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO dx.seen (what) VALUES ('domain'); RETURN true; END $$;
      ALTER DOMAIN s.dx_word ADD CONSTRAINT notes CHECK (dx.checks(VALUE)) NOT VALID));

# Rights that are checked for commands registered by hand for other roles.
subtest 'rights to register, to be a role, to search a schema' => sub {
    value($node, 'one', q(CREATE TABLE dx.gate (i int); GRANT ALL ON dx.gate TO dx_app; CREATE EXTENSION dx_plain SCHEMA s; ALTER TABLE dx.seen DROP COLUMN what));
    my $command = 'INSERT INTO dx.gate VALUES (1); INSERT INTO dx.seen DEFAULT VALUES';
    register_sql_workers($node, 'one', 'dx_plain', { name => 'dx hand', sql => $command, channel => 'dx hand', run_as => 'dx_app' });
    my $lock = 'LOCK TABLE dx.gate IN ACCESS EXCLUSIVE MODE';
    for my $case (
        [ 'ALTER ROLE dx_app NOLOGIN', 'ALTER ROLE dx_app LOGIN', $node->pg_version < 17 ? qr/^42501: role "dx_app" cannot log in$/ : qr/^$/ ],
        [ 'GRANT CREATE ON SCHEMA s TO dx_user', 'REVOKE CREATE ON SCHEMA s FROM dx_user', qr/^42501: role "dx_user" can create objects in schema "s", where the running command of extension "dx_plain" searches for names$/ ],
        [ 'REVOKE CONNECT ON DATABASE one FROM PUBLIC', 'GRANT CONNECT ON DATABASE one TO PUBLIC', qr/^42501: role "dx_app" may not connect to this database$/ ],
        [ 'ALTER ROLE dx_app SUPERUSER', 'ALTER ROLE dx_app NOSUPERUSER', qr/^42704: role "dx_app" has become a superuser, which nobody has named as such$/ ],
        [ 'DROP OWNED BY dx_app', 'GRANT ALL ON dx.gate TO dx_app', qr/^42704: role "dx_app" has given it up, with DROP OWNED$/ ]) {
        my ($change, $undo, $error) = @$case;
        command_is($node, 'one', 'dx hand', 'runs > 0');
        value($node, 'one', 'TRUNCATE dx.gate');
        run_meanwhile('dx hand', $lock, $change);
        like(last_error('dx hand'), $error, $change);
        is(value($node, 'one', 'SELECT count(*) FROM dx.gate'), 0, 'its changes are rolled back') if $error ne qr/^$/;
        value($node, 'one', $undo);
    }
};

# A process receives the invalidation messages of all databases.
subtest 'changes in other databases' => sub {
    value($node, 'one', 'CREATE TABLE public.checks (n bigint)');
    value($node, 'postgres', 'CREATE DATABASE two');
    my $scans = q(pg_stat_get_xact_numscans('pg_db_role_setting_databaseid_rol_index'::regclass));
    register_sql_workers($node, 'one', 'dx_plain', { name => 'dx counts', channel => 'dx counts', sql => <<"SQL" });
DO \$\$ DECLARE
    before bigint := $scans;
BEGIN
    FOR i IN 1 .. 200 LOOP
        PERFORM to_regclass('public.not_there_' || i);
        PERFORM pg_sleep(0.01);
    END LOOP;
    INSERT INTO public.checks VALUES ($scans - before);
END \$\$
SQL
    command_is($node, 'one', 'dx counts', q(state = 'running'));
    value($node, 'one', 'NOTIFY "dx counts"');
    value($node, 'two', q(DO $$ BEGIN FOR i IN 1 .. 150 LOOP CREATE TABLE public.t (); COMMIT; DROP TABLE public.t; COMMIT; PERFORM pg_sleep(0.01); END LOOP; END $$));
    ok($node->poll_query_until('one', 'SELECT count(*) = 1 FROM public.checks'), 'a command of many statements has run');
    cmp_ok(value($node, 'one', 'SELECT n FROM public.checks'), '<', 20, 'and its rights have not been checked again for each');
};

# Its statements take only locks that it already has, so it receives no invalidation messages.
subtest 'statements of one transaction, on tables that it has locked' => sub {
    value($node, 'one', <<'SQL');
CREATE TABLE dx.says (go_on boolean);
INSERT INTO dx.says VALUES (true);
GRANT SELECT ON dx.says TO dx_app;
CREATE FUNCTION dx.loops() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    WHILE (SELECT go_on FROM dx.says) LOOP PERFORM pg_sleep(0.01); END LOOP;
    INSERT INTO dx.seen DEFAULT VALUES;
END $$;
TRUNCATE dx.seen;
SQL
    register_sql_workers($node, 'one', 'dx_plain', { name => 'dx loop', sql => 'SELECT dx.loops()', channel => 'dx loop', run_as => 'dx_app' });
    command_is($node, 'one', 'dx loop', q(state = 'running')) or die;
    value($node, 'one', 'NOTIFY "dx loop"');
    $node->poll_query_until('one', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND wait_event = 'PgSleep'));
    value($node, 'one', 'REVOKE CONNECT ON DATABASE one FROM PUBLIC');
    ok(command_is($node, 'one', 'dx loop', 'failures > 0'), 'the command ends while it continues');
    like(last_error('dx loop'), qr/^42501: role "dx_app" may not connect to this database$/, 'with the error of its next run');
    value($node, 'one', 'UPDATE dx.says SET go_on = false');
    is(value($node, 'one', 'SELECT count(*) FROM dx.seen'), 0, 'and has done nothing since');
    value($node, 'one', 'GRANT CONNECT ON DATABASE one TO PUBLIC');
};

$node->stop;
done_testing();
