// The newest events of extensions, allocations and workers of the cluster, with at least a share
// for each database, in shared memory.
#pragma once

#include <string_view>
#include <vector>

#include "model/event_index.h"
#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

// In shared memory, see docs/layout.md.
struct event_entry {
  TimestampTz at;
  Oid home;       // InvalidOid: global
  uint32 object;  // model::object_kind
  extension_name extension;
  allocation_name name;  // of an allocation or a worker
  pg::fixed_string<16> event;
  pg::fixed_string<256> detail;
  uint64 reserved[2];
};

// The newest ones of each database.  Followed by as many links as entries, and one home more, see
// model/event_index.h.
struct event_log {
  model::event_counts counts;
  uint64 reserved[2];
  event_entry entries[FLEXIBLE_ARRAY_MEMBER];
};

inline constexpr uint32 default_event_capacity = 1000;

// Makes room for this many events, and keeps existing ones that fit.  Takes the lock itself.
void keep_events(shared &s, uint32 capacity);

struct event {
  model::object_kind object;
  Oid home;
  std::string_view extension;
  std::string_view name;
  std::string_view what;  // a word or two: started, exited, ...
  std::string_view detail = {};
};
// Exclusive lock.  Allocates nothing; does nothing before keep_events().
void record(const shared &s, const event &e);

// The database has been dropped: its events go first when space runs out.  Exclusive lock.
void retire_events(const shared &s, Oid database);

// Oldest first.  Takes the lock itself.
[[nodiscard]] std::vector<event_entry> events(const shared &s);

}  // namespace dynpgext::state
