// What has happened to extensions, allocations and workers: the newest events of the cluster, in
// a ring in shared memory.
#pragma once

#include <string_view>
#include <vector>

#include "model/reconcile.h"
#include "state/root.h"

namespace dynpgext::state {

inline constexpr uint32 default_event_capacity = 1000;

// Makes room for so many, keeping the newest of those there are.  Takes the lock itself.
void keep_events(shared &s, uint32 capacity);

struct event {
  model::object_kind object;
  Oid home;
  std::string_view extension;
  std::string_view name;
  std::string_view what;  // a word or two: started, exited, ...
  std::string_view detail = {};
};
// Exclusive lock.  Allocates nothing; before there is a ring it does nothing.
void record(const shared &s, const event &e);

// Oldest first.  Takes the lock itself.
[[nodiscard]] std::vector<event_entry> events(const shared &s);

}  // namespace dynpgext::state
