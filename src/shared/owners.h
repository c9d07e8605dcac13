// Owners of databases who are no superusers, and what counts for them: memory and places of workers
// that were taken while they owned the database.  An entry stays until nothing counts for it, also
// where the role is dropped.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// As far as it is known; else, and of a superuser's, nullptr.  Caller holds root.lock.
[[nodiscard]] owner_entry *owner_of(const shared &s, const database_entry &database);
// nullptr for InvalidOid, too.
[[nodiscard]] owner_entry *find_owner(const shared &s, Oid role);
// InvalidOid: a superuser.  May run out of memory.  Exclusive lock.
void change_owner(const shared &s, database_entry &database, Oid owner);
// Exclusive lock.
void forget_if_unused(const shared &s, const owner_entry &owner);

}  // namespace dynpgext::state
