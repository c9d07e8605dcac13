# An extension that cannot be provisioned after a restart does not affect others, and can be repaired.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($install, $libraries) = private_install();
my $node = new_cluster('main', install_path => $install, shared_preload_libraries => 'dynpgext');
add_database($node, $_, qw(dynpgext dx_memory dx_worker dx_usage dx_raise)) for qw(one two);
is_whole($node, 'all is well before', qw(one two));

my $states = q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions);

# Hides a library, or restores it.
sub hide { rename "$libraries/$_[0]", "$libraries/$_[0].hidden" or die "$_[0]: $!"; return }
sub unhide { rename "$libraries/$_[0].hidden", "$libraries/$_[0]" or die "$_[0]: $!"; return }

# One extension has failed with this error, and the others are provisioned.
sub has_failed {
    my ($extension, $error, @databases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $expected = join ', ', map { "$_ " . ($_ eq $extension ? 'failed' : 'provisioned') }
      qw(dx_memory dx_raise dx_usage dx_worker);
    for my $database (@databases) {
        ok($node->poll_query_until($database, $states, $expected), "the others are provisioned in $database");
        like(value($node, $database, "SELECT error FROM dynpgext.extensions WHERE extension = '$extension'"),
            $error, 'the error is shown');
        is(value($node, $database, "SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.allocations
              WHERE extension = '$extension' AND scope = 'database'"),
            'failed', 'it has no memory of this database');
        is(value($node, $database, "SELECT count(*) FROM dynpgext.workers WHERE extension = '$extension' AND pid IS NOT NULL"),
            0, 'none of its workers runs');
        ok($node->poll_query_until($database, q(
            SELECT count(*) = 2 FROM dynpgext.workers WHERE extension = 'dx_worker' AND state = 'running')),
            'the workers of others run');
    }
    return;
}

subtest 'missing library after a restart' => sub {
    $node->stop;
    hide('dx_usage.so');
    $node->start;
    has_failed('dx_usage', qr/dx_usage/, qw(one two));
    is(value($node, 'one', q(SELECT dx_read('dx_memory:local') IS NOT NULL)), 't', 'lookups of others work');
    is(value($node, 'one', q(SELECT dx_address('my_ext:0.1:value') IS NULL)), 't', 'a lookup of its memory is NULL');

    like(error_of($node, 'one', q(SELECT dynpgext.peek('my_ext:0.1:value'))),
        qr/55000: shared memory "my_ext:0.1:value" of extension "dx_usage" is not allocated\nDETAIL:  The extension is failed: .*dx_usage/,
        'peek() says why');

    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.reload('dx_memory'))), 0, 'a reload of others does nothing');
    value($node, 'one', 'SELECT dynpgext.reload()');
    has_failed('dx_usage', qr/dx_usage/, qw(one two));

    unhide('dx_usage.so');
    is_whole($node, 'the file is noticed without a call', qw(one two));
    is(value($node, 'one', 'SELECT dx_usage_value()'), 'usage', 'lookups work');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'there is nothing to do for a reload');
    is(value($node, 'two', 'SELECT count(*) FROM dynpgext.reload()'), 0, 'in either database');
};

subtest 'missing library of several extensions' => sub {
    $node->stop;
    hide('dx_worker-0.1.so');
    hide('dx_memory-0.1.so');
    $node->start;
    ok($node->poll_query_until('one', $states,
        'dx_memory failed, dx_raise provisioned, dx_usage provisioned, dx_worker failed'), 'both fail');
    unhide('dx_worker-0.1.so');
    unhide('dx_memory-0.1.so');
    is_whole($node, 'the files are noticed', qw(one two));
};

subtest 'missing library of a running worker' => sub {
    hide('dx_worker-0.1.so');
    my $pid = pid_of($node, 'one', 'dx local');
    like(error_of($node, 'one', q(SELECT dynpgext.restart_worker('dx_worker', 'dx local');)),
        qr/ERROR:  58P01: background worker "dx local" of extension "dx_worker" cannot be started/, 'it is not restarted');
    is(pid_of($node, 'one', 'dx local'), $pid, 'and runs on');
    unhide('dx_worker-0.1.so');
    is(value($node, 'one', q(SELECT dynpgext.restart_worker('dx_worker', 'dx local'))), 't', 'the file is restored');
    is_whole($node, 'all is well', 'one');
};

# Installs another file in place of the library; returns a function that restores it.
sub replace {
    my ($name, $content) = @_;
    rename "$libraries/$name", "$libraries/$name.old" or die "$name: $!";
    append_to_file("$libraries/$name.new", $content);
    chmod 0755, "$libraries/$name.new";
    rename "$libraries/$name.new", "$libraries/$name" or die "$name: $!";
    return sub { rename "$libraries/$name.old", "$libraries/$name" or die "$name: $!" };
}

subtest 'library without an init after a restart' => sub {
    $node->stop;
    my $put_back = replace('dx_usage.so', slurp_file("$libraries/dx_no_init.so"));
    $node->start;
    has_failed('dx_usage', qr/_Dynpgext_init/, qw(one two));
    $put_back->();
    is_whole($node, 'the other file is noticed', qw(one two));
};

subtest 'library without the function of a worker after a restart' => sub {
    $node->stop;
    my $put_back = replace('dx_raise.so', slurp_file("$libraries/dx_raise.so") =~ s/dx_raise_main/dx_raise_gone/r);
    $node->start;
    has_failed('dx_raise', qr/dx_raise_main/, qw(one two));
    $put_back->();
    is_whole($node, 'the other file is noticed', qw(one two));
};

subtest 'file that is not a library after a restart' => sub {
    $node->stop;
    my $put_back = replace('dx_usage.so', 'nothing');
    my $offset = log_offset($node);
    $node->start;
    has_failed('dx_usage', qr/dx_usage/, qw(one two));
    # it is not retried as long as the file is the same
    is_logged($node, qr/WARNING:  extension "dx_usage" cannot be provisioned/, $offset, 2, 'each database reports it');
    value($node, 'postgres', 'CREATE DATABASE three; DROP DATABASE three');
    is(log_count($node, qr/WARNING:  extension "dx_usage" cannot be provisioned/, $offset), 2, 'once');
    $put_back->();
    is_whole($node, 'the other file is noticed', qw(one two));
};

# The provisioning process cannot continue with other extensions; the next process does.
for my $at (qw(fatal exit)) {
    subtest "init that ends the process ($at) after a restart" => sub {
        value($node, 'one', "ALTER DATABASE one SET dx_raise.at = '$at'");
        $node->restart;
        has_failed('dx_raise', qr/its code has ended the process that provisioned it/, 'one');
        is_whole($node, 'the other database is not concerned', 'two');
        ok($node->poll_query_until('one', q(SELECT state = 'provisioned' FROM dynpgext.extensions WHERE extension = 'dx_usage')), 'nor are others of this one');
        value($node, 'one', 'ALTER DATABASE one RESET dx_raise.at');
        value($node, 'one', 'SELECT count(*) FROM dynpgext.reload()');
        is_whole($node, 'a reload tries it again', 'one');
    };
}

for my $at (qw(before between after callback)) {
    subtest "init that raises ($at) after a restart" => sub {
        value($node, 'one', "ALTER DATABASE one SET dx_raise.at = '$at'");
        $node->restart;
        has_failed('dx_raise', qr/dx_raise raises: $at/, 'one');
        is_whole($node, 'the other database is not concerned', 'two');
        value($node, 'one', 'ALTER DATABASE one RESET dx_raise.at');
        if ($at eq 'between') {
            my $put_back = replace('dx_raise.so', slurp_file("$libraries/dx_raise.so"));
            is_whole($node, 'another file makes it good', 'one');
            $put_back->();
            value($node, $_, 'SELECT dynpgext.reload()') for qw(one two);
        } else {
            value($node, 'one', 'SELECT dynpgext.reload()');
            is_whole($node, 'a reload makes it good', qw(one two));
        }
    };
}

subtest 'init that raises, of a worker without a callback' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    $node->append_conf('postgresql.conf', q(dx_supervised.raise = 'on'));
    $node->restart;
    my $failed = q(SELECT state, error FROM dynpgext.extensions WHERE extension = 'dx_supervised');
    ok($node->poll_query_until('one', $failed, 'failed|dx_supervised raises in init'), 'the extension has failed');
    my $worker = q(SELECT state, starts FROM dynpgext.workers WHERE extension = 'dx_supervised');
    is(value($node, 'one', $worker), 'registered|0', 'its worker does not run');
    value($node, 'one', 'SELECT dynpgext.reload()');
    is(value($node, 'one', $failed), 'failed|dx_supervised raises in init', 'it has failed again by a reload');
    is(value($node, 'one', $worker), 'registered|0', 'and its worker does not run, without its memory');
    $node->append_conf('postgresql.conf', q(dx_supervised.raise = 'off'));
    $node->reload;
    ok($node->poll_query_until('one', q(SELECT current_setting('dx_supervised.raise') = 'off')), 'healed');
    value($node, 'one', 'SELECT dynpgext.reload()');
    is_whole($node, 'a reload makes it good', 'one');
    value($node, 'one', 'DROP EXTENSION dx_supervised');
};

subtest 'worker callback that raises after a restart' => sub {
    value($node, 'one', q(ALTER DATABASE one SET dx_raise.at = 'worker_callback'));
    my $offset = log_offset($node);
    $node->restart;
    is_whole($node, 'the worker runs all the same', qw(one two));
    ok($node->log_contains(qr/WARNING:.*dx_raise raises: worker_callback/, $offset), 'with a warning in the log');
    value($node, 'one', 'ALTER DATABASE one RESET dx_raise.at');
};

subtest 'DROP EXTENSION with a missing library' => sub {
    hide('dx_usage.so');
    my ($code, $out, $error) = $node->psql('one', 'DROP EXTENSION dx_usage');
    is($code, 0, 'works');
    like($error, qr/WARNING:.*dx_usage/, 'with a warning');
    is_whole($node, 'the others are as they were', 'one');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_allocations WHERE extension = 'dx_usage' AND database = 'one')),
        0, 'its memory is gone');

    $node->restart;
    ok($node->poll_query_until('two', $states,
        'dx_memory provisioned, dx_raise provisioned, dx_usage failed, dx_worker provisioned'), 'failed after a restart');
    ($code, $out, $error) = $node->psql('two', 'DROP EXTENSION dx_usage');
    is($code, 0, 'can be dropped, too');
    is_whole($node, 'all is well', qw(one two));
    unhide('dx_usage.so');
    value($node, 'two', 'CREATE EXTENSION dx_usage');
    is_whole($node, 'and be created again', qw(one two));
};

$node->stop;
done_testing();
