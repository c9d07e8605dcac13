// Who keeps a process of the server's waiting for a lock.
#pragma once

#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// As pg_blocking_pids() has it; empty: it waits for no lock.  Looks at the server's whole lock
// table.
[[nodiscard]] std::vector<pid_t> blockers_of(pid_t pid);

}  // namespace dynpgext::pg
