# dynpgext's library is replaced repeatedly, by another version and back, under load: lookups,
# extensions and databases being created and dropped, workers and SQL workers.  No statement fails,
# and nothing is lost.  DYNPGEXT_UPDATES sets the number of replacements (default 4; 50 are a soak).
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/../../t/lib";
use DynpgextBuilds;
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $updates = $ENV{DYNPGEXT_UPDATES} // 4;
my $other = other_version();
my $grown = built('growth');
my ($install, $libraries) = private_install();
my $file = "$libraries/dynpgext.so";
my $original = "$libraries/original.so";
copy($file, $original) or die $!;
replace_library($file, $original);

my $node = new_cluster('main', install_path => $install, log_min_messages => 'warning', max_connections => 60);
add_database($node, 'one', qw(dynpgext dx_worker dx_memory dx_supervised dx_plain));
add_database($node, 'two', qw(dynpgext));
register_sql_workers($node, 'one', 'dx_plain', { name => 'often', sql => 'SELECT 1', interval => 20 });
is_whole($node, 'all is well before', qw(one two));
my $version = value($node, 'one', 'SELECT dynpgext.version()');

# The statements that each client repeats; pgbench stops a client after a failed statement.
my %load = (
    'new sessions' => [ one => 3, '-C', 'SELECT count(*) FROM dynpgext.allocations; SELECT dx_read(name) FROM dynpgext.allocations;' ],
    'old sessions' => [ one => 2, '-n', 'SELECT count(*) FROM dynpgext.workers; SELECT pg_sleep(0.02);' ],
    'extensions' => [ two => 1, '-n', 'CREATE EXTENSION dx_worker; CREATE EXTENSION dx_memory; DROP EXTENSION dx_memory; DROP EXTENSION dx_worker;' ],
    'databases' => [ postgres => 1, '-C', 'CREATE DATABASE passing TEMPLATE template0; DROP DATABASE passing;' ]);
my %running;
for my $what (sort keys %load) {
    my ($database, $clients, $how, $sql) = @{ $load{$what} };
    my $script = $node->basedir . '/' . ($what =~ tr/ /_/r) . '.sql';
    append_to_file($script, $sql =~ s/; */;\n/gr);
    my %r = (out => '', error => '');
    $r{process} = IPC::Run::start([ 'pgbench', '-n', $how, '-c', $clients, '-T', 100_000, '-f', $script, '-h', $node->host, '-p', $node->port, $database ],
        '<', \undef, '>', \$r{out}, '2>', \$r{error});
    $running{$what} = \%r;
}

my $offset = log_offset($node);
my $followed = 0;
for my $n (1 .. $updates) {
    my ($library, $after) = $n % 2 ? ($grown, $other) : ($original, $version);
    replace_library($file, $library);
    $node->poll_query_until('one', 'SELECT launcher_version FROM dynpgext.status', $after) or last;
    ++$followed;
}
is($followed, $updates, 'the launcher has followed each time');
for my $what (sort keys %running) {
    my $r = $running{$what};
    $r->{process}->pump_nb;
    ok($r->{process}->pumpable && $r->{error} !~ /abort|error/i, "$what: no statement has failed") or diag($r->{error});
}
# DROP EXTENSION ends workers, and a visit may find its database dropped
my @failed = grep { !/terminating background worker|FATAL:  database \d+ does not exist/ } slurp_file($node->logfile, $offset) =~ /^.*(?:ERROR|FATAL|PANIC|WARNING): .*$/mg;
is(join("\n", @failed), '', 'nothing in the log');
for my $r (values %running) {
    $r->{process}->signal('TERM');
    eval { $r->{process}->finish };
}

# everything in progress has ended
becomes($node, 'postgres', q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'), 0, 'the clients are gone');
value($node, 'postgres', 'DROP DATABASE IF EXISTS passing');
value($node, 'two', 'DROP EXTENSION IF EXISTS dx_memory, dx_worker');
is(value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'often')), 1, 'the SQL worker has not been restarted');
is(value($node, 'one', q(SELECT count(*) FROM dynpgext.workers WHERE starts <> 1)), 0, 'nor has any other');
value($node, 'one', 'SELECT dynpgext.reload()');
is_whole($node, 'all is well afterwards', qw(one two));
becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE state = 'draining'), 0, 'nothing drains');
my $used = memory_used($node, 'one');
$node->restart;
wait_whole($node, qw(one two));
is($used, memory_used($node, 'one'), 'the memory used equals that after a restart');
$node->stop;
done_testing();
