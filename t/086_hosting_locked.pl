# Databases that host libraries and cannot be read after a restart: no session waits for them.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('main', 'dynpgext.hosting_wait' => '1min');
value($node, 'postgres', 'CREATE ROLE tenant LOGIN CREATEDB');
value($node, 'postgres', 'CREATE ROLE somebody LOGIN');
add_database($node, 'postgres', 'dynpgext');
add_database($node, 'theirs', 'dynpgext');
value($node, 'postgres', 'ALTER DATABASE theirs OWNER TO tenant');
is($node->safe_psql('theirs', q(SELECT dynpgext.host('pg_stat_statements', 'database'))), 'hosted', 'a library for one database');

my @tenant = (extra_params => [ '-U', 'tenant' ]);
my $listed = q(SELECT current_setting('dynpgext.hosting_databases'));

sub lock_theirs {
    $node->safe_psql('postgres', q(BEGIN; ALTER DATABASE theirs RENAME TO other; PREPARE TRANSACTION 'lock'), @tenant);
    my $offset = log_offset($node);
    $node->restart;
    return $offset;
}

sub unlock_theirs { value($node, 'postgres', q(ROLLBACK PREPARED 'lock')); return }

# Sessions start without a wait; returns the error of the last one.
sub is_not_waited_for {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $began = time;
    my $error;
    # without a pipe as input, which a refused client would leave unread
    $error = (run_command([ 'psql', '-XAtc', 'SELECT 1', $node->connstr('postgres') . ' user=somebody' ]))[1] for 1 .. 3;
    cmp_ok(time - $began, '<', 45, "$test: nobody waits");
    return $error;
}

subtest 'a library for this database' => sub {
    my $offset = lock_theirs();
    is(is_not_waited_for('locked'), '', 'sessions start');
    is(log_count($node, qr/LOG:.*database "theirs" is locked: sessions do not wait for the libraries that it hosts: database pg_stat_statements\n/, $offset),
        1, 'one message names database and library');
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '-1min');
    is(is_not_waited_for('sessions require hosted libraries'), '', 'nor do they miss a library of another database');
    unlock_theirs();
    is($node->safe_psql('theirs', 'SHOW pg_stat_statements.track', @tenant), 'top', 'once it is unlocked, its sessions have the library');
};

subtest 'a library for the whole server' => sub {
    is($node->safe_psql('theirs', q(SELECT dynpgext.host('auto_explain'))), 'hosted', 'hosted');
    my $offset = lock_theirs();
    like(is_not_waited_for('sessions require hosted libraries'), qr/hosted libraries are not there/, 'they are refused');
    is(value($node, 'postgres', 'SELECT 1'), '1', 'except those of superusers');
    is(log_count($node, qr/LOG:.*database "theirs" is locked: .* hosts: database pg_stat_statements, global auto_explain\n/, $offset),
        1, 'one message names the libraries');
    configure($node, 'postgres', 'dynpgext.hosting_wait' => '1min');
    is(is_not_waited_for('they do not require them'), '', 'then they start');
    unlock_theirs();
    ok($node->poll_query_until('postgres', q(SELECT current_setting('auto_explain.log_format', true) IS NOT NULL)), 'once it is unlocked, sessions have it');
};

# More than libraries can be hosted: what is known of a database must have room for each.
subtest 'many other databases' => sub {
    my @many = map {"many_$_"} 0 .. 64;
    add_database($node, $many[0], 'dynpgext');
    value($node, 'postgres', "CREATE DATABASE $_ TEMPLATE $many[0]") for @many[ 1 .. $#many ];
    my $offset = lock_theirs();
    {
        local $ENV{PGOPTIONS} = '-c session_preload_libraries=';  # the first sessions do not look for libraries
        becomes($node, 'postgres', 'SELECT databases FROM dynpgext.status', @many + 1, 'all others have been visited');
    }
    is(is_not_waited_for('the last one'), '', 'sessions start');
    is(log_count($node, qr/is locked: sessions do not wait/, $offset), 1, 'and one message is in the log');
    unlock_theirs();
    value($node, 'postgres', "DROP DATABASE $_") for @many;
};

subtest 'dropped databases' => sub {
    my $oid = value($node, 'postgres', q(SELECT oid FROM pg_database WHERE datname = 'theirs'));
    my $hosts_too = value($node, 'postgres', q(SELECT dynpgext.host('dx_hosted')));
    is($hosts_too, 'hosted', 'another database hosts, too');
    like(value($node, 'postgres', $listed), qr/\b$oid\b/, 'it is listed');
    value($node, 'postgres', 'DROP DATABASE theirs');
    ok($node->poll_query_until('postgres', "$listed !~ '\\m$oid\\M'"), 'after DROP DATABASE it is not');
    SKIP: {
        skip 'CREATE DATABASE has no OID', 3 if $node->pg_version < 15;
        # as if it were still listed
        my $all = value($node, 'postgres', $listed);
        configure($node, 'postgres', 'dynpgext.hosting_wait' => '-1min');
        value($node, 'postgres', "ALTER SYSTEM SET dynpgext.hosting_databases = $all, $oid");
        $node->safe_psql('postgres', "CREATE DATABASE theirs OID $oid", @tenant);
        my $offset = lock_theirs();
        is(is_not_waited_for('a later database with its OID'), '', 'nor is a library missing');
        is(log_count($node, qr/is locked: sessions do not wait/, $offset), 0, 'and there is no message');
        unlock_theirs();
    }
};

is(log_count($node, qr/PANIC|terminated by signal/, 0), 0, 'nothing has crashed');
$node->stop;
done_testing();
