# With TimescaleDB, which ends and starts its own background workers around commands on databases: neither
# extension's processes block such a command, whichever library is loaded first.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use Test::More;

my ($share) = `pg_config --sharedir` =~ /^(.*)$/m;
plan skip_all => "THE SERVER HAS NO TIMESCALEDB: there is no $share/extension/timescaledb.control"
  unless -e "$share/extension/timescaledb.control";

my $node;

# One test: the command succeeds.  Otherwise the remaining tests would make no sense.
sub succeeds {
    my ($command) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $error = error_of($node, 'postgres', $command);
    return is($error, '', $command) || die "$command\n";
}

for my $libraries ('dynpgext,timescaledb', 'timescaledb,dynpgext') {
    subtest $libraries => sub {
        my $first = $libraries =~ s/,.*//r;
        $node = new_cluster("first_$first",
            'shared_preload_libraries' => $libraries,
            'timescaledb.telemetry_level' => 'off');
        add_database($node, 'plain', qw(dynpgext dx_worker));
        add_database($node, 'series', qw(timescaledb dynpgext dx_worker));
        is_whole($node, 'the workers run', qw(plain series));
        for my $database (qw(plain series)) {
            for my $n (1 .. 3) {
                succeeds("CREATE DATABASE copy TEMPLATE $database");
                is_whole($node, "all is back, $n", $database, 'copy');
                succeeds('ALTER DATABASE copy RENAME TO other');
                is_whole($node, "all is back, $n", $database, 'other');
                succeeds('DROP DATABASE other');
            }
        }
        $node->stop;
    };
}

done_testing();
