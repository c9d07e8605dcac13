# An SQL worker whose command delays the others of its process is reported: dynpgext.delay_warning.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $hour = 3600_000;
my $node = new_cluster('main', 'dynpgext.delay_warning' => '300ms');
add_database($node, 'one', qw(dynpgext dx_plain));
my %slow = (name => 'slow', sql => 'SELECT pg_sleep(1)', interval => $hour);
my %often = (name => 'often', sql => 'SELECT 1', interval => 50);
my %rare = (name => 'rare', sql => 'SELECT 1', interval => $hour);

sub events { return value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE event = 'delaying')) }
sub run_slow { return value($node, 'one', q(SELECT dynpgext.run_worker('dx_plain', 'slow') >= '1 s')) }

subtest 'nobody waits' => sub {
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%rare);
    ok(command_is($node, 'one', $_, 'runs = 1'), "$_ runs") for qw(slow rare);
    is(run_slow(), 't', 'a slow command');
    # at its start the other one may have waited for it
    ok(events() <= 1, 'is no event where no other is due');
};

subtest 'others wait' => sub {
    my ($before, $offset) = (events(), log_offset($node));
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%rare, \%often, { %often, name => 'too' });
    ok(command_is($node, 'one', $_, 'runs > 0'), "$_ runs") for qw(often too);
    run_slow();
    is(events(), $before + 1, 'an event');
    like(value($node, 'one', q(SELECT extension || ' ' || name || ' ' || detail FROM dynpgext.events WHERE event = 'delaying' ORDER BY at DESC LIMIT 1)),
        qr/^dx_plain slow 2 others, for up to (9\d\d|1\d\d\d) ms$/, 'says how many, and how long');
    is_logged($node, qr/WARNING:  SQL worker "slow" of extension "dx_plain" has delayed 2 others for up to \d+ ms/, $offset, 1, 'and so does the log');
    run_slow();
    is(events(), $before + 1, 'once in a row');
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%rare);
    run_slow();
    register_sql_workers($node, 'one', 'dx_plain', \%slow, \%often);
    ok(command_is($node, 'one', 'often', 'runs > 0'), 'others come again');
    run_slow();
    is(events(), $before + 2, 'and again after a run that delays nobody');
};

subtest 'dynpgext.delay_warning' => sub {
    my $before = events();
    configure($node, 'one', 'dynpgext.delay_warning' => 0);
    register_sql_workers($node, 'one', 'dx_plain', { %slow, sql => 'SELECT pg_sleep(1.0)' }, \%often);
    ok(command_is($node, 'one', 'slow', 'runs > 0'), 'a new command');
    run_slow();
    is(events(), $before, '0: none');
};

$node->stop;
done_testing();
