// The processes that block a process waiting for a lock.
#pragma once

#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// Like pg_blocking_pids(); empty: it waits for no lock.  Reads the server's whole lock table.
[[nodiscard]] std::vector<pid_t> blockers_of(pid_t pid);

}  // namespace dynpgext::pg
