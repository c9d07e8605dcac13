# Rows of worker_settings and manifests written while their triggers do not fire: by pg_restore
# --disable-triggers, logical replication, or by hand.  They take effect nevertheless.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my %settings = ('dx_supervised.workers' => 2, wal_level => 'logical', max_wal_senders => 5, max_replication_slots => 5);
my $node = new_cluster('main', %settings);
my @extensions = qw(dynpgext dx_supervised dx_sql_only);
my $manifest = q({"dynpgext": 1, "allocations": [{"name": "dx_sql_only:NAME", "size": 32, "initial": "NAME"}],
    "workers": [{"name": "dx NAME", "command": "SELECT 1", "channel": "x"}]});

sub manifest_of { return as_superuser($manifest =~ s/NAME/$_[0]/gr) }

sub write_rows {
    my ($to, $database, $name, $before) = @_;
    $to->safe_psql($database, ($before // '') . sprintf(q(
        INSERT INTO dynpgext.worker_settings (extension, worker, enabled) VALUES ('dx_supervised', 'dx supervised 1', false);
        INSERT INTO dynpgext.manifests VALUES ('dx_sql_only', '%s')), manifest_of($name)));
    return;
}

sub take_rows_back {
    my ($from, $database) = @_;
    $from->safe_psql($database, q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1');
        SELECT dynpgext.register('dx_sql_only', '{"dynpgext": 1}'); DELETE FROM dynpgext.manifests));
    return becomes($from, $database, state_of(), '1 running, 2 running; ; ', 'nothing is set, nor registered by hand');
}

# The state of the workers of dx_supervised, and of the declarations for dx_sql_only.
sub state_of {
    return 'SELECT (' . supervised_states() . q() . ") || '; ' || " . q(
        COALESCE((SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.workers WHERE extension = 'dx_sql_only'), '') || '; ' ||
        COALESCE((SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.allocations WHERE extension = 'dx_sql_only'), ''));
}
my $without = '1 running, 2 running; ; ';
# A row that is not restored together with dynpgext names no role: its SQL worker has failed.
sub with { return "1 disabled, 2 running; dx $_[0] failed; dx_sql_only:$_[0] allocated" }

my $modes = q(SELECT string_agg(concat_ws(' ', c.relname, t.tgname, t.tgenabled), ', ' ORDER BY c.relname, t.tgname) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'dynpgext'::regnamespace AND NOT t.tgisinternal);
my @for_superusers = qw(hosted_libraries identities registered_allocation registered_command registered_content registered_extension registered_manifest registered_worker restore);
my $as_they_should = join ', ', sort((map { ("$_ before_truncate A", "$_ before_write A") } @for_superusers, 'worker_settings'),
    'identities on_identities A', 'manifests before_manifests A', 'manifests before_truncate A', 'manifests on_manifests A', 'manifests on_replicated R',
    'worker_settings before_settings A', 'worker_settings on_replicated R', 'worker_settings on_settings A');
my $off = join ' ', map {"ALTER TABLE dynpgext.$_ DISABLE TRIGGER ALL;"} 'worker_settings', 'manifests';
my $on = $off =~ s/DISABLE/ENABLE/gr;
# Each reload() retries a failed worker.
my $reload = q(SELECT object || ' ' || name || ' ' || action FROM dynpgext.reload() WHERE NOT (object = 'worker' AND extension = 'dx_sql_only'));

add_database($node, 'one', @extensions);
becomes($node, 'one', state_of(), $without, 'workers run');
is(value($node, 'one', $modes), $as_they_should, 'how triggers fire');

my $folder = PostgreSQL::Test::Utils::tempdir('dump');
subtest 'pg_restore --disable-triggers' => sub {
    write_rows($node, 'one', 'dumped');
    becomes($node, 'one', state_of(), with('dumped'), 'written with triggers, they take effect');
    command_ok([ 'pg_dump', '-a', '-Fc', '-t', 'dynpgext.worker_settings', '-t', 'dynpgext.manifests', '-f', "$folder/custom", $node->connstr('one') ], 'pg_dump');
    take_rows_back($node, 'one');
    command_ok([ 'pg_restore', '-a', '--disable-triggers', '--exit-on-error', '-d', $node->connstr('one'), "$folder/custom" ], 'pg_restore');
    becomes($node, 'one', state_of(), with('dumped'), 'restored without, too');
    is(value($node, 'one', $modes), $as_they_should, 'triggers are as they were, which the server does not see to');
    is(value($node, 'one', $reload), '', 'a reload has nothing to do');
    take_rows_back($node, 'one');
};

subtest 'as a replica' => sub {
    write_rows($node, 'one', 'replica', 'SET session_replication_role = replica;');
    becomes($node, 'one', state_of(), with('replica'), 'triggers fire');
    take_rows_back($node, 'one');
};

subtest 'triggers that are off' => sub {
    value($node, 'one', $off);
    write_rows($node, 'one', 'unseen');
    is(value($node, 'one', state_of()), $without, 'nobody has told');
    my $plan = "extension dx_sql_only configure\nworker dx supervised 1 disable";
    is(value($node, 'one', $reload =~ s/reload\(\)/reload(dry_run => true)/r), $plan, 'a dry run tells');
    is(value($node, 'one', state_of()), $without, 'and does nothing');
    is(value($node, 'one', q(BEGIN READ ONLY; SELECT count(*) FROM dynpgext.reload(dry_run => true))), 2, 'also when it may not');
    is(value($node, 'one', $reload), $plan, 'reload() follows them');
    becomes($node, 'one', state_of(), with('unseen'), 'they are in effect');
    is(value($node, 'one', $reload), '', 'a second time there is nothing to do');
    is(value($node, 'one', $modes), join(', ', map { /^(?:manifests|worker_settings)/ ? s/ [AR]$/ D/r : $_ } split /, /, $as_they_should), 'triggers disabled on purpose stay disabled');
    value($node, 'one', sprintf(q(UPDATE dynpgext.manifests SET manifest = '%s'), manifest_of('once_more')) . '; DELETE FROM dynpgext.worker_settings');
    is(value($node, 'one', $reload), "extension dx_sql_only configure\nworker dx supervised 1 start", 'other rows');
    becomes($node, 'one', state_of(), '1 running, 2 running; dx once_more failed; dx_sql_only:once_more allocated', 'are followed, too');
    take_rows_back($node, 'one');
};

subtest 'a visit' => sub {
    set_preload($node, 1);
    write_rows($node, 'one', 'visited');
    is(value($node, 'one', state_of()), $without, 'nobody has told');
    $node->restart;
    becomes($node, 'one', state_of(), with('visited'), 'the first visit after a start follows them');
    is(value($node, 'one', $reload), '', 'a reload has nothing to do');
    take_rows_back($node, 'one');
};

subtest 'switched on again' => sub {
    write_rows($node, 'one', 'later');
    is(value($node, 'one', state_of()), $without, 'nobody has told');
    value($node, 'one', "BEGIN; $on ROLLBACK;");
    is(value($node, 'one', state_of()), $without, 'nor with what is rolled back');
    value($node, 'one', $on);
    becomes($node, 'one', state_of(), with('later'), 'they are followed with the commit');
    is(value($node, 'one', $modes), $as_they_should, 'triggers fire as they should');
    take_rows_back($node, 'one');
};

# Rows that other roles write without a checking trigger must not be followed as a superuser's, neither now
# nor after their right to write has been revoked.
subtest 'no role gains rights by it' => sub {
    value($node, 'one', 'CREATE ROLE dx_writer; GRANT EXECUTE ON FUNCTION dynpgext.register TO dx_writer;
        CREATE VIEW public.dx_view AS SELECT * FROM dynpgext.manifests');
    # with pg_write_all_data, with a grant on columns, and through a superuser's view, for which the server
    # checks the superuser's rights
    my @ways = (
        [ 'dynpgext.manifests', 'GRANT pg_write_all_data TO dx_writer', 'REVOKE pg_write_all_data FROM dx_writer' ],
        [ 'dynpgext.manifests', 'GRANT INSERT (extension, manifest) ON dynpgext.manifests TO dx_writer', 'REVOKE INSERT (extension, manifest) ON dynpgext.manifests FROM dx_writer' ],
        [ 'public.dx_view', 'GRANT INSERT ON public.dx_view TO dx_writer', 'REVOKE INSERT ON public.dx_view FROM dx_writer' ]);
    for my $way (@ways) {
        my ($table, $give, $take) = @$way;
        my $insert = sprintf q(SET ROLE dx_writer; INSERT INTO %s VALUES ('dx_sql_only', '%s')), $table, manifest_of('untrusted');
        value($node, 'one', "$give; $off");
        like(error_of($node, 'one', $insert), qr/ERROR:  42501: permission denied to write table "dynpgext.manifests"\nDETAIL:  The trigger that checks rows of other roles than superusers does not fire/, "$give: refused");
        value($node, 'one', "ALTER TABLE dynpgext.manifests ENABLE REPLICA TRIGGER on_manifests");
        like(error_of($node, 'one', $insert), qr/does not fire/, 'also where the trigger fires for replicas alone');
        value($node, 'one', $on);
        like(error_of($node, 'one', $insert), qr/must be member of role/, 'the trigger refuses it when it is on again');
        value($node, 'one', $take);
        is(value($node, 'one', 'SELECT count(*) FROM dynpgext.manifests; ' . $reload), 0, 'there is no row');
    }
    # a superuser's own row is followed, even if others may write to the table
    value($node, 'one', "GRANT INSERT ON dynpgext.manifests TO dx_writer; $off");
    write_rows($node, 'one', 'trusted');
    value($node, 'one', $on);
    becomes($node, 'one', state_of(), with('trusted'), 'a superuser\'s row is in effect');
    take_rows_back($node, 'one');
    value($node, 'one', 'DROP VIEW public.dx_view; DROP OWNED BY dx_writer; DROP ROLE dx_writer');
};

subtest 'logical replication' => sub {
    my $other = new_cluster('subscriber', %settings);
    my $begin = log_offset($other);
    add_database($other, 'one', @extensions);
    write_rows($node, 'one', 'first');
    value($node, 'one', 'CREATE PUBLICATION dx FOR TABLE dynpgext.worker_settings, dynpgext.manifests');
    my $connection = $node->connstr('one') =~ s/'/''/gr;
    value($other, 'one', "CREATE SUBSCRIPTION dx CONNECTION '$connection' PUBLICATION dx");
    becomes($other, 'one', state_of(), with('first'), 'existing rows are copied');
    value($node, 'one', sprintf q(UPDATE dynpgext.manifests SET manifest = '%s'), manifest_of('second'));
    becomes($other, 'one', state_of(), with('second'), 'a change follows');
    value($node, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1')));
    becomes($other, 'one', state_of(), with('second') =~ s/1 disabled/1 running/r, 'so does reset_worker');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', enabled => false)));
    becomes($other, 'one', state_of(), '1 running, 2 disabled; dx second failed; dx_sql_only:second allocated', 'and configure_worker');
    is(value($other, 'one', $reload), '', 'a reload has nothing to do');
    is(log_count($other, qr/ERROR:  /, $begin), 0, 'nothing went wrong');
    value($other, 'one', 'DROP SUBSCRIPTION dx');
    for my $server ($node, $other) {
        value($server, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 2')));
        take_rows_back($server, 'one');
    }

    # of all tables: registrations of the publisher are not registered here, whichever tables are subscribed
    # to
    my $declares = q(SELECT dynpgext.register('dx_sql_only', '{"dynpgext": 1, "allocations": [{"name": "dx_sql_only:NAME", "size": 8}]}'));
    value($node, 'one', 'CREATE TABLE public.dx_told (name text); CREATE PUBLICATION dx_all FOR TABLE dynpgext.registered_allocation, dynpgext.identities, public.dx_told');
    value($other, 'one', 'CREATE TABLE public.dx_told (name text); GRANT INSERT ON public.dx_told TO PUBLIC');
    value($other, 'one', "CREATE SUBSCRIPTION dx_all CONNECTION '$connection' PUBLICATION dx_all WITH (copy_data = false)");
    value($node, 'one', $declares =~ s/NAME/first/r . q(; INSERT INTO public.dx_told VALUES ('first')));
    becomes($other, 'one', 'SELECT name FROM public.dx_told', 'first', 'the rest of the transaction arrives');
    is(value($other, 'one', q(SELECT count(*) FROM dynpgext.registered_allocation WHERE name ~ '^dx_sql_only')), 0, 'its registrations do not');
    value($other, 'one', 'DROP SUBSCRIPTION dx_all');
    $other->stop;
};

$node->stop;
done_testing();
