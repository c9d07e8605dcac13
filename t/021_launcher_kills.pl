# The launcher is ended repeatedly while fifty workers run: no identity ever has two processes, and none is
# lost.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main',
    log_min_messages => 'log',
    max_worker_processes => 64,
    shared_preload_libraries => 'dynpgext',
    'dynpgext.crash_limit' => 0,
    'dynpgext.restart_delay_max' => '20ms',
    'dx_supervised.delay' => 5,
    'dx_supervised.restart' => 'always',
    'dx_supervised.workers' => 50);
add_database($node, 'one', qw(dynpgext dx_supervised));
is_whole($node, 'all is well before', 'one');

my $samples = 0;
my %doubles;
my %told;  # signalled launchers: one may still be exiting when the next has started

sub sample {
    my %there = processes($node);
    $samples++;
    for my $name (grep {/^dx supervised \d+$/} keys %there) {
        $doubles{$name}++ if @{ $there{$name} } > 1;
    }
    $doubles{launcher}++ if 1 < grep { !$told{$_} } @{ $there{'dynpgext launcher'} // [] };
    return \%there;
}

my $wait = sub {
    my ($holds) = @_;
    for (1 .. 50 * $PostgreSQL::Test::Utils::timeout_default) {
        my $there = sample();
        return $there if $holds->($there);
        select undef, undef, undef, 0.02;
    }
    return;
};

for my $time (1 .. 20) {
    my $hard = $time % 7 == 0;
    # some workers end, to be restarted by the launcher that is being ended, or by the next
    $node->safe_psql('one', join '', map { "SELECT dx_supervised_command($_, 'exit1');" } map { ($time * 7 + $_ * 5) % 50 + 1 } 1 .. 6);
    my $there = $wait->(sub { 1 == grep { !$told{$_} } @{ $_[0]->{'dynpgext launcher'} // [] } }) or last;
    my ($old) = grep { !$told{$_} } @{ $there->{'dynpgext launcher'} };
    my $offset = log_offset($node);
    $told{$old} = 1;
    kill $hard ? 'KILL' : 'TERM', $old;
    sample() for 1 .. 5;
    wait_crash_restart($node, $offset) if $hard;
    $wait->(sub { grep { !$told{$_} } @{ $_[0]->{'dynpgext launcher'} // [] } }) or fail("another launcher comes ($time)");
}
ok($wait->(sub { my ($t) = @_; 50 == grep {/^dx supervised \d+$/} keys %$t }), 'fifty workers run at the end');
is_whole($node, 'each in one process', 'one');
note("$samples samples");
cmp_ok($samples, '>', 100, 'enough samples');
is(join(', ', map {"$_: $doubles{$_}"} sort keys %doubles), '', 'no identity ever had two processes');

$node->stop;
done_testing();
