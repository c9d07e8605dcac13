// Places limit how many processes workers may have at once: on the server, in a database, and in
// all databases of one owner.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Call it after every change that affects has_place(), and before an entry is removed (`goes`).
// Exclusive lock.
void count_place(const shared &s, worker_entry &entry, bool goes = false);
// The database is about to be forgotten.  Processes of its workers may still exist, and count for
// its owner until they have gone.
void forget_places(const shared &s, database_entry &database);
// The setting that leaves no place for a worker of the home, or nothing; max_worker_processes while
// free slots are kept for other processes, see workers/preparation.h.  A hosted worker needs no
// place itself, only one for its runner.  Settings must have been defined.  Caller holds root.lock.
[[nodiscard]] waiting_for full(const shared &s, Oid home, const model::worker *hosted = nullptr);

}  // namespace dynpgext::state
