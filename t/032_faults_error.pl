# Each step of provisioning raises an error: nothing is lost, and nothing stays locked.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextFaults;
use Test::More;

walk_faults('error');
done_testing();
