// A hook that runs before an uncaught error is reported.
//
// The server sends an error to the client first, and aborts the transaction afterwards.  A client
// that does not read stops the process in between, with everything that the transaction holds, and
// nothing can end the process then.  So before the error is sent, the transaction gives up what
// others wait for and it no longer needs.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

enum class error_end {
  subtransaction,  // the current one, and inner ones
  transaction      // all of it: also when the process ends
};

struct error_watcher {
  bool (*has_something)() noexcept;
  // Not called if a server LWLock is held: the abort does the work then.  It must raise nothing,
  // not even a swallowed error, which would replace the error being reported.
  void (*give_up)(error_end end) noexcept;
};

// Up to two, called in this order.  The server does not call them if log_min_messages excludes
// errors from its log.
void watch_errors(const error_watcher &watcher);

}  // namespace dynpgext::pg
