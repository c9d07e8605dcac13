// The privileges of an extension's own objects.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Revokes all privileges on the schema, relations, row types and functions that are members of the
// extension from all roles except their owners, and gives the owners all of them.  New objects get
// the privileges of ALTER DEFAULT PRIVILEGES, so an install script starts from here.  Needs a
// transaction, and the right to do so.
void reset_privileges(Oid extension);

}  // namespace dynpgext::pg
