// What is to be done, decided on what is registered and what is live.
#pragma once

#include "shared/publication.h"
#include "workers/scope.h"

namespace dynpgext::state {

[[nodiscard]] model::circumstances circumstances(bool retry_failed);

// What is to be done for a database, and what that was decided on.
struct decision {
  picture seen;
  std::vector<model::action> actions;
};
[[nodiscard]] decision decide(const shared &s, Oid database, const model::circumstances &now);
// The same for workers alone, with these global names, too; does not look at memory.
[[nodiscard]] decision decide_workers(const shared &s, Oid database,
                                      const global_names *also = nullptr,
                                      bool retry_failed = false);
// Workers of `database`, and global ones, whose library's file has changed since they loaded it.
void mark_stale(const shared &s, Oid database, std::vector<model::live_worker> &workers);

// After a publication: memory and global workers are in line with it.  Exclusive lock.
void settle(shared &s, const publication &published);

}  // namespace dynpgext::state
