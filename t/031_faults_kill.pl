# A process dies at each step of provisioning, and afterwards all registered objects exist again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextFaults;
use Test::More;

walk_faults('kill');
done_testing();
