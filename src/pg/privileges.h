// The privileges of an extension's own objects.
#pragma once

#include <optional>

#include "pg/border.h"

namespace dynpgext::pg {

// Revokes all privileges on the schemas, relations, types and functions that are members of the
// extension from all roles except their owners, and gives the owners all of them.  New objects get
// the privileges of ALTER DEFAULT PRIVILEGES, so an install script starts from here.  `only` is a
// text[] of objects as REVOKE names them ("FUNCTION a.b(name,text)", "SCHEMA a"): an update starts
// from its new ones, and keeps the privileges on the others.  Needs a transaction, and the right to
// do so.
void reset_privileges(Oid extension, std::optional<Datum> only);

}  // namespace dynpgext::pg
