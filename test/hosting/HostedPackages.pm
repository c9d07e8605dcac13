# Shared by these tests: a server that was running before dynpgext was installed, and properties of
# every hosted library.
package HostedPackages;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use DynpgextTest;
use File::Basename;
use Test::More;

our @EXPORT = qw(older_cluster needs hosts workers_run unhosts has_gone_on);

my %started;

# needs(LIBRARY, ...): skips the file if the server does not have these.
sub needs {
    my ($folder) = `pg_config --pkglibdir` =~ /^(.*)$/m;
    my @missing = grep { !-e "$folder/$_.so" } @_;
    plan skip_all => "THE SERVER HAS NO @missing" if @missing;
    return;
}

# older_cluster(NAME, DATABASES, SETTING => VALUE, ...): starts a server without dynpgext's
# libraries on its disk, then installs them, and creates the extension in each database.
sub older_cluster {
    my ($name, $databases, %settings) = @_;
    my ($install, $libraries) = private_install();
    my %installed = map { $_ => readlink $_ } glob "'$libraries/'dynpgext*.so";
    unlink keys %installed;
    my $node = new_cluster($name, install_path => $install, log_min_messages => 'info', max_worker_processes => 40, %settings);
    $started{$name} = value($node, 'postgres', 'SELECT pg_postmaster_start_time()');
    symlink $installed{$_}, $_ or die "$_: $!" for keys %installed;
    add_database($node, $_, 'dynpgext') for @$databases;
    return $node;
}

# One test: host(ARGUMENTS) hosts the library, and new sessions have it.
sub hosts {
    my ($node, $database, $library, $arguments) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    value($node, $database, "SELECT dynpgext.host('$library'" . ($arguments ? ", $arguments" : '') . ')');
    return is(value($node, $database, "SELECT state, error, sessions > 0 FROM dynpgext.hosted WHERE library = '$library'"),
        'hosted||t', "$database: $library is hosted");
}

# One test: it has this many static workers, and all come to run.
sub workers_run {
    my ($node, $database, $library, $count) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return becomes($node, $database,
        "SELECT count(*) FILTER (WHERE state = 'running'), count(*) FROM dynpgext.workers WHERE extension = '$library'",
        "$count|$count", "$database: the worker of $library runs");
}

sub keepers {
    my %all = processes($_[0]);
    return scalar map { @{ $all{$_} } } grep {/^dynpgext keeper of/} keys %all;
}

# Three tests: the libraries are unhosted, and nothing of them is left.
sub unhosts {
    my ($node, $database, @libraries) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $keepers = keepers($node) - @libraries;
    my @results = map { value($node, $database, "SELECT dynpgext.unhost('$_')") } @libraries;
    is("@results", join(' ', ('t') x @libraries), "@libraries: unhosted");
    my $names = join ', ', map {"'$_'"} @libraries;
    becomes($node, $database, qq(
        SELECT (SELECT count(*) FROM dynpgext.hosted WHERE library IN ($names)),
               (SELECT count(*) FROM dynpgext.workers WHERE extension IN ($names))), '0|0', 'not in the views any more');
    wait_until { keepers($node) == $keepers };
    return is(keepers($node), $keepers, 'and without keepers');
}

# Two tests: it is the same server, and nothing has crashed.
sub has_gone_on {
    my ($node) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(value($node, 'postgres', 'SELECT pg_postmaster_start_time()'), $started{ $node->name }, 'the server has not been restarted');
    return is(log_count($node, qr/PANIC|terminated by signal|reinitializing/, 0), 0, 'and nothing has crashed');
}

1;
