// What ALTER ROLE and ALTER DATABASE ... SET say for sessions of this role in this database.  The
// server reads it when a process connects, and never again.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// The process has connected just now.  Takes a transaction.
void note_login_settings();

// Would it have others, if it connected now?  In a transaction.
[[nodiscard]] bool login_settings_have_changed();

}  // namespace dynpgext::pg
