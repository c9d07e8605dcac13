// Which hosted libraries a process has: sessions, workers, parallel workers.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// Those that sessions of the database have, as far as they are hosted, in their order.  One that is
// about to be hosted is waited for, as dynpgext.hosting_wait says.  What cannot be loaded is a
// WARNING, and the process does without.
struct loaded_libraries {
  int loaded = 0;
  std::vector<std::string> missing;
};
loaded_libraries load_all(state::shared &s, Oid database);

// In a keeper: those that come before it.
void load_before(state::shared &s, const instance &keeper_of);

// In a worker of the instance: the others, and itself.  nullptr: it is not hosted any more.
[[nodiscard]] library *load_for_worker(state::shared &s, uint64 number);

// In a parallel worker: those that its leader has.
void load_as_leader() noexcept;

// At the start of a session, from session_preload_libraries.
void start_session();

}  // namespace dynpgext::hosting
