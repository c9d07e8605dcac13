// The start of a process that works for a parallel query.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// f runs in each parallel worker whose leader has the library, once, when the worker is connected
// and before it runs anything of the query.  To be called when the library is loaded.  f raises
// nothing.
void at_start_of_parallel_worker(void (*f)() noexcept);

// In a parallel worker: its leader.  It is there until the worker has ended.
[[nodiscard]] inline const PGPROC *parallel_leader() {
  return IsParallelWorker() && MyProc != nullptr ? MyProc->lockGroupLeader : nullptr;
}

}  // namespace dynpgext::pg
