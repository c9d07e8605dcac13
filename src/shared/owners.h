// Owners of databases who are not superusers, and what counts for them: memory and places of
// workers taken while they owned the database.  An entry stays until nothing counts for it, even if
// the role is dropped.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// As far as is known; nullptr if unknown, or a superuser.  Caller holds root.lock.
[[nodiscard]] owner_entry *owner_of(const shared &s, const database_entry &database);
// nullptr also for InvalidOid.
[[nodiscard]] owner_entry *find_owner(const shared &s, Oid role);
// InvalidOid: a superuser.  May run out of memory.  Exclusive lock.
void change_owner(const shared &s, database_entry &database, Oid owner);
// Exclusive lock.
void forget_if_unused(const shared &s, const owner_entry &owner);

}  // namespace dynpgext::state
