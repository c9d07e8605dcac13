// A hook for the analysis of utility statements, before they run.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Once in a process: calls `seen` with each utility statement that runs at once, before the hooks
// that other libraries have installed so far.  It may raise.
//
// Such statements come from the simple query protocol, outside of functions.  In the extended
// protocol the client decides when, and whether, to run an analysed statement; and functions may
// prepare statements that they do not run.
void watch_utility_analysis(void (*seen)(const Node *statement));

}  // namespace dynpgext::pg
