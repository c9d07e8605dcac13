// Runs of SQL workers that delay other workers in the same process.
//
// The runner reports a run at its end.  The launcher reports a run in progress, since it may never
// end; then the runner does not report it again.  Consecutive runs with delays are reported once,
// except for a run that lasts more than twice as long as the previous one: it may never end.
#pragma once

#include <chrono>
#include <vector>

#include "workers/entry.h"

namespace dynpgext::state {

// The workers that a run delays.
struct held_up {
  size_t count = 0;
  pg::duration longest{};
  std::string names;  // of the first three workers
};
// The workers that have waited for at least `limit` (0: none).  Scans the workers of the database,
// but only if the run has lasted that long.  Caller holds root.lock.
[[nodiscard]] held_up held_up_by(const shared &s, const worker_entry &running, pg::duration limit);

// Called by the runner at the end of a run, before the run is counted.  If the delay is to be
// reported, records an event and returns the delayed workers for the log; otherwise none.  Caller
// holds root.lock exclusively.
[[nodiscard]] held_up note_delay(const shared &s, const runner_entry &runner, worker_entry &entry,
                                 pg::duration limit);

struct delaying_run {
  runner_key runner;
  worker_identity id;
  pid_t pid;
  pg::moment began;
  held_up others;
};
// Called by the launcher.  Returns the runs in progress that are to be reported, records their
// events, and marks the runs as reported.  `limit` 0: none.  Takes the lock itself, exclusively
// only if there is something to report.
[[nodiscard]] std::vector<delaying_run> find_delaying(shared &s, pg::duration limit);

// For both kinds of report: "2 others", "1 other".
[[nodiscard]] std::string others(size_t count);

}  // namespace dynpgext::state
