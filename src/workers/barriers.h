// Workers that delay a barrier of the server, for which all processes must serve interrupts.
#pragma once

#include "workers/workers.h"

namespace dynpgext::state {

struct barrier_watch {
  bool awaited = false;               // some process waits: check again soon
  std::vector<worker_identity> slow;  // have not served it in time, and were signalled to end
};
// For the launcher, now and then.  A worker that does not serve interrupts is signalled to end, and
// starts anew afterwards.
[[nodiscard]] barrier_watch watch_barriers(shared &s);

}  // namespace dynpgext::state
