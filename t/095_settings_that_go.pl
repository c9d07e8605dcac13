# Settings of a database-local worker belong to it, and are removed with it: a global worker with the same
# name is not affected by settings of the extension's owner.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'dynpgext.restart_delay_max' => '1s');
value($node, 'postgres', 'CREATE ROLE tenant LOGIN; CREATE DATABASE rented OWNER tenant; CREATE DATABASE dba');
value($node, 'rented', 'CREATE EXTENSION dynpgext; GRANT EXECUTE ON FUNCTION dynpgext.register, dynpgext.apply TO tenant; CREATE SCHEMA s AUTHORIZATION tenant; SET ROLE tenant; CREATE EXTENSION hstore SCHEMA s');

my $worker = '{"name": "housekeeper", "command": "SELECT 1", "interval": "1 h"}';
my $global = '{"name": "housekeeper", "scope": "global", "command": "SELECT 1", "interval": "1 h", "run_as": "postgres"}';
my $set = '"settings": [{"worker": "housekeeper", "enabled": false, "restart": {"policy": "never"}}]';
my $rows = q(SELECT count(*) FROM dynpgext.worker_settings WHERE worker = 'housekeeper');

sub register { my ($workers, $role) = @_; return value($node, 'rented', ($role ? "SET ROLE $role; " : '') . qq(SELECT dynpgext.register('hstore', '{"dynpgext": 1, "workers": [$workers]}'))) }
sub set_as_tenant { return value($node, 'rented', qq(SET ROLE tenant; SELECT count(*) FROM dynpgext.apply('{"dynpgext": 1, "extension": "hstore", "workers": [$worker], $set}'))) }
sub is_state { my ($state, $test) = @_; return becomes($node, 'rented', q(SELECT state FROM dynpgext.workers WHERE name = 'housekeeper'), $state, $test) }

subtest 'dropped, and registered as a global worker' => sub {
    set_as_tenant();
    is_state('disabled', 'the owner of the extension disables a worker of his');
    register('', 'tenant');
    is(value($node, 'rented', $rows), 0, 'with the worker its settings go');
    register($global);
    is_state('running', 'a global one of the name runs');
    register('');
};

subtest 'made global by the next registration' => sub {
    set_as_tenant();
    register($global);
    is(value($node, 'rented', $rows), 0, 'the settings are those of the local one');
    is_state('running', 'the global one runs');
    register('');
};

subtest 'settings that stay' => sub {
    set_as_tenant();
    register(qq($worker, {"name": "other", "command": "SELECT 1", "interval": "1 h"}), 'tenant');
    is(value($node, 'rented', $rows), 1, 'of a worker that is registered again');
    value($node, 'rented', qq(SELECT count(*) FROM dynpgext.apply('{"dynpgext": 1, "extension": "hstore", "workers": [$global], $set}')));
    is(value($node, 'rented', $rows), 1, 'of one that becomes global, by the document of a superuser that sets the same');
    is_state('disabled', 'which counts');
    register('');
    is(value($node, 'rented', $rows), 1, 'those of a global worker belong to a superuser, and stay');
    value($node, 'rented', 'DELETE FROM dynpgext.worker_settings');
};

subtest 'transactional' => sub {
    set_as_tenant();
    value($node, 'rented', q(BEGIN; SELECT dynpgext.register('hstore', '{"dynpgext": 1}'); ROLLBACK));
    is(value($node, 'rented', $rows), 1, 'a rollback restores them');
    is_state('disabled', 'and the worker is unchanged');
};

$node->stop;
done_testing();
