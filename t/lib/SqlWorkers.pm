# SQL workers for the tests: registers and changes them, and reads their state.
package SqlWorkers;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(register_sql_workers command_is command_row runner_pid quoted as_superuser);

# As an SQL literal.
sub quoted {
    my ($text) = @_;
    $text =~ s/'/''/g;
    return "'$text'";
}

# The registering role: a superuser, which has to be named.
my $superuser;

# SQL with manifests, whose commands run as the superuser of the cluster, who has to be named.
sub as_superuser {
    my ($sql) = @_;
    my $superuser = 'postgres';
    return $sql =~ s/"command":/"run_as": "$superuser", "command":/gr =~ s/'command',/'run_as', '$superuser', 'command',/gr;
}

# register_sql_workers(NODE, DATABASE, EXTENSION, { name => ..., sql => ..., ... }, ...): exactly
# these, for an existing extension.  interval, deadline and restart_delay in milliseconds.
sub register_sql_workers {
    my ($node, $database, $extension, @workers) = @_;
    my @items;
    $superuser //= $node->safe_psql($database, 'SELECT current_user');
    for my $given (@workers) {
        my %w = (run_as => $superuser, restart => 'on_failure', restart_delay => 100, %$given);
        my %item = (
            command => $w{sql},
            restart => { policy => $w{restart}, delay => "$w{restart_delay} ms" });
        for my $key (qw(name channel run_as scope start servers first_run process)) {
            $item{$key} = $w{$key} if ($w{$key} // '') ne '';
        }
        for my $key (qw(interval deadline)) {
            $item{$key} = "$w{$key} ms" if exists $w{$key};
        }
        $item{atomic} = $w{atomic} ? JSON::PP::true : JSON::PP::false if exists $w{atomic};
        push @items, \%item;
    }
    my $manifest = JSON::PP->new->ascii->canonical->encode({ dynpgext => 1, workers => \@items });
    $node->safe_psql($database, sprintf 'SELECT dynpgext.register(%s, %s)', quoted($extension), quoted($manifest));
    return;
}

# Waits until the view's row of a worker meets the condition.
sub command_is {
    my ($node, $database, $worker, $condition) = @_;
    return $node->poll_query_until($database,
        "SELECT COALESCE(bool_and($condition), false) FROM dynpgext.commands WHERE worker = " . quoted($worker));
}

sub command_row {
    my ($node, $database, $worker) = @_;
    return $node->safe_psql($database, 'SELECT * FROM dynpgext.commands WHERE worker = ' . quoted($worker));
}

# The SQL runners of a database, from pg_stat_activity.
sub runner_pid {
    my ($node, $database) = @_;
    return $node->safe_psql($database,
        "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE backend_type = 'dynpgext sql' AND datname = current_database()");
}

1;
