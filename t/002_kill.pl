# kill -9 of any process makes the server do a crash-restart.  Afterwards the live objects equal the
# registered ones, with one process for each identity.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @databases = qw(one two);
my $node = new_cluster('main');
add_database($node, $_, qw(dynpgext dx_worker dx_memory)) for @databases;

# Kills the process, and waits until the server accepts connections again.
sub kill_hard {
    my ($pid) = @_;
    like($pid, qr/^\d+$/, "there is a process to kill");
    my $offset = log_offset($node);
    is(kill('KILL', $pid), 1, 'killed');
    wait_crash_restart($node, $offset);
    return;
}

sub is_back {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(value($node, 'one', q(SELECT dx_address('dx_memory:local') IS NOT NULL)), 't', 'the lookup is not NULL');
    is_whole($node, $test, @databases);
    is(value($node, 'two', 'SELECT dx_callbacks()'), 1, 'the memory is new, and was initialised once');
    return;
}

for my $preload (0, 1) {
    my $with = $preload ? 'with preload' : 'without preload';
    set_preload($node, $preload);
    $node->restart;
    value($node, 'one', 'SELECT dx_callbacks()');
    is_whole($node, "all is well before, $with", @databases);

    subtest "kill -9 of a worker, $with" => sub {
        kill_hard(pid_of($node, 'two', 'dx local'));
        is_back('after a database-local one');
        kill_hard(pid_of($node, 'two', 'dx global'));
        is_back('after a global one');
    };

    subtest "kill -9 of the launcher, $with" => sub {
        kill_hard(value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status'));
        is_back('afterwards');
        my %processes = processes($node);
        is(scalar @{ $processes{'dynpgext launcher'} // [] }, 1, 'there is one launcher');
    };

    subtest "kill -9 of the committing backend, $with" => sub {
        my $session = $node->background_psql('one');
        my $pid = $session->query_safe('SELECT pg_backend_pid()');
        $session->query_safe('BEGIN');
        $session->query_safe('CREATE EXTENSION dx_usage');
        $session->query_safe('DROP EXTENSION dx_memory');
        is($session->query_safe('SELECT dx_usage_value()'), 'usage', 'its memory is there in the transaction');
        kill_hard($pid);
        eval { $session->quit };
        is_back('afterwards');
        is(value($node, 'one', q(SELECT count(*) FROM pg_extension WHERE extname = 'dx_usage')), 0,
            'the extension is not there');
        is(value($node, 'one', q(
            SELECT (SELECT count(*) FROM dynpgext.extensions WHERE extension = 'dx_usage')
                 + (SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_usage')
                 + (SELECT count(*) FROM dynpgext.cluster_workers WHERE extension = 'dx_usage'))),
            0, 'nothing of it is left');
        is(value($node, 'one', q(SELECT dx_address('my_ext:0.1:value') IS NULL)), 't', 'the lookup is NULL');
        my %processes = processes($node);
        ok(!exists $processes{worker}, 'no worker of it runs');
        value($node, 'one', 'CREATE EXTENSION dx_usage');
        is_whole($node, 'it can be created', @databases);
        value($node, 'one', 'DROP EXTENSION dx_usage');
    };
}

$node->stop;
done_testing();
