# pglogical: a subscriber hosts it; the provider, another server, preloads it, because walsenders do
# not load hosted libraries.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use Test::More;

needs('pglogical');
my %settings = (wal_level => 'logical', max_wal_senders => 10, max_replication_slots => 10);
my $provider = new_cluster('provider', %settings, shared_preload_libraries => 'pglogical');
my $node = older_cluster('subscriber', ['postgres'], %settings);
sub dsn { return 'host=' . $_[0]->host . ' port=' . $_[0]->port . ' user=postgres dbname=postgres' }

hosts($node, 'postgres', 'pglogical');
for my $each ($provider, $node) {
    # required by newer minor releases
    configure($each, 'postgres', output_plugin_libraries => 'pgoutput, pglogical_output')
      if value($each, 'postgres', q(SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'));
    value($each, 'postgres', qq(
        CREATE EXTENSION pglogical;
        CREATE TABLE replicated (id integer PRIMARY KEY, what text);
        SELECT pglogical.create_node('@{[ $each->name ]}', '@{[ dsn($each) ]}')));
}
workers_run($node, 'postgres', 'pglogical', 1);
value($provider, 'postgres', q(
    INSERT INTO replicated VALUES (1, 'before');
    SELECT pglogical.replication_set_add_all_tables('default', '{public}')));
value($node, 'postgres', qq(SELECT pglogical.create_subscription('subscription', '@{[ dsn($provider) ]}')));
becomes($node, 'postgres', 'SELECT * FROM replicated', '1|before', 'rows are copied');
becomes($node, 'postgres', 'SELECT status FROM pglogical.show_subscription_status()', 'replicating', 'the subscription works');
value($provider, 'postgres', q(
    INSERT INTO replicated VALUES (2, 'after');
    UPDATE replicated SET what = 'changed' WHERE id = 1));
becomes($node, 'postgres', 'SELECT * FROM replicated ORDER BY id', "1|changed\n2|after", 'and changes are replicated');
$node->command_fails_like([ 'pg_recvlogical', '-d', dsn($node), qw(-S refused -P pglogical_output --create-slot) ],
    qr/pglogical is not in shared_preload_libraries/, 'it cannot be a provider');

value($node, 'postgres', q(SELECT pglogical.drop_subscription('subscription')));
value($node, 'postgres', 'DROP EXTENSION pglogical');
unhosts($node, 'postgres', 'pglogical');
has_gone_on($node);
$node->stop;
$provider->stop;
done_testing();
