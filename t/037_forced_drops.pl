# Which roles may drop a database WITH (FORCE), and what remains if that fails.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DatabaseCommands;
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;
use Time::HiRes qw(usleep);

prepare();

# PostgreSQL checks whether the forcing role may terminate all connected sessions.  Our processes count as the
# database owner's, whoever that is.
sub has_processes {
    my ($database, $number) = @_;
    my $query = "FROM pg_stat_activity WHERE datname = '$database' AND backend_type ~ '^dx |^dynpgext sql|parallel'";
    $node->poll_query_until('postgres', "SELECT count(*) = $number $query") or die "not $number processes in $database";
    return split /\n/, value($node, 'postgres', "SELECT pid $query ORDER BY backend_type DESC");
}

# May the role terminate them?  Tests it with cancel requests: the processes continue, or return.  Processes
# of a parallel query come first, because they end with the others.
sub gets {
    my ($database, $number, $role, $answer, $test) = @_;
    my $got = '';
    for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
        my @answers = map {
            my (undef, $out, $error) = $node->psql('postgres', "SELECT pg_cancel_backend($_)", connstr => $node->connstr('postgres') . " user=$role");
            $out eq 't' ? 'yes' : $error =~ /ERROR/ ? 'no' : 'gone';
        } has_processes($database, $number);
        $got = join ' ', @answers;
        last if $got eq join ' ', ($answer) x $number;
        usleep(100_000);
    }
    return is($got, join(' ', ($answer) x $number), $test);
}

# Commands continue to run for owners who were known when they were registered.
sub makes_known {
    my ($database, @owners) = @_;
    return value($node, $database, join '; ', q(LOAD 'dynpgext'), map { "ALTER DATABASE $database OWNER TO $_" } @owners);
}

subtest 'the right to end the processes' => sub {
    configure($node, 'hub', 'dynpgext.naptime' => '100ms');
    set_preload($node, 0);
    $node->restart;
    value($node, 'hub', 'SELECT dynpgext.version()');
    make('one', 'dx_owner');
    makes_known('one', 'dx_group', 'dx_owner');
    value($node, 'one', 'CREATE EXTENSION dx_declared');
    value($node, 'one', q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always', restart_delay => '0')));
    gets('one', 2, 'dx_owner', 'yes', 'the owner may');
    gets('one', 2, 'dx_nobody', 'no', 'another role may not');
    value($node, 'postgres', 'ALTER DATABASE one OWNER TO dx_group');
    gets('one', 2, 'dx_member', 'yes', 'after ALTER DATABASE, who is in the role that owns it');
    gets('one', 2, 'dx_owner', 'no', 'but not which role');
    value($node, 'postgres', 'ALTER DATABASE one OWNER TO postgres');
    gets('one', 2, 'dx_member', 'no', 'only a superuser where a superuser owns it');
    value($node, 'postgres', 'ALTER DATABASE one OWNER TO dx_group');
    gets('one', 2, 'dx_member', 'yes', 'and so on');
    my $parallel = value($node, 'one', q(SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')));
    value($node, 'one', as_superuser(qq(DROP EXTENSION dx_declared; CREATE EXTENSION dx_sql_only; SELECT dynpgext.register('dx_sql_only', '{"dynpgext": 1,
        "workers": [{"name": "dx parallel", "command": "SET $parallel = on; SELECT pg_sleep(3600)", "interval": "10 ms"}]}'))));
    gets('one', 3, 'dx_nobody', 'no', 'with a process of a parallel query: a role may not');
    gets('one', 3, 'dx_member', 'yes', 'a member of the role that owns the database may');
    is_whole($node, 'all is there still', 'one');
    is(run('not loaded', 'DROP DATABASE one WITH (FORCE)', 'dx_member'), '', 'WITH (FORCE) works for a member');
    configure($node, 'hub', 'dynpgext.naptime' => '1h');
};

for my $preload (0, 1) {
    my $how = $preload ? 'preloaded' : 'not preloaded';
    subtest "an owner who is no superuser, $how" => sub {
        set_preload($node, $preload);
        $node->restart;
        value($node, 'hub', 'SELECT dynpgext.version()');
        # a role without the right to signal the workers' processes
        for my $way ($preload ? 'preloaded' : ('not loaded', 'dynpgext in the database')) {
            my $oid = make('one', 'dx_owner');
            is(run($way, 'ALTER DATABASE one RENAME TO two', 'dx_owner'), '', "RENAME: $way");
            is(run($way, 'ALTER DATABASE two SET TABLESPACE elsewhere', 'dx_owner'), '', "SET TABLESPACE: $way");
            is_whole($node, 'all is back', 'two');
            is(run($way, 'CREATE DATABASE three TEMPLATE two', 'dx_owner'), '', "CREATE DATABASE: $way");
            is_whole($node, 'all is back', 'two', 'three');
            is(run($way, 'DROP DATABASE two', 'dx_owner'), '', "DROP DATABASE: $way");
            is(run($way, 'DROP DATABASE three WITH (FORCE)', 'dx_owner'), '', "WITH (FORCE): $way");
            # with every kind of our processes connected
            $oid = make('four');
            makes_known('four', 'dx_owner', 'postgres');
            value($node, 'four', q(CREATE EXTENSION dx_declared));
            ok(connect_global($oid), 'a global worker is connected, too');
            configure($node, 'hub', 'dynpgext.naptime' => '100ms');
            value($node, 'postgres', 'ALTER DATABASE four OWNER TO dx_owner');
            value($node, 'four', q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart => 'always', restart_delay => '0')));
            value($node, 'hub', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', restart => 'always', restart_delay => '0')));
            gets('four', 3, 'dx_owner', 'yes', 'their new owner may end them');
            value($node, 'hub', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1')));
            configure($node, 'hub', 'dynpgext.naptime' => '1h');
            is(run($way, 'DROP DATABASE four WITH (FORCE)', 'dx_owner'), '', "WITH (FORCE), several processes: $way");
            connect_global_elsewhere();
        }
    };
}

# Without preload, the server itself ends the workers, and then waits for a session that does not end.
subtest 'WITH (FORCE) fails' => sub {
    restart_with(0);
    my $oid = make('one');
    value($node, 'one', q(CREATE EXTENSION dx_declared));
    ok(connect_global($oid), 'a global worker is connected, too');
    my $guest = $node->background_psql('one');
    my $pid = $guest->query_safe('SELECT pg_backend_pid()');
    kill 'STOP', $pid;
    like(run('not loaded', 'DROP DATABASE one WITH (FORCE)'), qr/database "one" is being accessed by other users/, 'refused after all');
    kill 'CONT', $pid;
    leave($guest);
    is_whole($node, 'all is back', 'one', 'hub');
    connect_global_elsewhere();
    is(run('not loaded', 'DROP DATABASE one WITH (FORCE)'), '', 'now it works');
};

$node->stop;
done_testing();
