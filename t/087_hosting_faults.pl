# Each step of hosting dies or raises an error, in the keeper, the calling session, a new session and a worker:
# afterwards the libraries in the table are hosted, and no others.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextFaults;
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A keeper that raises an error is requested again at once, a killed one not before the restart.
my $node = new_faulty_cluster('main', max_worker_processes => 24);
add_database($node, 'one', 'dynpgext');

# Does not die: the session may end with the fault.
sub try {
    my ($sql) = @_;
    my ($code, $out, $error) = $node->psql('one', $sql);
    return $code == 0 ? $out : undef;
}

my %steps = (
    host => sub { try(q(SELECT dynpgext.host('dx_hosted'))) },
    rehost => sub { try(q(SELECT dynpgext.rehost('dx_hosted'))) },
    unhost => sub { try(q(SELECT dynpgext.unhost('dx_hosted'))) },
    session => sub { try('SELECT 1') },
    worker => sub { try(q(SELECT dynpgext.restart_worker('dx_hosted', 'dx hosted'))) },
    restart => sub { $node->stop; $node->start });

# Where each point is reached; nothing is hosted before "host".  unhost() is followed by visits.
my @reached = (
    ['hosting.claimed', 'host'],
    ['hosting.keeper_in_office', qw(host rehost restart)],
    ['hosting.window_made', qw(host rehost restart)],
    ['hosting.keeper_loaded', qw(host rehost restart)],
    ['hosting.keeper_up', qw(host rehost restart)],
    ['hosting.made', 'host'],
    ['hosting.mapped', qw(host rehost session worker)],
    ['hosting.loaded', qw(host rehost session worker)],
    ['hosting.written', 'host'],
    ['hosting.erased', 'unhost'],
    ['hosting.made_way', 'rehost'],
    ['hosting.replaced', 'rehost'],
    ['hosting.following', qw(unhost restart)],
    ['hosting.followed', qw(unhost restart)]);

is(join(' ', sort map { $_->[0] } @reached), join(' ', grep {/^hosting\./} fault_points()), 'all points are walked');

my $registered = q(SELECT count(*) FROM dynpgext.hosted_libraries);

# Everything agrees with the table; then all can be used, and nothing is left once it is unhosted.
sub check {
    my ($memory) = @_;
    my $count = value($node, 'one', $registered);
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.hosted WHERE state = 'hosted' AND error IS NULL), $count, 'what is registered is hosted');
    becomes($node, 'one', 'SELECT count(*) FROM dynpgext.hosted', $count, 'and nothing else');
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_hosted' AND state = 'running'), $count, 'with its worker');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.workers WHERE extension = 'dx_hosted')), $count, 'and no other');
    becomes($node, 'one', 'SHOW session_preload_libraries', $count ? 'dynpgext_sessions' : '', 'sessions load it, or nothing');
    is(value($node, 'one', q(SELECT dynpgext.host('dx_hosted'))), 'hosted', 'it can be hosted') unless $count;
    value($node, 'one', 'CREATE EXTENSION IF NOT EXISTS dx_hosted');
    like($node->safe_psql('one', 'SELECT dx_hosted_next()'), qr/^\d+$/, 'and used');
    becomes($node, 'one', 'SELECT dx_hosted_state()', 'max 3, same address, made by the postmaster, worker as registered, dynamic 0', 'and is as it should be');
    is(value($node, 'one', q(SELECT dynpgext.rehost('dx_hosted'))), 'hosted', 'and hosted anew');
    like($node->safe_psql('one', 'SELECT dx_hosted_next()'), qr/^\d+$/, 'and used again');
    is(value($node, 'one', q(SELECT dynpgext.unhost('dx_hosted'))), 't', 'and unhosted');
    becomes($node, 'one', 'SELECT count(*) FROM dynpgext.workers', 0, 'without a worker');
    becomes($node, 'one', 'SELECT memory_used FROM dynpgext.status', $memory, 'and no memory is lost') if defined $memory;
    wait_until { !grep {/^dynpgext keeper/} keys %{ { processes($node) } } };
    return;
}

sub keeps_memory { return memory_used($node, 'one') }

$steps{$_}->() for qw(host session worker rehost restart unhost host);
subtest 'without a fault' => sub { check() };
my $memory = keeps_memory();

my $only = $ENV{DYNPGEXT_FAULT_POINTS} // '';    # to investigate one point
for my $how (qw(kill error)) {
    for my $reached (@reached) {
        my ($point, @where) = @$reached;
        next unless $point =~ /^$only/;
        for my $step (@where) {
            subtest "$point in $step: $how" => sub {
                my $offset = log_offset($node);
                if ($step ne 'host') {
                    is($steps{host}->(), 'hosted', 'hosted');
                    becomes($node, 'one', q(SELECT state FROM dynpgext.workers), 'running', 'its worker runs');
                }
                inject($node, $point, $how);
                $steps{$step}->();
                ok((wait_until { injected($node) }), "$point is reached") or return;
                if ($how eq 'kill') {
                    $node->wait_for_log(qr/was terminated by signal 9: Killed/, $offset);
                    wait_crash_restart($node, $offset);
                } else {
                    $node->wait_for_log(qr/fault injected at \Q$point\E/, $offset);
                }
                if ($how eq 'error' && $step eq 'restart' && $point =~ /window_made|keeper_loaded/) {
                    becomes($node, 'one', q(SELECT state || ' ' || error FROM dynpgext.hosted), "failed fault injected at $point", 'an error at the start stays');
                    is(value($node, 'one', q(SELECT dynpgext.rehost('dx_hosted'))), 'hosted', 'until it is hosted anew');
                }
                # after a restart of the server: entries are made anew with the first use
                check($how eq 'error' && $step ne 'restart' ? $memory : undef);
                $memory = keeps_memory();
                is(log_count($node, qr/(PANIC|TRAP):/, $offset), 0, 'no panic');
                is(log_count($node, qr/was terminated by signal/, $offset), $how eq 'kill' ? 1 : 0, 'nobody else has died');
            };
        }
    }
}

$node->stop;
done_testing();
