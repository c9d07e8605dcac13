// Workers that keep the server waiting, whatever database they are connected to.
#pragma once

#include "workers/workers.h"

namespace dynpgext::state {

struct barrier_watch {
  bool awaited = false;               // somebody waits: look again soon
  std::vector<worker_identity> slow;  // have not served it for a while, and are told to end
};
// For the launcher, now and then.  A worker that does not come to serve interrupts is told to end,
// and starts anew when it has.
[[nodiscard]] barrier_watch watch_barriers(shared &s);

}  // namespace dynpgext::state
