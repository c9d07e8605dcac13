// The wait events of dynpgext's processes, shown in pg_stat_activity.wait_event since PostgreSQL
// 17; before, the server has one name for all extensions.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

enum class wait : size_t {
  launcher,          // the launcher, for work
  shutdown,          // the launcher, for processes to end while the server stops
  sql_runner,        // an SQL runner, for the next command
  extension_worker,  // an extension's worker, in dynpgext_worker_wait()
  start_commit,      // a new worker's process, for the commit that creates it
  memory_init,       // for memory that another process initialises
  worker_end,        // a command, for workers in its way
  worker_state,      // start_worker() and similar functions, for the effect of their request
  run_end,           // run_worker(), for the end of the run
  keeper,            // the keeper of a hosted library, for the end of the server
  hosting,           // for a library that is being hosted
};

// Registers the name with the server at the first wait of this process.  Not under a lock.
[[nodiscard]] uint32 wait_event(wait what);

}  // namespace dynpgext::pg
