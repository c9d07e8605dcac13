# SQL workers for the tests here: registered, changed, and what is known of them.
package SqlWorkers;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT = qw(register_sql_workers command_is command_row runner_pid quoted);

# As an SQL literal.
sub quoted {
    my ($text) = @_;
    $text =~ s/'/''/g;
    return "'$text'";
}

# As model::digest_of().
sub digest {
    my (%w) = @_;
    use integer;    # 64 bits, without a carry
    no warnings 'portable';
    my $all = join '', map { length($_) . ":$_" } @w{qw(sql channel run_as)};
    $all .= "$w{interval}:$w{deadline}";
    my $hash = sub {
        my ($from) = @_;
        for my $byte (unpack 'C*', $all) {
            $from ^= $byte;
            $from *= 0x100000001b3;
        }
        return sprintf '%016x', $from;
    };
    return $hash->(unpack 'q', pack 'Q', 0xcbf29ce484222325) . $hash->(unpack 'q', pack 'Q', 0x84222325cbf29ce4);
}

# register_sql_workers(NODE, DATABASE, EXTENSION, { name => ..., sql => ..., ... }, ...): these, and no
# others, for an extension that is there.  interval and deadline in milliseconds.
sub register_sql_workers {
    my ($node, $database, $extension, @workers) = @_;
    my $e = quoted($extension);
    my $sql = <<"SQL";
BEGIN;
INSERT INTO dynpgext.registered_extension
SELECT extname, extversion, '', true, true, 0, 1 FROM pg_extension WHERE extname = $e ON CONFLICT DO NOTHING;
DELETE FROM dynpgext.registered_worker WHERE extension = $e AND hosted;
DELETE FROM dynpgext.registered_command WHERE extension = $e;
SQL
    for my $given (@workers) {
        my %w = (
            interval => 0,
            channel => '',
            run_as => '',
            deadline => 0,
            scope => 'database',
            restart => 'on_failure',
            restart_delay => 100,
            servers => 'by start time',
            %$given);
        my $extra = unpack 'H*', pack 'a128', digest(%w);
        my ($name, $text, $channel, $role, $restart) = map { quoted($_) } @w{qw(name sql channel run_as restart)};
        $sql .= <<"SQL";
INSERT INTO dynpgext.registered_worker VALUES ($e, $name, $name, '$w{scope}', '\$libdir/dynpgext',
    'dynpgext_sql_worker', 3, 2, false, false, '\\x$extra', 0, $restart, $w{restart_delay}, 0, '$w{servers}', true, true);
INSERT INTO dynpgext.registered_command VALUES ($e, $name, $text, $w{interval}, $channel, $role, $w{deadline});
SQL
    }
    $node->safe_psql($database, "$sql COMMIT; SELECT * FROM dynpgext.reload();");
    return;
}

# Waits until what the view shows of a worker fulfils the condition.
sub command_is {
    my ($node, $database, $worker, $condition) = @_;
    return $node->poll_query_until($database,
        "SELECT COALESCE(bool_and($condition), false) FROM dynpgext.commands WHERE worker = " . quoted($worker));
}

sub command_row {
    my ($node, $database, $worker) = @_;
    return $node->safe_psql($database, 'SELECT * FROM dynpgext.commands WHERE worker = ' . quoted($worker));
}

# The SQL runners of a database, as the server knows them.
sub runner_pid {
    my ($node, $database) = @_;
    return $node->safe_psql($database,
        "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND datname = current_database()");
}

1;
