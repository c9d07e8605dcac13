# The file of a library is replaced: which processes still run the old one, and what replaces them.
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($install, $libraries) = private_install();
my $node = new_cluster('main', install_path => $install,
    'dynpgext.naptime' => '1h', 'dx_supervised.workers' => 3, 'dynpgext.restart_delay_max' => '20ms', 'dx_supervised.restart' => 'always', 'dx_supervised.delay' => 0);
add_database($node, 'one', qw(dynpgext dx_supervised dx_worker));
is_whole($node, 'all is well before', 'one');

my $stale = q(SELECT string_agg(name, ', ' ORDER BY name) FROM dynpgext.workers WHERE stale);
my $pids = q(SELECT string_agg(name || ' ' || pid, ', ' ORDER BY name) FROM dynpgext.workers WHERE extension = 'dx_supervised');

subtest 'restart_worker' => sub {
    is(value($node, 'one', $stale), '', 'none is stale');
    replace_library("$libraries/dx_supervised.so");
    is(value($node, 'one', $stale), 'dx supervised 1, dx supervised 2, dx supervised 3', 'all of it are stale, no others');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE stale)), 3, 'in the view of the cluster, too');
    is(value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 2'))), 't', 'restarted');
    is(value($node, 'one', $stale), 'dx supervised 1, dx supervised 3', 'that one is not any more');
    ok(tell($node, 'one', 3, 'exit1'), 'one ends by itself');
    shows($node, 'one', 'dx supervised 3', q(state = 'running' AND starts = 2 AND NOT stale), 'nor is one that was restarted by its policy');
};

subtest 'reload' => sub {
    my $before = value($node, 'one', $pids);
    is(value($node, 'one', 'SELECT object, name, action, detail FROM dynpgext.reload(dry_run => true)'),
        'worker|dx supervised 1|replace|the file of its library has changed', 'a dry run reports the actions');
    is(value($node, 'one', $pids), $before, 'and does nothing');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.reload('dx_worker'))), 0, 'a reload of another extension does not concern it');
    is(value($node, 'one', q(SELECT name, action FROM dynpgext.reload('dx_supervised'))), 'dx supervised 1|replace', 'a reload replaces it');
    shows($node, 'one', 'dx supervised 1', q(state = 'running' AND starts = 2 AND NOT stale), 'it runs the new one');
    is(value($node, 'one', $stale), '', 'none is stale');
    isnt(value($node, 'one', $pids), $before, 'in another process');
    my $after = value($node, 'one', $pids);
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a second reload has nothing to do');
    is(value($node, 'one', $pids), $after, 'and does nothing');
    is_whole($node, 'all is well', 'one');
};

subtest 'library of one version, global worker' => sub {
    replace_library("$libraries/dx_worker-0.1.so");
    is(value($node, 'one', $stale), 'dx global, dx local', 'both scopes');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 2, 'a reload of all');
    shows($node, 'one', "dx $_", q(state = 'running' AND NOT stale), "replaces dx $_") for qw(global local);
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'once');
};

subtest 'the file is missing' => sub {
    rename "$libraries/dx_supervised.so", "$libraries/dx_supervised.so.hidden" or die;
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.workers WHERE state = \'running\''), 5, 'running workers continue');
    is(kill('TERM', pid_of($node, 'one', 'dx supervised 1')), 1, 'one ends');    # its SQL functions are missing, too
    shows($node, 'one', 'dx supervised 1', q(last_error LIKE '58P01: %dx_supervised%' AND starts > 4), 'it repeatedly fails to start');
    rename "$libraries/dx_supervised.so.hidden", "$libraries/dx_supervised.so" or die;
    shows($node, 'one', 'dx supervised 1', q(state = 'running' AND NOT stale), 'until the file is restored');
    is(value($node, 'one', $stale), '', 'the same one');
    is_whole($node, 'all is well', 'one');
};

subtest 'stopped and dropped' => sub {
    value($node, 'one', q(SELECT dynpgext.stop_worker('dx_supervised', 'dx supervised 1')));
    replace_library("$libraries/dx_supervised.so");
    is(value($node, 'one', $stale), 'dx supervised 2, dx supervised 3', 'one without a process is not stale');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 2, 'nor replaced');
    shows($node, 'one', 'dx supervised 1', q(state = 'stopped'), 'it stays stopped');
    shows($node, 'one', "dx supervised $_", q(state = 'running' AND NOT stale), "$_ is new") for 2, 3;
    value($node, 'one', 'DROP EXTENSION dx_supervised; CREATE EXTENSION dx_supervised');
    is_whole($node, 'all is well', 'one');
    is(value($node, 'one', $stale), '', 'none is stale');
};

subtest 'a reload while the file is missing' => sub {
    my $before = value($node, 'one', $pids);
    rename "$libraries/dx_supervised.so", "$libraries/dx_supervised.so.hidden" or die;
    value($node, 'one', 'SELECT dynpgext.reload()');
    is(value($node, 'one', $pids), $before, 'it ends none of them, for there is nothing to replace them with');
    rename "$libraries/dx_supervised.so.hidden", "$libraries/dx_supervised.so" or die;
    value($node, 'one', 'SELECT dynpgext.reload()');
    is_whole($node, 'all is well when it is back', 'one');
};

$node->stop;
done_testing();
