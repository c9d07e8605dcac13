// Commands of SQL workers that keep others of their process waiting while they run.  One that has
// ended is noted by its runner, which knows more; one that never ends can only be seen from
// outside.
#pragma once

#include <chrono>
#include <vector>

#include "workers/entry.h"

namespace dynpgext::state {

// Who waits for a run that is under way, for at least so long.
struct held_up {
  size_t count = 0;
  pg::duration longest{};
  std::string names;  // of the first three
};
// Caller holds root.lock.
[[nodiscard]] held_up held_up_by(const shared &s, const worker_entry &running, pg::duration limit);

struct delaying_run {
  worker_identity id;
  pid_t pid;
  pg::duration runs_for;
  held_up others;
};
// Those that have not been reported, which they are by this; also as events.  `limit` 0: none.
// Looks at the processes, and at the workers of a database only where one runs for that long.
// Takes the lock itself.
[[nodiscard]] std::vector<delaying_run> find_delaying(shared &s, pg::duration limit);

// For both: "2 others", "1 other".
[[nodiscard]] std::string others(size_t count);

}  // namespace dynpgext::state
