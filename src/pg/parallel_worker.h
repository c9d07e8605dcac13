// The start of a parallel query's process.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// f runs in each parallel worker whose leader has the library, once, after the worker has connected
// and before it runs any part of the query.  Call it when the library is loaded. f raises nothing.
void at_start_of_parallel_worker(void (*f)() noexcept);

// In a parallel worker: its leader, which exists until the worker has ended.
[[nodiscard]] inline const PGPROC *parallel_leader() {
  return IsParallelWorker() && MyProc != nullptr ? MyProc->lockGroupLeader : nullptr;
}

}  // namespace dynpgext::pg
