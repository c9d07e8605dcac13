// What ALTER DATABASE ... SET says of a setting, whatever the session has.
#pragma once

#include <optional>
#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// For the current database, as text, from pg_db_role_setting; in a transaction.  Nothing where it
// has none of its own, and the server's holds.  Settings of a role in the database do not count.
[[nodiscard]] std::optional<std::string> database_setting(const char *name);

}  // namespace dynpgext::pg
