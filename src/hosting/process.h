// The hosted libraries of a process: session, worker, parallel worker.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// Until then, a process that starts now waits for libraries: dynpgext.hosting_wait.
[[nodiscard]] pg::moment end_of_wait();

// Those for sessions of the database, as far as they are hosted, in order.  Waits until `end` for
// those that are about to be hosted, all together.  A failure to load one is logged, and the
// process continues without it.
struct loaded_libraries {
  int loaded = 0;
  std::vector<std::string> missing;
};
loaded_libraries load_all(state::shared &s, Oid database, pg::moment end = end_of_wait());

// In a keeper: those before it.
void load_before(state::shared &s, const instance &keeper_of);

// In a worker of the instance: the others, and the library itself. nullptr: no longer hosted.
[[nodiscard]] library *load_for_worker(state::shared &s, uint64 number);

// In a parallel worker: the libraries of its leader.
void load_as_leader() noexcept;

// At the start of a session, from session_preload_libraries.
void start_session();

}  // namespace dynpgext::hosting
