# A library that needs another layout of shared memory is installed on a running server: until the
# server is restarted, all processes, including new ones, run the library that has made the memory.
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/../../t/lib";
use DynpgextBuilds;
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $other = other_version();
my $moved = built('layout');
my ($install, $libraries) = private_install();
my $file = "$libraries/dynpgext.so";
my $original = "$libraries/original.so";
copy($file, $original) or die $!;
replace_library($file, $original);

my $node = new_cluster('main', install_path => $install, 'dynpgext.restart_delay_max' => '20ms',
    'dx_supervised.workers' => 2, 'dx_supervised.restart' => 'always', 'dx_supervised.delay' => 0);
add_database($node, 'one', qw(dynpgext dx_worker dx_memory dx_supervised dx_plain));
add_database($node, 'two', qw(dynpgext dx_worker));
register_sql_workers($node, 'one', 'dx_plain', { name => 'often', sql => 'SELECT 1', interval => 20 });
is_whole($node, 'all is well', qw(one two));
my $version = value($node, 'one', 'SELECT dynpgext.version()');
my $versions = 'SELECT version, launcher_version, oldest_version, newest_version FROM dynpgext.status';
sub kept { return glob $node->data_dir . '/pg_stat_tmp/dynpgext-layout*' }
my $runs = q(SELECT runs FROM dynpgext.commands WHERE worker = 'often');

# Replaces the library, of version $before, by one that needs another layout.
sub replace {
    my ($library, $before, $after) = @_;
    ok((wait_until { my @kept = kept(); @kept == 1 }), 'the library that serves is kept, and no other');
    my $session = $node->background_psql('one');
    is($session->query('SELECT dynpgext.version()'), $before, 'a session');
    my $offset = log_offset($node);
    replace_library($file, $library);
    is_logged($node, qr/WARNING: .*the library of dynpgext version \Q$after\E needs another layout of the shared memory/, $offset, 1, 'a WARNING');
    is(value($node, 'one', $versions), join('|', ($before) x 4), 'the one that has made the memory serves in new sessions');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.workers WHERE stale)), 0, 'no worker is stale');
    is_whole($node, 'all is well', qw(one two));

    # new processes of all kinds
    my $launcher = value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status');
    my $runner = runner_pid($node, 'one');
    kill 'TERM', $launcher, $runner;
    ok($node->poll_query_until('one', "SELECT launcher_pid <> $launcher FROM dynpgext.status"), 'another launcher');
    my $so_far = value($node, 'one', $runs);
    ok($node->poll_query_until('one', "SELECT runs > $so_far + 2 FROM dynpgext.commands WHERE worker = 'often'"), 'another runner');
    ok(tell($node, 'one', 1, 'exit1'), 'a worker ends');
    shows($node, 'one', 'dx supervised 1', q(state = 'running' AND starts > 1), 'and is restarted');
    value($node, 'one', 'DROP EXTENSION dx_memory; CREATE EXTENSION dx_memory');
    $session->query_safe('DROP EXTENSION dx_worker; CREATE EXTENSION dx_worker');
    add_database($node, "new_$after" =~ s/\./_/gr, qw(dynpgext dx_worker));
    is_whole($node, 'all is well', qw(one two));
    is(value($node, 'one', $versions), join('|', ($before) x 4), 'all of them run the library that serves');
    is($session->query('SELECT dynpgext.version()'), $before, 'the session continues');
    $session->quit;
    is(log_count($node, qr/(PANIC|TRAP):|was terminated by signal/, $offset), 0, 'nobody has crashed');

    $node->restart;
    wait_whole($node, qw(one two));
    is(value($node, 'one', $versions), join('|', ($after) x 4), 'after a restart the other one serves');
    is_whole($node, 'all is well', qw(one two));
    return;
}

subtest 'a newer version' => sub { replace($moved, $version, $other) };
subtest 'back' => sub { replace($original, $other, $version) };

subtest 'not kept' => sub {
    ok((wait_until { my @kept = kept(); @kept == 1 }), 'the library is kept');
    replace_library($file, $moved);
    unlink kept() or die $!;
    like(error_of($node, 'one', 'SELECT * FROM dynpgext.status'), qr/55000: .*shared memory has layout.*Restart the server/s, 'refused, and nothing is broken');
    replace_library($file, $original);
    is_whole($node, 'all is well with the old one', qw(one two));
};
$node->stop;
done_testing();
