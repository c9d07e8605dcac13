// Where nobody may wait for a client.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// For a scope, messages go to the server's log alone.  For code that runs in a commit or a
// rollback, with locks of ours: a client that does not read would keep the process there, where
// nothing can end it.
class unheard {
 public:
  unheard() { whereToSendOutput = DestNone; }
  unheard(const unheard &) = delete;
  unheard &operator=(const unheard &) = delete;
  ~unheard() { whereToSendOutput = saved_; }

 private:
  CommandDest saved_ = whereToSendOutput;
};

}  // namespace dynpgext::pg
