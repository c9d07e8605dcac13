// Messages where nobody may wait for a client.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// For a scope, messages go only to the server's log.  For code that runs in a commit or a rollback,
// with locks of ours: a client that does not read would stop the process there, and nothing could
// end it.
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
