# Tests every DYNPGEXT_FAULT_POINT of the source: a process dies there, or an error is raised there.
# Uses the library of a build with -DDYNPGEXT_FAULTS.
package DynpgextFaults;

use strict;
use warnings FATAL => 'all';

use DynpgextBuilds;
use DynpgextTest;
use Exporter 'import';
use File::Find;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(fault_points new_faulty_cluster inject injected walk_faults);

my $root = "$FindBin::RealBin/..";

# The points of the source, ordered by file.
sub fault_points {
    my @found;
    find({ no_chdir => 1, wanted => sub {
        return unless /\.(cpp|h)$/;
        push @found, slurp_file($_) =~ /DYNPGEXT_FAULT_POINT\("([^"]+)"\)/g;
    } }, "$root/src");
    my %seen;
    return sort grep { !$seen{$_}++ } @found;
}

# A server whose library has the points.
sub new_faulty_cluster {
    my ($name, %settings) = @_;
    my $library = built('faults');
    my ($install_path, $libdir) = private_install();
    unlink "$libdir/dynpgext.so" or die "$libdir/dynpgext.so: $!";
    symlink $library, "$libdir/dynpgext.so" or die "$libdir/dynpgext.so: $!";
    return new_cluster($name, install_path => $install_path, 'shared_preload_libraries' => 'dynpgext', 'dynpgext.crash_limit' => 0, %settings);
}

sub fault_file { return $_[0]->data_dir . '/dynpgext.fault' }

# inject(NODE, POINT, kill | error): in the first process at the point.
sub inject {
    my ($n, $point, $how) = @_;
    my $file = fault_file($n);
    append_to_file("$file.new", "$point $how\n");
    rename "$file.new", $file or die "$file: $!";
    return;
}

# Has a process reached it?
sub injected { return !-e fault_file($_[0]) }

# ---- steps that pass the points ----

my $node;

# Does not die: the server may be about to crash.
sub try {
    my ($database, $sql) = @_;
    my ($code, $out, $error) = $node->psql($database, $sql);
    return $code == 0 ? $out : undef;
}

my %steps = (
    create => sub { try('one', 'CREATE EXTENSION dx_worker') },
    declare => sub { try('one', 'CREATE EXTENSION dx_declared') },
    update => sub {
        try('one', 'CREATE EXTENSION dx_worker');
        try('one', q(ALTER EXTENSION dx_worker UPDATE TO '0.2'));
    },
    drop => sub {
        try('one', 'CREATE EXTENSION dx_worker');
        try('one', 'DROP EXTENSION dx_worker');
    },
    rollback => sub { try('one', 'BEGIN; CREATE EXTENSION dx_worker; DROP EXTENSION dx_memory; ROLLBACK;') },
    prepare => sub {
        try('one', q(BEGIN; CREATE EXTENSION dx_worker; PREPARE TRANSACTION 'p';));
        try('one', q(COMMIT PREPARED 'p'));
    },
    configure => sub {
        try('one', q(SELECT dynpgext.configure_worker('dx_supervised', 'dx supervised 1', enabled => false)));
        try('one', q(SELECT dynpgext.reset_worker('dx_supervised', 'dx supervised 1')));
    },
    # a worker without automatic restart, and an extension that has not been noticed
    reload => sub {
        try('one', 'CREATE EXTENSION dx_worker');
        try('one', q(SELECT pg_terminate_backend(pid, 5000) FROM dynpgext.workers WHERE name = 'dx local'));
        try('one', q(SELECT count(*) FROM dynpgext.reload())) // try('one', q(SELECT count(*) FROM dynpgext.reload()));
        try('one', q(ALTER EVENT TRIGGER dynpgext_on_create DISABLE; CREATE EXTENSION dx_trusted;
            ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS; SELECT count(*) FROM dynpgext.reload()));
    },
    exit => sub { tell_quietly(1, 'exit1') },
    launcher => sub { try('one', 'SELECT pg_terminate_backend(launcher_pid, 5000) FROM dynpgext.status') },
    rename => sub {
        try('postgres', 'ALTER DATABASE two RENAME TO zwei');
        try('postgres', 'ALTER DATABASE zwei RENAME TO two');
    },
    dynpgext => sub {
        try('two', 'DROP EXTENSION dynpgext');
        try('two', 'CREATE EXTENSION dynpgext');
    },
    restart => sub { $node->stop; $node->start });
my @order = qw(create declare update drop rollback prepare configure reload exit launcher rename dynpgext restart);

# The first step to try, only for speed.  All steps are tried for points that are missing here.
my %shortcuts = (
    abort => 'rollback', add => 'create', allocate => 'create', command => 'rename', commit => 'create', init => 'create',
    launch => 'create', pause => 'drop', 'launcher.in_office' => 'launcher', launcher => 'exit', provision => 'restart', publish => 'restart',
    reload => 'reload', remove => 'drop', runner => 'declare', update => 'update', visit => 'restart', visits => 'restart', worker => 'exit');

sub tell_quietly {
    my ($worker, $command) = @_;
    for (1 .. 50 * $PostgreSQL::Test::Utils::timeout_default) {
        return if (try('one', "SELECT dx_supervised_command($worker, '$command')") // 't') eq 't';
        usleep(20_000);
    }
    return;
}

sub is_well {
    for my $database (qw(one two)) {
        my $complaints = eval { whole($node, $database) };
        return 0 unless defined $complaints && $complaints eq '';
    }
    return (try('one', 'SELECT launcher_pid IS NOT NULL FROM dynpgext.status') // 'f') eq 't';
}

# Runs steps until one has reached the point; returns its name, or undef.
sub reach {
    my ($point) = @_;
    my $first = $shortcuts{$point} // $shortcuts{ $point =~ s/\..*//r } // $order[0];
    for my $step ($first, grep { $_ ne $first } @order) {
        $steps{$step}->();
        for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
            return $step if injected($node);
            last if is_well();
            usleep(100_000);
        }
        # the launcher reacts a moment later
        for (1 .. 5) {
            return $step if injected($node);
            usleep(50_000);
        }
        eval { normalize() };
    }
    return injected($node) ? 'the last moment' : undef;
}

# ---- checks afterwards ----

# The state of both databases before each fault; errors mean that something is blocked.
sub normalize {
    value($node, 'one', q(ROLLBACK PREPARED 'p')) if value($node, 'one', q(SELECT count(*) FROM pg_prepared_xacts));
    value($node, 'postgres', 'ALTER DATABASE zwei RENAME TO two')
      if value($node, 'postgres', q(SELECT count(*) FROM pg_database WHERE datname = 'zwei'));
    value($node, 'two', 'CREATE EXTENSION IF NOT EXISTS dynpgext');
    value($node, 'one', q(ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS));
    value($node, 'one', 'DROP EXTENSION IF EXISTS dx_worker, dx_trusted, dx_declared');
    value($node, 'one', q(SELECT dynpgext.reset_worker(extension, worker) FROM dynpgext.worker_settings));
    return;
}

# Extensions installed and registered in a database, except those that do not take part.
my $differences = q(
    SELECT format('%s %s', e.extname, COALESCE(r.extension, 'is not registered')) FROM pg_extension e
      FULL JOIN dynpgext.registered_extension r ON r.extension = e.extname AND r.version = e.extversion
     WHERE (e.extname IS NULL OR r.extension IS NULL) AND COALESCE(e.extname, '') NOT IN ('plpgsql', 'dynpgext'));
my $left = q(SELECT (SELECT count(*) FROM dynpgext.cluster_allocations WHERE state = 'draining')
    + (SELECT count(*) FROM dynpgext.cluster_allocations c WHERE c.scope = 'database' AND c.database IS NULL)
    + (SELECT count(*) FROM dynpgext.cluster_workers WHERE state <> 'running'));

# Do the live objects come to equal the registered ones without help?  Otherwise, after a reload().
sub comes_right {
    return pass('all comes right') if eval { wait_whole($node, qw(one two)) };
    my $what = join ', ', map { my $d = $_; my $w = eval { whole($node, $d) } // 'no answer'; $w eq '' ? () : "$d: $w" } qw(one two);
    fail('all comes right by itself');
    diag($what);
    eval { value($node, $_, 'SELECT count(*) FROM dynpgext.reload()') for qw(one two) } or diag("reload: $@");
    diag(is_well() ? 'a reload has mended it' : 'a reload has not mended it');
    return;
}

# A process that ends without a report is shown until the launcher's next round.
sub wait_for_the_dead {
    my $end = time + $PostgreSQL::Test::Utils::timeout_default;
    while (time < $end) {
        my %there = processes($node);
        my %alive = map { $_ => 1 } map {@$_} values %there;
        my $shown = value($node, 'one', 'SELECT pid FROM dynpgext.cluster_workers WHERE pid IS NOT NULL');
        my @dead = grep { !$alive{$_} } split /\n/, $shown;
        return unless @dead;
        usleep(20_000);
    }
    return;
}

my $memory;

sub check {
    wait_for_the_dead();
    comes_right();
    is_whole($node, 'one process for each worker', qw(one two));
    is(value($node, $_, $differences), '', "$_: what is installed is registered") for qw(one two);
    is(value($node, $_, 'SELECT count(*) FROM dynpgext.reload()'), 0, "$_: a reload works, and has nothing to do") for qw(one two);
    normalize();
    becomes($node, 'one', $left, 0, 'without what a scenario has added, nothing is left of it');
    comes_right();
    becomes($node, 'one', 'SELECT memory_used FROM dynpgext.status', $memory, 'the memory used is that of a server that has seen no fault')
      if defined $memory;
    return;
}

# walk_faults(kill | error): all points but those of hosting, which t/087 has.
sub walk_faults {
    my ($how) = @_;
    # a fault may leave a state that never recovers, and all other points must still be tested (a
    # start without a process is given up after 30 s)
    local $PostgreSQL::Test::Utils::timeout_default = 60 if $PostgreSQL::Test::Utils::timeout_default > 60;
    $node = new_faulty_cluster($how,
        'dx_supervised.callback' => 'on',
        'dx_supervised.restart' => 'always',
        'dx_supervised.workers' => 2);
    add_database($node, 'one', qw(dynpgext dx_memory dx_supervised));
    add_database($node, 'two', qw(dynpgext dx_usage));

    subtest 'without a fault' => sub {
        # names used once leave their entries
        for my $step (@order) {
            $steps{$step}->();
            comes_right();
            normalize();
        }
        check();
        $memory = memory_used($node, 'one');
        note("$memory bytes");
    };

    my $only = $ENV{DYNPGEXT_FAULT_POINTS} // '';    # to investigate one point
    for my $point (grep { /^$only/ && !/^hosting\./ } fault_points()) {
        subtest "$point: $how" => sub {
            my $offset = log_offset($node);
            # so that losses of one fault are not counted for the next
            $memory = memory_used($node, 'one') if $how eq 'error';
            inject($node, $point, $how);
            my $step = reach($point);
            ok(defined $step, "$point is reached") or return unlink fault_file($node);
            note("in $step");
            if ($how eq 'kill') {
                $node->wait_for_log(qr/was terminated by signal 9: Killed/, $offset);
                wait_crash_restart($node, $offset);
            } else {
                $node->wait_for_log(qr/fault injected at \Q$point\E/, $offset);
            }
            check();
            is(log_count($node, qr/(PANIC|TRAP):/, $offset), 0, 'no panic');
            is(log_count($node, qr/was terminated by signal/, $offset), $how eq 'kill' ? 1 : 0, 'nobody else has died');
        };
    }
    $node->stop;
    return;
}

1;
