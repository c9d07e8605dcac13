// Changes of catalogs that decide what a name means, and who may change that: of what is in
// schemas, of owners and privileges, of roles and their memberships.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// How many this process has heard of, since it first asked: in its database, in the catalogs of the
// cluster, and its own.  The server announces no change of what belongs to an extension.
[[nodiscard]] uint64 catalog_changes();

}  // namespace dynpgext::pg
