# Code of an extension that ends its process, or never returns, does not affect others.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

# dx_ends is provisioned first: if it stops there, the others wait, too.
my $node = new_cluster('main', shared_preload_libraries => 'dynpgext');
add_database($node, 'one', qw(dynpgext dx_ends dx_memory dx_worker));
is_whole($node, 'all is well before', 'one');

my $states = q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions);
my $error = q(SELECT error FROM dynpgext.extensions WHERE extension = 'dx_ends');
my $ended = 'its code has ended the process that provisioned it';

# For processes that connect from now on.
sub set_at {
    my ($at) = @_;
    value($node, 'postgres', "ALTER DATABASE one SET dx_ends.at = '$at'");
    return;
}

sub has_failed_alone {
    my ($pattern) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    becomes($node, 'one', $states, 'dx_ends failed, dx_memory provisioned, dx_worker provisioned',
        'it has failed, the others are provisioned');
    like(value($node, 'one', $error), $pattern, 'the reason is shown');
    like(value($node, 'one', q(SELECT detail FROM dynpgext.events WHERE extension = 'dx_ends' AND event = 'failed'
        ORDER BY at DESC LIMIT 1)), $pattern, 'and is an event');
    ok($node->poll_query_until('one', q(
        SELECT count(*) = 2 FROM dynpgext.workers WHERE extension = 'dx_worker' AND state = 'running')),
        'the workers of others run');
    return;
}

sub heal {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    set_at('none');
    value($node, 'one', 'SELECT dynpgext.reload()');
    is_whole($node, 'a reload makes it good', 'one');
    return;
}

for my $case (
    [ postmaster => qr/^\Q$ended\E: XX000: cannot create PGC_POSTMASTER variables after startup$/ ],
    [ load_exit => qr/^\Q$ended\E$/ ],
    [ eager => qr/^\Q$ended\E: XX000: dx_ends ends: eager$/ ]) {
    my ($at, $pattern) = @$case;
    subtest "library that ends the process ($at) after a restart" => sub {
        if ($at eq 'eager') {
            # a newly started process has to check whether the library takes part
            value($node, 'one', 'ALTER EVENT TRIGGER dynpgext_on_drop DISABLE; DROP EXTENSION dx_ends;
                ALTER EVENT TRIGGER dynpgext_on_drop ENABLE ALWAYS; SELECT dynpgext.reload();
                ALTER EVENT TRIGGER dynpgext_on_create DISABLE; CREATE EXTENSION dx_ends;
                ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS');
        }
        set_at($at);
        $node->restart;
        has_failed_alone($pattern);
        heal();
    };
}

subtest 'library that ends the process that adopts it' => sub {
    value($node, 'one', 'DROP EXTENSION dx_ends; ALTER EVENT TRIGGER dynpgext_on_create DISABLE; CREATE EXTENSION dx_ends;
        ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS');
    set_at('postmaster');
    $node->restart;
    has_failed_alone(qr/^\Q$ended\E: XX000: cannot create PGC_POSTMASTER/);
    heal();
};

subtest 'fini that ends the process after a drop' => sub {
    value($node, 'one', 'ALTER EVENT TRIGGER dynpgext_on_drop DISABLE; DROP EXTENSION dx_ends;
        ALTER EVENT TRIGGER dynpgext_on_drop ENABLE ALWAYS');
    set_at('fini');
    my $offset = log_offset($node);
    $node->restart;
    becomes($node, 'one', $states, 'dx_memory provisioned, dx_worker provisioned', 'it is gone, the others are provisioned');
    ok($node->log_contains(qr/WARNING:.*dx_ends.*\Q$ended\E: XX000: dx_ends ends: fini/, $offset), 'the log shows the reason');
    set_at('none');
    value($node, 'one', 'CREATE EXTENSION dx_ends');
    is_whole($node, 'it can come again', 'one');
};

# ---- code that does not return ----

# The limit is long enough for all others on a busy machine.
my $late = qr/the code of extension "dx_ends" takes longer than dynpgext\.provisioning_timeout \(1 s\)/;
configure($node, 'one', 'dynpgext.provisioning_timeout' => '1s');

for my $at (qw(wait ignore load_wait spin)) {
    subtest "init that never ends ($at) after a restart" => sub {
        set_at($at);
        $node->restart;
        has_failed_alone($at eq 'spin' ? qr/^$late, and does not serve interrupts$/ : qr/^$late$/);
        heal();
    };
}

subtest 'callback of a worker that never ends' => sub {
    set_at('worker');
    my $offset = log_offset($node);
    $node->restart;
    is_whole($node, 'its worker runs all the same', 'one');
    ok($node->log_contains(qr/WARNING:.*$late/, $offset), 'with a warning in the log');
    set_at('none');
};

subtest 'init that never ends, in a command' => sub {
    value($node, 'one', 'DROP EXTENSION dx_ends');
    like(error_of($node, 'one', q(SET dx_ends.at = 'wait'; SET dynpgext.provisioning_timeout = '200ms'; CREATE EXTENSION dx_ends)),
        qr/ERROR:  57014: the code of extension "dx_ends" takes longer than dynpgext\.provisioning_timeout \(200 ms\)\nHINT:/,
        'ends where the session sets the limit');
    like(error_of($node, 'one', q(SET dx_ends.at = 'wait'; SET statement_timeout = '1500ms'; CREATE EXTENSION dx_ends)),
        qr/ERROR:  57014: canceling statement due to statement timeout/,
        'is not limited by the configuration, but by statement_timeout');
    like(error_of($node, 'one', q(SET dx_ends.at = 'wait'; SET dynpgext.provisioning_timeout = '200ms'; RESET dynpgext.provisioning_timeout;
            SET statement_timeout = '1500ms'; CREATE EXTENSION dx_ends)),
        qr/ERROR:  57014: canceling statement due to statement timeout/, 'nor after a RESET');
    value($node, 'one', q(SET dynpgext.provisioning_timeout = '20s'; CREATE EXTENSION dx_ends));
    is_whole($node, 'one that ends in time is not concerned', 'one');
};

# ---- other processes wait for it ----

configure($node, 'one', 'dynpgext.provisioning_timeout' => '0');

subtest 'commands wait for an init that never ends' => sub {
    set_at('wait');
    my $offset = log_offset($node);
    $node->restart;
    my $holder = q(SELECT provisioning_pid FROM dynpgext.extensions WHERE extension = 'dx_ends' AND state = 'pending');
    ok($node->poll_query_until('one', $holder =~ s/SELECT/SELECT count(*) = 1 AND bool_and(0 < /r =~ s/ FROM/) FROM/r), 'the view names the process');
    my $pid = value($node, 'one', $holder);
    is(value($node, 'one', "SELECT backend_type FROM pg_stat_activity WHERE pid = $pid"), 'dynpgext provisioning', 'which is a visit');
    for my $command ('CREATE EXTENSION dx_bytes', 'DROP EXTENSION dx_memory', q(SELECT dynpgext.unload('dx_memory')),
        q(SELECT dynpgext.configure_worker('dx_worker', 'dx local', enabled => false)), 'DROP EXTENSION dynpgext') {
        like(error_of($node, 'one', "SET statement_timeout = '500ms'; $command"),
            qr/ERROR:  57014: canceling statement due to statement timeout/, "statement_timeout ends the wait of $command");
    }
    like(error_of($node, 'one', q(SET lock_timeout = '500ms'; CREATE EXTENSION dx_bytes)),
        qr/ERROR:  55P03: /, 'and so does lock_timeout');
    my $session = $node->background_psql('one', on_error_stop => 1);
    $session->query_until(qr/begun/, "\\echo begun\nCREATE EXTENSION dx_bytes;\n\\echo created\n");
    ok($node->wait_for_log(qr/WARNING:  waiting for process $pid, which is provisioning extension "dx_ends"/, $offset),
        'who waits for long says for whom');
    becomes($node, 'one', "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND $pid = ANY (pg_blocking_pids(pid))",
        1, 'and the server shows the blocking process');
    my $said = $node->basedir . '/said';
    local $ENV{PGOPTIONS} = '-c dx_ends.at=none';
    my $lookup = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('one'), '-c', q(SELECT dx_read('dx_ends:memory')) ], '>', $said, '2>&1');
    ok((wait_until { slurp_file($said) =~ /WARNING:  waiting for process $pid, which is provisioning extension "dx_ends"/ }), 'a lookup reports it to its client')
      or diag(slurp_file($said));
    set_at('none');
    value($node, 'one', "SELECT pg_cancel_backend($pid)");
    is_whole($node, 'it goes on when that has ended', 'one');
    IPC::Run::finish($lookup);
    is(value($node, 'one', q(SELECT state FROM dynpgext.extensions WHERE extension = 'dx_bytes')), 'provisioned', 'the command has succeeded');
    is(value($node, 'one', q(SELECT count(*) FROM dynpgext.extensions WHERE provisioning_pid IS NOT NULL)), 0, 'no command is in progress');
    $session->quit;
};

$node->stop;
done_testing();
