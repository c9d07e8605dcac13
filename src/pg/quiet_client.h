// Limits the messages to a client while others wait for this process.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// For a scope, the client gets only errors; the log is unaffected.  For code that holds locks of
// ours in a user's session: a client that does not read its messages would stop the process there,
// and nothing could end it.
class quiet_client {
 public:
  quiet_client();
  quiet_client(const quiet_client &) = delete;
  quiet_client &operator=(const quiet_client &) = delete;
  ~quiet_client();

 private:
  int level_;
};

// The same until the end of the transaction, which is about to commit.
void quiet_client_until_end();

}  // namespace dynpgext::pg
