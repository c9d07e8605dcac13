# Log messages about an SQL worker that does not end, and about processes for which others wait.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'dynpgext.stop_timeout' => '300ms');
value($node, 'postgres', 'CREATE ROLE dx_role LOGIN');
add_database($node, 'one', qw(dynpgext dx_plain dx_worker));

subtest 'a command that ignores its cancellation' => sub {
    my $command = q(DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$);
    value($node, 'one', qq(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx stays", "command": "$command", "interval": "1 h", "run_as": "dx_role"}]}')));
    ok($node->poll_query_until('one', q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'dynpgext sql%' AND wait_event = 'PgSleep'))), 'it runs');
    my $offset = log_offset($node);
    $node->psql('one', q(SELECT dynpgext.stop_worker('dx_plain', 'dx stays')));
    ok($node->poll_query_until('one', q(SELECT state = 'stopped' FROM dynpgext.workers WHERE name = 'dx stays')), 'it is ended');
    my $log = slurp_file($node->logfile, $offset);
    like($log, qr/WARNING:  .*"dx stays".*has not ended within 300 ms of SIGTERM/, 'the log names it');
    like($log, qr/HINT:  Its command continues after its cancellation: it catches query_canceled, or calls a function that serves no interrupts\./, 'and suggests a remedy for its author');
    unlike($log, qr/CHECK_FOR_INTERRUPTS|dynpgext_worker_wait/, 'which is nothing in C');
    unlike($log, qr/FATAL/, 'and the end of the process is no failure');
    is(value($node, 'one', q(SELECT last_exit_code, last_error FROM dynpgext.workers WHERE name = 'dx stays')), '0|', 'nor is that of the worker');
};

subtest 'a command that serves no interrupts, beyond its deadline' => sub {
    value($node, 'one', q(CREATE FUNCTION public.be_busy() RETURNS void LANGUAGE C AS 'dx_border', 'dx_border_be_busy'));
    value($node, 'one', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1, "workers": [{"name": "dx busy", "command": "SELECT public.be_busy()", "interval": "1 h", "deadline": "100 ms", "run_as": "dx_role", "restart": {"policy": "never"}}]}')));
    ok($node->poll_query_until('one', q(SELECT state = 'failed' AND last_error LIKE '%the command went on after its deadline, and was ended with its process' FROM dynpgext.workers WHERE name = 'dx busy')), 'its process is ended')
      or diag(value($node, 'one', q(SELECT state, last_error FROM dynpgext.workers WHERE name = 'dx busy')));
    is(value($node, 'one', 'SELECT 1'), 1, 'and no other');
    value($node, 'one', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}')));
};

# Takes the provisioning lock until the end of the transaction or savepoint.
my $take = q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', restart_delay => '5 s'); SELECT count(*) FROM dynpgext.reload('dx_worker'));

sub names_holder {
    my ($pid, $test) = @_;
    my $offset = log_offset($node);
    my $out = '';
    my $waiter = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('one'), '-c', q(SELECT dynpgext.reload('dx_worker')) ], '>&', \$out);
    $node->wait_for_log(qr/WARNING:  waiting for /, $offset);
    my @named = slurp_file($node->logfile, $offset) =~ /WARNING:  waiting for process (\d+)/g;
    is("@named", $pid, $test);
    return $waiter;
}

subtest 'a savepoint that took the provisioning lock is rolled back' => sub {
    my ($first, $second) = map { $node->background_psql('one') } 1 .. 2;
    my ($first_pid, $second_pid) = map { $_->query_safe('SELECT pg_backend_pid()') } $first, $second;
    $first->query_safe("BEGIN; SAVEPOINT a; $take; ROLLBACK TO a; SAVEPOINT b; $take; ROLLBACK TO b");
    $second->query_safe("BEGIN; $take");
    my $waiter = names_holder($second_pid, 'a role that has taken it since is named');
    $second->query_safe('COMMIT');
    IPC::Run::finish($waiter);
    $first->query_safe($take);
    $waiter = names_holder($first_pid, 'and the first one, when it has it again');
    $first->query_safe('ROLLBACK TO a');
    IPC::Run::finish($waiter);
    $second->query_safe("BEGIN; $take");
    $waiter = names_holder($second_pid, 'and no process that has released it');
    $_->query_safe('ROLLBACK') for $first, $second;
    IPC::Run::finish($waiter);
    $_->quit for $first, $second;
    value($node, 'one', q(SELECT dynpgext.register('dx_plain', '{"dynpgext": 1}')));
    is_whole($node, 'all is well', 'one');
};

$node->stop;
done_testing();
