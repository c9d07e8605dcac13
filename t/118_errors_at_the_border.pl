# Errors where nothing may be raised: in code of an extension that holds an LWLock, and in dynpgext's cleanup.
# Uses the library of a build with fault points, which also checks the order of locks.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextFaults;
use DynpgextTest;
use Test::More;

my $node = new_faulty_cluster('main', 'dx_border.size' => 64, 'dx_border.worker' => 'on');
add_database($node, 'one', 'dynpgext');

# dx_border takes AddinShmemInitLock, which every new process needs, and raises an error.  The error releases
# the lock, before dynpgext takes its own lock, and even where no transaction is rolled back: the worker
# callback runs after the commit.
my $session = $node->background_psql('one', on_error_stop => 0);
for my $where ('init', 'memory callback', 'worker callback') {
    subtest "an LWLock, in the $where" => sub {
        my $offset = log_offset($node);
        $session->query("SET dx_border.locked = '$where'; CREATE EXTENSION dx_border");
        is_logged($node, qr/dx_border raises in its $where/, $offset, 1, 'it raises an error');
        ok($node->poll_query_until('one', 'SELECT dynpgext.version() IS NOT NULL'), 'other sessions can start');
        $session->query('RESET dx_border.locked; DROP EXTENSION IF EXISTS dx_border; CREATE EXTENSION dx_border');
        is_whole($node, 'the session continues', 'one');
        $session->query('DROP EXTENSION dx_border');
        is(log_count($node, qr/was terminated by signal/, $offset), 0, 'no process has ended');
    };
}
$session->quit;

# A destructor cannot raise an error, so it is a WARNING.  Only a rollback cleans up after it.
subtest 'a transaction with such an error in the cleanup' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_border');
    is_whole($node, 'all is well before', 'one');
    my $reload = q(SELECT count(*) FROM dynpgext.reload('dx_border'));
    my $what = 'naming the extension that is provisioned';
    my $offset = log_offset($node);
    inject($node, 'code.over', 'error');
    like(error_of($node, 'one', $reload),
        qr/WARNING:  XX000: dynpgext: while $what: fault injected at code\.over\n.*ERROR:  25P02: dynpgext: the transaction cannot be committed: an error occurred while $what\nDETAIL:  fault injected at code\.over\nHINT:  Repeat the transaction\./s,
        'cannot be committed');
    inject($node, 'code.over', 'error');
    like(error_of($node, 'one', "BEGIN; SAVEPOINT a; $reload; RELEASE a; COMMIT"), qr/ERROR:  25P02: /, 'nor after the end of the savepoint');
    inject($node, 'code.over', 'error');
    unlike(error_of($node, 'one', "BEGIN; SAVEPOINT a; $reload; ROLLBACK TO a; COMMIT"), qr/ERROR/, 'but after a rollback to a savepoint before it');
    is(error_of($node, 'one', $reload), '', 'another transaction has no error');
    is_whole($node, 'all is well', 'one');
    is(log_count($node, qr/was terminated by signal/, $offset), 0, 'no process has ended');
};

# The lock of a reload is kept until the end of the transaction: what follows may wait for earlier locks.
subtest 'commands after a reload, in its transaction' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_plain; CREATE EXTENSION dx_supervised');
    my $manifest = q('{"dynpgext": 1, "workers": [{"name": "w", "command": "SELECT 1", "interval": "1 h", "run_as": "postgres"}]}');
    my $offset = log_offset($node);
    is(error_of($node, 'one', qq(BEGIN; SET LOCAL dx_supervised.workers = 3; SELECT FROM dynpgext.reload('dx_supervised');
            SELECT dynpgext.register('dx_plain', $manifest); SELECT dynpgext.configure_worker('dx_plain', 'w', restart => 'never');
            DROP EXTENSION dx_border; CREATE EXTENSION dx_border; COMMIT)), '', 'take what they need');
    is_whole($node, 'all is well', 'one');
    is(log_count($node, qr/was terminated by signal/, $offset), 0, 'no process has ended');
};

$node->stop;
done_testing();
