# A server with a wall clock set by the test, see clock_shim.c.
package Clock;

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use DynpgextTest;
use Exporter 'import';
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(set_clock new_cluster_with_clock);

# Made at their first use: before the test runs, its folder is unknown.
my ($shim, $offset_file);

# In seconds from the real time.
sub set_clock {
    my ($seconds) = @_;
    $offset_file //= PostgreSQL::Test::Utils::tempdir('clock') . '/offset';
    sysopen(my $file, $offset_file, 1 | 0100, 0644) or die "$offset_file: $!";    # O_WRONLY, O_CREAT
    syswrite($file, pack('q', $seconds * 1_000_000)) == 8 or die "$offset_file: $!";
    close $file;
    return;
}

# Like new_cluster().
sub new_cluster_with_clock {
    my @arguments = @_;
    set_clock(0);
    if (!defined $shim) {
        $shim = dirname($offset_file) . '/shim.so';
        system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-O1', '-o', $shim, dirname(abs_path(__FILE__)) . '/clock_shim.c');
    }
    local $ENV{LD_PRELOAD} = $shim;
    local $ENV{CLOCK_SHIM} = $offset_file;
    return new_cluster(@arguments);
}

1;
