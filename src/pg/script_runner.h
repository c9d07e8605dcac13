// The role that runs the script of an extension: PostgreSQL's replacement for @extowner@, also in
// the script of an update, which other roles than the owner of the extension may run.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// The current role, at the start of CREATE or ALTER EXTENSION: in the script of a trusted extension
// it is the bootstrap superuser.
void note_script_runner();

// In a script.  If event triggers do not fire, so that it was not recorded: the current role of the
// session.
[[nodiscard]] Oid script_runner();

}  // namespace dynpgext::pg
