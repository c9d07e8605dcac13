// What has happened to extensions, allocations and workers of the cluster: the newest events, of
// each database at least its share, in shared memory.
#pragma once

#include <string_view>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

inline constexpr uint32 default_event_capacity = 1000;

// Makes room for so many, and keeps of those there are what has room.  Takes the lock itself.
void keep_events(shared &s, uint32 capacity);

struct event {
  model::object_kind object;
  Oid home;
  std::string_view extension;
  std::string_view name;
  std::string_view what;  // a word or two: started, exited, ...
  std::string_view detail = {};
};
// Exclusive lock.  Allocates nothing; before there is room it does nothing.
void record(const shared &s, const event &e);

// Oldest first.  Takes the lock itself.
[[nodiscard]] std::vector<event_entry> events(const shared &s);

}  // namespace dynpgext::state
