// The search_path of commands: pg_catalog, and the schema of their extension, unless a role other
// than the command's can create objects in it, or has left some there.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

[[nodiscard]] std::string schema_name(Oid schema);
// Schemas that a command of the extension may name: the schema of the extension, and those of its
// members, as identifiers with commas between them.
[[nodiscard]] std::string schemas_of(const std::string &extension);
// Do they still have these names, and is the first one the extension's?  There may be more by now.
[[nodiscard]] bool are_called_so_still(const std::string &before, const std::string &now);

// If strangers can create objects in the schema of the extension.
[[nodiscard]] const char *search_path_of_strangers() noexcept;

// For a command of the extension that runs as `role`.  ERROR 42704 if there is no such extension.
[[nodiscard]] std::string search_path_for(const std::string &extension, Oid role);

}  // namespace dynpgext::pg
