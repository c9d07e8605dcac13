// Who runs the script of an extension: the role that PostgreSQL writes into it for @extowner@, also
// into the script of an update, which others than the owner of the extension may run.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// The current role, at the start of CREATE or ALTER EXTENSION: in the script of a trusted extension
// it is the bootstrap superuser.
void note_script_runner();

// In a script.  Where event triggers do not fire, and so nobody has noted it: the role that the
// session has set.
[[nodiscard]] Oid script_runner();

}  // namespace dynpgext::pg
