# dynpgext.events has each event once, in order, and keeps the newest.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main',
    'dynpgext.naptime' => '1h',
    'dx_supervised.delay' => 10,
    'dx_supervised.restart' => 'on_failure,never',
    'dx_supervised.workers' => 2);
add_database($node, 'one', 'dynpgext');

# One line for each event of an object: object, name, event, detail.
sub life {
    my ($name) = @_;
    return value($node, 'one', qq(
        SELECT object, event, regexp_replace(detail, '[0-9]+', 'N') FROM dynpgext.events WHERE name = '$name' AND database = 'one'));
}

subtest 'the life of a worker' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    is_whole($node, 'it runs', 'one');
    my $name = 'dx supervised 1';
    my $call = qq('dx_supervised', '$name');
    ok(tell($node, 'one', 1, 'error'), 'it fails');
    shows($node, 'one', $name, q(state = 'running' AND starts = 2), 'it is restarted');
    value($node, 'one', "SELECT dynpgext.stop_worker($call)");
    value($node, 'one', "SELECT dynpgext.stop_worker($call)");
    value($node, 'one', "SELECT dynpgext.start_worker($call)");
    value($node, 'one', "SELECT dynpgext.start_worker($call)");
    value($node, 'one', "SELECT dynpgext.configure_worker($call, enabled => false)");
    shows($node, 'one', $name, q(state = 'disabled'), 'it is disabled');
    value($node, 'one', "SELECT dynpgext.reset_worker($call)");
    shows($node, 'one', $name, q(state = 'running'), 'it is enabled');
    ok(tell($node, 'one', 1, 'exit0'), 'it ends');
    shows($node, 'one', $name, q(state = 'stopped' AND pid IS NULL), 'it is stopped');
    value($node, 'one', 'DROP EXTENSION dx_supervised');
    is(life($name), join("\n", map {"worker|$_"}
        'started|pid N',
        'exited|code N; 22012: dx_supervised was told to raise an error',
        'backoff|restart in N ms',
        'restarted|pid N',
        'stopping|',
        'exited|code N',
        'started|pid N',
        'stopping|',
        'exited|code N',
        'disabled|',
        'enabled|',
        'started|pid N',
        'exited|code N'), 'each is there once, in order');
    ok($node->poll_query_until('one', q(SELECT count(*) = 2 FROM dynpgext.events WHERE name = 'dx supervised 2' AND event IN ('stopping', 'exited'))),
        'the other was ended by the drop');
    is(value($node, 'one', q(SELECT string_agg(event, ' ') FROM dynpgext.events WHERE name = 'dx supervised 2')), 'started stopping exited', 'in order');
    is(value($node, 'one', q(SELECT count(*) FROM (SELECT at, lag(at) OVER () AS before FROM dynpgext.events) AS e WHERE at < before)), 0,
        'none is before the one before it');
};

subtest 'extensions and allocations' => sub {
    # it drains while a process has it mapped, possibly a session that is about to end
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE name = 'dx_supervised:local' AND event = 'drained'), 1, 'memory is freed');
    like(life('dx_supervised:local'), qr/^allocation\|allocated\|N bytes\n(allocation\|draining\|N bytes\n)?allocation\|drained\|N bytes$/,
        'memory comes and goes');
    like(life('dx_supervised'), qr/^extension\|provisioned\|/, 'the extension is provisioned');
    my $before = value($node, 'one', 'SELECT count(*) FROM dynpgext.events');
    $node->safe_psql('one', 'BEGIN; CREATE EXTENSION dx_supervised; ROLLBACK');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.events'), $before, 'nothing of what is rolled back');
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    is(value($node, 'one', q(SELECT name, database IS NULL FROM dynpgext.events WHERE object = 'allocation' AND event = 'allocated' AND extension = 'dx_memory' ORDER BY name)),
        "dx_memory:global|t\ndx_memory:global_small|t\ndx_memory:going|f\ndx_memory:local|f", 'with the database of local objects');
    value($node, 'one', q(ALTER DATABASE one SET dx_raise.at = 'none'));
    value($node, 'one', 'CREATE EXTENSION dx_raise');
    value($node, 'one', q(ALTER DATABASE one SET dx_raise.at = 'after'));
    $node->restart;
    ok($node->poll_query_until('one', q(SELECT state = 'failed' FROM dynpgext.extensions WHERE extension = 'dx_raise')), 'a failed init');
    is(value($node, 'one', q(SELECT event, detail FROM dynpgext.events WHERE object = 'extension' AND extension = 'dx_raise')),
        'failed|dx_raise raises: after', 'is an event');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE extension = 'dx_supervised')), 0, 'a restart forgets');
    value($node, 'one', 'DROP EXTENSION dx_raise; ALTER DATABASE one RESET dx_raise.at');
};

subtest 'privileges' => sub {
    value($node, 'one', 'CREATE ROLE monitor IN ROLE pg_monitor; CREATE ROLE nobody');
    is(error_of($node, 'one', 'SET ROLE monitor; SELECT count(*) FROM dynpgext.events;'), '', 'a member of pg_monitor');
    like(error_of($node, 'one', 'SET ROLE nobody; SELECT count(*) FROM dynpgext.events;'), qr/ERROR:  42501: /, 'nobody else');
};

subtest 'max_events' => sub {
    configure($node, 'one', 'dynpgext.max_events' => 10);
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    is_whole($node, 'all runs', 'one');
    ok($node->poll_query_until('one', 'SELECT count(*) <= 10 FROM dynpgext.events'), 'no more are kept');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 2')));
    my $last = join(' ', ('stopping exited started') x 4);
    my $of_one = q(SELECT string_agg(event, ' ') FROM dynpgext.events WHERE database = 'one');
    my $seen = value($node, 'one', $of_one);
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.events'), 10, 'ten are kept');
    is($seen, substr($last, length($last) - length($seen)), 'the newest of the database, in order');
    cmp_ok(scalar split(' ', $seen), '>=', 5, 'its share at least');
    configure($node, 'one', 'dynpgext.max_events' => 3);
    ok($node->poll_query_until('one', 'SELECT count(*) = 3 FROM dynpgext.events'), 'fewer');
    $seen = value($node, 'one', $of_one);
    is($seen, substr($last, length($last) - length($seen)), 'the newest of them');
    configure($node, 'one', 'dynpgext.max_events' => 1000);
    # the launcher makes room when there are more
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    ok($node->poll_query_until('one', q(
        SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1') AND (SELECT count(*) > 6 FROM dynpgext.events))), 'more again');
};

subtest 'a flood in one database leaves the events of another alone' => sub {
    add_database($node, 'two', 'dynpgext');
    configure($node, 'one', 'dynpgext.max_events' => 10);
    ok($node->poll_query_until('one', 'SELECT count(*) <= 10 FROM dynpgext.events'), 'there is room for ten');
    value($node, 'two', 'CREATE EXTENSION dx_memory');
    my $of_two = q(SELECT name, event, detail FROM dynpgext.events WHERE database = 'two');
    my $before = value($node, 'one', $of_two);
    like($before, qr/^dx_memory\|provisioned\|/m, 'something has happened in two');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1'))) for 1 .. 8;
    is(value($node, 'one', $of_two), $before, 'it is all there still');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.events'), 10, 'and no more than ten are');
    is(value($node, 'one', q(SELECT count(*) FROM (SELECT at, lag(at) OVER () AS before FROM dynpgext.events) AS e WHERE at < before)), 0,
        'in the order of time');
};

subtest 'events of dropped databases go first' => sub {
    my $of_two = q(SELECT count(*) FROM dynpgext.events WHERE database = 'two');
    my @kept;
    for my $copy (map {"copy$_"} 1 .. 6) {
        value($node, 'postgres', "LOAD 'dynpgext'; CREATE DATABASE $copy TEMPLATE two");
        becomes($node, 'one', qq(SELECT count(*) > 0 FROM dynpgext.events WHERE database = '$copy' AND event = 'provisioned'), 't', "$copy has events");
        value($node, 'postgres', "LOAD 'dynpgext'; DROP DATABASE $copy");
        becomes($node, 'one', 'SELECT databases FROM dynpgext.status', 2, "$copy is gone");
        push @kept, value($node, 'one', $of_two);
    }
    cmp_ok($kept[0], '>=', 2, 'two has its share beside one copy');
    is($kept[-1], $kept[0], 'and beside six');
    configure($node, 'one', 'dynpgext.max_events' => 9);
    becomes($node, 'one', 'SELECT count(*) FROM dynpgext.events', 9, 'fewer are kept');
    value($node, 'one', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1'))) for 1 .. 8;
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.events WHERE database ~ '^[0-9]')), 0, 'those of the dropped ones are still the first');
};

$node->stop;
done_testing();
