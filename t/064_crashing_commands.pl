# SQL commands that crash the server are counted for their role and database, whatever the names of their
# workers, and whoever drops and creates their extension meanwhile.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'shared_preload_libraries' => 'dynpgext', 'dynpgext.crash_limit' => 3, 'dx_supervised.workers' => 1,
    'dx_supervised.delay' => 0, 'dx_supervised.restart' => 'always');
value($node, 'postgres', 'CREATE ROLE dev LOGIN');
for my $database (qw(one two)) {
    add_database($node, $database, qw(dynpgext dx_plain));
    value($node, $database, "GRANT CREATE ON DATABASE $database TO dev");
    value($node, $database, 'GRANT USAGE ON SCHEMA dynpgext TO dev; GRANT EXECUTE ON FUNCTION dynpgext.register TO dev');
    by_dev($database, 'CREATE EXTENSION dx_trusted');
}

sub by_dev { return $node->safe_psql($_[0], $_[1], extra_params => [ '-U', 'dev' ]) }

# Workers with these names; each crashes the server while a session has its name.
sub manifest_of {
    my $workers = join ', ', map {
        qq({"name": "$_", "interval": "50 ms", "restart": {"policy": "on_failure", "delay": "100 ms"}, "command":
            "SELECT public.dx_plain_crash() FROM pg_catalog.pg_stat_activity WHERE application_name = 'crash $_' AND datname = current_database()"})
    } @_;
    return qq({"dynpgext": 1, "workers": [$workers]});
}
sub register_by_dev {
    my ($database, @names) = @_;
    by_dev($database, "SELECT dynpgext.register('dx_trusted', " . quoted(manifest_of(@names)) . ')');
    return;
}

sub runs {
    my ($database, $worker, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $runs = value($node, $database, 'SELECT runs FROM dynpgext.commands WHERE worker = ' . quoted($worker));
    return ok(command_is($node, $database, $worker, "state = 'running' AND runs > $runs"), $test)
      || diag(worker_row($node, $database, $worker));
}

# Makes a worker crash the server, and waits for the blame; returns the log's offset.
sub crash_by {
    my ($worker) = @_;
    my $offset = crash($node, sub { $node->psql('one', "SET application_name = 'crash $worker'; SELECT pg_sleep(180)") });
    ok($node->wait_for_log(qr/took the server down \(/, $offset), "$worker takes the server down");
    return $offset;
}

my $blamed = qr/WARNING:  SQL worker "(\w+)" of extension "dx_trusted", run as role "dev" in database "one", took the server down \((\d) of 3 times/;

# The blame in the log from this offset on.
sub blame {
    my ($offset) = @_;
    return join ' ', map { $_ // '' } slurp_file($node->logfile, $offset) =~ /$blamed/g;
}

my $register_other = sub {
    register_sql_workers($node, 'one', 'dx_plain', { name => 'other', sql => 'SELECT 1', interval => 50 });
};

subtest 'always new names' => sub {
    register_by_dev('one', 'a');
    register_by_dev('two', 'a');
    $register_other->();
    runs('one', 'a', 'it runs');
    is(blame(crash_by('a')), 'a 1', 'it is blamed');
    register_by_dev('one', 'b');
    runs('one', 'b', 'another one in its place runs');
    is(blame(crash_by('b')), 'b 2', 'it counts on');
};

subtest 'DROP and CREATE EXTENSION' => sub {
    by_dev('one', 'DROP EXTENSION dx_trusted; CREATE EXTENSION dx_trusted');
    register_by_dev('one', 'c', 'd');
    runs('one', 'c', 'it runs');
    my $offset = crash_by('c');
    is(blame($offset), 'c 3', 'it counts on');
    ok($node->log_contains(qr/WARNING:  SQL workers of role "dev" in database "one" are quarantined: they took the server down 3 times within 5 min\n.*HINT:  Nothing of theirs runs until dynpgext\.release\('dx_trusted'\) is called in that database\./, $offset),
        'and the role is quarantined');
    shows($node, 'one', $_, q{state = 'quarantined' AND pid IS NULL AND last_error ~
        '^quarantined since \d{4}-.*: SQL workers of role "dev" took the server down 3 times, "c" of extension "dx_trusted" last; dynpgext\.release\(\) ends it$'}, "$_ is") for qw(c d);
    is(value($node, 'one', q(SELECT string_agg(DISTINCT event, ' ') FROM dynpgext.events WHERE name = 'c' AND event IN ('crashed', 'quarantined'))),
        'crashed quarantined', 'the events show it');
    runs('one', 'other', 'those of another role run');
    runs('two', 'a', 'and those of the role in another database');
};

subtest 'quarantined' => sub {
    my $offset = log_offset($node);
    by_dev('one', q(SELECT dynpgext.register('dx_trusted', '{"dynpgext": 1, "workers":
        [{"name": "e", "interval": "50 ms", "command": "SELECT public.dx_plain_crash()"}]}')));
    shows($node, 'one', 'e', q(state = 'quarantined'), 'a new one is quarantined at once');
    like(error_of($node, 'one', q(SELECT dynpgext.start_worker('dx_trusted', 'e');)), qr/ERROR:  55000: .*is quarantined/, 'and not started by command');
    by_dev('one', 'DROP EXTENSION dx_trusted; CREATE EXTENSION dx_trusted');
    register_by_dev('one', 'f');
    shows($node, 'one', 'f', q(state = 'quarantined'), 'also after DROP and CREATE EXTENSION');
    value($node, 'one', 'DROP EXTENSION dx_trusted');
    by_dev('one', 'CREATE EXTENSION dx_trusted');
    register_by_dev('one', 'f');
    shows($node, 'one', 'f', q(state = 'quarantined'), 'also when a superuser drops it: it is the role that is quarantined');
    $node->restart;
    shows($node, 'one', 'f', q(state = 'quarantined'), 'also after a restart');
    register_sql_workers($node, 'one', 'dx_plain', { name => 'other', sql => 'SELECT 1', interval => 50, run_as => 'dev' });
    shows($node, 'one', 'other', q(state = 'quarantined'), 'also as a worker of another extension that comes to run as the role');
    $register_other->();
    runs('one', 'other', 'which runs as another role');
    is(log_count($node, qr/took the server down/, $offset), 0, 'nothing has crashed');
};

subtest 'release' => sub {
    register_sql_workers($node, 'one', 'dx_plain', { name => 'other', sql => 'SELECT 1', interval => 50, run_as => 'dev' });
    shows($node, 'one', 'other', q(state = 'quarantined'), 'two extensions have workers of the role');
    value($node, 'one', 'CREATE EXTENSION dx_memory');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_memory'))), 'f', 'an extension without has nothing to release');
    is(value($node, 'two', q(SELECT dynpgext.release('dx_trusted'))), 'f', 'nor has one in another database');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_plain'))), 't', 'one that has releases the role');
    runs('one', 'other', 'its worker runs');
    runs('one', 'f', 'so does that of the other extension');
    is(blame(crash_by('f')), 'f 1', 'the role counts again');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_plain'))), 't', 'a crash that has led to no quarantine yet is released, too');
    is(blame(crash_by('f')), 'f 1', 'it is forgotten');
};

subtest 'a quarantine without its worker' => sub {
    crash_by('f') for 2 .. 3;
    shows($node, 'one', 'f', q(state = 'quarantined'), 'quarantined');
    by_dev('one', 'DROP EXTENSION dx_trusted');
    is(value($node, 'one', q(SELECT dynpgext.release('dx_trusted'))), 't', 'is released for the given extension');
    runs('one', 'other', 'the rest of the role runs');
};

# Crashes of C code count for its worker, as usual; only superusers can make the guard forget them.
subtest 'a worker in C' => sub {
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    for my $time (1 .. 3) {
        crash($node, sub { ok(tell_to_crash($node, 'one', 1, 'segv'), 'it crashes') });
    }
    shows($node, 'one', 'dx supervised 1', q(state = 'quarantined'), 'quarantined');
    value($node, 'one', q(UPDATE pg_extension SET extowner = 'dev'::regrole WHERE extname = 'dx_supervised'));
    by_dev('one', 'DROP EXTENSION dx_supervised');
    value($node, 'one', 'CREATE EXTENSION dx_supervised');
    shows($node, 'one', 'dx supervised 1', q(state = 'quarantined'), 'its owner cannot end that by DROP EXTENSION');
    value($node, 'one', 'DROP EXTENSION dx_supervised; CREATE EXTENSION dx_supervised');
    shows($node, 'one', 'dx supervised 1', q(state = 'running'), 'a superuser can');
};

$node->stop;
done_testing();
