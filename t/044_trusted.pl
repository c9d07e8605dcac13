# An SQL worker of a trusted extension runs as the owner of the extension, who does not own its tables.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', shared_preload_libraries => 'dynpgext');
value($node, 'postgres', 'CREATE ROLE dx_owner LOGIN; CREATE ROLE dx_writer LOGIN; GRANT dx_writer TO dx_owner; CREATE DATABASE one OWNER dx_owner');
value($node, 'one', 'CREATE EXTENSION dynpgext; GRANT USAGE, CREATE ON SCHEMA public TO dx_owner; GRANT USAGE ON SCHEMA public TO dx_writer');

# The messages that the role gets for this SQL.
sub said {
    my ($role, $sql) = @_;
    my ($code, $out, $error) = $node->psql('one', "\\set VERBOSITY verbose\n$sql", extra_params => [ '-U', $role ]);
    is($code, 0, $sql);
    return $error;
}

my $warning = qr/WARNING:  01000: SQL worker "dx trusted" of extension "dx_trusted_sql" runs as the owner of the extension, who has no privileges on: public\.dx_trusted_log, public\.dx_trusted_other\nHINT:  .*GRANT \.\.\. TO \@extowner\@.*run_as/;
my $count = q(SELECT count(*) > 0 FROM dx_trusted_log);

like(said('dx_owner', 'CREATE EXTENSION dx_trusted_sql'), $warning, 'a script that does not grant gets a WARNING');
ok($node->poll_query_until('one', q(SELECT failures > 0 AND last_error LIKE '42501:%' FROM dynpgext.commands)), 'its worker is refused');
is(said('dx_owner', q(ALTER EXTENSION dx_trusted_sql UPDATE TO '0.2')), '', 'an update that grants is well');
ok($node->poll_query_until('one', $count), 'and its worker writes');
value($node, 'one', 'DROP EXTENSION dx_trusted_sql');

is(said('dx_owner', q(CREATE EXTENSION dx_trusted_sql VERSION '0.2')), '', 'a script that grants after it has registered is well');
ok($node->poll_query_until('one', $count), 'and its worker writes');
value($node, 'one', 'DROP EXTENSION dx_trusted_sql');

is(said('dx_owner', q(CREATE EXTENSION dx_trusted_sql VERSION '0.3')), '', 'so is one whose worker runs as another role');
ok($node->poll_query_until('one', $count), 'and its worker writes');
value($node, 'one', 'DROP EXTENSION dx_trusted_sql');

value($node, 'one', 'GRANT EXECUTE ON FUNCTION dynpgext.register(name, jsonb), dynpgext.export(name) TO dx_owner');
said('dx_owner', 'CREATE EXTENSION dx_trusted_sql');
like(said('dx_owner', q(SELECT dynpgext.register('dx_trusted_sql', '{"dynpgext": 1, "workers": [{"name": "dx trusted", "command": "SELECT 1", "interval": "1 h"}]}'))),
    $warning, 'a registration by hand gets the message, too');
value($node, 'one', 'DROP EXTENSION dx_trusted_sql');

my ($superuser) = value($node, 'one', 'SELECT current_user');
like(said($superuser, 'CREATE EXTENSION dx_trusted_sql'), qr/WARNING:  01000: SQL worker "dx trusted" of extension "dx_trusted_sql" has no role to run as: "\Q$superuser\E", who owns the extension, is a superuser\n/, 'a superuser owns the tables, but is not taken unasked');
ok($node->poll_query_until('one', q(SELECT state = 'failed' FROM dynpgext.workers)), 'the worker does not run');

# PostgreSQL lets the creator of a trusted extension choose the schema.
value($node, 'one', 'DROP EXTENSION dx_trusted_sql');
for my $case ([ 'dynpgext', 'CREATE EXTENSION hstore SCHEMA dynpgext' ], [ 'dynpgext_internal', 'SET search_path = dynpgext_internal; CREATE EXTENSION hstore' ]) {
    my ($schema, $sql) = @$case;
    my ($code, $out, $error) = $node->psql('one', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1, extra_params => [ '-U', 'dx_owner' ]);
    like($error, qr/ERROR:  42501: permission denied to create extension "hstore" in schema "$schema"/, "$sql, by the owner of the database");
}
is(said('dx_owner', 'CREATE EXTENSION hstore SCHEMA public; DROP EXTENSION hstore'), '', 'another schema will do');
is(said($superuser, 'CREATE EXTENSION hstore SCHEMA dynpgext; DROP EXTENSION hstore'), '', 'a superuser may');
value($node, 'one', 'DROP EXTENSION dynpgext');

$node->stop;
done_testing();
