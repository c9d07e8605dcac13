# What rights on tables give.  Members of pg_write_all_data can lock any table, dynpgext's too: nobody
# else's command waits for them that is not about dynpgext, and nobody gets such a lock who has no right
# to the table.
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

# The tables of dynpgext's that the transaction has locked, after each of the statements.
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

for my $role ('dx_user', (getpwuid $<)[0]) {
    is_deeply(locks_of($role), [ ('none') x @commands ], "commands of $role on tables of its own lock none of dynpgext's");
}

# As a constraint everybody may call it.
value($node, 'one', 'CREATE EXTENSION dx_worker');
is(value($node, 'one', "SET ROLE dx_user; BEGIN; DO \$\$ BEGIN PERFORM dynpgext.may_configure('dx_worker', 'dx local'); END \$\$; $locked; ROLLBACK"), 'none', 'may_configure() keeps no lock');
my (undef, undef, $refused) = $node->psql('one', q(SET ROLE dx_user; SELECT dynpgext.may_configure('dx_nothing', 'none')));
like($refused, qr/permission denied to configure background worker "none"/, 'and looks all the same');

subtest 'somebody has locked all tables of dynpgext' => sub {
    my $locker = $node->background_psql('one', on_error_stop => 1);
    $locker->query_safe($_) for 'SET ROLE dx_writer', 'BEGIN',
      'LOCK TABLE dynpgext.registered_extension, dynpgext.registered_allocation, dynpgext.registered_worker, dynpgext.registered_command,
          dynpgext.registered_content, dynpgext.registered_manifest, dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities,
          dynpgext.restore IN ACCESS EXCLUSIVE MODE';
    for my $role ('dx_user', (getpwuid $<)[0]) {
        my ($code, $out, $said) = $node->psql('one', join ";\n", "SET ROLE $role", 'SET client_min_messages = error', q(SET statement_timeout = '30s'), @commands, 'DROP FUNCTION dx.noted');
        is($said, '', "commands of $role do not wait");
    }
    my (undef, undef, $said) = $node->psql('one', q(SET lock_timeout = '100ms'; CREATE EXTENSION dx_memory));
    like($said, qr/canceling statement due to lock timeout/, 'one on an extension does');
    $locker->query_safe('ROLLBACK');
    $locker->quit;
};

# Everybody may do that to a function of his own, and lock any extension.
subtest 'somebody has locked the extension' => sub {
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

subtest 'what is about dynpgext is still noticed' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    value($node, 'one', 'CREATE SCHEMA dx_inner; DROP EXTENSION dx_memory; DROP SCHEMA dx_inner');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_memory')), 0, 'an extension that is dropped');
    value($node, 'one', 'CREATE SCHEMA dx_inner; CREATE EXTENSION dx_memory SCHEMA dx_inner; DROP SCHEMA dx_inner CASCADE');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_memory')), 0, 'one that goes with its schema');
    my $modes = q(SELECT count(*) FROM pg_trigger WHERE tgrelid = 'dynpgext.manifests'::regclass AND NOT tgisinternal AND tgenabled = 'O');
    for my $named ('dynpgext.manifests', 'manifests') {
        value($node, 'one', "SET search_path = dynpgext; ALTER TABLE $named DISABLE TRIGGER ALL; ALTER TABLE $named ENABLE TRIGGER ALL");
        is(value($node, 'one', $modes), 0, "triggers that are on again ($named)");
    }
    value($node, 'one', 'CREATE SCHEMA dx_inner; DROP SCHEMA dx_inner; DROP EXTENSION dynpgext CASCADE');
    value($node, 'one', 'CREATE EXTENSION dynpgext');
    becomes($node, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_worker'), 'provisioned', 'dynpgext itself');
};

$node->stop;
done_testing();
