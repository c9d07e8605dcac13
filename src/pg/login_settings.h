// What the server decides when a process connects, and never again: what ALTER ROLE and ALTER
// DATABASE ... SET say for sessions of the role in the database, and whether it is a superuser's.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// The process has connected just now.  Also applies the settings: one may have been changed since
// the server read them.  Takes a transaction.
void note_login_settings();

// Would it be another one, if it connected now?  In a transaction.
[[nodiscard]] bool login_settings_have_changed();

}  // namespace dynpgext::pg
