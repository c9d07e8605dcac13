# pgaudit, pgauditlogtofile after it, and set_user.
use strict;
use warnings FATAL => 'all';

use FindBin;
use IPC::Run;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use PostgreSQL::Test::Utils;
use Test::More;

needs(qw(pgaudit pgauditlogtofile set_user));
my $node = older_cluster('main', ['postgres'], 'pgaudit.log' => 'write, ddl, role', max_connections => 40);
my $older = $node->background_psql('postgres');
my $of_older = $older->query('SELECT pg_backend_pid()');

# Clients that connect for each statement, before, during and after the hosting of pgaudit.
value($node, 'postgres', 'CREATE TABLE seen (pid integer, started timestamptz)');
my $script = $node->basedir . '/seen.sql';
append_to_file($script, "INSERT INTO seen SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid();\n");
my ($out, $error) = ('', '');
my $clients = IPC::Run::start([ qw(pgbench -n -C -c 4 -T 1000 -f), $script, $node->connstr('postgres') ], '<', \undef, '>', \$out, '2>', \$error);
$node->poll_query_until('postgres', 'SELECT count(*) > 20 FROM seen');
hosts($node, 'postgres', 'pgaudit');
my $hosted = value($node, 'postgres', 'SELECT clock_timestamp()');
$node->poll_query_until('postgres', "SELECT count(*) > 20 FROM seen WHERE started > '$hosted'");
$clients->signal('TERM');
eval { $clients->finish };
unlike($error, qr/error/i, 'no client has failed') or diag($error);

my $audited = qr/^.*?\[(\d+)\].*AUDIT: SESSION,\d+,\d+,WRITE,INSERT,.*INSERT INTO seen/m;
my %audited = map { $_ => 1 } slurp_file($node->logfile) =~ /$audited/g;
cmp_ok(scalar keys %audited, '>', 20, 'statements are audited');
my @later = split /\n/, value($node, 'postgres', "SELECT pid FROM seen WHERE started > '$hosted'");
is(scalar(grep { !$audited{$_} } @later), 0, 'of each session that has begun since') or diag(scalar @later);

subtest 'objects, roles and parallel workers' => sub {
    value($node, 'postgres', 'CREATE EXTENSION pgaudit; CREATE ROLE auditor; CREATE ROLE clerk LOGIN; GRANT SELECT ON seen TO auditor, clerk');
    configure($node, 'postgres', 'pgaudit.role' => 'auditor');
    my $offset = log_offset($node);
    value($node, 'postgres', q(
        SET force_parallel_mode = on;
        SET parallel_setup_cost = 0;
        SET parallel_tuple_cost = 0;
        SET min_parallel_table_scan_size = 0;
        SELECT count(*) FROM seen;
        CREATE TABLE made (id integer);
        ALTER ROLE clerk PASSWORD 'not to be logged'));
    cmp_ok(log_count($node, qr/AUDIT: OBJECT,\d+,1,READ,SELECT,TABLE,public\.seen,/, $offset), '>', 1,
        'the object, in each process of the query, as this release does it');
    is(log_count($node, qr/AUDIT: SESSION,\d+,1,DDL,CREATE TABLE,TABLE,public\.made,/, $offset), 1, 'a command, by its event trigger');
    is(log_count($node, qr/AUDIT: SESSION,\d+,1,ROLE,ALTER ROLE,,,.*<REDACTED>/, $offset), 1, 'a role');
    is(log_count($node, qr/AUDIT:.*not to be logged/, $offset), 0, 'without its password');
    is($older->query('SELECT dynpgext.attach_hosted()'), '1', 'an older session joins');
    $older->query('CREATE TABLE by_older (id integer)');
    is(log_count($node, qr/\[$of_older\].*AUDIT: SESSION,\d+,\d+,DDL,CREATE TABLE,/, $offset), 1, 'and is audited');
};
$older->quit;

subtest 'pgauditlogtofile' => sub {
    configure($node, 'postgres', 'pgaudit.log_directory' => 'audit', 'pgaudit.log_filename' => 'audit.csv');
    hosts($node, 'postgres', 'pgauditlogtofile');
    value($node, 'postgres', 'CREATE EXTENSION pgauditlogtofile');
    my $offset = log_offset($node);
    value($node, 'postgres', 'CREATE TABLE filed (id integer)');
    my ($file) = glob "'" . $node->data_dir . "/audit/'audit*";
    ok($file, 'it makes its file') or return;
    like(slurp_file($file), qr/,SESSION,1,1,DDL,CREATE TABLE,TABLE,public\.filed,/, 'which has what is audited');
    is(log_count($node, qr/AUDIT:/, $offset), 0, 'instead of the log');
    unhosts($node, 'postgres', 'pgauditlogtofile');
    value($node, 'postgres', 'DROP EXTENSION pgauditlogtofile; CREATE TABLE logged (id integer)');
    is(log_count($node, qr/AUDIT: SESSION,2,1,DDL,CREATE TABLE,TABLE,public\.logged,/, $offset), 1, 'then the log has it again');
};

subtest 'set_user' => sub {
    hosts($node, 'postgres', 'set_user');
    value($node, 'postgres', 'CREATE EXTENSION set_user; GRANT EXECUTE ON FUNCTION set_user(text), set_user_u(text), reset_user() TO clerk');
    my $offset = log_offset($node);
    is(value($node, 'postgres', q(SET SESSION AUTHORIZATION clerk; SELECT set_user_u('postgres'); SELECT current_user; SELECT reset_user(); SELECT current_user)),
        "OK\npostgres\nOK\nclerk", 'a role becomes another, and itself again');
    is(log_count($node, qr/Role clerk transitioning to Superuser Role postgres/i, $offset), 1, 'which is in the log');
    like(error_of($node, 'postgres', q(SET SESSION AUTHORIZATION clerk; SELECT set_user_u('postgres'); ALTER SYSTEM SET work_mem = '1MB')),
        qr/ALTER SYSTEM blocked by set_user/, 'its hook blocks a command');
    value($node, 'postgres', 'DROP EXTENSION set_user');
    unhosts($node, 'postgres', 'set_user');
};

has_gone_on($node);

# Sessions begun right after a start are audited, and none is refused.  The test does not count how
# many had to wait.
configure($node, 'postgres', 'dynpgext.hosting_wait' => '-30s');
value($node, 'postgres', 'GRANT CREATE ON SCHEMA public TO clerk');
$node->restart;
my $offset = log_offset($node);
my @sessions = map {
    my %s = (out => '', error => '');
    $s{process} = IPC::Run::start([ qw(psql -XAtq -c), "CREATE TABLE early_$_ ()", $node->connstr('postgres') . ' user=clerk' ], '<', \undef, '>', \$s{out}, '2>', \$s{error});
    \%s
} 1 .. 8;
$_->{process}->finish for @sessions;
my $early = value($node, 'postgres', q(SELECT count(*) FROM pg_class WHERE relname ~ '^early'));
is($early, 8, 'sessions right after the start of the server') or diag(map { $_->{error} } @sessions);
is(log_count($node, qr/AUDIT: SESSION,1,1,DDL,CREATE TABLE,TABLE,public\.early/, $offset), $early, 'are all audited');
value($node, 'postgres', 'DROP EXTENSION pgaudit');
unhosts($node, 'postgres', 'pgaudit');
$node->stop;
done_testing();
