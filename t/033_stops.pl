# However the server stops, and whatever is in progress: after the next start all registered objects exist,
# once.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @databases = qw(one two);
my $node = new_cluster('main',
    'dynpgext.crash_limit' => 0,
    'dx_supervised.callback' => 'on',
    'dx_supervised.restart' => 'always',
    'dx_supervised.workers' => 2);
add_database($node, $_, qw(dynpgext dx_memory dx_supervised dx_worker)) for @databases;
is_whole($node, 'all is well before', @databases);
$node->restart;

sub use_it {
    my ($preload) = @_;
    value($node, 'one', q(SELECT dx_address('dx_memory:local'))) unless $preload;    # the first use
    return;
}

# The memory of a server that has only been restarted, after the same number of steps.
my $memory;

sub is_right {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_whole($node, $test, @databases);
    is(value($node, $_, 'SELECT count(*) FROM dynpgext.reload()'), 0, "$_: a reload has nothing to do") for @databases;
    is(value($node, $_, q(SELECT count(*) FROM dynpgext.allocations WHERE name LIKE 'dx_%')), 7, "$_: all allocations") for @databases;
    $memory //= memory_used($node, 'one');
    becomes($node, 'one', 'SELECT memory_used FROM dynpgext.status', $memory, 'as much memory is used as after a restart');
    return;
}

# Sessions in a transaction, by its progress.
my %amid = (
    'nothing' => [],
    'CREATE EXTENSION' => [ 'BEGIN', 'CREATE EXTENSION dx_usage' ],
    'DROP EXTENSION' => [ 'BEGIN', 'DROP EXTENSION dx_worker', 'DROP EXTENSION dx_memory' ],
    'a prepared CREATE EXTENSION' => [ 'BEGIN', 'CREATE EXTENSION dx_usage', q(PREPARE TRANSACTION 'p') ]);

for my $preload (1, 0) {
    my $with = $preload ? 'with preload' : 'without preload';
    set_preload($node, $preload);
    $node->restart;
    use_it($preload);
    $memory = undef;
    subtest "restart $with" => sub { is_right('all is there') };

    my @ways = $preload
      ? ([ fast => 'CREATE EXTENSION' ], [ smart => 'nothing' ], [ immediate => 'DROP EXTENSION' ], [ 'kill -9 of the postmaster' => 'a prepared CREATE EXTENSION' ])
      : ([ smart => 'nothing' ], [ immediate => 'CREATE EXTENSION' ]);
    for my $way (@ways) {
        my ($how, $amid) = @$way;
        subtest "$how, amid $amid, $with" => sub {
            my $session = $node->background_psql('one', on_error_stop => 0);
            $session->query($_) for @{ $amid{$amid} };
            if ($how eq 'smart') {
                $session->quit;
                my $begin = time;
                $node->stop('smart');
                note('it took ', time - $begin, ' s');
            } elsif ($how =~ /kill/) {
                my %there = processes($node);
                $node->kill9;
                my @pids = map {@$_} values %there;
                ok(wait_until { !grep { kill 0, $_ } @pids }, 'nobody survives it') or return;
            } else {
                $node->stop($how);
            }
            eval { $session->quit };
            $node->start;
            use_it($preload);
            if ($amid =~ /prepared/) {
                is_whole($node, 'a prepared transaction is not there', @databases);
                is(value($node, 'one', q(SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_usage')), 0, 'nor to be seen');
                value($node, 'one', q(COMMIT PREPARED 'p'));
                becomes($node, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'worker'), 'running', 'until it is committed');
                value($node, 'one', 'DROP EXTENSION dx_usage');
                $node->restart;
            }
            is_right('all is there');
        };
    }
}

subtest 'a reload that adopts an extension and starts a worker' => sub {
    is(value($node, 'one', q(SELECT pg_terminate_backend(pid, 10000) FROM dynpgext.workers WHERE name = 'dx local')), 't', 'a worker ends');
    shows($node, 'one', 'dx local', q(state = 'failed'), 'and has failed');
    value($node, 'one', $_) for 'ALTER EVENT TRIGGER dynpgext_on_create DISABLE', 'CREATE EXTENSION dx_trusted',
      'ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS';
    is(value($node, 'one', 'SELECT object, name, action FROM dynpgext.reload() ORDER BY 2'),
        "worker|dx local|start\nextension|dx_trusted|provision", 'it reports both');
    is(value($node, 'one', 'SELECT * FROM dynpgext.reload()'), '', 'nothing is left for another one');
    shows($node, 'one', 'dx local', q(state = 'running'), 'the worker runs');
};

$node->stop;
done_testing();
