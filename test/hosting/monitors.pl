# pg_auto_failover, as a monitor without nodes that run its keeper, and bgw_replstatus.
use strict;
use warnings FATAL => 'all';

use FindBin;
use IO::Socket::INET;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use Test::More;

needs(qw(pgautofailover bgw_replstatus));
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = older_cluster('main', ['monitor'], 'pgautofailover.health_check_period' => 200, 'pgautofailover.node_considered_unhealthy_timeout' => 1000,
    'bgw_replstatus.port' => $port, 'bgw_replstatus.bind' => '127.0.0.1');

subtest 'pg_auto_failover' => sub {
    hosts($node, 'monitor', 'pgautofailover');
    value($node, 'monitor', 'CREATE EXTENSION pgautofailover CASCADE');
    workers_run($node, 'monitor', 'pgautofailover', 1);
    my $registered = value($node, 'monitor', qq(
        SELECT assigned_node_name, assigned_group_id, assigned_group_state
          FROM pgautofailover.register_node('default', '127.0.0.1', @{[ $node->port ]}, 'postgres', 'first', 1)));
    is($registered, 'first|0|single', 'a node is registered');
    is(value($node, 'monitor', q(
        SELECT assigned_group_state FROM pgautofailover.node_active('default', 1, 0, 'single', true, 1, '0/1000000'))), 'single', 'and reports');
    # it listens on no address, and so cannot be healthy
    becomes($node, 'monitor', 'SELECT health FROM pgautofailover.node', 0, 'the health checks of a worker look at it');
    is(value($node, 'monitor', q(SELECT nodename, goalstate FROM pgautofailover.node)), 'first|single', 'the monitor knows it');
    cmp_ok(value($node, 'monitor', 'SELECT count(*) FROM pgautofailover.event'), '>', 0, 'with its events');
};

subtest 'bgw_replstatus' => sub {
    hosts($node, 'monitor', 'bgw_replstatus');
    workers_run($node, 'monitor', 'bgw_replstatus', 1);
    my $answer = wait_until {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return;
        local $/;
        return scalar <$socket>;
    };
    like($answer, qr/^MASTER/, 'its worker answers on its port');
};

value($node, 'monitor', 'DROP EXTENSION pgautofailover');
unhosts($node, 'monitor', 'bgw_replstatus', 'pgautofailover');
has_gone_on($node);
$node->stop;
done_testing();
