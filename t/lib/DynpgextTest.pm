# Shared by the tests: clusters with settings, their live state, and waiting for states.
#
# No function waits a fixed time: each waits for a state, in the views or in the log.
package DynpgextTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Basename;
use File::Copy;
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(
  new_cluster add_database private_install replace_library set_preload
  value whole wait_whole is_whole wait_crash_restart wait_until
  worker_pids pid_of processes log_offset log_count is_logged memory_used
  configure tell tell_to_crash shows worker_row reaches error_of crash
  new_primary new_standby catch_up becomes supervised_states
);

# new_cluster(NAME, SETTING => VALUE, ...): makes and starts it.  The log has each start and end of a
# background worker.  install_path: another installation than the one on the PATH.
sub new_cluster {
    my ($name, %settings) = @_;
    my $path = delete $settings{install_path};
    my $node = PostgreSQL::Test::Cluster->new($name, $path ? (install_path => $path) : ());
    $node->init(extra => [ '--encoding=UTF8', '--locale=C', '--username=postgres' ]);
    my %all = (
        autovacuum => 'off',
        log_min_messages => 'debug1',
        log_statement => 'none',
        max_connections => 30,
        max_prepared_transactions => 5,
        max_worker_processes => 32,
        restart_after_crash => 'on',
        'dynpgext.naptime' => '100ms',
        %settings);
    $node->append_conf('postgresql.conf', "$_ = '$all{$_}'") for sort keys %all;
    $node->start;
    return $node;
}

# Makes the database if it does not exist, and then the extensions in it, in this order.
sub add_database {
    my ($node, $database, @extensions) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $database") if $database !~ /^(postgres|template1)$/;
    $node->safe_psql($database, join('', map { "CREATE EXTENSION $_;\n" } @extensions));
    return;
}

# Applies at the next start.
sub set_preload {
    my ($node, $on) = @_;
    $node->append_conf('postgresql.conf',
        "shared_preload_libraries = '" . ($on ? 'dynpgext' : '') . "'");
    return;
}

# A copy of the installation on the PATH whose libraries a test may remove.  It consists of links,
# except for the programs, which find the rest relative to themselves.  Returns its install_path and
# the folder of its libraries.
sub private_install {
    my $root = PostgreSQL::Test::Utils::tempdir('install');
    my %of;
    for my $what (qw(bindir pkglibdir sharedir)) {
        ($of{$what}) = `pg_config --$what` =~ /^(.*)$/m;
    }
    make_path($root . $of{bindir}, $root . $of{pkglibdir}, dirname($root . $of{sharedir}));
    for my $program (qw(postgres pg_ctl initdb pg_config psql check_dynpgext)) {
        copy("$of{bindir}/$program", "$root$of{bindir}/$program") or die "$program: $!";
        chmod 0755, "$root$of{bindir}/$program";
    }
    symlink $_, "$root$of{pkglibdir}/" . basename($_) for glob "'$of{pkglibdir}/'*";
    symlink $of{sharedir}, $root . $of{sharedir};
    return (dirname($root . $of{bindir}), $root . $of{pkglibdir});
}

# Replaces the file as a package does, with the same content or that of another file.
sub replace_library {
    my ($file, $from) = @_;
    copy($from // $file, "$file.new") or die "$file: $!";
    chmod 0755, "$file.new";
    rename "$file.new", $file or die "$file: $!";
    return;
}

sub value {
    my ($node, $database, $query) = @_;
    return $node->safe_psql($database, $query);
}

# Differences between registered and live objects in this database; none if all is well.
my $complaints = <<'SQL';
SELECT what FROM (
  SELECT format('extension %s is %s: %s', extension, state, error) FROM dynpgext.extensions
   WHERE state <> 'provisioned'
  UNION ALL
  SELECT format('allocation %s is %s', name, state) FROM dynpgext.allocations
   WHERE state NOT IN ('allocated', 'draining')
  UNION ALL
  SELECT format('worker %s is %s: %s', name, state, last_error) FROM dynpgext.workers WHERE state <> 'running'
  UNION ALL
  SELECT format('to do: %s %s %s', action, object, name) FROM dynpgext.reload(dry_run => true)
) AS c(what) ORDER BY 1
SQL

sub whole {
    my ($node, $database) = @_;
    return $node->safe_psql($database, $complaints);
}

# Waits until everything registered in the databases is live.
sub wait_whole {
    my ($node, @databases) = @_;
    my $well = 1;
    for my $database (@databases) {
        $well = 0 unless $node->poll_query_until($database, $complaints, '');
    }
    return $well;
}

# One test: everything registered in the databases becomes live, and each worker identity has one
# process, the one in the view.  SQL workers share a process; t/034 tests those.
sub is_whole {
    my ($node, $test, @databases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return fail($test) unless wait_whole($node, @databases);
    my @shown = split /\n/,
      $node->safe_psql($databases[0], q(SELECT name || ' ' || pid FROM dynpgext.cluster_workers WHERE pid IS NOT NULL AND function <> 'dynpgext_sql_worker'));
    my %names = map { s/ \d+$//r => 1 } @shown;
    my %there = processes($node);
    my @real = map { my $name = $_; map {"$name $_"} @{ $there{$name} // [] } } keys %names;
    return is(join("\n", sort @real), join("\n", sort @shown), $test);
}

# pid of a worker, as its database shows it; '' if there is none
sub pid_of {
    my ($node, $database, $worker) = @_;
    return $node->safe_psql($database,
        "SELECT pid FROM dynpgext.workers WHERE name = '$worker' AND state = 'running'");
}

# All running workers: database, name and pid, one per line.
sub worker_pids {
    my ($node, $database) = @_;
    return $node->safe_psql($database,
        "SELECT database, name, pid FROM dynpgext.cluster_workers ORDER BY 1, 2");
}

sub memory_used {
    my ($node, $database) = @_;
    return $node->safe_psql($database, 'SELECT memory_used FROM dynpgext.status');
}

# The server's current processes: title => [pid, ...].  Includes processes not connected to a
# database, which pg_stat_activity does not show.
sub processes {
    my ($node) = @_;
    my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    my $prefix = 'postgres: ' . $node->name . ': ';
    my %found;
    for my $folder (glob '/proc/[0-9]*') {
        open(my $status, '<', "$folder/stat") or next;
        my $line = <$status> // next;
        close $status;
        next unless $line =~ /^(\d+) \(.*\) (\S) (\d+) /s && $3 == $postmaster && $2 ne 'Z';
        my $pid = $1;
        open(my $command, '<', "$folder/cmdline") or next;
        my $title = <$command> // next;
        close $command;
        $title =~ s/[\0 ]+$//;
        push @{ $found{$title} }, $pid if $title =~ s/^\Q$prefix\E//;
    }
    return %found;
}

# configure(NODE, DATABASE, SETTING => VALUE, ...): writes the configuration file; the postmaster has
# read it when this returns.
sub configure {
    my ($node, $database, %settings) = @_;
    my $before = $node->safe_psql($database, 'SELECT pg_conf_load_time()');
    $node->append_conf('postgresql.conf', join '', map {"$_ = '$settings{$_}'\n"} sort keys %settings);
    $node->reload;
    $node->poll_query_until($database, "SELECT pg_conf_load_time() <> '$before'") or die "the settings did not take effect";
    return;
}

# Sends the command to a worker of dx_supervised as soon as it listens.
sub tell {
    my ($node, $database, $worker, $command) = @_;
    return $node->poll_query_until($database, "SELECT dx_supervised_command($worker, '$command')");
}

# The same for commands that crash the server: sent once only, because the answer may be lost.
sub tell_to_crash {
    my ($node, $database, $worker, $command) = @_;
    $node->poll_query_until($database, "SELECT pid <> 0 FROM dx_supervised_info($worker)") or return 0;
    $node->psql($database, "SELECT dx_supervised_command($worker, '$command')");
    return 1;
}

# One test: waits until the view's row of the worker meets the SQL condition.
sub shows {
    my ($node, $database, $worker, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $well = reaches($node, $database, $worker, $condition);
    diag($worker, ' is ', worker_row($node, $database, $worker)) unless $well;
    return ok($well, $test);
}

sub reaches {
    my ($node, $database, $worker, $condition) = @_;
    return $node->poll_query_until($database,
        "SELECT COALESCE(bool_and($condition), false) FROM dynpgext.workers WHERE name = '$worker'");
}

sub worker_row {
    my ($node, $database, $worker) = @_;
    return $node->safe_psql($database, qq(
        SELECT state, restart, starts, last_exit_code, last_error, next_start_at IS NOT NULL, pid IS NOT NULL
          FROM dynpgext.workers WHERE name = '$worker'));
}

# The whole error message of a command, with its SQLSTATE; '' if it succeeds.
sub error_of {
    my ($node, $database, $sql) = @_;
    my ($code, $out, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
    return $code == 0 ? '' : $error;
}

# Runs the code that crashes the server, and waits until the server is up again.
sub crash {
    my ($node, $how) = @_;
    my $offset = log_offset($node);
    $how->();
    wait_crash_restart($node, $offset);
    return $offset;
}

# The current end of the log.
sub log_offset { return -s $_[0]->logfile }

# The number of matches in the log, from an offset on.
sub log_count {
    my ($node, $pattern, $offset) = @_;
    my @found = slurp_file($node->logfile, $offset // 0) =~ /$pattern/g;
    return scalar @found;
}

# wait_until { CONDITION }: returns its value once it is true; false at the timeout.
sub wait_until(&) {
    my ($holds) = @_;
    for (1 .. 50 * $PostgreSQL::Test::Utils::timeout_default) {
        my $result = $holds->();
        return $result if $result;
        usleep(20_000);
    }
    return;
}

# One test: the log comes to match this many times, and not more.  Another process may write the line
# a moment after the views show the state.
sub is_logged {
    my ($node, $pattern, $offset, $count, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    wait_until { log_count($node, $pattern, $offset) >= $count };
    return is(log_count($node, $pattern, $offset), $count, $test);
}

# After a crash, seen in the log from $offset on: waits until the server accepts connections again.
sub wait_crash_restart {
    my ($node, $offset) = @_;
    $node->wait_for_log(
        qr/all server processes terminated; reinitializing.*database system is ready to accept connections/s,
        $offset);
    return;
}

# ---- standbys ----

# Like new_cluster(), for a server with standbys: it keeps WAL for late ones.
sub new_primary {
    my ($name, %settings) = @_;
    return new_cluster($name, wal_level => 'replica', max_wal_senders => 10, wal_keep_size => '1GB', hot_standby => 'on', %settings);
}

# Makes a standby from a base backup, with all settings except these, and starts it.
sub new_standby {
    my ($primary, $name, %settings) = @_;
    $primary->backup("for_$name", backup_options => [ '--checkpoint', 'fast' ]);
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init_from_backup($primary, "for_$name", has_streaming => 1);
    $node->append_conf('postgresql.conf', join '', map {"$_ = '$settings{$_}'\n"} sort keys %settings);
    $node->start;
    return $node;
}

# Waits until the standbys have replayed everything that the primary has written.
sub catch_up {
    my ($primary, @standbys) = @_;
    my $lsn = $primary->lsn('flush');
    for my $standby (@standbys) {
        # not according to the primary, which may still show an earlier walsender
        $standby->poll_query_until('postgres', "SELECT '$lsn' <= pg_last_wal_replay_lsn()")
          or die $standby->name, ' does not catch up';
    }
    return;
}

# One test: the query comes to return this.
sub becomes {
    my ($node, $database, $query, $expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return pass($test) if $node->poll_query_until($database, $query, $expected);
    my ($code, $out, $error) = $node->psql($database, $query);
    return is($error ne '' ? $error : $out, $expected, $test);
}

# States of the workers of dx_supervised in a database: "1 running, 2 waiting, ...".
sub supervised_states {
    return q(SELECT string_agg(n || ' ' || state, ', ' ORDER BY n) FROM (
        SELECT substring(name FROM '[0-9]+$')::integer AS n, state FROM dynpgext.workers
         WHERE extension = 'dx_supervised') AS w);
}

1;
