// Workers that a command waits for, because they are in its way.
#pragma once

#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

// Until those workers, which have been told to end, have no process any more; with `database`, none
// that is connected to it.  Returns those that are left after so many milliseconds.  Interruptible.
//
// Not every worker's code lets SIGTERM end the command that it runs, or its wait for a synchronous
// standby.  So workers that stay are also asked to cancel it, again and again.
[[nodiscard]] std::vector<worker_identity> wait_until_ended(shared &s,
                                                            std::vector<worker_identity> workers,
                                                            long milliseconds,
                                                            Oid database = InvalidOid);

}  // namespace dynpgext::state
