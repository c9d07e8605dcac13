// Who may connect to a database, and who visits it.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Is a command on it known to be in progress, or does another process hold its lock, so that nobody
// can connect?  Caller holds root.lock.
[[nodiscard]] bool is_blocked(const shared &s, Oid database);

// As far as is known, can nobody connect to it?  Caller holds root.lock.
[[nodiscard]] bool is_unreachable(const shared &s, Oid database);

// The launcher sent this process to a database.
void set_visit();
[[nodiscard]] bool is_visit();
// This process is connected to the database to provision it.
void set_visitor(shared &s, Oid database);
// Has it been signalled to end, for a command on the database?  Without the lock.
[[nodiscard]] bool is_visitor_told() noexcept;

}  // namespace dynpgext::state
