# pg_upgrade and single-user mode: names and settings survive, and nothing is started where nothing can run.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use Cwd;
use DynpgextTest;
use File::Find;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my %settings = (
    'shared_preload_libraries' => 'dynpgext',
    'dx_supervised.workers' => 3,
    'dx_supervised.restart' => 'on_failure');
my $old = new_cluster('old', %settings);
add_database($old, 'one', qw(dx_memory dynpgext dx_supervised dx_worker dx_usage dx_lazy), '"Dx Quoted ""name"');
add_database($old, 'two', qw(dynpgext dx_worker));
value($old, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 2', restart => 'always', restart_delay => '1500 ms')));
value($old, 'one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 3', enabled => false)));
value($old, 'one', q(SELECT dynpgext.unload('dx_usage')));
# it would not run in a copy of the database, whose owner is not a member of the role
value($old, 'postgres', 'CREATE ROLE dx_upgraded LOGIN; CREATE ROLE dx_owns');
value($old, 'postgres', q(CREATE DATABASE commands OWNER dx_owns));
value($old, 'commands', q(CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; SELECT dynpgext.register('dx_plain',
    '{"dynpgext": 1, "workers": [{"name": "who", "command": "SELECT 1", "interval": "100 ms", "run_as": "dx_upgraded"}]}')));

# Everything that must survive: registrations, except of load(), which end with the server; and settings.
sub registered {
    my ($node, $database) = @_;
    return join "\n", $node->safe_psql($database, q(
        SELECT extension, version, library, eager, loaded, incarnation FROM dynpgext.registered_extension ORDER BY 1;
        SELECT * FROM dynpgext.registered_allocation ORDER BY 1;
        SELECT * FROM dynpgext.registered_worker ORDER BY 1, 2;
        SELECT * FROM dynpgext.worker_settings ORDER BY 1, 2;));
}
my $states = q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name COLLATE "C") FROM dynpgext.workers);
my %wanted = (
    one => 'dx global running, dx local running, dx supervised 1 running, dx supervised 2 running, dx supervised 3 disabled',
    two => 'dx global running, dx local running');
my $extensions = q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions);
my $provisioned = 'Dx Quoted "name provisioned, dx_lazy unloaded, dx_memory provisioned, dx_supervised provisioned, dx_usage unloaded, dx_worker provisioned';

sub is_right {
    my ($node) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    becomes($node, $_, $states, $wanted{$_}, "$_: workers") for sort keys %wanted;
    becomes($node, 'one', $extensions, $provisioned, 'extensions');
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.allocations WHERE state <> 'allocated'), 0, 'memory');
    is(value($node, $_, 'SELECT count(*) FROM dynpgext.reload()'), 0, "$_: a reload has nothing to do") for sort keys %wanted;
    my %there = processes($node);
    is(join(', ', map { "$_: " . @{ $there{$_} } } sort grep {/^dx/} keys %there),
        'dx global: 1, dx local: 2, dx supervised 1: 1, dx supervised 2: 1', 'one process each');
    return;
}

subtest 'before' => sub { is_right($old) };
my %before = map { $_ => registered($old, $_) } sort keys %wanted;
$old->stop;

my $new = new_cluster('new', %settings);
$new->stop;

sub complaints_of {
    my ($text) = @_;
    return join "\n", grep {/(WARNING|ERROR|FATAL|PANIC):  /} split /\n/, $text;
}

subtest 'pg_upgrade' => sub {
    my $folder = PostgreSQL::Test::Utils::tempdir('upgrade');
    my $here = getcwd();
    chdir $folder or die "$folder: $!";
    my @command = ('pg_upgrade', '--no-sync', '--retain', '-d', $old->data_dir, '-D', $new->data_dir,
        '-b', $old->config_data('--bindir'), '-B', $new->config_data('--bindir'),
        '-s', $new->host, '-p', $old->port, '-P', $new->port);
    command_ok([ @command, '--check' ], 'the check');
    command_ok(\@command, 'the upgrade');
    chdir $here or die "$here: $!";

    my $logs = '';
    find({ no_chdir => 1, wanted => sub { $logs .= slurp_file($_) if /\.log$/ } }, $new->data_dir . '/pg_upgrade_output.d');
    cmp_ok(length $logs, '>', 1000, 'there are logs');
    like($logs, qr/database system is ready to accept connections/, 'of servers');
    unlike($logs, qr/background worker process "(?!logical)[^"]*"/, 'no background worker was started');
    unlike($logs, qr/dynpgext launcher|dynpgext provisioning/, 'nor the launcher');
    is(complaints_of($logs), '', 'without complaints');
};

subtest 'the new cluster' => sub {
    my $offset = log_offset($new);
    $new->start;
    is_right($new);
    is(registered($new, $_), $before{$_}, "$_: registrations and settings are what they were") for sort keys %before;
    is(complaints_of(slurp_file($new->logfile, $offset)), '', 'there are no complaints');
    value($new, 'one', 'DROP EXTENSION dx_usage');
    value($new, 'one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 3')));
    becomes($new, 'one', $states, $wanted{one} =~ s/3 disabled/3 running/r, 'it can be configured');
    value($new, 'one', q(SELECT dynpgext.load('dx_lazy')));
    becomes($new, 'one', $states, ($wanted{one} =~ s/3 disabled/3 running/r) =~ s/, dx local/, dx lazy running, dx local/r, 'and loaded');
};

subtest 'an SQL worker there' => sub {
    ok($new->poll_query_until('commands', q(SELECT runs > 0 AND last_error IS NULL FROM dynpgext.commands WHERE run_as = 'dx_upgraded')), 'runs as the same role');
    like(error_of($new, 'postgres', 'DROP ROLE dx_upgraded'), qr/role "dx_upgraded" cannot be dropped/, 'which is held');
    is(error_of($new, 'commands', 'DROP EXTENSION dynpgext'), '', 'but keeps dynpgext from nothing');
    is(error_of($new, 'postgres', 'DROP ROLE dx_upgraded'), '', 'and is free then');
    value($new, 'postgres', 'DROP DATABASE commands');
};

# The output of single-user mode; each line is a command.
sub single {
    my ($node, $database, @lines) = @_;
    my $input = join('', map {"$_\n"} @lines);
    my ($out, $error) = ('', '');
    IPC::Run::run([ 'postgres', '--single', '-F', '-D', $node->data_dir, $database ], '<', \$input, '>', \$out, '2>', \$error)
      or diag("postgres --single: $?");
    return ($out, $error);
}

for my $preload (1, 0) {
    my $node = $new;
    my $database = $preload ? 'single' : 'alone';
    subtest 'single-user mode, ' . ($preload ? 'with preload' : 'without preload') => sub {
        add_database($node, $database);
        set_preload($node, $preload);
        $node->stop;
        my ($out, $error) = single($node, $database,
            'CREATE EXTENSION dynpgext', 'CREATE EXTENSION dx_memory', 'CREATE EXTENSION dx_worker',
            'CREATE EXTENSION dx_usage_cpp', 'DROP EXTENSION dx_usage_cpp',
            q(ALTER EXTENSION dx_memory UPDATE TO '0.2'),
            'SELECT count(*) AS reloaded FROM dynpgext.reload()',
            'SELECT count(*) AS extensions FROM dynpgext.registered_extension',
            'SELECT count(*) AS workers FROM dynpgext.registered_worker');
        is(complaints_of($error), '', 'there are no complaints');
        unlike($error, qr/no free slot|starting background worker/, 'nothing is started');
        like($out, qr/reloaded = "\d+"/, 'reload works');
        like($out, qr/extensions = "2"/, 'extensions are registered');
        like($out, qr/workers = "2"/, 'so are workers');
        ($out, $error) = single($node, 'two', 'DROP EXTENSION dx_worker', 'CREATE EXTENSION dx_trusted');
        is(complaints_of($error), '', 'there are no complaints in a database with it, either');

        $node->start;
        value($node, $database, 'SELECT dynpgext.version()') unless $preload;
        is_whole($node, 'after the next start all runs', $database, 'two');
        is(value($node, $database, q(SELECT string_agg(extension || ' ' || version || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions)),
            'dx_memory 0.2 provisioned, dx_worker 0.1 provisioned', 'as registered');
        is(value($node, $database, q(SELECT dx_read('dx_memory:global_small'))) =~ s/\d callback/N callback/r, 'dx_memory 0.N callback 1', 'with its memory');
        is(value($node, 'two', q(SELECT string_agg(extension || ' ' || state, ', ') FROM dynpgext.extensions)), 'dx_trusted provisioned', 'in the other database, too');
        is(value($node, $_, 'SELECT count(*) FROM dynpgext.reload()'), 0, "$_: a reload has nothing to do") for $database, 'two';
        value($node, 'two', 'CREATE EXTENSION dx_worker; DROP EXTENSION dx_trusted;');
    };
}

$new->stop;
done_testing();
