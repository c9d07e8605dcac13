// Decides on actions by comparing registered with live objects.
#pragma once

#include "shared/publication.h"
#include "workers/scope.h"

namespace dynpgext::state {

[[nodiscard]] model::circumstances circumstances(bool retry_failed);

// The actions for a database, and the state on which they were decided.
struct decision {
  picture seen;
  std::vector<model::action> actions;
};
[[nodiscard]] decision decide(const shared &s, Oid database, const model::circumstances &now);
// The same for workers only, including these global names; without memory.
[[nodiscard]] decision decide_workers(const shared &s, Oid database,
                                      const global_names *also = nullptr,
                                      bool retry_failed = false);
// Marks workers of `database`, and global ones, whose library's file has changed since they loaded
// it.
void mark_stale(const shared &s, Oid database, std::vector<model::live_worker> &workers);

// After a publication: adjusts memory and global workers to it.  Exclusive lock.
void settle(shared &s, const publication &published);

}  // namespace dynpgext::state
