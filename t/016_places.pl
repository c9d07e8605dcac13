# More workers than may run at once: each gets its turn, and no place stays empty.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# One slot for the launcher, seven for all other processes.  The launcher checks by itself only once an hour:
# every test must wake it.
my $node = new_cluster('main',
    max_logical_replication_workers => 0,
    max_worker_processes => 8,
    'dynpgext.naptime' => '1h',
    'dx_supervised.workers' => 30);

my $no_slot = qr/WARNING:  no free slot for background worker "dx supervised \d+" of extension "dx_supervised"/;
my $count = q(SELECT count(*) FROM dynpgext.cluster_workers WHERE extension = 'dx_supervised' AND state = '%s');

sub counts {
    my ($state, $expected, $test, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($node->poll_query_until($database // 'one', sprintf($count, $state), $expected), $test);
}

# Makes all running workers end by themselves.  A worker that has just started may not listen yet.
sub end_all {
    my ($database) = @_;
    $database //= 'one';
    my @running = split /\n/, value($node, $database, q(
        SELECT substring(name FROM '[0-9]+$') FROM dynpgext.workers WHERE extension = 'dx_supervised' AND state = 'running'));
    tell($node, $database, $_, 'exit0') or die "worker $_ does not listen" for @running;
    return;
}

sub slowest {
    return value($node, 'one', q(
        SELECT round(extract(epoch FROM max(w)) * 1000) FROM (
          SELECT at - (SELECT max(at) FROM dynpgext.events x WHERE x.event = 'exited' AND x.at < e.at) AS w
            FROM dynpgext.events e WHERE event = 'started') AS waits));
}

subtest 'seven slots, thirty workers' => sub {
    my $offset = log_offset($node);
    add_database($node, 'one', qw(dynpgext dx_supervised));
    counts('running', 7, 'seven run');
    counts('waiting', 23, 'the others wait');
    value($node, 'one', 'SELECT dynpgext.reload()') for 1 .. 3;
    # a visit of the launcher may have had a slot at first
    my ($events, $names) = split /\|/, value($node, 'one', q(
        SELECT count(*), count(DISTINCT name) FROM dynpgext.events WHERE event = 'waiting' AND detail = 'max_worker_processes'));
    is($events, $names, 'there is an event for each, once');
    cmp_ok($events, '>=', 23, 'that waits');
    for my $round (1 .. 5) {
        my $done = $round * 7 > 30 ? 30 : $round * 7;
        end_all();
        counts('stopped', $done, "$done have had their turn");
        counts('running', $round < 4 ? 7 : 30 - $done, 'the next ones run') if $round < 5;
    }
    is(value($node, 'one', q(SELECT count(*), min(starts), max(starts) FROM dynpgext.workers)), '30|1|1', 'each ran once');
    my @lines = slurp_file($node->logfile, $offset) =~ /$no_slot(?: and (\d+) more)?: /g;
    my $counted = @lines;
    $counted += $_ // 0 for @lines;
    is($counted, $names, 'the log counts each that had to wait');
    cmp_ok(scalar @lines, '<', 5, 'in few lines');
    note('longest from the last end to a start: ', slowest(), ' ms');
    cmp_ok(slowest(), '<', 1000 * $PostgreSQL::Test::Utils::timeout_default, 'none waited for the naptime, which is longer');
};

subtest 'a slot that another extension frees' => sub {
    value($node, 'one', q(SELECT dynpgext.start_worker(extension, name) FROM dynpgext.workers));
    counts('running', 7, 'seven run');
    counts('waiting', 23, 'the others wait');
    my $offset = log_offset($node);
    end_all();
    counts('running', 7, 'seven others run');
    counts('waiting', 16, 'the rest waits');
    is(log_count($node, $no_slot, $offset), 0, 'already reported in the log');
    value($node, 'one', 'DROP EXTENSION dx_supervised');
    is_whole($node, 'gone, all is well', 'one');
};

subtest 'dynpgext.max_workers' => sub {
    configure($node, 'one', 'dynpgext.max_workers' => 3);
    my $offset = log_offset($node);
    my $before = value($node, 'one', 'SELECT clock_timestamp()');
    is($node->psql('one', 'CREATE EXTENSION dx_supervised'), 0, 'CREATE EXTENSION succeeds');
    # by the command, or by the launcher if that was faster
    ok($node->wait_for_log(qr/WARNING:  background worker "dx supervised \d+" of extension "dx_supervised"(?: and \d+ more have| has) to wait: dynpgext\.max_workers is reached.*HINT:.*Consider increasing dynpgext\.max_workers\./s, $offset),
        'with a warning and a hint');
    counts('running', 3, 'three run');
    counts('waiting', 27, 'the others wait');
    is(value($node, 'one', qq(SELECT DISTINCT detail FROM dynpgext.events WHERE event = 'waiting' AND at > '$before'
         AND detail <> 'max_worker_processes')), 'dynpgext.max_workers', 'the event shows the reason');
    end_all();
    counts('stopped', 3, 'as they end');
    counts('running', 3, 'others run');
    configure($node, 'one', 'dynpgext.max_workers' => 5);
    counts('running', 5, 'a higher limit counts at once');
    configure($node, 'one', 'dynpgext.max_workers' => 2);
    counts('running', 5, 'a lower one ends none');
    end_all();
    counts('stopped', 8, 'when they have ended');
    counts('running', 2, 'it counts');
    configure($node, 'one', 'dynpgext.max_workers' => 0);
    end_all();
    counts('stopped', 10, 'with none allowed');
    counts('running', 0, 'none runs');
    is(value($node, 'one', q(SELECT dynpgext.start_worker('dx_supervised', name) FROM dynpgext.workers WHERE state = 'waiting' LIMIT 1)),
        'f', 'start_worker does not start any');
    configure($node, 'one', 'dynpgext.max_workers' => -1);
    counts('running', 7, 'without a limit, as many as there are slots');
    value($node, 'one', 'DROP EXTENSION dx_supervised');
    is_whole($node, 'gone, all is well', 'one');
};

subtest 'dynpgext.max_database_workers' => sub {
    add_database($node, 'two', 'dynpgext');
    value($node, 'one', 'ALTER DATABASE one SET dynpgext.max_database_workers = 2');
    value($node, 'two', 'ALTER DATABASE two SET dx_supervised.workers = 4');
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    value($node, 'two', 'CREATE EXTENSION dx_supervised');
    my $in = q(SELECT string_agg(format('%s %s %s', database, state, n), ', ' ORDER BY database, state) FROM (
        SELECT database, state, count(*) AS n FROM dynpgext.cluster_workers GROUP BY 1, 2) AS w);
    ok($node->poll_query_until('one', $in, 'one running 2, one waiting 28, two running 4'), 'each database has its own limit');
    end_all('two');
    ok($node->poll_query_until('one', $in, 'one running 2, one waiting 28, two stopped 4'), 'places of other databases are not taken');
    end_all('one');
    ok($node->poll_query_until('one', $in, 'one running 2, one stopped 2, one waiting 26, two stopped 4'), 'its own are');
    my $more = 'BEGIN; ALTER DATABASE one SET dynpgext.max_database_workers = 3; SELECT dynpgext.reload()';
    value($node, 'one', "$more; ROLLBACK");
    is(value($node, 'one', $in), 'one running 2, one stopped 2, one waiting 26, two stopped 4', 'a rolled-back limit has no effect');
    value($node, 'one', "$more; COMMIT");
    ok($node->poll_query_until('one', $in, 'one running 3, one stopped 2, one waiting 25, two stopped 4'), 'a reload knows the new limit');
    value($node, 'one', 'ALTER DATABASE one RESET dynpgext.max_database_workers');
    value($node, 'one', 'SELECT dynpgext.reload()');
    ok($node->poll_query_until('one', $in, 'one running 7, one stopped 2, one waiting 21, two stopped 4'), 'or that there is none');
    # as many slots as processes: all workers start with the server
    $node->restart;
    value($node, 'one', 'SELECT dynpgext.version()');
    counts('running', 7, 'after a restart seven run');
    counts('waiting', 27, 'and the others wait');
    for (1 .. 5) {
        end_all($_) for qw(one two);
        ok($node->poll_query_until('one', q(
            SELECT count(*) FILTER (WHERE state = 'running') = least(7, 34 - count(*) FILTER (WHERE state = 'stopped'))
              FROM dynpgext.cluster_workers)), 'a turn');
    }
    ok($node->poll_query_until('one', q(SELECT sum(starts) >= 30 FROM dynpgext.cluster_workers)), 'they get their turn');
    value($node, $_, 'DROP EXTENSION dx_supervised') for qw(one two);
};

subtest 'dynpgext.max_owner_workers' => sub {
    my $in = q(SELECT string_agg(format('%s %s %s', database, state, n), ', ' ORDER BY database, state) FROM (
        SELECT database, state, count(*) AS n FROM dynpgext.cluster_workers GROUP BY 1, 2) AS w);
    configure($node, 'one', 'dynpgext.max_owner_workers' => 3);
    add_database($node, 'template_with_workers', 'dynpgext');
    value($node, 'one', 'CREATE ROLE tenant CREATEDB');
    value($node, 'one', "ALTER DATABASE $_ OWNER TO tenant") for qw(two template_with_workers);
    value($node, $_, 'ALTER DATABASE ' . $_ . ' SET dx_supervised.workers = 2') for qw(one two template_with_workers);
    value($node, 'two', 'CREATE EXTENSION dx_supervised');
    value($node, 'template_with_workers', 'CREATE EXTENSION dx_supervised');
    ok($node->poll_query_until('one', $in, 'template_with_workers running 1, template_with_workers waiting 1, two running 2'),
        'the databases of an owner have so many places together');
    value($node, 'one', 'SET ROLE tenant; CREATE DATABASE copy TEMPLATE template_with_workers');
    value($node, 'copy', 'SELECT dynpgext.reload()');
    ok($node->poll_query_until('one', "SELECT count(*) > 0 AND bool_and(state = 'waiting') FROM dynpgext.cluster_workers WHERE database = 'copy'"),
        'a copy has none of its own');
    value($node, 'copy', 'ALTER DATABASE copy SET dx_supervised.workers = 2');
    value($node, 'copy', 'DROP EXTENSION dx_supervised');
    value($node, 'copy', 'CREATE EXTENSION dx_supervised');
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    ok($node->poll_query_until('one', "SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'running'"),
        'a superuser has those of his');
    is(value($node, 'one', "SELECT count(*) FROM dynpgext.events WHERE event = 'waiting' AND detail = 'dynpgext.max_owner_workers'") > 0, 1,
        'the event says for what they wait');
    value($node, 'copy', 'ALTER DATABASE copy OWNER TO postgres');
    value($node, 'copy', 'SELECT dynpgext.reload()');
    ok($node->poll_query_until('one', "SELECT count(*) = 2 FROM dynpgext.cluster_workers WHERE database = 'copy' AND state = 'running'"),
        'and those of a database that has become his');
    end_all('two');
    ok($node->poll_query_until('one', "SELECT count(*) = 2 FROM dynpgext.cluster_workers WHERE database = 'template_with_workers' AND state = 'running'"),
        'a place is free when a worker of the owner has ended');
    value($node, 'one', 'DROP DATABASE copy WITH (FORCE)');
    configure($node, 'one', 'dynpgext.naptime' => '100ms');
    value($node, 'template_with_workers', 'ALTER DATABASE template_with_workers OWNER TO postgres');
    value($node, 'template_with_workers', 'SELECT dynpgext.reload()');
    end_all('template_with_workers');
    ok($node->poll_query_until('two', q(SELECT count(*) = 2 FROM dynpgext.cluster_workers WHERE database = 'template_with_workers' AND state = 'stopped')),
        'both of the database that has another owner have ended');
    value($node, $_, q(SELECT dynpgext.start_worker(extension, name) FROM dynpgext.workers)) for qw(template_with_workers two);
    ok($node->poll_query_until('one', $in, 'one running 2, template_with_workers running 2, two running 2'),
        'they do not count for the last owner any more, nor do those of databases that are gone');
    configure($node, 'one', 'dynpgext.max_owner_workers' => 1);
    end_all('two');
    ok($node->poll_query_until('two', q(SELECT count(*) = 2 FROM dynpgext.workers WHERE state = 'stopped')), 'both have ended');
    value($node, 'two', q(SELECT dynpgext.start_worker(extension, name) FROM dynpgext.workers));
    ok($node->poll_query_until('two', q(SELECT string_agg(state, ' ' ORDER BY state) = 'running waiting' FROM dynpgext.workers)), 'a lower limit counts');
};

$node->stop;
done_testing();
