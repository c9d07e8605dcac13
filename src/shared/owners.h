// Owners of databases who are no superusers, and what their databases have together.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// As far as it is known; else, and of a superuser's, nullptr.  Caller holds root.lock.
[[nodiscard]] owner_entry *owner_of(const shared &s, const database_entry &database);
// InvalidOid: a superuser.  May run out of memory.  Exclusive lock.
void change_owner(const shared &s, database_entry &database, Oid owner);

}  // namespace dynpgext::state
