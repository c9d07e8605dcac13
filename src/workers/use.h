#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Begins every use of dynpgext in a process: attaches, and on the first call ensures that a
// launcher exists.  So after a restart without preload the first use starts everything.  Later
// calls check for a launcher that has been absent for long: the postmaster should restart it after
// a second, but measures this by the wall clock, and waits for longer if that is set back.
shared &use();

}  // namespace dynpgext::state
