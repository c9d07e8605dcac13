// The last runs of SQL workers' commands, of all databases: of each at least its share, and of each
// of its commands at least a share of that; in shared memory.
#pragma once

#include <string_view>
#include <vector>

#include "shared/root.h"

namespace dynpgext::state {

inline constexpr uint32 default_run_capacity = 1000;

// Makes room for so many, and keeps of those there are what has room.  Takes the lock itself.
void keep_runs(shared &s, uint32 capacity);

// A run of this worker's command has ended.  Exclusive lock.  Allocates nothing; before there is
// room it does nothing.
struct ended_run {
  TimestampTz began_at;
  int64 duration;  // microseconds
  run_end end;
  std::string_view error = {};  // SQLSTATE and message
};
void record(const shared &s, const worker_entry &worker, const ended_run &run);

// In the order of their ends, the oldest first.  Takes the lock itself.
[[nodiscard]] std::vector<run_entry> runs(const shared &s);

// For people.
[[nodiscard]] const char *name_of(run_end end);

}  // namespace dynpgext::state
