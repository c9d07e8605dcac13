// When to compare pg_extension with the registrations in full, instead of only the changes of the
// transaction: once after a start of the server, after a promotion, and after transactions that may
// have changed it without seeing dynpgext's event triggers.
#pragma once

#include <span>

#include "shared/root.h"

namespace dynpgext::state {

// Result of a visit of a database.
struct comparison {
  bool due;
  bool first;     // since the server's start, or since dynpgext came with a prepared transaction
  uint32 number;  // for set_compared()
};
[[nodiscard]] comparison next_comparison(const shared &s, Oid database);
void set_compared(shared &s, Oid database, uint32 number);

// Requests one, by a visit.  Caller holds root.lock.
void want_comparison(database_entry &entry);
// The same, from a process that is not the launcher.
void want_comparison(shared &s, Oid database);

// dynpgext is being created in the database, and these transactions may not see its event triggers:
// requests a comparison when all have ended.
void watch_older(shared &s, Oid database, std::span<const pg::virtual_transaction> older);
// For the launcher: checks whether they have.
void follow_older(shared &s);

// dynpgext has been dropped from the database.  Exclusive lock.
void forget_comparisons(const shared &s, database_entry &entry);

}  // namespace dynpgext::state
