// The moment at which an error that nobody has caught is about to be reported.
//
// The server sends an error to the client first, and aborts the transaction afterwards.  A client
// that does not read keeps the process in between, with everything that the transaction holds, and
// nothing can end the process there.  So what others wait for, and the transaction will not need
// any more, is given up before the error is sent.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

enum class error_end {
  subtransaction,  // the current one, and what is within it
  transaction      // all of it: also where the process ends
};

struct error_watcher {
  bool (*has_something)() noexcept;
  // Not called where an LWLock of the server's is held: the abort does it then.  Raises nothing,
  // not even what it swallows, for that would take the place of the error.
  void (*give_up)(error_end end) noexcept;
};

// Up to two, called in this order.  The server does not call them where log_min_messages keeps
// errors out of its log.
void watch_errors(const error_watcher &watcher);

}  // namespace dynpgext::pg
