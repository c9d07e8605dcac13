# Builds of the library other than the installed one.
package DynpgextBuilds;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(built other_version);

my $other_version = '99.0';    # the version of the builds below that differ

my $root = $ENV{TESTDIR} // "$FindBin::RealBin/..";

# The library of a build that script/test makes while other tests run (see its stage "tap"), or from
# the folder named by DYNPGEXT_<KIND>:
#   faults   with the points of DynpgextFaults
#   growth   another version with larger structs in shared memory
#   layout   another version with another layout of shared memory
sub built {
    my ($kind) = @_;
    my $variable = 'DYNPGEXT_' . uc $kind;
    my $folder = $ENV{$variable} // "$root/tmp_$kind";
    for (1 .. 10 * 60 * 30) {    # a build takes minutes
        last if !-e "$folder.building";
        usleep(100_000);
    }
    -e "$folder/dynpgext.so" or die "there is no build \"$kind\" in $folder: make one in a copy of the tree, "
      . "with the DYNPGEXT_CPPFLAGS that script/lib/stages.sh has for it, and name its folder in $variable\n";
    return "$folder/dynpgext.so";
}

sub other_version { return $other_version }

1;
