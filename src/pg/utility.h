// Utility statements before they run in this process: one hook for all of dynpgext.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

struct utility_statement {
  const Node *statement;
  bool is_toplevel;  // sent by the client, not by a function or another statement
};

// Up to four, called in this order, and before the hooks that other libraries have installed so
// far.  They may raise.
void watch_utility(void (*seen)(const utility_statement &statement));

}  // namespace dynpgext::pg
