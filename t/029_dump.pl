# pg_dump and pg_dumpall: a restored database registers its extensions again, and has the DBA's settings.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

# Extensions are dumped in the order of their names: `Dx Quoted "name` and dx_* before or after dynpgext.
my %settings = (
    'dx_supervised.workers' => 3,
    'dx_supervised.restart' => 'on_failure',
    'dynpgext.restart_delay_max' => '1s');
my $node = new_cluster('source', %settings);
my @extensions = qw(dx_memory dx_supervised dx_usage dx_worker dx_quoted);
add_database($node, 'one', 'dx_memory', 'dynpgext', qw(dx_supervised dx_usage dx_worker), '"Dx Quoted ""name"');
add_database($node, 'two', qw(dynpgext dx_supervised));
value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', enabled => false)));
value($node, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', restart => 'always', restart_delay => '1500 ms')));
value($node, 'one', q(SELECT dynpgext.unload('dx_usage')));

# Registrations in SQL: by an extension's script, changed by hand; and by hand for an extension with a
# library.
$node->safe_psql('one', q(CREATE EXTENSION dx_declared));
value($node, 'one', q(SELECT count(*) FROM dynpgext.apply(jsonb_set(dynpgext.export('dx_declared'), '{workers,1,interval}', '"70 ms"'))));
value($node, 'one', q(SELECT dynpgext.register('dx_memory', '{"dynpgext": 1, "allocations": [{"name": "by hand", "size": 8, "initial": "kept"}]}')));
value($node, 'one', q(SELECT dynpgext.configure_worker('dx_declared', 'dx tick', run_interval => '90 ms')));
my $declared = q(SELECT dynpgext.export('dx_declared'), dynpgext.export('dx_memory'));
my $exported = value($node, 'one', $declared);
like($exported, qr/"70 ms".*"by hand"/, 'registrations in SQL');

my $settings = q(SELECT extension, worker, enabled, restart, restart_delay, run_interval FROM dynpgext.worker_settings ORDER BY 1, 2);
my $set = "dx_declared|dx tick||||00:00:00.09\ndx_supervised|dx supervised 1|f|||\ndx_supervised|dx supervised 2||always|00:00:01.5|";
is(value($node, 'one', $settings), $set, 'the settings to be kept');

my $complaints = qr/(ERROR|WARNING|FATAL|PANIC):  /;

# One test: the database is like the source.
sub is_restored {
    my ($target, $database, $test, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return subtest $test => sub {
        is(value($target, $database, $settings), $expected // $set, 'settings');
        my $disabled = ($expected // $set) eq '' ? 'running' : 'disabled';
        becomes($target, $database, supervised_states(), "1 $disabled, 2 running, 3 running", 'workers of dx_supervised');
        becomes($target, $database, q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.workers
            WHERE extension = 'dx_worker'), 'dx global running, dx local running', 'those of dx_worker');
        becomes($target, $database, q(SELECT count(*) FROM dynpgext.allocations WHERE state <> 'allocated'), 0, 'allocations');
        is(value($target, $database, q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions)),
            'Dx Quoted "name provisioned, dx_declared provisioned, dx_memory provisioned, dx_supervised provisioned, dx_usage provisioned, dx_worker provisioned', 'extensions');
        if (($expected // $set) ne '') {    # nor are the rows of manifests in a schema
            is(value($target, $database, $declared), $exported, 'registrations in SQL');
            is(value($target, $database, q(SELECT string_agg(extension, ' ' ORDER BY extension) FROM dynpgext.manifests)), 'dx_declared dx_memory', 'its registrations by hand');
        }
        becomes($target, $database, q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.workers
            WHERE extension = 'dx_declared'), 'dx bell running, dx tick running', 'workers of dx_declared');
        is(value($target, $database, q(SELECT restart FROM dynpgext.workers WHERE name = 'dx supervised 2')),
            ($expected // $set) eq '' ? 'on_failure' : 'always', 'the policy is in effect');
        is(value($target, $database, q(SELECT count(*) FROM dynpgext.reload())), 0, 'a reload has nothing to do');
    };
}

my $folder = PostgreSQL::Test::Utils::tempdir('dump');
sub dump_to {
    my ($file, @options) = @_;
    my @dump = ('pg_dump', '-d', $node->connstr('one'), '-f', "$folder/$file", @options);
    my ($out, $error) = run_command(\@dump);
    return is("$out$error", '', "pg_dump @options, without a warning");
}

dump_to('plain.sql');
dump_to('inserts.sql', '--inserts');
dump_to('columns.sql', '--column-inserts', '--clean', '--if-exists');
dump_to('data.sql', '--data-only');
dump_to('custom', '-Fc');
dump_to('schema.sql', '--schema-only');
command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '-f', "$folder/all.sql" ], 'pg_dumpall');
unlike(slurp_file("$folder/plain.sql"), qr/registered_(?!by)/, 'registrations are not dumped');
like(slurp_file("$folder/plain.sql"), qr/COPY dynpgext\.worker_settings/, 'settings are');

my $target = new_cluster('target', %settings);
subtest 'pg_dumpall into an empty cluster' => sub {
    my $offset = log_offset($target);
    my ($out, $error) = run_command([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-d', $target->connstr('postgres'), '-f', "$folder/all.sql" ]);
    is(join("\n", grep { !/role "\w+" already exists/ } split /\n/, $error), '', 'no complaint');
    is_restored($target, 'one', 'all is there');
    becomes($target, 'two', supervised_states(), '1 running, 2 running, 3 running', 'in the other database, too');
    is(log_count($target, qr/WARNING:  /, $offset), 0, 'no warning in the log');
    $target->restart;
    is_restored($target, 'one', 'also after a restart');
};

sub restored_by {
    my ($name, $expected, @command) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $offset = log_offset($target);
    my $database = 'r' . ($name =~ s/\W+/_/gr);
    subtest $name => sub {
        $target->safe_psql('postgres', "CREATE DATABASE $database");
        command_ok([ map { s/DATABASE/$target->connstr($database)/er } @command ], 'restored');
        is_restored($target, $database, 'all is there', $expected);
        # the worker disabled by the settings may have started before they were restored
        is(join("\n", grep { /$complaints/ && !/terminating background worker "dx supervised [12]"/ } split /\n/, slurp_file($target->logfile, $offset)),
            '', 'no complaint in the log');
        value($target, 'postgres', "DROP DATABASE $database");
    };
    return;
}
my @psql = ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'DATABASE');
restored_by('plain', undef, @psql, '-f', "$folder/plain.sql");
restored_by('plain, in one transaction', undef, @psql, '-1', '-f', "$folder/plain.sql");
restored_by('inserts', undef, @psql, '-f', "$folder/inserts.sql");
restored_by('clean, if exists', undef, @psql, '-f', "$folder/columns.sql");
restored_by('schema only', '', @psql, '-f', "$folder/schema.sql");
restored_by('custom', undef, 'pg_restore', '--exit-on-error', '-d', 'DATABASE', "$folder/custom");
{
    delete local $ENV{PGAPPNAME};    # its sessions are recognised by the name pg_restore
    restored_by('custom, in parallel', undef, 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'DATABASE', "$folder/custom");
}

# pg_restore --jobs restores several tables at a time, in any order.
for my $order ([qw(manifests identities)], [qw(identities manifests)]) {
    my $name = join ' before ', @$order;
    my %data = map { $_ => qr/ TABLE DATA dynpgext $_ / } @$order;
    my ($list) = run_command([ 'pg_restore', '-l', "$folder/custom" ]);
    my @entries = split /\n/, $list;
    my @sorted = map { my $table = $_; grep { $_ =~ $data{$table} } @entries } @$order;
    append_to_file("$folder/$name", join '', map {"$_\n"} map { my $entry = $_; (grep { $entry =~ $_ } values %data) ? shift @sorted : $entry } @entries);
    restored_by("custom, $name", undef, 'pg_restore', '--exit-on-error', '-L', "$folder/$name", '-d', 'DATABASE', "$folder/custom");
}

subtest 'into a database that has the extensions' => sub {
    value($target, 'one', q(DELETE FROM dynpgext.worker_settings; DELETE FROM dynpgext.manifests));
    becomes($target, 'one', supervised_states(), '1 running, 2 running, 3 running', 'without settings');
    my %pids = map { $_ => pid_of($target, 'one', $_) } 'dx supervised 2', 'dx local';
    command_ok([ map { s/DATABASE/$target->connstr('one')/er } @psql, '-f', "$folder/data.sql" ], 'data only');
    is_restored($target, 'one', 'the settings take effect');
    isnt(pid_of($target, 'one', $_), $pids{$_}, "$_ made room for the restore") for sort keys %pids;
    my ($out, $error) = run_command([ 'psql', '-Xq', '-d', $target->connstr('one'), '-f', "$folder/data.sql" ]);
    like($error, qr/ERROR:  duplicate key/, 'a second time they collide');
    is_restored($target, 'one', 'which changes nothing');
    command_ok([ 'pg_restore', '--exit-on-error', '--clean', '--if-exists', '-d', $target->connstr('one'), "$folder/custom" ], 'pg_restore --clean');
    is_restored($target, 'one', 'everything is made again');
    is_whole_but($target, 'one');
    command_ok([ 'pg_restore', '--exit-on-error', '--clean', '-1', '-d', $target->connstr('one'), "$folder/custom" ], 'the same in one transaction');
    is_restored($target, 'one', 'everything is made again');
    is_whole_but($target, 'one');
};

# Registrations by hand coexist with those of scripts in a restore; one that cannot be followed does not
# affect the rest.
subtest 'registrations by hand' => sub {
    add_database($target, 'moved', qw(dynpgext dx_declared dx_plain dx_sql_only dx_worker));
    value($target, 'moved', as_superuser(q(CREATE ROLE dx_gone LOGIN; SET dynpgext.manifest_limit = '4MB';
        SELECT count(*) FROM dynpgext.apply('{"dynpgext": 1, "extensions": [
          {"extension": "dx_declared", "workers": [{"name": "kept", "command": "SELECT 1", "channel": "kept"}]},
          {"extension": "dx_plain", "allocations": [{"name": "dx_declared:state", "size": 64, "initial": "moved"}]}]}');
        SELECT dynpgext.register('dx_sql_only', '{"dynpgext": 1, "workers": [{"name": "gone", "channel": "kept", "run_as": "dx_gone", "command" : "SELECT 1"}]}');
        SELECT dynpgext.register('plpgsql', '{"dynpgext": 1}');
        SELECT dynpgext.register('dx_worker', jsonb_build_object('dynpgext', 1, 'workers',
          (SELECT jsonb_agg(jsonb_build_object('name', 'long ' || i, 'command', repeat('SELECT 1; ', 6000), 'channel', 'kept')) FROM generate_series(1, 30) AS i))))));
    my $taking_part = q(SELECT string_agg(concat_ws(' ', extension, state, workers), ', ' ORDER BY extension) FROM dynpgext.extensions);
    my $took_part = value($target, 'moved', $taking_part);
    command_ok([ 'pg_dump', '-f', "$folder/moved.sql", $target->connstr('moved') ], 'pg_dump');
    value($target, 'postgres', 'DROP DATABASE moved; DROP ROLE dx_gone; CREATE DATABASE moved');
    command_ok([ map { s/DATABASE/$target->connstr('moved')/er } @psql, '-f', "$folder/moved.sql" ], 'restored without the role');
    becomes($target, 'moved', q(SELECT string_agg(concat_ws(' ', extension, name, state), ', ' ORDER BY extension) FROM (
            SELECT extension, name, state FROM dynpgext.allocations WHERE name = 'dx_declared:state' UNION ALL SELECT extension, name, state FROM dynpgext.workers WHERE name IN ('kept', 'long 30', 'gone')) AS x),
        'dx_declared kept running, dx_plain dx_declared:state allocated, dx_sql_only gone failed, dx_worker long 30 running', 'all but one is there');
    is(value($target, 'moved', $taking_part), $took_part, 'the same extensions take part, also plpgsql without any registration');
    is(value($target, 'moved', q(SELECT dynpgext.peek('dx_declared:state', 0, 5))), '\x6d6f766564', 'a name that had moved, with its content');
    is(value($target, 'moved', q(SELECT last_error FROM dynpgext.workers WHERE name = 'gone')), '42704: role "dx_gone" does not exist', 'which shows the reason');
    is(value($target, 'moved', q(SELECT count(*) FROM dynpgext.commands WHERE worker = 'gone' AND run_as IS NULL)), 1, 'and runs as no role');
    value($target, 'moved', q(CREATE ROLE dx_gone LOGIN; SELECT dynpgext.reload()));
    becomes($target, 'moved', q(SELECT state FROM dynpgext.workers WHERE name = 'gone'), 'running', 'a reload finds the role when it is there');
    is(value($target, 'moved', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload has nothing to do');
    value($target, 'postgres', 'DROP DATABASE moved; DROP ROLE dx_gone');
};

subtest 'by an owner who is not a superuser' => sub {
    value($target, 'postgres', 'CREATE ROLE dx_dumps LOGIN; CREATE DATABASE dumped OWNER dx_dumps');
    value($target, 'dumped', 'CREATE EXTENSION dynpgext');
    command_ok([ 'pg_dump', '-f', "$folder/owner.sql", $target->connstr('dumped') . ' user=dx_dumps' ], 'pg_dump');
    value($target, 'dumped', 'CREATE ROLE dx_reads LOGIN; GRANT SELECT ON dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities, dynpgext.hosted_libraries TO dx_reads');
    command_ok([ 'pg_dump', '-f', "$folder/reader.sql", $target->connstr('dumped') . ' user=dx_reads' ], 'pg_dump by a role that may read its tables');
    value($target, 'postgres', 'DROP DATABASE dumped; DROP ROLE dx_dumps, dx_reads');
};

# Nothing runs twice, and nothing remains of dropped objects.
sub is_whole_but {
    my ($node, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    becomes($node, $database, q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE state = 'draining'), 0, 'nothing drains');
    my %there = processes($node);
    return is(join(' ', map { "$_: " . @{ $there{$_} } } grep {/^dx local/} keys %there), 'dx local: 1', 'once');
}

$_->stop for $node, $target;
done_testing();
