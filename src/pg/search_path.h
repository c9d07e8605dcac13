// The search_path of commands: pg_catalog, and the schema of their extension where nobody can put
// anything into it who is not the role that they run as anyway.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

[[nodiscard]] std::string schema_name(Oid schema);

// For a command of the extension that runs as `role`.  ERROR 42704 where there is no such
// extension.
[[nodiscard]] std::string search_path_for(const std::string &extension, Oid role);

}  // namespace dynpgext::pg
