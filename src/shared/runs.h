// The last runs of SQL workers' commands, with at least a share for each database, and in it for
// each of its commands; in shared memory.
#pragma once

#include <string_view>
#include <vector>

#include "model/event_index.h"
#include "shared/root.h"

namespace dynpgext::state {

// In shared memory, see docs/layout.md.
enum class run_end : uint8 {
  succeeded,
  failed,
  canceled  // its worker was signalled to end meanwhile
};
struct run_entry {
  TimestampTz began_at;
  Oid home;    // InvalidOid: global
  Oid ran_in;  // the database
  extension_name extension;
  pg::fixed_string<BGW_MAXLEN> worker;
  int64 duration;  // microseconds
  run_end end;
  pg::fixed_string<256> error;
  uint64 reserved[2];
};
struct run_log {
  model::event_counts counts;
  uint64 reserved[2];
  run_entry entries[FLEXIBLE_ARRAY_MEMBER];
};

inline constexpr uint32 default_run_capacity = 1000;

// Makes room for this many runs, and keeps existing ones that fit.  Takes the lock itself.
void keep_runs(shared &s, uint32 capacity);

// A run of this worker's command has ended.  Exclusive lock.  Allocates nothing; does nothing
// before keep_runs().
struct ended_run {
  TimestampTz began_at;
  int64 duration;  // microseconds
  run_end end;
  std::string_view error = {};  // SQLSTATE and message
};
void record(const shared &s, const worker_entry &worker, const ended_run &run);

// The database has been dropped: its runs go first when space runs out.  Exclusive lock.
void retire_runs(const shared &s, Oid database);

// Of this database and global ones, ordered by their ends, oldest first.  Takes the lock itself.
[[nodiscard]] std::vector<run_entry> runs(const shared &s, Oid database);

// For people.
[[nodiscard]] const char *name_of(run_end end);

}  // namespace dynpgext::state
