# What the script of an extension may register: as a superuser what its author decided, for the role that
# owns the extension; as another role (superuser = false) what that role may register by hand.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'dynpgext.restart_delay_max' => '1s');
my $folder = PostgreSQL::Test::Utils::tempdir();
value($node, 'postgres', q(CREATE ROLE owns LOGIN; CREATE ROLE helps LOGIN IN ROLE owns; CREATE DATABASE one OWNER owns));
value($node, 'one', q(CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; GRANT USAGE, CREATE ON SCHEMA public TO owns));

# For SET.
sub manifest {
    my (%of) = @_;
    $_ = { $_->{command} ? (interval => q(50 ms)) : (), restart => { policy => q(on_failure), delay => q(100 ms) }, %$_ } for @{ $of{workers} // [] };
    return quoted(JSON::PP->new->ascii->canonical->encode({ dynpgext => 1, %of }));
}

# The outcome of SQL as a role whose scripts register this: with "%owner%" for @extowner@.
sub outcome {
    my ($role, $sql, $function, %of) = @_;
    my ($code, $out, $error) = $node->psql('one',
        "\\set VERBOSITY verbose\nSET dx.function = $function; SET dx.manifest = " . manifest(%of) . ";\n$sql",
        on_error_stop => 1, extra_params => [ '-U', $role ]);
    return $code == 0 ? 'done' : $error;
}

sub roles {
    return value($node, 'one', 'SELECT string_agg(concat_ws(chr(32), worker, run_as, registered_by, by_hand), chr(10) ORDER BY worker) FROM dynpgext.identities');
}

my $nothing = q(SELECT count(*) = 0 FROM dynpgext.commands);

subtest 'no script calls apply()' => sub {
    my @as_superuser = (workers => [ { name => 'w', command => 'SELECT 1', run_as => 'postgres' } ]);
    my @as_owner = (workers => [ { name => 'w', command => 'SELECT 1', run_as => '%owner%' } ]);
    my $refused = qr/ERROR:  55000: the script of extension "dx_script" cannot call dynpgext\.apply\(\)\nHINT:  Use dynpgext\.register\(\) in the script of an extension\./;
    like(outcome('owns', 'CREATE EXTENSION dx_script', 'apply', extension => 'dx_script', @as_superuser), $refused, 'for a superuser');
    like(outcome('owns', 'CREATE EXTENSION dx_script', 'apply', extensions => [ { extension => 'dx_plain', @as_superuser } ]), $refused, 'for another extension');
    like(outcome('owns', 'CREATE EXTENSION dx_script', 'apply', extension => 'dx_script', workers => [ { name => 'w', command => 'SELECT 1', run_as => 'postgres', scope => 'global' } ]), $refused, 'for a global worker');
    is(outcome('owns', 'CREATE EXTENSION dx_script', 'register', @as_owner), 'done', 'register() can be called');
    like(outcome('postgres', q(ALTER EXTENSION dx_script UPDATE TO '0.2'), 'apply', extension => 'dx_script', @as_owner), $refused, 'in an update by a superuser');
    is(roles(), 'w owns owns f', 'the role is that of the owner');
    is(outcome('postgres', q(ALTER EXTENSION dx_script UPDATE TO '0.2'), 'register', @as_owner), 'done', 'a superuser updates with register()');
    is(roles(), 'w owns owns f', 'and the role is still that of the owner');
    value($node, 'one', 'DROP EXTENSION dx_script');
    value($node, 'one', 'GRANT EXECUTE ON FUNCTION dynpgext.apply TO owns');
    like(outcome('owns', 'CREATE EXTENSION dx_role_script', 'apply', extension => 'dx_role_script'),
        qr/ERROR:  55000: the script of extension "dx_role_script" cannot call dynpgext\.apply\(\)/, 'nor without a superuser');
    value($node, 'one', 'REVOKE EXECUTE ON FUNCTION dynpgext.apply FROM owns');
};

is(value($node, 'one', $nothing), 't', 'all are gone');
$node->stop;
done_testing();
