// When pg_extension is to be compared with what is registered in full, and not only for what a
// transaction has changed itself: once after a start of the server, after a promotion, and where
// transactions may have changed it that do not see dynpgext's event triggers.
#pragma once

#include <span>

#include "shared/root.h"

namespace dynpgext::state {

// What a visit of a database finds.
struct comparison {
  bool due;
  bool first;  // since the start of the server, or since dynpgext came with a prepared transaction
  uint32 number;  // for set_compared()
};
[[nodiscard]] comparison next_comparison(const shared &s, Oid database);
void set_compared(shared &s, Oid database, uint32 number);

// One is to be made, by a visit.  Caller holds root.lock.
void want_comparison(database_entry &entry);
// The same, from a process that is not the launcher.
void want_comparison(shared &s, Oid database);

// dynpgext comes to the database, and these transactions may not see its event triggers: when all
// have ended, a comparison is wanted.
void watch_older(shared &s, Oid database, std::span<const pg::virtual_transaction> older);
// For the launcher: have they?
void follow_older(shared &s);

// dynpgext has left the database.  Exclusive lock.
void forget_comparisons(const shared &s, database_entry &entry);

}  // namespace dynpgext::state
