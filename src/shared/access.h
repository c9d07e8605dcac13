// Who may connect to a database, and who visits it.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Is a command on it under way, as far as is known, or its lock held by somebody else, so that
// nobody can connect?  Caller holds root.lock.
[[nodiscard]] bool is_blocked(const shared &s, Oid database);

// Can nobody connect to it, as far as is known?  Caller holds root.lock.
[[nodiscard]] bool is_unreachable(const shared &s, Oid database);

// This process was sent to a database by the launcher.
void set_visit();
[[nodiscard]] bool is_visit();
// This process is connected to the database to provision it.
void set_visitor(shared &s, Oid database);
// Has it been told to end, for a command on that?  Without the lock.
[[nodiscard]] bool is_visitor_told() noexcept;

}  // namespace dynpgext::state
