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

subtest 'a script without a superuser registers what its role may by hand' => sub {
    my @memory = (allocations => [ { name => 'dynpgext_counter:value', size => 1 }, { name => 'all', size => 100, scope => 'global' } ]);
    my @mine = (allocations => [ { name => 'dx_role_script:m', size => 8 } ], workers => [ { name => 'w', command => 'SELECT 1' } ]);
    like(outcome('owns', 'CREATE EXTENSION dx_role_script', 'register', @mine), qr/ERROR:  42501: permission denied for function register/, 'nothing without EXECUTE');
    value($node, 'one', 'GRANT EXECUTE ON FUNCTION dynpgext.register TO owns');
    my $refused = qr{/allocations/0/name: only a superuser may register a name that does not begin with "dx_role_script:"\n/allocations/1/scope: only a superuser may register global objects\n};
    like(outcome('owns', 'CREATE EXTENSION dx_role_script', 'register', @memory), $refused, 'no other names, nothing global');
    like(outcome('owns', 'CREATE EXTENSION dx_role_script', 'register', workers => [ { name => 'c', library => '$libdir/dx_worker-0.1', function => 'dx_worker_local' } ]),
        qr{/workers/0/library: only a superuser may register a function in C}, 'nothing in C');
    is(outcome('owns', 'CREATE EXTENSION dx_script', 'register', allocations => [ { name => 'other: memory', size => 8 } ]), 'done', 'the script of a trusted extension may have any name');
    value($node, 'one', 'DROP EXTENSION dx_script');

    is(outcome('owns', 'CREATE EXTENSION dx_role_script', 'register', @mine), 'done', 'its own name, and a command');
    is(roles(), 'w owns owns t', 'with the rights of a registration by hand');
    ok(command_is($node, 'one', 'w', 'runs > 1 AND failures = 0'), 'which runs');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.manifests)), 0, 'the script registers it again, not the dump');
    value($node, 'one', 'REVOKE EXECUTE ON FUNCTION dynpgext.register FROM owns');
    ok(command_is($node, 'one', 'w', q(last_error = '42501: role "owns", which registered it, may not register any more')), 'until the role may not register any more')
      or diag(command_row($node, 'one', 'w'));
    value($node, 'one', 'GRANT EXECUTE ON FUNCTION dynpgext.register TO owns');
    value($node, 'one', 'DROP EXTENSION dx_role_script');
};

subtest 'an update by a member of the owner' => sub {
    my @workers = map { { name => $_, command => 'SELECT 1', run_as => '%owner%' } } qw(a b c);
    is(outcome('owns', 'CREATE EXTENSION dx_role_script', 'register', workers => [ $workers[0] ]), 'done', 'created by the owner');
    delete $workers[1]{run_as};
    is(outcome('helps', q(ALTER EXTENSION dx_role_script UPDATE TO '0.2'), 'register', workers => \@workers), 'done', 'updated by a member');
    is(roles(), "a owns owns t\nb owns helps t\nc owns helps t", 'nothing runs as the member');
    $workers[0]{command} = 'SELECT 2';
    is(outcome('helps', q(ALTER EXTENSION dx_role_script UPDATE TO '0.3'), 'register', workers => [ $workers[0] ]), 'done', 'a changed command');
    is(roles(), 'a owns helps t', 'does not, either');
    value($node, 'one', 'DROP EXTENSION dx_role_script');
};

subtest 'restored by a superuser' => sub {
    my @of = (workers => [ { name => 'w', command => 'SELECT 1' } ]);
    is(outcome('owns', 'CREATE EXTENSION dx_role_script', 'register', @of), 'done', 'created by its owner');
    command_ok([ 'pg_dump', '-f', "$folder/one.sql", $node->connstr('one') ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE restored; ALTER DATABASE restored SET dx.manifest = ' . manifest(@of));
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/one.sql" ], 'restored');
    ok(command_is($node, 'restored', 'w', q(runs > 1 AND run_as = 'owns' AND registered_by = 'owns')), 'the command has its role');
    value($node, 'restored', 'REVOKE EXECUTE ON FUNCTION dynpgext.register FROM owns');
    ok(command_is($node, 'restored', 'w', q(last_error LIKE '42501: %may not register any more')), 'with the rights of its registrant');
    value($node, 'one', 'DROP EXTENSION dx_role_script');
};

subtest 'by a superuser it registers what its author decided' => sub {
    is(outcome('postgres', 'CREATE EXTENSION dx_role_script', 'register', allocations => [ { name => 'all', size => 100, scope => 'global' } ],
        workers => [ { name => 'w', command => 'SELECT 1', run_as => '%owner%' } ]), 'done', 'global memory, and a command');
    is(roles(), 'w postgres postgres f', 'as a superuser');
    value($node, 'one', 'DROP EXTENSION dx_role_script');
};

is(value($node, 'one', $nothing), 't', 'all are gone');
$node->stop;
done_testing();
