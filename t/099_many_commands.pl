# Thousands of commands wait for a place: the launcher still has time for all other work.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use List::Util qw(min);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_cluster('main', 'dynpgext.max_owner_workers' => 0, 'dx_supervised.workers' => 1);
add_database($node, 'one', qw(dynpgext dx_supervised));
value($node, 'one', 'CREATE ROLE tenant LOGIN CREATEDB');
add_database($node, 'heavy', qw(dynpgext dx_plain dx_sql_only));
value($node, 'one', 'ALTER DATABASE heavy OWNER TO tenant');
value($node, 'heavy', 'SELECT dynpgext.reload()');

sub waiting { return "SELECT count(*) = $_[0] FROM dynpgext.cluster_workers WHERE database = 'heavy' AND state = 'waiting'" }

# Seconds of CPU time.
sub cpu {
    my ($pid) = @_;
    my $line = slurp_file("/proc/$pid/stat");
    my @fields = split / /, $line =~ s/^.*\) //r;
    return ($fields[11] + $fields[12]) / 100;
}

for my $extension (qw(dx_plain dx_sql_only)) {
    value($node, 'heavy', qq(SELECT FROM dynpgext.register('$extension', jsonb_build_object('dynpgext', 1, 'workers',
        (SELECT jsonb_agg(jsonb_build_object('name', 'command ' || i, 'command', 'SELECT 1', 'run_as', 'tenant', 'channel', 'c')) FROM generate_series(1, 1000) AS i)))));
}
ok($node->poll_query_until('one', waiting(2000)), 'all wait');

subtest 'while no worker can start' => sub {
    my $launcher = value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    # of the measured time, which other processes may prolong
    my $share = sub {
        my ($cpu, $began) = (cpu($launcher), time);
        sleep 2;
        return (cpu($launcher) - $cpu) / (time - $began);
    };
    my $least = 1;
    for (1 .. 30) {
        $least = min($least, $share->());
        last if $least < 0.05;
    }
    note(sprintf 'the launcher used %.1f %% of the time', 100 * $least);
    cmp_ok($least, '<', 0.05, 'the launcher comes to rest');
};

subtest 'others' => sub {
    value($node, 'one', 'CREATE DATABASE other');
    value($node, 'one', 'DROP DATABASE other');
    is(value($node, 'one', "SELECT count(*) FROM pg_database WHERE datname = 'other'"), 0, 'can drop a database');
    my $pid = pid_of($node, 'one', 'dx supervised 1');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    ok($node->poll_query_until('one', qq(SELECT pid <> $pid FROM dynpgext.workers WHERE name = 'dx supervised 1' AND state = 'running')),
        'and have their workers restarted');
};

subtest 'when there is a place' => sub {
    configure($node, 'one', 'dynpgext.max_owner_workers' => 1);
    ok($node->poll_query_until('one', "SELECT count(*) = 2000 FROM dynpgext.cluster_workers WHERE database = 'heavy' AND starts > 0"), 'all of them run');
};

$node->stop;
done_testing();
