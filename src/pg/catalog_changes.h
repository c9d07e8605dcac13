// Changes of catalogs that decide the meaning of names, and the right to change it: of objects in
// schemas, of owners and privileges, of roles and their memberships.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Number of changes that this process has received since its first call: in its database, in the
// shared catalogs, and its own.  The server announces no change of extension membership.
[[nodiscard]] uint64 catalog_changes();

}  // namespace dynpgext::pg
