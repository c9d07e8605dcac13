#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// What every use of dynpgext in a process begins with: attaches, and on the first call makes
// sure there is a launcher, so that after a restart without preload the first use brings
// everything back.  Later calls do so when it has been away for long: the postmaster, which
// restarts it after a second, measures that second by the wall clock, and does not when that is set
// back.
shared &use();

}  // namespace dynpgext::state
