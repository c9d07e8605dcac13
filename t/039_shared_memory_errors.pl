# Server errors while shared memory is made: locks are released at once, because other processes, and those
# that unwind, would wait for them; and nothing stays charged.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', max_connections => 20, log_min_messages => 'warning');
add_database($node, 'one', 'dynpgext', 'dx_bytes');
add_database($node, 'two', 'dynpgext', 'dx_border');
value($node, 'one', "ALTER DATABASE one SET dx_border.size = '67108864'");
# the first session with the new setting also makes memory that is needed once for all
value($node, 'one', 'SELECT dynpgext_internal.boot()');
my $used = memory_used($node, 'one');

my $filler = $node->background_psql('two');
cmp_ok($filler->query_safe('SELECT dx_border_fill_slots()'), '>', 0, 'all slots for segments are taken');

# Starting processes take the root lock, and under it the area's.
my $script = PostgreSQL::Test::Utils::tempdir() . '/boot.sql';
append_to_file($script, "SELECT dynpgext_internal.boot();\n");
my $others = IPC::Run::start([ 'pgbench', '-n', '-C', '-c', '2', '-T', '600', '-f', $script, '-h', $node->host,
        '-p', $node->port, 'one' ], '>', \my $out, '2>', \my $err);

my $tries = 60;
my %seen;
for my $try (1 .. $tries) {
    my $timed_out = 0;
    my $error = '';
    $node->psql('one', "\\set VERBOSITY verbose\nCREATE EXTENSION dx_border", stderr => \$error, on_error_stop => 0,
        timeout => $PostgreSQL::Test::Utils::timeout_default, timed_out => \$timed_out);
    my $is_right = $error =~ /^(?:psql:<stdin>:\d+: )?ERROR:  53200: extension "dx_border" cannot have 67108864 bytes of shared memory for "dx_border:memory": out of shared memory\nDETAIL:  too many dynamic shared memory segments$/m;
    $seen{ $timed_out ? 'never returned' : $is_right ? 'refused' : "other: $error" }++;
    last if $timed_out;
}
$others->kill_kill;
is(join(', ', map {"$seen{$_} $_"} sort keys %seen), "$tries refused",
    'what needs a segment is refused, and everybody goes on');
unless ($seen{'never returned'}) {
    is(memory_used($node, 'one'), $used, 'and nothing stays charged for it');
    $filler->quit;
    value($node, 'one', 'CREATE EXTENSION dx_border');
    is(value($node, 'one', q(SELECT state FROM dynpgext.allocations WHERE name = 'dx_border:memory')),
        'allocated', 'with slots it is there');
    value($node, 'one', 'DROP EXTENSION dx_border');
    ok($node->poll_query_until('one', "SELECT memory_used = $used FROM dynpgext.status"), 'and is given back');
}

$node->stop('immediate');
done_testing();
