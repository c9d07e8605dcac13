# An error is raised at each step of provisioning; nothing is lost, nor locked for ever.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextFaults;
use Test::More;

walk_faults('error');
done_testing();
