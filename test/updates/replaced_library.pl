# dynpgext's own library is replaced on a running server, by another version with larger structs in
# shared memory, and back: processes with both use the same memory, the launcher and the SQL runners
# follow, and nothing is lost.
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
my $grown = built('growth');
my ($install, $libraries) = private_install();
my $file = "$libraries/dynpgext.so";
my $original = "$libraries/original.so";
copy($file, $original) or die $!;
replace_library($file, $original);

my $node = new_cluster('main', install_path => $install, 'dynpgext.restart_delay_max' => '20ms',
    'dx_supervised.workers' => 2, 'dx_supervised.restart' => 'always', 'dx_supervised.delay' => 0);
add_database($node, 'one', qw(dynpgext dx_worker dx_memory dx_supervised dx_plain));
add_database($node, 'two', qw(dynpgext dx_worker));
value($node, 'one', 'CREATE TABLE public.done (at timestamptz DEFAULT clock_timestamp(), pid integer DEFAULT pg_backend_pid())');
register_sql_workers($node, 'one', 'dx_plain',
    { name => 'often', sql => 'INSERT INTO public.done DEFAULT VALUES', interval => 20 },
    { name => 'told', sql => 'INSERT INTO public.done DEFAULT VALUES', channel => 'x' });
is_whole($node, 'all is well', qw(one two));
my $version = value($node, 'one', 'SELECT dynpgext.version()');

sub status { return value($node, 'one', 'SELECT version, launcher_version, oldest_version, newest_version FROM dynpgext.status') }
sub launcher { return value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status') }
my $stale = q(SELECT string_agg(name, ', ' ORDER BY name) FROM dynpgext.workers WHERE stale);
my $not_sql = q(function <> 'dynpgext_sql_worker');
my $pids = qq(SELECT string_agg(name || ' ' || pid, ', ' ORDER BY name) FROM dynpgext.workers WHERE $not_sql);
my $all_own = join ', ', ('dx global', 'dx local', 'dx supervised 1', 'dx supervised 2');

# The file that a process has loaded, by its inode.
sub runs_file {
    my ($pid) = @_;
    my $maps = eval { slurp_file("/proc/$pid/maps") } // return;
    my ($inode) = $maps =~ m{ (\d+) +\Q$libraries\E/dynpgext\.so( \(deleted\))?$}m;
    return $inode;
}

is(status(), join('|', ($version) x 4), 'one version before');

# Replaces the library, of version $before, by one of version $after.
sub replace {
    my ($library, $before, $after) = @_;
    my $session = $node->background_psql('one');
    is($session->query('SELECT dynpgext.version()'), $before, 'a session');
    my $launcher = launcher();
    my $workers = value($node, 'one', $pids);
    my $runner = runner_pid($node, 'one');
    my $offset = log_offset($node);
    replace_library($file, $library);
    my $inode = (stat $file)[1];

    becomes($node, 'one', q(SELECT launcher_version FROM dynpgext.status), $after, 'the launcher follows');
    isnt(launcher(), $launcher, 'in another process');
    ok((wait_until { my $pid = runner_pid($node, 'one'); $pid ne '' && $pid ne $runner && (runs_file($pid) // 0) == $inode }),
        'so does the runner');
    is_logged($node, qr/the launcher continues with the newly installed library/, $offset, 1, 'once, with a message in the log');
    is(status(), join("|", $after, $after, $version, $other), 'both versions are there');
    is(value($node, 'one', $pids), $workers, 'the workers go on');
    is(value($node, 'one', $stale), $all_own, 'and are stale');
    is(log_count($node, qr/(ERROR|FATAL|PANIC|WARNING):/, $offset), 0, 'none has failed');

    # the old and the new one share everything
    is($session->query('SELECT dynpgext.version()'), $before, 'the session continues');
    $session->query_safe(q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
    shows($node, 'one', 'dx supervised 1', q(state = 'stopped'), 'it stops a worker');
    $session->query_safe(q(SELECT dynpgext.start_worker('dx_supervised', 'dx supervised 1')));
    shows($node, 'one', 'dx supervised 1', q(state = 'running' AND NOT stale), 'and starts it, with the new file');
    $session->query_safe('DROP EXTENSION dx_memory; CREATE EXTENSION dx_memory');
    value($node, 'two', 'DROP EXTENSION dx_worker; CREATE EXTENSION dx_worker');
    value($node, 'one', 'NOTIFY x');
    ok(command_is($node, 'one', 'told', 'runs > 1 AND failures = 0'), 'the new runner listens');

    value($node, 'one', 'SELECT dynpgext.reload()');
    becomes($node, 'one', "$stale", '', 'after a reload none is stale');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a second one has nothing to do');
    value($node, 'two', 'SELECT dynpgext.reload()');
    is_whole($node, 'all is well with both', qw(one two));
    $session->quit;
    becomes($node, 'one', 'SELECT oldest_version, newest_version FROM dynpgext.status', "$after|$after", 'the old one is gone');
    is_whole($node, 'all is well with the new one', qw(one two));
    is(value($node, 'one', q(SELECT starts FROM dynpgext.workers WHERE name = 'often')), 1, 'for its SQL workers nothing has happened');
    return;
}

my $memory = memory_used($node, 'one');
subtest 'a newer version' => sub { replace($grown, $version, $other) };
is(memory_used($node, 'one'), $memory, 'no memory is lost');
subtest 'back' => sub { replace($original, $other, $version) };
is(memory_used($node, 'one'), $memory, 'no memory is lost');

my $gap = value($node, 'one', q(SELECT max(gap) < '5 s' FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM public.done) AS d));
is($gap, 't', 'the SQL worker has run all the time');

subtest 'a file that cannot be used' => sub {
    my $launcher = launcher();
    my $session = $node->background_psql('one');
    $session->query_safe('SELECT dynpgext.version()');
    my $offset = log_offset($node);
    unlink $file;
    append_to_file($file, 'not a library');
    chmod 0755, $file;
    is_logged($node, qr/WARNING: .*has been replaced by one that cannot be used on the running server/, $offset, 1, 'a WARNING');
    is($session->query('SELECT launcher_pid FROM dynpgext.status'), $launcher, 'the launcher continues');
    replace_library($file, $original);
    $session->quit;
    is_whole($node, 'all is well when a good one is there', qw(one two));
    is(launcher(), $launcher, 'it is the one that the launcher runs');
};

subtest 'memory made by the version with larger structs' => sub {
    $node->stop;
    replace_library($file, $grown);
    $node->start;
    wait_whole($node, qw(one two));
    is(status(), join('|', ($other) x 4), 'it has made it');
    replace($original, $other, $version);
};

subtest 'preloaded' => sub {
    $node->stop;
    set_preload($node, 1);
    $node->start;
    wait_whole($node, qw(one two));
    my $launcher = launcher();
    replace_library($file, $grown);
    my $looks = value($node, 'one', 'SELECT count(*) FROM public.done');
    $node->poll_query_until('one', "SELECT count(*) > $looks + 100 FROM public.done") or die;
    is(status(), join('|', ($version) x 4), 'all processes have it from the postmaster');
    is(launcher(), $launcher, 'the launcher continues');
    is(value($node, 'one', $stale), '', 'no worker is stale');
    $node->stop;
};
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated by signal|has been overwritten/, 'nothing has crashed');
done_testing();
