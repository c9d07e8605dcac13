# ALTER EXTENSION dynpgext UPDATE from each release: the result equals that of CREATE EXTENSION, registrations
# are kept, and databases with old and new versions work side by side.
use strict;
use warnings FATAL => 'all';

use File::Basename;
use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my ($install) = private_install();
my %releases = map { basename($_) =~ /^dynpgext--(.*)\.sql$/ ? ($1 => $_) : () } glob "$FindBin::RealBin/../schema/releases/*.sql";
# the scripts of releases are not installed with dynpgext
my ($shared) = `$install/bin/pg_config --sharedir` =~ /^(.*)$/m;
my $folder = readlink $shared or die "$shared: $!";
unlink $shared;
make_path("$shared/extension");
symlink $_, "$shared/" . basename($_) for grep { basename($_) ne 'extension' } glob "'$folder/'*";
symlink $_, "$shared/extension/" . basename($_) for values %releases, glob "'$folder/extension/'*";    # the first of a name wins

# Every object of dynpgext, one per line: its kind, definition, privileges and comment.
my $catalogs = <<'SQL';
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'dynpgext'),
 relation AS (SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid)
SELECT format('%s | %s | %s', (pg_identify_object(classid, objid, 0)).type, (pg_identify_object(classid, objid, 0)).identity,
              obj_description(objid, classid::regclass::name)) FROM member
 WHERE NOT (classid = 'pg_type'::regclass AND (SELECT typrelid <> 0 OR typelem <> 0 FROM pg_type WHERE oid = objid))
UNION ALL
SELECT format('namespace | %s | %s', nspname, ARRAY(SELECT a::text FROM unnest(nspacl) a ORDER BY 1)) FROM pg_namespace
  JOIN member ON classid = 'pg_namespace'::regclass AND objid = oid
UNION ALL
SELECT format('function | %s | %s | %s', pg_get_functiondef(oid), obj_description(oid, 'pg_proc'), ARRAY(SELECT a::text FROM unnest(proacl) a ORDER BY 1))
  FROM pg_proc JOIN member ON classid = 'pg_proc'::regclass AND objid = oid
UNION ALL
SELECT format('relation | %s | %s | %s | %s | %s | %s | %s', oid::regclass, relkind, relpersistence, relrowsecurity, reloptions,
              CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END, ARRAY(SELECT a::text FROM unnest(relacl) a ORDER BY 1)) FROM relation
UNION ALL
SELECT format('column | %s.%s | %s | %s | %s | %s | %s | %s', c.oid::regclass, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid), a.attacl, col_description(c.oid, a.attnum))
  FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
UNION ALL
SELECT format('constraint | %s | %s | %s | %s', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')) FROM relation c JOIN pg_constraint k ON k.conrelid = c.oid
UNION ALL
SELECT format('type | %s | %s | %s', t.oid::regtype, (SELECT array_agg(k.conname || pg_get_constraintdef(k.oid) ORDER BY 1) FROM pg_constraint k WHERE k.contypid = t.oid),
              ARRAY(SELECT a::text FROM unnest(typacl) a ORDER BY 1))
  FROM pg_type t WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass UNION SELECT reltype FROM relation)
UNION ALL
SELECT format('index | %s', pg_get_indexdef(i.indexrelid)) FROM relation c JOIN pg_index i ON i.indrelid = c.oid
UNION ALL
SELECT format('trigger | %s | %s | %s', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger')) FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
UNION ALL
SELECT format('rule | %s', pg_get_ruledef(r.oid)) FROM relation c JOIN pg_rewrite r ON r.ev_class = c.oid
UNION ALL
SELECT format('event trigger | %s | %s | %s | %s | %s', evtname, evtevent, evtenabled, evttags, evtfoid::regproc) FROM pg_event_trigger
  JOIN member ON classid = 'pg_event_trigger'::regclass AND objid = oid
UNION ALL
SELECT format('dumped | %s | %s', c.oid::regclass, e.extcondition[array_position(e.extconfig, c.oid)])
  FROM pg_extension e JOIN relation c ON c.oid = ANY (e.extconfig) WHERE e.extname = 'dynpgext'
ORDER BY 1
SQL

sub lines_that_differ {
    my ($fresh, $updated) = @_;
    my %fresh = map { $_ => 1 } split /\n(?=[a-z ]+ \| )/, $fresh;
    my %updated = map { $_ => 1 } split /\n(?=[a-z ]+ \| )/, $updated;
    return join "\n", (map {"missing: $_"} grep { !$updated{$_} } sort keys %fresh), (map {"too much: $_"} grep { !$fresh{$_} } sort keys %updated);
}

my $node = new_cluster('main', install_path => $install);
add_database($node, 'fresh', 'dynpgext');
my $newest = value($node, 'fresh', q(SELECT extversion FROM pg_extension WHERE extname = 'dynpgext'));
my $fresh = value($node, 'fresh', $catalogs);
ok(%releases > 0, 'there are releases to update from');
like($fresh, qr/^column \| dynpgext\.status\.launcher_version \|/m, 'the catalogs of a fresh one');
is(value($node, 'fresh', q(SELECT dynpgext.version())), $newest, 'the library is of that version');

sub update { my ($database) = @_; return value($node, $database, 'ALTER EXTENSION dynpgext UPDATE') }
sub version_in { my ($database) = @_; return value($node, $database, q(SELECT extversion FROM pg_extension WHERE extname = 'dynpgext')) }

for my $release (sort keys %releases) {
    my $name = 'r' . $release =~ s/\./_/gr;
    subtest "from $release" => sub {
        for my $database ("$name\_one", "$name\_two") {
            add_database($node, $database);
            value($node, $database, "CREATE EXTENSION dynpgext VERSION '$release'; CREATE EXTENSION dx_worker; CREATE EXTENSION dx_memory; CREATE EXTENSION dx_plain");
            register_sql_workers($node, $database, 'dx_plain', { name => 'often', sql => 'SELECT 1', interval => 50 });
            value($node, $database, q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always');
                CREATE VIEW public.mine AS SELECT version, workers FROM dynpgext.status;
                CREATE ROLE role_of_) . $database . qq(; GRANT EXECUTE ON FUNCTION dynpgext.reload(name, boolean), dynpgext.configure_worker TO role_of_$database));
        }
        my ($one, $two) = ("$name\_one", "$name\_two");
        is_whole($node, "the library serves the tables of $release", $one, $two);
        is(version_in($one), $release, 'which are those');
        my $session = $node->background_psql($one);
        $session->query_safe('SELECT * FROM dynpgext.status');
        my $pids = worker_pids($node, 'fresh');

        update($one);
        is(version_in($one), $newest, 'updated');
        is(worker_pids($node, 'fresh'), $pids, 'no worker has been touched');
        is_whole($node, 'both are well side by side', $one, $two);
        is($session->query(q(SELECT launcher_version = version FROM dynpgext.status)), 't', 'a session from before the update continues');
        $session->quit;
        value($node, $_, 'DROP EXTENSION dx_memory; CREATE EXTENSION dx_memory') for $one, $two;
        is_whole($node, 'both follow commands', $one, $two);
        ok(command_is($node, $_, 'often', 'runs > 0 AND failures = 0'), 'SQL workers run') for $one, $two;

        # in the second database, first with a rollback
        $node->psql($two, 'BEGIN; ALTER EXTENSION dynpgext UPDATE; ROLLBACK');
        is(version_in($two), $release, 'rolled back');
        is_whole($node, 'as before', $two);
        $node->restart;
        wait_whole($node, $one, $two);
        value($node, $two, 'CREATE SCHEMA dynpgext_internal');
        like(error_of($node, $two, 'ALTER EXTENSION dynpgext UPDATE'), qr/42P06: schema "dynpgext_internal" already exists/, 'a schema made beforehand is refused');
        value($node, $two, 'DROP SCHEMA dynpgext_internal');
        # possible actions of a DBA
        value($node, $two, qq(ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO role_of_$two; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO role_of_$two;
            ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO role_of_$two; ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO role_of_$two;
            REVOKE USAGE ON SCHEMA dynpgext FROM PUBLIC; GRANT USAGE ON SCHEMA dynpgext TO role_of_$two;
            GRANT EXECUTE ON FUNCTION dynpgext.live_workers(boolean) TO role_of_$two; REVOKE EXECUTE ON FUNCTION dynpgext.list_events() FROM pg_monitor;
            CREATE VIEW public.internal AS SELECT name, dynpgext.boot() FROM dynpgext.live_workers()));
        update($two);
        is_whole($node, 'the other one after a restart', $one, $two);
        is(value($node, $two, qq(SELECT has_function_privilege('role_of_$two', 'dynpgext_internal.live_workers(boolean)', 'EXECUTE'),
            has_function_privilege('pg_monitor', 'dynpgext_internal.list_events()', 'EXECUTE'), has_schema_privilege('role_of_$two', 'dynpgext_internal', 'USAGE'),
            has_schema_privilege('role_of_$two', 'dynpgext_internal', 'CREATE'), has_schema_privilege('public', 'dynpgext_internal', 'USAGE'))),
            't|f|t|f|f', 'internal objects have moved with their privileges');
        is(value($node, $two, 'SELECT count(*) > 0 FROM public.internal'), 't', 'and views of users are based on it as before');
        for my $schema ('dynpgext', 'dynpgext_internal') {
            value($node, $two, "GRANT USAGE ON SCHEMA $schema TO PUBLIC; REVOKE USAGE ON SCHEMA $schema FROM role_of_$two");
        }
        value($node, $two, qq(REVOKE EXECUTE ON FUNCTION dynpgext_internal.live_workers(boolean) FROM role_of_$two;
            GRANT EXECUTE ON FUNCTION dynpgext_internal.list_events() TO pg_monitor));
        is(value($node, $_, 'SELECT count(*) FROM public.mine'), 1, 'views of users are there') for $one, $two;
        is(value($node, $two, qq(SELECT has_function_privilege('role_of_$two', 'dynpgext.reload(name, boolean)', 'EXECUTE'))), 't', 'and the grants');
        is(value($node, $two, qq(SELECT has_function_privilege('role_of_$two', p.oid, 'EXECUTE') AND NOT EXISTS (SELECT FROM pg_init_privs i WHERE i.objoid = p.oid AND i.initprivs::text ~ 'role_of')
            FROM pg_proc p WHERE proname = 'configure_worker')), 't', 'also on a function that has another argument: pg_dump will dump it');
        is(value($node, $two, q(SELECT restart FROM dynpgext.workers WHERE name = 'dx local')), 'always', 'and the settings of the DBA');
        value($node, $two, "REVOKE EXECUTE ON FUNCTION dynpgext.reload(name, boolean), dynpgext.configure_worker FROM role_of_$two");
        my $differ = lines_that_differ($fresh, value($node, $two, $catalogs));
        is($differ, '', 'the catalogs equal those of a new database');
    };

    subtest "a dump of $release" => sub {
        my $old = "$name\_dumped";
        add_database($node, $old);
        value($node, $old, "CREATE EXTENSION dynpgext VERSION '$release'; CREATE EXTENSION dx_worker; CREATE EXTENSION dx_plain");
        register_sql_workers($node, $old, 'dx_plain', { name => 'often', sql => 'SELECT 1', interval => 50 });
        value($node, $old, q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always')));
        my $file = $node->basedir . "/$old.sql";
        $node->command_ok([ 'pg_dump', '-d', $node->connstr($old), '-f', $file ], 'dumped');
        add_database($node, "$old\_restored");
        $node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("$old\_restored"), '-f', $file ], 'restored');
        is(version_in("$old\_restored"), $newest, 'as the new version');
        is_whole($node, 'all is well', "$old\_restored");
        is(value($node, "$old\_restored", q(SELECT restart FROM dynpgext.workers WHERE name = 'dx local')), 'always', 'with the settings of the DBA');
    };
}

# the comparison finds differences
value($node, 'fresh', q(COMMENT ON FUNCTION dynpgext.version() IS 'another'; REVOKE SELECT ON dynpgext.status FROM pg_monitor;
    ALTER EXTENSION dynpgext DROP FUNCTION dynpgext_internal.boot()));
my $found = lines_that_differ($fresh, value($node, 'fresh', $catalogs));
like($found, $_, "the comparison finds $_") for qr/missing: function \| dynpgext_internal\.boot/, qr/too much: function .*another/s, qr/missing: relation \| dynpgext\.status/;
$node->stop;
done_testing();
