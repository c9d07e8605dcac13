// What pg_db_role_setting says of a setting, whatever the session has.
#pragma once

#include <optional>
#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// For the current database, as text; in a transaction.  Nothing where it has none of its own, and
// the server's holds.  `role`: of this role in the database (ALTER ROLE ... IN DATABASE ... SET)
// instead of for all (ALTER DATABASE ... SET).
[[nodiscard]] std::optional<std::string> database_setting(const char *name, Oid role = InvalidOid);

}  // namespace dynpgext::pg
