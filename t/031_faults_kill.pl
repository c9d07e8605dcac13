# A process dies at each step of provisioning, and what is registered is there again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextFaults;
use Test::More;

walk_faults('kill');
done_testing();
