# Rows of manifests and identities that a restore writes with triggers disabled: in two concurrent sessions,
# with other event triggers, with rows that cannot be followed, with differing identities.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main');
set_preload($node, 1);
$node->restart;
value($node, 'postgres', 'CREATE ROLE dx_role LOGIN; CREATE ROLE dx_dba LOGIN SUPERUSER');

my $tables = [qw(identities manifests worker_settings)];
my $off = join ' ', map {"ALTER TABLE dynpgext.$_ DISABLE TRIGGER ALL;"} @$tables;
my $on = $off =~ s/DISABLE/ENABLE/gr;
my $modes = q(SELECT string_agg(concat_ws(' ', tgname, tgenabled), ', ' ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger t
    JOIN pg_class c ON c.oid = tgrelid WHERE c.relnamespace = 'dynpgext'::regnamespace AND NOT tgisinternal);
my %row = (
    manifests => q(INSERT INTO dynpgext.manifests VALUES ('dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx a", "command": "SELECT 1", "interval": "50 ms"}]}')),
    identities => q(INSERT INTO dynpgext.identities VALUES ('dx_plain', 'dx a', 'dx_role', 'dx_dba', false, false, true)));
my $runs = q(state = 'running' AND run_as = 'dx_role' AND runs > 1);

# No visit of the launcher is in progress.
sub no_visit_runs {
    return $node->poll_query_until('postgres', q(SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dynpgext provisioning')));
}

sub restart_and_visit {
    my ($database) = @_;
    $node->restart;
    $node->poll_query_until($database, q(SELECT state = 'provisioned' FROM dynpgext.extensions WHERE extension = 'dx_memory'));
    no_visit_runs();
    return;
}

# As at the end of pg_restore --jobs --disable-triggers: both tables are locked before either session checks
# for rows.
subtest 'two sessions enable triggers at the same time' => sub {
    for my $order ([qw(manifests identities)], [qw(identities manifests)]) {
        # identities count in a restore that has created dynpgext
        local $ENV{PGOPTIONS} = '-c dynpgext.restore=on';
        add_database($node, 'halves', qw(dynpgext dx_plain));
        value($node, 'halves', "$off $row{manifests}; $row{identities}");
        value($node, 'halves', q(
            CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); END';
            CREATE EVENT TRIGGER a_hold ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.hold()));
        my $holder = $node->background_psql('halves');
        $holder->query_safe('SELECT pg_advisory_lock(1)');
        my ($waiting, %out, %session) = (0);
        for my $table (@$order) {
            $out{$table} = '';
            $session{$table} = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('halves'), '-c', "ALTER TABLE dynpgext.$table ENABLE TRIGGER ALL" ], '>&', \$out{$table});
            $waiting++;
            ok($node->poll_query_until('halves', "SELECT count(*) = $waiting FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE dynpgext.%' AND wait_event_type = 'Lock'"), "$table waits");
        }
        $holder->query_safe('SELECT pg_advisory_unlock(1)');
        $holder->quit;
        IPC::Run::finish($session{$_}) for @$order;
        is($out{$_}, '', "$order->[0] first: $_ ends well") for @$order;
        value($node, 'halves', 'SELECT dynpgext.end_restore()');
        ok(command_is($node, 'halves', 'dx a', $runs), 'the worker runs as its role');
        is(value($node, 'halves', 'SELECT count(*) FROM dynpgext.identities'), 1, 'with one identity');
        value($node, 'postgres', 'DROP DATABASE halves');
    }
};

add_database($node, 'one', qw(dynpgext dx_plain dx_memory));
my $as_they_should = value($node, 'one', $modes);

subtest 'event triggers of others do not fire' => sub {
    value($node, 'one', q(CREATE TABLE public.fired (who name DEFAULT current_user, command text DEFAULT current_query());
        CREATE FUNCTION public.spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.fired DEFAULT VALUES; END';
        CREATE EVENT TRIGGER spy ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.spy()));
    value($node, 'one', $_) for map {"$_;"} split /;/, $off . $on;
    is(value($node, 'one', $modes), $as_they_should, 'triggers that are switched on again fire as they should');
    is(value($node, 'one', 'SELECT count(*) FROM public.fired'), 2 * @$tables, 'only by commands of the session');
    # as if event triggers were off
    value($node, 'one', "ALTER EVENT TRIGGER dynpgext_on_alter DISABLE; ALTER EVENT TRIGGER spy DISABLE; $off $on
        ALTER EVENT TRIGGER dynpgext_on_alter ENABLE ALWAYS; ALTER EVENT TRIGGER spy ENABLE ALWAYS; TRUNCATE public.fired");
    isnt(value($node, 'one', $modes), $as_they_should, 'if this was not noticed, they do not');
    restart_and_visit('one');
    is(value($node, 'one', $modes), $as_they_should, 'a visit sees to it');
    is(value($node, 'one', 'SELECT * FROM public.fired'), '', 'and runs no code of others');
    value($node, 'one', 'DROP EVENT TRIGGER spy; DROP FUNCTION public.spy; DROP TABLE public.fired');
};

subtest 'the reason for not following a row is logged once' => sub {
    my $warning = qr/WARNING:  the manifest of extension "dx_plain" in dynpgext.manifests cannot be followed/;
    my $unknown = q('{"dynpgext": 1, "workers": [{"name": "dx a", "command": "SELECT 1", "interval": "50 ms", "run_as": "dx_nobody"}]}');
    my $offset = log_offset($node);
    value($node, 'one', "$off INSERT INTO dynpgext.manifests VALUES ('dx_plain', $unknown); $on");
    restart_and_visit('one') for 1 .. 2;
    is(log_count($node, $warning, $offset), 1, 'not by each visit');
    is(log_count($node, qr/$warning: .*role "dx_nobody" does not exist/, $offset), 1, 'with the reason');
    $offset = log_offset($node);
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'who asks');
    is(log_count($node, $warning, $offset), 1, 'is logged again');
    $offset = log_offset($node);
    value($node, 'one', "$off UPDATE dynpgext.manifests SET manifest = '{\"dynpgext\": 1, \"extensions\": []}'; $on");
    restart_and_visit('one');
    is(log_count($node, $warning, $offset), 1, 'another row');
    is(log_count($node, qr/$warning: .*not in the manifest of one extension/, $offset), 1, 'has another reason');
    value($node, 'one', "$off UPDATE dynpgext.manifests SET manifest = $unknown; $on");
    value($node, 'one', 'CREATE ROLE dx_nobody LOGIN');
    restart_and_visit('one');
    ok(command_is($node, 'one', 'dx a', q(state = 'failed' OR state = 'running')), 'without the reason, a visit follows it');
    $offset = log_offset($node);
    restart_and_visit('one');
    is(log_count($node, $warning, $offset), 0, 'and reports no more');
    value($node, 'one', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}')));
};

subtest 'an identity that differs when triggers are enabled again' => sub {
    value($node, 'one', "SELECT dynpgext.register('dx_plain', '{\"dynpgext\": 1, \"workers\": [{\"name\": \"dx a\", \"command\": \"SELECT 1\", \"channel\": \"a\", \"run_as\": \"dx_role\"}]}')");
    value($node, 'one', "$off UPDATE dynpgext.identities SET registered_by = 'dx_role'; $on");
    isnt(value($node, 'one', 'SELECT registered_by FROM dynpgext.commands'), 'dx_role', 'not outside of a restore that has created dynpgext');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.identities i JOIN dynpgext.commands c USING (extension, worker) WHERE c.registered_by = i.registered_by::text'), 1, 'the row matches the state again');
};

# The identity of a worker that only the manifest names is restored before the manifest.
subtest 'a worker added by hand next to a changed one of a script' => sub {
    add_database($node, 'added', qw(dynpgext dx_declared));
    value($node, 'added', q(SELECT dynpgext.register('dx_declared', '{"dynpgext": 1, "workers": [
        {"name": "dx tick", "command": "SELECT 1", "interval": "50 ms", "run_as": "dx_role"},
        {"name": "dx added", "command": "SELECT 1", "interval": "50 ms", "run_as": "dx_role"}]}')));
    my $folder = PostgreSQL::Test::Utils::tempdir('added');
    command_ok([ 'pg_dump', '-f', "$folder/added.sql", $node->connstr('added') ], 'pg_dump');
    value($node, 'postgres', 'DROP DATABASE added; CREATE DATABASE added');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('added'), '-f', "$folder/added.sql" ], 'restored');
    ok($node->poll_query_until('added', q(SELECT count(*) = 2 FROM dynpgext.commands WHERE extension = 'dx_declared' AND run_as = 'dx_role' AND runs > 1)), 'both run as before')
      or diag(value($node, 'added', q(SELECT worker, run_as, state, last_error FROM dynpgext.commands)));
    value($node, 'postgres', 'DROP DATABASE added');
};

$node->stop;
done_testing();
