# Registrations in SQL: over restarts, crashes and failures, in other encodings, and on a standby.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_primary('main');
add_database($node, 'one', qw(dynpgext dx_declared dx_memory));
is_whole_declared($node, 'one', 'all is well before');

# One test: the objects of dx_declared are live, its memory has its initial content, and its commands run.
sub is_whole_declared {
    my ($on, $database, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return subtest $test => sub {
        ok(wait_whole($on, $database), 'everything is live as registered');
        is(value($on, $database, q(SELECT convert_from(dynpgext.peek('dx_declared:state', 0, 5), 'UTF8'), encode(dynpgext.peek('dx_declared:global', 0, 2), 'hex'))),
            'hello|00ff', 'memory has its content');
        my $before = value($on, $database, 'SELECT clock_timestamp()');
        ok($on->poll_query_until($database, "SELECT count(*) > 2 FROM dx_declared_log WHERE at > '$before'"), 'commands run')
          unless value($on, $database, 'SELECT pg_is_in_recovery()') eq 't';
        is(value($on, $database, q(SELECT count(DISTINCT pid) FROM dynpgext.workers WHERE extension = 'dx_declared')), 1, 'in one process');
    };
}

value($node, 'one', q(SELECT dynpgext.register('dx_memory', '{"dynpgext": 1, "allocations": [{"name": "beside", "size": 8, "initial": "mine"}]}')));

for my $preload (1, 0) {
    my $with = $preload ? 'with preload' : 'without preload';
    set_preload($node, $preload);
    for my $mode (qw(fast immediate)) {
        subtest "restart ($mode), $with" => sub {
            $node->stop($mode);
            $node->start;
            is(value($node, 'one', q(SELECT convert_from(dynpgext.peek('beside', 0, 4), 'UTF8'))), 'mine', 'a lookup finds what was registered by hand');
            is_whole_declared($node, 'one', 'everything runs again');
        };
    }
}

subtest 'crash-restart' => sub {
    crash($node, sub { $node->psql('one', q(SELECT pg_backend_pid()), on_error_stop => 0);
        my ($pid) = map { @$_ } grep { @$_ } { processes($node) }->{'dynpgext launcher'} // [];
        kill 'KILL', $pid or die 'no launcher'; });
    is_whole_declared($node, 'one', 'everything runs again');
};

subtest 'a database created from a template with it' => sub {
    value($node, 'postgres', 'CREATE DATABASE two TEMPLATE one');
    is_whole_declared($node, 'two', 'has all of it, too');
    is_whole_declared($node, 'one', 'and the first one still');
    is(value($node, 'two', 'SELECT dynpgext.export()'), value($node, 'one', 'SELECT dynpgext.export()'), 'they export the same');
    value($node, 'postgres', 'DROP DATABASE two');
};

subtest 'PREPARE TRANSACTION' => sub {
    value($node, 'one', as_superuser(q(BEGIN;
        SELECT dynpgext.register('dx_memory', '{"dynpgext": 1, "workers": [{"name": "prepared", "command": "SELECT 1", "interval": "1 h"}]}');
        PREPARE TRANSACTION 'p')));
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.workers WHERE name = 'prepared')), 0, 'nothing before the commit');
    value($node, 'one', q(COMMIT PREPARED 'p'));
    ok($node->poll_query_until('one', q(SELECT runs > 0 FROM dynpgext.commands WHERE worker = 'prepared')), 'it runs after it');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.allocations WHERE name = 'beside')), 0, 'the replaced one is gone');
};

value($node, 'one', 'CREATE EXTENSION dx_plain');

subtest 'an extension that is not allowed' => sub {
    configure($node, 'one', 'dynpgext.allowed_extensions' => '!dx_plain, !dx_declared, *');
    like(error_of($node, 'one', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}');)), qr/ERROR:  42501: extension "dx_plain" is not allowed/, 'registers nothing by hand');
    add_database($node, 'three', 'dynpgext');
    like(error_of($node, 'three', 'CREATE EXTENSION dx_declared;'), qr/ERROR:  42501: extension "dx_declared" is not allowed/, 'nor in its script');
    is(value($node, 'three', 'SELECT count(*) FROM dynpgext.extensions'), 0, 'nothing is left of that');
    configure($node, 'one', 'dynpgext.allowed_extensions' => '*');
    $node->restart;
    is_whole_declared($node, 'one', 'allowed again');
};

subtest 'DROP EXTENSION dynpgext' => sub {
    add_database($node, 'four', qw(dynpgext dx_declared dx_plain));
    value($node, 'four', as_superuser(q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "by hand", "command": "SELECT 1", "interval": "1 h"}]}'))));
    like(error_of($node, 'four', 'DROP EXTENSION dynpgext;'), qr/cannot drop extension dynpgext because other objects depend on it/, 'is refused while an extension requires it');
    value($node, 'four', 'DROP EXTENSION dynpgext CASCADE');
    is(value($node, 'four', q(SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension)), 'dx_plain plpgsql', 'CASCADE drops it, too');
    becomes($node, 'one', q(SELECT count(*) FROM dynpgext.cluster_workers WHERE database = 'four'), 0, 'their workers have ended');
    value($node, 'four', 'CREATE EXTENSION dynpgext');
    is(value($node, 'four', 'SELECT count(*) FROM dynpgext.extensions'), 0, 'registrations by hand were removed with it');
    value($node, 'postgres', 'DROP DATABASE four');
};

subtest 'another encoding' => sub {
    value($node, 'postgres', q(CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'));
    $node->safe_psql('latin', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain;');
    value($node, 'latin', as_superuser(q(SET client_encoding = 'UTF8'; SELECT dynpgext.register('dx_plain', '{"dynpgext": 1,
        "allocations": [{"name": "größe", "size": 8}, {"name": "snow", "size": 8, "initial_hex": "e29883"}], "workers": [{"name": "wörker", "command": "SELECT ''ä''", "interval": "1 h"}]}'))));
    is(value($node, 'latin', q(SELECT octet_length(name), name = convert_from('\x6772f6df65', 'LATIN1') FROM dynpgext.allocations WHERE extension = 'dx_plain' AND name <> 'snow')), '5|t', 'names are in that of the database');
    is(value($node, 'latin', q(SELECT octet_length(command) FROM dynpgext.commands)), 10, 'commands, too');
    is(value($node, 'latin', 'SELECT count(*) FROM dynpgext.apply(dynpgext.export())'), 0, 'and come back so');
    is(value($node, 'latin', q(SELECT dynpgext.export() #>> '{extensions,0,allocations,1,initial_hex}', dynpgext.peek('snow', 0, 3))), 'e29883|\xe29883', 'bytes that it has no character for');
    ok($node->poll_query_until('latin', 'SELECT runs > 0 AND failures = 0 FROM dynpgext.commands'), 'the command runs');
    # the same names are shown in other databases
    is(value($node, 'one', q(SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") = 'größe snow' FROM dynpgext.cluster_allocations WHERE database = 'latin')), 't', 'names of memory are converted');
    is(value($node, 'one', q(SELECT name = 'wörker' FROM dynpgext.cluster_workers WHERE database = 'latin')), 't', 'those of workers');
    is(value($node, 'one', q(SELECT count(*) > 0 FROM dynpgext.events WHERE name = 'wörker')), 't', 'those in events');
    # except in SQL_ASCII, which only has ASCII characters
    value($node, 'postgres', q(CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'));
    value($node, 'ascii', 'CREATE EXTENSION dynpgext');
    is(value($node, 'ascii', q(SELECT name = 'w\xf6rker' FROM dynpgext.cluster_workers WHERE database = 'latin')), 't', 'in SQL_ASCII their bytes are escaped');
    value($node, 'postgres', 'DROP DATABASE ascii');
    # and in that database, except characters that its encoding lacks
    value($node, 'postgres', q(CREATE DATABASE snow ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C'));
    $node->safe_psql('snow', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain;');
    value($node, 'snow', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "allocations": [{"name": "größe ☃ ä", "size": 8}]}')));
    is(value($node, 'latin', q(SET client_encoding = 'UTF8'; SELECT name = 'größe \xe2\x98\x83 ä' FROM dynpgext.cluster_allocations WHERE database = 'snow')), 't', 'the others are escaped');
    value($node, 'postgres', 'DROP DATABASE snow');
    is(value($node, 'one', q(SELECT sum(length(name) + length(detail)) > 0 FROM dynpgext.events)), 't', 'in events, too');
    value($node, 'postgres', 'DROP DATABASE latin');
};

subtest 'single-user mode' => sub {
    $node->stop;
    my ($out, $error) = run_command_single(q(SELECT dynpgext.register('dx_memory', '{"dynpgext": 1, "allocations": [{"name": "single", "size": 8, "initial": "user"}]}')));
    unlike($error, qr/(WARNING|ERROR|FATAL|PANIC):/, 'registers');
    $node->start;
    is(value($node, 'one', q(SELECT convert_from(dynpgext.peek('single', 0, 4), 'UTF8'))), 'user', 'and is there after it');
    is_whole_declared($node, 'one', 'as is all else');
};

sub run_command_single {
    my ($sql) = @_;
    my ($out, $error) = ('', '');
    IPC::Run::run([ 'postgres', '--single', '-D', $node->data_dir, 'one' ], '<', \"$sql\n", '>', \$out, '2>', \$error);
    return ($out, $error);
}

subtest 'standby' => sub {
    my $standby = new_standby($node, 'standby');
    becomes($standby, 'one', q(SELECT convert_from(dynpgext.peek('dx_declared:state', 0, 5), 'UTF8')), 'hello', 'memory is there');
    becomes($standby, 'one', q(SELECT string_agg(DISTINCT state, ' ') FROM dynpgext.workers WHERE extension = 'dx_declared'), 'waiting', 'commands wait');
    is(value($standby, 'one', 'SELECT dynpgext.export()'), value($node, 'one', 'SELECT dynpgext.export()'), 'export() works');
    is(value($standby, 'one', 'SELECT count(*) FROM dynpgext.apply(dynpgext.export(), true)'), 0, 'and a dry run of apply()');
    like(error_of($standby, 'one', 'SELECT dynpgext.apply(dynpgext.export());'), qr/ERROR:  25006: /, 'apply() does not');
    like(error_of($standby, 'one', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}');)), qr/ERROR:  25006: /, 'nor register()');
    value($node, 'one', as_superuser(q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "allocations": [{"name": "replayed", "size": 8, "initial": "over"}],
        "workers": [{"name": "on standby", "command": "SELECT 1", "interval": "20 ms", "start": "consistent", "servers": "standby"}]}'))));
    becomes($standby, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'on standby'), 'running', 'registrations of the primary run here');
    ok($standby->poll_query_until('one', q(SELECT runs > 2 AND failures = 0 FROM dynpgext.commands WHERE worker = 'on standby')), 'again and again');
    becomes($standby, 'one', q(SELECT convert_from(dynpgext.peek('replayed', 0, 4), 'UTF8')), 'over', 'with its memory');
    is(value($node, 'one', q(SELECT state FROM dynpgext.workers WHERE name = 'on standby')), 'waiting', 'and waits on the primary');
    $node->stop;
    $standby->promote;
    becomes($standby, 'one', q(SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dynpgext.workers WHERE extension IN ('dx_declared', 'dx_plain')),
        'dx bell running, dx tick running, on standby waiting', 'after a promotion the others run');
    my $before = value($standby, 'one', 'SELECT clock_timestamp()');
    ok($standby->poll_query_until('one', "SELECT count(*) > 2 FROM dx_declared_log WHERE at > '$before'"), 'and do their work');
    $standby->stop;
};

done_testing();
