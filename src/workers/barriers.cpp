#include "workers/barriers.h"

#include <map>

#include "pg/barrier.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

// A worker may delay a barrier for this long before it counts as slow.
constexpr std::chrono::milliseconds patience(1500);

// In the launcher: when each start was first seen not to have served the barrier.
std::map<uint64, pg::moment> &found() {
  static auto *const all = new std::map<uint64, pg::moment>;
  return *all;
}

}  // namespace

barrier_watch watch_barriers(shared &s) {
  barrier_watch result;
  result.awaited = pg::is_barrier_awaited();
  if (!result.awaited) {
    found().clear();
    return result;
  }
  const pg::moment now = pg::moment::now();
  const exclusive lock(s);
  for (worker_entry *entry : workers_with_process(s)) {
    if (entry->pid == 0 || entry->exited || entry->hosted || entry->told_at.is_set()) continue;
    const bool is_asked = found().count(entry->ticket) != 0;
    const bool has_served = pg_atomic_read_u32(&entry->barrier) == 0;
    pg_atomic_write_u32(&entry->barrier, 0);
    pg::ask_for_barrier(entry->pid);
    pg::moment &since = found()[entry->ticket];
    if (!is_asked || has_served) since = now;
    if (now - since < patience) continue;
    result.slow.push_back(identity_of(*entry));
    if (entry->after == after_end::by_policy) entry->after = after_end::renew;
    (void)advance(s, *entry, model::worker_event::stop);
    tell_to_end(s, *entry, "for others, which wait until it serves interrupts");
  }
  return result;
}

}  // namespace dynpgext::state
