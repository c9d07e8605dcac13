// Decisions of the server when a process connects: the settings of ALTER ROLE and ALTER DATABASE
// ... SET for sessions of the role in the database, and the superuser attribute.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Call it right after connecting.  Also applies the settings: one may have changed since the server
// read them.  Opens a transaction.
void note_login_settings();

// Would they differ if the process connected now?  In a transaction.
[[nodiscard]] bool login_settings_have_changed();

}  // namespace dynpgext::pg
