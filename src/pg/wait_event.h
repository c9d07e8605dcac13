// What a process of dynpgext's waits for, as pg_stat_activity.wait_event has it since PostgreSQL
// 17; before, the server has one name for all extensions.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

enum class wait : size_t {
  launcher,          // the launcher, for something to do
  shutdown,          // the launcher, for processes to end while the server stops
  sql_runner,        // an SQL runner, for a command that is due
  extension_worker,  // an extension's worker, in dynpgext_worker_wait()
  start_commit,      // a new worker's process, for the commit that made it
  memory_init,       // for memory that another process initialises
  worker_end,        // a command, for workers that are in its way
  worker_state,      // start_worker() and its like, for what they have asked for
  run_end,           // run_worker(), for the end of the run
  keeper,            // the keeper of a hosted library, for the end of the server
  hosting,           // for a library that is about to be hosted
};

// Registers the name with the server when this process first waits for it.  Not under a lock.
[[nodiscard]] uint32 wait_event(wait what);

}  // namespace dynpgext::pg
