# Dropped memory exists until the last process that looked it up has released it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# mmap: the memory can be read from outside
my $node = new_cluster('main', dynamic_shared_memory_type => 'mmap');
add_database($node, 'one', qw(dynpgext dx_memory));
# stays when dx_memory is dropped
$node->safe_psql('one', qq(
    CREATE FUNCTION read(name text) RETURNS text LANGUAGE C AS '\$libdir/dx_memory-0.1', 'dx_read';
    CREATE FUNCTION write(name text, value text) RETURNS boolean LANGUAGE C AS '\$libdir/dx_memory-0.1', 'dx_write';
    CREATE FUNCTION release(name text) RETURNS boolean LANGUAGE C AS '\$libdir/dx_memory-0.1', 'dx_release';));

# One test: waits until the instances with this name have these values of state and attached.  A session that
# has just ended may still have it mapped for a moment.
sub turns {
    my ($name, $expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return becomes($node, 'one', "SELECT coalesce(string_agg(state || ' ' || attached, ', ' ORDER BY state, attached), '')
        FROM dynpgext.allocations WHERE name = '$name'", $expected, $test);
}

# Does the text occur anywhere in shared memory?
sub is_in_memory {
    my ($text) = @_;
    my $folder = $node->data_dir . '/pg_dynshmem';
    return scalar grep { slurp_file("$folder/$_") =~ /\Q$text\E/ } grep { !/^\.\.?$/ } slurp_dir($folder);
}

sub create { $node->safe_psql('one', 'CREATE EXTENSION dx_memory'); return }
sub drop { $node->safe_psql('one', 'DROP EXTENSION dx_memory'); return }

subtest 'attached' => sub {
    turns('dx_memory:local', 'allocated 0', 'no process has looked it up');
    my @sessions = map { $node->background_psql('one') } 1 .. 2;
    $sessions[0]->query_safe(q(SELECT read('dx_memory:local')));
    turns('dx_memory:local', 'allocated 1', 'one has');
    $sessions[0]->query_safe(q(SELECT read('dx_memory:local')));
    turns('dx_memory:local', 'allocated 1', 'a second lookup does not count');
    $sessions[1]->query_safe(q(SELECT read('dx_memory:local')));
    turns('dx_memory:local', 'allocated 2', 'two have');
    turns('dx_memory:global', 'allocated 0', 'of an unregistered name');
    is($sessions[0]->query_safe(q(SELECT release('dx_memory:local'))), 't', 'release');
    turns('dx_memory:local', 'allocated 1', 'one has released it');
    is($sessions[0]->query_safe(q(SELECT release('dx_memory:local'))), 'f', 'there is nothing more to release');
    is($sessions[0]->query_safe(q(SELECT read('dx_memory:local'))), '', 'it can be looked up again');
    turns('dx_memory:local', 'allocated 2', 'and counts again');
    $_->quit for @sessions;
    turns('dx_memory:local', 'allocated 0', 'the end of a process releases it');
};

subtest 'draining' => sub {
    my $others = value($node, 'one', 'SELECT allocations FROM dynpgext.status') - 4;
    drop();
    my $used = memory_used($node, 'one');
    create();

    my @sessions = map { $node->background_psql('one') } 1 .. 2;
    $sessions[0]->query_safe(q(SELECT write('dx_memory:local', 'first content'), write('dx_memory:global', 'first global')));
    $sessions[1]->query_safe(q(SELECT read('dx_memory:local')));
    drop();
    turns('dx_memory:local', 'draining 2', 'dropped, it drains');
    turns('dx_memory:global', 'draining 1', 'the global one, too');
    turns($_, '', "what nobody holds is gone: $_") for 'dx_memory:going', 'dx_memory:global_small';
    is(value($node, 'one', q(SELECT read('dx_memory:local') IS NULL)), 't', 'a lookup finds it no longer');
    is($sessions[0]->query_safe(q(SELECT read('dx_memory:local') IS NULL)), 't', 'not even by a holder');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.reload())), 0, 'there is nothing to do');

    # repeatedly made new memory of the same name does not replace it
    for my $round (1 .. 3) {
        create();
        is(value($node, 'one', q(SELECT read('dx_memory:local'))), '', 'new memory is empty');
        value($node, 'one', qq(SELECT write('dx_memory:local', 'content $round')));
        ok(is_in_memory('first content') && is_in_memory('first global'), 'draining memory is unchanged');
        drop();
    }
    create();
    is($sessions[1]->query_safe(q(SELECT read('dx_memory:local'))), '', 'a holder finds the new one');
    turns('dx_memory:local', 'allocated 1, draining 2', 'and holds both');
    drop();
    turns('dx_memory:local', 'draining 1, draining 2', 'now both drain');

    is($sessions[1]->query_safe(q(SELECT release('dx_memory:local'))), 't', 'release');
    turns('dx_memory:local', 'draining 1', 'releases both');
    ok(is_in_memory('first content'), 'mapped memory is unchanged');
    $sessions[1]->quit;
    turns('dx_memory:local', 'draining 1', 'the last one holds it');
    $sessions[0]->quit;
    turns('dx_memory:local', '', 'it is freed with the session');
    turns('dx_memory:global', '', 'the global one, too');
    is(memory_used($node, 'one'), $used, 'and is free');
    create();
};

subtest 'the holder is a worker' => sub {
    add_database($node, 'two', qw(dynpgext dx_worker));
    ok($node->poll_query_until('two', q(SELECT starts = 1 FROM dx_worker_info('local'))), 'it runs');
    ok($node->poll_query_until('two', q(SELECT attached >= 1 FROM dynpgext.allocations WHERE name = 'dx_worker:local')),
        'it has looked up its memory');
    $node->safe_psql('two', 'DROP EXTENSION dx_worker');
    ok($node->poll_query_until('two', q(SELECT count(*) = 0 FROM dynpgext.allocations WHERE extension = 'dx_worker')),
        'with its end the memory is gone');
};

subtest 'peek() does not attach' => sub {
    value($node, 'one', q(SELECT write('dx_memory:local', 'peeked at')));
    my $peek = q(SELECT convert_from(dynpgext.peek('dx_memory:local', length => 9), 'UTF8'));
    my ($reader, $holder) = map { $node->background_psql('one') } 1 .. 2;
    is($reader->query_safe($peek), 'peeked at', 'a session reads it');
    turns('dx_memory:local', 'allocated 0', 'and does not have it');
    drop();
    turns('dx_memory:local', '', 'dropped while the session is there, it is freed');
    create();

    $holder->query_safe(q(SELECT write('dx_memory:local', 'held')));
    my $peek_held = q(SELECT convert_from(dynpgext.peek('dx_memory:local', length => 4), 'UTF8'));
    is($_->query_safe($peek_held), 'held', 'both read it') for $holder, $reader;
    turns('dx_memory:local', 'allocated 1', 'one has it');
    drop();
    turns('dx_memory:local', 'draining 1', 'dropped, it drains');
    is($holder->query_safe($peek_held), 'held', 'the holder still reads it');
    like(error_of($node, 'one', $peek), qr/42704: shared memory "dx_memory:local" does not exist/, 'nobody else does');
    turns('dx_memory:local', 'draining 1', 'it is held as before');
    $holder->quit;
    turns('dx_memory:local', '', 'and gone with its holder');
    $reader->quit;
};

# Readers copy the memory while it is dropped and made again: each gets one complete instance, or learns that
# there is none.
subtest 'peek() while it is dropped' => sub {
    create();
    my $used = memory_used($node, 'one');
    my @readers = map { $node->background_psql('one') } 1 .. 2;
    $node->safe_psql('one', 'CREATE TABLE reading (stop boolean); CREATE TABLE seen (found integer, missing integer)');
    $_->query_until(qr/begun/, q(\\echo begun
        DO $$
        DECLARE
          found integer := 0;
          missing integer := 0;
        BEGIN
          WHILE NOT EXISTS (SELECT FROM reading) LOOP
            BEGIN
              IF octet_length(dynpgext.peek('dx_memory:global', length => 1048576)) <> 1048576 THEN
                RAISE 'not all of it';
              END IF;
              found := found + 1;
            EXCEPTION WHEN undefined_object THEN
              missing := missing + 1;
            END;
          END LOOP;
          INSERT INTO seen VALUES (found, missing);
        END $$;
        )) for @readers;
    # until the memory was dropped at least once during a read
    my $met = value($node, 'one', 'SELECT now()');
    $met = qq(SELECT count(*) FROM dynpgext.events WHERE name = 'dx_memory:global' AND event = 'draining' AND at > '$met');
    for my $round (1 .. 300) {
        create() if $round > 1;
        drop();
        last if $round >= 15 && value($node, 'one', $met) > 0;
    }
    cmp_ok(value($node, 'one', $met), '>', 0, 'it is dropped while it is read');
    create();
    $node->safe_psql('one', 'INSERT INTO reading VALUES (true)');
    is($_->query_safe('SELECT 1'), 1, 'the reader has had no other error') for @readers;
    is(value($node, 'one', 'SELECT count(*) FROM seen WHERE found > 0 AND missing > 0'), 2, 'each has found it, and missed it');
    turns('dx_memory:global', 'allocated 0', 'no process has it mapped, and nothing drains');
    is(memory_used($node, 'one'), $used, 'all that was dropped is free');
    $_->quit for @readers;
};

subtest 'a transaction that is rolled back' => sub {
    value($node, 'one', q(SELECT write('dx_memory:local', 'stays')));
    my $session = $node->background_psql('one');
    is($session->query_safe(q(SELECT read('dx_memory:local'))), 'stays', 'looked up before');
    $session->query_safe('BEGIN');
    $session->query_safe('DROP EXTENSION dx_memory');
    is($session->query_safe(q(SELECT read('dx_memory:local') IS NULL)), 't', 'inside, it is dropped');
    is(value($node, 'one', q(SELECT read('dx_memory:local'))), 'stays', 'for others it is not');
    turns('dx_memory:local', 'allocated 1', 'nor does it drain');
    $session->query_safe('ROLLBACK');
    is($session->query_safe(q(SELECT read('dx_memory:local'))), 'stays', 'and is found again');
    turns('dx_memory:local', 'allocated 1', 'by the same process, once');
    $session->quit;
};

$node->stop;
done_testing();
