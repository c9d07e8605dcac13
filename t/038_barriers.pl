# Commands on databases for which the server waits until every process has served an interrupt.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DatabaseCommands;
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

prepare();

subtest 'a worker that serves no interrupts' => sub {
    restart_with(0);
    my $slow = qr/WARNING:  background worker "dx supervised 1" of extension "dx_supervised" blocks commands that wait for all processes to serve interrupts/;
    my $pid = pid_of($node, 'hub', 'dx supervised 1');
    ok(tell($node, 'hub', 1, 'numb'), 'told to');
    ok($node->poll_query_until('hub', q(SELECT doing = 'numb' FROM dx_supervised_info(1))), 'it does');
    value($node, 'postgres', 'CREATE DATABASE nothing STRATEGY file_copy');
    my $offset = log_offset($node);
    is(run('not loaded', 'DROP DATABASE nothing'), '', 'DROP DATABASE of one that has nothing to do with it');
    is_logged($node, $slow, $offset, 1, 'a WARNING names it');
    ok($node->poll_query_until('hub', "SELECT state = 'running' AND pid <> $pid FROM dynpgext.workers WHERE name = 'dx supervised 1'"), 'it runs again');

    ok(tell($node, 'hub', 1, 'deaf'), 'a worker that does not end on SIGTERM');
    ok($node->poll_query_until('hub', q(SELECT doing = 'deaf' FROM dx_supervised_info(1))), 'it does');
    value($node, 'postgres', 'CREATE DATABASE nothing');
    $offset = log_offset($node);
    my $session = $node->background_psql('postgres');
    $session->query_until(qr/sent/, "\\echo sent\nDROP DATABASE nothing;\n");
    $node->wait_for_log($slow, $offset);
    ok(tell($node, 'hub', 1, 'exit0'), 'it ends after all');
    $session->query('SELECT 1');
    is($session->{stderr}, '', 'then the command succeeds');
    $session->quit;
    is_whole($node, 'all is well', 'hub');
};

$node->stop;
done_testing();
