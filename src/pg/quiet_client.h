// Messages that a client gets while others wait for this process.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// For a scope, the client gets errors alone, and the log what it gets anyway.  For code that holds
// locks of ours in a session of anybody's: a client that does not read its messages would keep the
// process there, where nothing can end it.
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
