// What time does to workers: restarts come due, heartbeats stay away, ends do not come.
#pragma once

#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

struct watch_result {
  struct silence {
    worker_identity id;
    int64 deadline;   // milliseconds
    bool terminated;  // it is restarted when it has ended
  };
  struct late_end {
    worker_identity id;
    pid_t pid;
    bool stuck;     // insisting has not ended it either
    bool runs_sql;  // a command, not code of its own
  };
  std::vector<silence> silent;                     // have just fallen silent
  std::vector<late_end> late;                      // were told to end, and should have by now
  pg::moment look_again_at = pg::moment::never();  // when something is due next
};
// How long after stop_timeout a process that is being insisted on may stay before it is called
// stuck.
inline constexpr std::chrono::seconds insistence(3);

// Of a list of workers; notes when the launcher has to look at it again.  `decided_at`: what was
// due then has been dealt with, as far as it can be.
[[nodiscard]] watch_result watch(shared &s, Oid list, int64 stop_timeout_milliseconds,
                                 pg::moment decided_at);
// Does any worker, or may one that has just ended have been in the way of a command?
[[nodiscard]] bool somebody_runs(const shared &s);

}  // namespace dynpgext::state
