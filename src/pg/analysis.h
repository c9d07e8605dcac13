// The moment when a utility statement is analysed, which comes before it is run.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Once in a process: `seen` is called with each utility statement that is run at once, before the
// hooks that other libraries have installed so far.  It may raise.
//
// That is one of the simple query protocol, outside of functions.  In the extended protocol the
// client decides when, and whether, it runs what has been analysed; and functions may prepare what
// they do not run.
void watch_utility_analysis(void (*seen)(const Node *statement));

}  // namespace dynpgext::pg
