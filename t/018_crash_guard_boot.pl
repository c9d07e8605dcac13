# Extensions that crash the server while it starts: the server becomes usable nevertheless.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main',
    'shared_preload_libraries' => 'dynpgext',
    'dx_supervised.delay' => 0,
    'dx_supervised.restart' => 'never,always',
    'dx_supervised.workers' => 3);
add_database($node, 'one', qw(dynpgext dx_memory dx_supervised dx_raise dx_usage));
add_database($node, 'two', qw(dynpgext dx_memory));
is_whole($node, 'all is well before', qw(one two));

# Starts the server, which crashes this many times, and waits until it stays up.
sub start_crashing {
    my ($crashes) = @_;
    my $offset = log_offset($node);
    $node->start(fail_ok => 1);
    my $crash = qr/all server processes terminated; reinitializing.*?/s;
    $node->wait_for_log(qr/(?:$crash){$crashes}database system is ready to accept connections/s, $offset);
    return $offset;
}

sub crashes { return log_count($node, qr/all server processes terminated; reinitializing/, $_[0]) }

# The complaints of whole(), without the quarantined objects.
sub others_are_whole {
    my ($test, $quarantined, @databases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $database (@databases) {
        ok($node->poll_query_until($database, qq(
            SELECT NOT EXISTS (SELECT FROM dynpgext.extensions WHERE state <> 'provisioned' AND extension <> '$quarantined')
               AND NOT EXISTS (SELECT FROM dynpgext.allocations WHERE state <> 'allocated' AND extension <> '$quarantined')
               AND NOT EXISTS (SELECT FROM dynpgext.workers WHERE state <> 'running' AND '$quarantined' NOT IN (extension, name))
               AND NOT EXISTS (SELECT FROM dynpgext.reload(dry_run => true)))), "$test in $database");
    }
    return;
}

my $state = q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_raise');

subtest 'init that crashes after a restart' => sub {
    $node->stop;
    $node->append_conf('postgresql.conf', q(dx_raise.at = 'crash'));
    my $offset = start_crashing(3);
    ok($node->poll_query_until('one', $state, 'quarantined'), 'the extension is quarantined');
    is(crashes($offset), 3, 'after three crashes');
    is(log_count($node, qr/WARNING:  code of extension "dx_raise" in database "\w+" took the server down \(\d of 3 times/, $offset),
        3, 'the log names it each time');
    is(log_count($node, qr/took the server down \(/, $offset), 3, 'and nobody else');
    is(log_count($node, qr/WARNING:  code of extension "dx_raise" .* is quarantined: .*\n.*HINT:  Nothing of it runs until dynpgext\.release\('dx_raise'\)/, $offset),
        1, 'then that it is quarantined, with a hint');
    others_are_whole('everything else is there', 'dx_raise', qw(one two));
    like(value($node, 'one', q(SELECT error FROM dynpgext.extensions WHERE extension = 'dx_raise')),
        qr/^quarantined since .*: it took the server down 3 times; dynpgext\.release\(\) ends it$/, 'the view shows the reason');
    is(value($node, 'one', q(SELECT state, pid IS NULL FROM dynpgext.workers WHERE extension = 'dx_raise')), 'quarantined|t', 'its worker does not run');
    is(value($node, 'one', q(SELECT object || ' ' || event FROM dynpgext.events WHERE extension = 'dx_raise' AND object = 'extension' ORDER BY at)),
        "extension crashed\nextension quarantined", 'the events show it');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'a reload does not run it');
    like(error_of($node, 'one', q(SELECT dynpgext.start_worker('dx_raise', 'dx raise');)), qr/ERROR:  55000: .*quarantined/, 'start_worker neither');
    like(error_of($node, 'one', q(SELECT dynpgext.peek('dx_raise:first');)),
        qr/ERROR:  55000: .*"dx_raise:first" .*is not allocated\nDETAIL:  The extension is quarantined since .*\nHINT:  Repair it, then call dynpgext\.release\(\)\./,
        'its memory cannot be read');
    like(error_of($node, 'one', q(SELECT dynpgext.unload('dx_raise');)) || 'ok', qr/^ok|ERROR:  55000/, 'unload neither');
    like(error_of($node, 'one', q(SELECT dynpgext.load('dx_raise');)), qr/ERROR:  55000: .*quarantined/, 'nor load');
};

subtest 'DROP and CREATE EXTENSION of a quarantined extension' => sub {
    my $offset = log_offset($node);
    $node->safe_psql('one', 'BEGIN; DROP EXTENSION dx_raise; ROLLBACK');
    is(value($node, 'one', $state) =~ /quarantined|unloaded/ ? 1 : 0, 1, 'rolled back, nothing has changed');
    $node->restart;
    others_are_whole('after a restart, everything else is there', 'dx_raise', qw(one two));
    $node->safe_psql('one', 'DROP EXTENSION dx_raise');
    is_whole($node, 'dropped, all is well', qw(one two));
    $node->safe_psql('one', 'ALTER DATABASE one SET dx_raise.at = \'none\'');
    $node->safe_psql('one', 'CREATE EXTENSION dx_raise');
    is_whole($node, 'it begins anew', qw(one two));
    is(crashes($offset), 0, 'nothing has crashed');
};

subtest 'CREATE EXTENSION crashes' => sub {
    $node->safe_psql('two', 'CREATE EXTENSION dx_usage');
    for my $time (1 .. 3) {
        my $offset = crash($node, sub { $node->psql('two', 'CREATE EXTENSION dx_raise') });
        is_whole($node, 'all is back', qw(one two));
        ok($node->log_contains(qr/WARNING:  code of extension "dx_raise" in database "\w+" took the server down \($time of 3 times/, $offset), "the log says: $time");
    }
    my $offset = log_offset($node);
    my ($code, $out, $error) = $node->psql('two', 'CREATE EXTENSION dx_raise');
    is($code, 0, 'then CREATE EXTENSION succeeds, without running it');
    like($error, qr/WARNING:.*quarantined/, 'with a warning');
    is(crashes($offset), 0, 'nothing has crashed');
    is(value($node, 'two', $state), 'quarantined', 'it is quarantined');
    is(value($node, 'one', $state), 'provisioned', 'in that database alone');
    $node->safe_psql('postgres', q(ALTER DATABASE two SET dx_raise.at = 'none'));
    is(value($node, 'two', q(SELECT dynpgext.release('dx_raise'))), 't', 'released');
    is_whole($node, 'all is well', qw(one two));
};

subtest 'a worker that crashes whenever it starts' => sub {
    $node->stop;
    $node->append_conf('postgresql.conf', q(dx_supervised.crash = 'dx supervised 2'));
    my $offset = start_crashing(3);
    shows($node, 'one', 'dx supervised 2', q(state = 'quarantined' AND pid IS NULL), 'it is quarantined');
    is(crashes($offset), 3, 'after three crashes');
    is(log_count($node, qr/WARNING:  background worker "dx supervised 2" of extension "dx_supervised" .* took the server down \(/, $offset), 3, 'the log names it each time');
    is(log_count($node, qr/took the server down \(/, $offset), 3, 'and nobody else');
    others_are_whole('everything else is there', 'dx supervised 2', qw(one two));
    $node->restart;
    others_are_whole('after a restart, too', 'dx supervised 2', qw(one two));
    shows($node, 'one', 'dx supervised 2', q(state = 'quarantined' AND pid IS NULL), 'it is quarantined');
    $node->append_conf('postgresql.conf', q(dx_supervised.crash = ''));
    $node->reload;
    ok($node->poll_query_until('one', q(SELECT current_setting('dx_supervised.crash') = '')), 'healed');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_supervised'))), 't', 'released');
    is_whole($node, 'all is well', qw(one two));
};

subtest 'without preload' => sub {
    set_preload($node, 0);
    $node->append_conf('postgresql.conf', q(dx_supervised.crash = 'dx supervised 3'));
    $node->restart;
    my $offset = log_offset($node);
    shows($node, 'one', 'dx supervised 3', q(state = 'quarantined'), 'it is quarantined');
    others_are_whole('everything else is there', 'dx supervised 3', 'one');
    is(crashes($offset), 3, 'after three crashes');
};

subtest 'an invalid guard file' => sub {
    my $bare = new_cluster('files', 'shared_preload_libraries' => 'dynpgext', 'dx_supervised.delay' => 0, 'dx_supervised.restart' => 'always');
    add_database($bare, 'one', qw(dynpgext dx_supervised));
    my $file = $bare->data_dir . '/pg_stat_tmp/dynpgext.guard';
    my $other = $bare->data_dir . '/other';
    my $size = -s $file;

    # Makes worker 1 crash; returns the crash count in each of the guard's messages.
    my $blame = sub {
        my $offset = crash($bare, sub { tell_to_crash($bare, 'one', 1, 'segv') });
        is_whole($bare, 'all is back', 'one');
        return join ' ', slurp_file($bare->logfile, $offset) =~ /took the server down \((\d)/g;
    };
    is($blame->(), '1', 'it works');
    # stops the server, changes it, and starts it
    my $starts = sub {
        my ($change) = @_;
        $bare->stop;
        $change->();
        my $offset = log_offset($bare);
        $bare->start;
        is_whole($bare, 'the server works', 'one');
        return $offset;
    };
    my $offset = $starts->(sub { unlink $file or die $! });
    is(log_count($bare, qr/crash guard/, $offset), 0, 'without a file, as at a first start, there is no message');
    is($blame->(), '1', 'and it begins again');
    my $put = sub {
        my ($content) = @_;
        unlink $file;
        append_to_file($file, $content);
    };
    my $noise = sub { return join '', map { chr int rand 256 } 1 .. $_[0] };
    my @cases = (
        [ 'truncated to nothing', sub { truncate $file, 0 or die $! } ],
        [ 'truncated to a part', sub { truncate $file, 100 or die $! } ],
        [ 'a byte short', sub { truncate $file, $size - 1 or die $! } ],
        [ 'longer', sub { append_to_file($file, 'x') } ],
        [ 'of random bytes', sub { $put->($noise->($size)) } ],
        [ 'a copy', sub { my $content = slurp_file($file); rename $file, $other or die $!; append_to_file($file, $content); unlink $other } ],
        [ 'not readable', sub { chmod 0, $file or die $! } ],
        [ 'not writable', sub { chmod 0400, $file or die $! } ],
        [ 'a symbolic link', sub { unlink $file; append_to_file($other, 'mine'); symlink $other, $file or die $! } ],
        [ 'a broken symbolic link', sub { unlink $file; symlink "$other.none", $file or die $! } ]);
    for my $case (@cases) {
        my ($name, $change) = @$case;
        $offset = $starts->($change);
        is(log_count($bare, qr/LOG:  dynpgext: the crash guard starts without earlier crashes and quarantines: .*"pg_stat_tmp\/dynpgext\.guard"/, $offset), 1, "$name: the log says once that it begins anew");
        is(-f $file && !-l $file && -s $file, $size, "$name: there is a file again");
        is($blame->(), '1', "$name: and it is used");
        is(log_count($bare, qr/crash guard/, $offset), 1, "$name: nothing else is said");
    }
    is(slurp_file($other), 'mine', 'the target of a symbolic link is not touched');
    ok(!-e "$other.none", 'nor made');

    $offset = $starts->(sub { unlink $file; mkdir $file or die $! });
    is(log_count($bare, qr/WARNING:  the crash guard cannot work: /, $offset), 1, 'a directory: the log says that there is no guard');
    is(log_count($bare, qr/crash guard/, $offset), 1, 'a directory: once');
    is($blame->(), '', 'a directory: no worker is blamed');
    $offset = $starts->(sub { rmdir $file or die $! });
    is($blame->(), '1', 'without it, the guard works');
    is(log_count($bare, qr/crash guard/, $offset), 0, 'and there is no message');
    $bare->stop;
};

# The worker's record must not look as if everything had been killed at once, as the launcher's does then.
subtest 'after the launcher has ended' => sub {
    my $bare = new_cluster('bare');
    add_database($bare, 'one', qw(dynpgext dx_raise));
    value($bare, 'one', 'DROP EXTENSION dynpgext');
    ok($bare->poll_query_until('one', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dynpgext launcher')),
        'there is no launcher');
    my $offset = log_offset($bare);
    my ($code) = $bare->psql('one', q(SET dx_raise.at = 'crash'; CREATE EXTENSION dynpgext));
    isnt($code, 0, 'an init crashes');
    wait_crash_restart($bare, $offset);
    value($bare, 'one', 'CREATE EXTENSION dynpgext');
    is(log_count($bare, qr/WARNING:  code of extension "dx_raise" .* took the server down/, $offset), 1, 'it is blamed');
    $bare->stop;
};

$node->stop;
done_testing();
