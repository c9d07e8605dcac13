// The moment when a utility statement is analysed, which comes before it is run.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Once in a process: `seen` is called with each utility statement, before the hooks that other
// libraries have installed so far.  It may raise.
void watch_utility_analysis(void (*seen)(const Node *statement));

}  // namespace dynpgext::pg
