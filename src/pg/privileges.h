// The privileges of an extension's own objects.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Revokes every privilege on the schema, relations, row types and functions that are members of the
// extension from everybody but their owners, and gives the owners all of theirs.  New objects get
// whatever ALTER DEFAULT PRIVILEGES says, so an install script starts from here.
// Needs a transaction, and the rights to do so.
void reset_privileges(Oid extension);

}  // namespace dynpgext::pg
