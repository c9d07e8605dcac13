# Shared by the tests of commands on databases: a cluster whose launcher checks by itself only once an
# hour; databases with workers in it; and ways to issue a command.
package DatabaseCommands;

use strict;
use warnings FATAL => 'all';

use DynpgextTest;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw($node %prepared %slowest prepare leave oid_of make connect_global connect_global_elsewhere run history restart_with);

our $node;

# The cluster of all these functions.
sub prepare {
    $node = new_cluster('main',
        'dynpgext.naptime' => '1h',
        'dx_supervised.connect' => 0,    # initially to no database
        'dx_supervised.scope' => 'global',
        max_worker_processes => 60);
    my $tablespace = PostgreSQL::Test::Utils::tempdir('tablespace');
    $node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$tablespace'");
    $node->safe_psql('postgres', 'CREATE ROLE dx_owner LOGIN CREATEDB');
    $node->safe_psql('postgres', 'CREATE ROLE dx_nobody LOGIN');
    $node->safe_psql('postgres', 'CREATE ROLE dx_group; CREATE ROLE dx_member LOGIN IN ROLE dx_group');
    $node->safe_psql('postgres', 'GRANT CREATE ON TABLESPACE elsewhere TO dx_owner');
    # for queries of the views; no command is run on it
    add_database($node, 'hub', qw(dynpgext dx_supervised));
    value($node, 'hub', 'GRANT EXECUTE ON FUNCTION dynpgext.version TO dx_owner, dx_nobody');
    return;
}

# Finishes a psql that may have ended by itself, or reached its timeout.
sub leave {
    my ($session) = @_;
    eval {
        $session->{run}->pump_nb;
        $session->{stdin} .= "\\q\n" if $session->{run}->pumpable;
        $session->{run}->finish;
        1;
    } or $session->{run}->kill_kill;
    return;
}

sub oid_of { return $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = '$_[0]'") }

# Makes the database, with a local worker connected to it, and also the global one of dx_supervised.
sub make {
    my ($database, $owner) = @_;
    add_database($node, $database, qw(dynpgext dx_worker));
    $node->safe_psql('postgres', "ALTER DATABASE $database OWNER TO $owner") if $owner;
    wait_whole($node, $database, 'hub') or die "$database is not whole";
    return oid_of($database);
}

sub connect_global {
    my ($oid) = @_;
    configure($node, 'hub', 'dx_supervised.connect' => $oid);
    value($node, 'hub', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    return $node->poll_query_until('postgres',
        "SELECT count(*) = 2 FROM pg_stat_activity WHERE datid = $oid AND backend_type LIKE 'dx %'");
}

# Runs one command as a role, in the given way; returns its error and its duration.
our %prepared = (
    'not loaded' => [ 'postgres', '' ],
    'LOAD' => [ 'postgres', "LOAD 'dynpgext';" ],
    'dynpgext in the database' => [ 'hub', 'SELECT dynpgext.version();' ],
    'preloaded' => [ 'postgres', '' ]);
our %slowest;

sub run {
    my ($way, $command, $role) = @_;
    my ($database, $first) = @{ $prepared{$way} };
    $first = '' if $role && $way eq 'LOAD';
    my $started = time;
    my ($code, $out, $error) = $node->psql($database, "$first\n$command",
        on_error_stop => 1, $role ? (connstr => $node->connstr($database) . " user=$role") : ());
    my $took = 1000 * (time - $started);
    if ($code == 0) {
        note sprintf '%s: %s: %d ms', $way, $command, $took;
        $slowest{$way} = $took if $took > ($slowest{$way} // 0);
    }
    return $error;
}

# The number of starts of each object of a database, by its OID.
sub history {
    my ($oid) = @_;
    return value($node, 'hub', qq(
        SELECT string_agg(DISTINCT e.name || ' ' || e.starts, ', ') FROM (
          SELECT name, count(*) FILTER (WHERE event = 'started') OVER (PARTITION BY name) AS starts
            FROM dynpgext.events WHERE object = 'worker'
             AND database IN ('$oid', (SELECT datname FROM pg_database WHERE oid = $oid))) AS e));
}

sub connect_global_elsewhere {
    configure($node, 'hub', 'dx_supervised.connect' => 0);
    value($node, 'hub', q(SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1')));
    return;
}

# With preload every session has the library, so the launcher's way is tested without it.
sub restart_with {
    my ($preload) = @_;
    set_preload($node, $preload);
    $node->restart;
    value($node, 'hub', 'SELECT dynpgext.version()');
    wait_whole($node, 'hub');
    return;
}

1;
