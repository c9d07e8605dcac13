// Places of workers: how many processes of theirs there may be at once, on the server, in a
// database, and in all databases of one owner.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Whoever changes what has_place() depends on, or takes an entry away (`goes`), says so.  Exclusive
// lock.
void count_place(const shared &s, worker_entry &entry, bool goes = false);
// The database is about to be forgotten; processes of its workers may be there still, and count for
// its owner until they have gone.
void forget_places(const shared &s, database_entry &database);
// The setting that leaves no place for a worker of the home, or nothing; max_worker_processes
// while free slots are kept for others, see workers/preparation.h.  One that is hosted has
// its runner's place: that counts, and it itself does not.  Settings must have been defined.
// Caller holds root.lock.
[[nodiscard]] waiting_for full(const shared &s, Oid home, const model::worker *hosted = nullptr);

}  // namespace dynpgext::state
