// Waiting for workers that block a command.
#pragma once

#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

// Waits until these workers, already signalled to end, have no process any more; with `database`,
// none connected to it.  Returns the workers left after the time limit.  Interruptible.
//
// Some workers' code does not let SIGTERM interrupt its command, or its wait for a synchronous
// standby.  So workers that do not end also get repeated requests to cancel.
[[nodiscard]] std::vector<worker_identity> wait_until_ended(shared &s,
                                                            std::vector<worker_identity> workers,
                                                            long milliseconds,
                                                            Oid database = InvalidOid);

}  // namespace dynpgext::state
