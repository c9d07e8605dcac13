// Deadlines, restarts that are due, stops that time out.
#pragma once

#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

struct watch_result {
  struct silence {
    worker_identity id;
    int64 deadline;   // milliseconds
    bool terminated;  // signalled to end, to be restarted
  };
  struct late_end {
    worker_identity id;
    pid_t pid;
    bool stuck;     // repeated signals have not ended it either
    bool runs_sql;  // an SQL command, not its own code
  };
  std::vector<silence> silent;                     // newly unresponsive
  std::vector<late_end> late;                      // have not ended in time after the signal
  pg::moment look_again_at = pg::moment::never();  // time of the next due check
};
// Time after stop_timeout, with repeated signals, before a process counts as stuck.
inline constexpr std::chrono::seconds insistence(3);

// Checks the workers of one list, and stores when the launcher must check again.  `decided_at`:
// everything due by then has been handled as far as possible.
[[nodiscard]] watch_result watch(shared &s, Oid list, int64 stop_timeout_milliseconds,
                                 pg::moment decided_at);
// Does any worker run, or may a recently ended one have been in the way of a command?
[[nodiscard]] bool somebody_runs(const shared &s);

}  // namespace dynpgext::state
