// Owners of databases, and places of workers: how many processes of theirs there may be at once,
// on the server, in a database, and in all databases of one owner.
#pragma once

#include "state/root.h"

namespace dynpgext::state {

// Whoever changes what has_place() depends on, or takes an entry away (`goes`), says so.  Exclusive
// lock.
void count_place(const shared &s, worker_entry &entry, bool goes = false);
// The database is about to be forgotten; processes of its workers may be there still.
void forget_places(const shared &s, database_entry &database);
// Of one who is no superuser, as far as it is known; else nullptr.  Caller holds root.lock.
[[nodiscard]] owner_entry *owner_of(const shared &s, const database_entry &database);
// Whom the database belongs to; InvalidOid: to a superuser, or it is not known.  May run out of
// memory.  Exclusive lock.
void set_owner(const shared &s, database_entry &database, Oid owner);
// The same of the current database, unless this transaction may have changed it.  In a
// transaction; takes the lock itself.
void note_owner(const shared &s);
// The setting that leaves no place for a worker of the home, or nothing.  One that is hosted has
// its runner's place: that counts, and it itself does not.  Settings must have been defined.
// Caller holds root.lock.
[[nodiscard]] waiting_for full(const shared &s, Oid home, const model::worker *hosted = nullptr);

}  // namespace dynpgext::state
