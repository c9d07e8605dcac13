// Triggers of a table, as the server would fire them now.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// How a trigger of the table fires (tgenabled): 'A' always, 'R' on a replica, 'O' elsewhere, 'D'
// never; 0 where there is none of that name.  AccessShareLock on the table.
[[nodiscard]] char trigger_mode(Oid table, const char *trigger);

// Utility statements of our own, as the current role, with any event triggers that they fire.
void run_statement(const char *sql);

// Is this process an apply worker, or another one, of logical replication?
[[nodiscard]] bool replicates();

}  // namespace dynpgext::pg
