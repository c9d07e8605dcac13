// Was dynpgext created in this database, or did it come with the copy of another one?
//
// Server-wide work that a superuser has requested in one database must not be done for roles that
// copy the database.  So CREATE EXTENSION dynpgext stores a setting of the bootstrap superuser in
// the database, "dynpgext_database.original"; pg/database_mark.h describes such settings.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// It was, or a superuser has decided to treat it so, or only superusers have owned this database.
// In a transaction.
[[nodiscard]] bool is_original_database();
// Effective with the commit; not in recovery.  Waits for concurrent calls.
void note_original_database();
// Treats it as a copy, whatever is found out about its owners later: pg_upgrade loses those.  As
// above.
void note_copied_database();
// Effective with the commit.
void forget_original_database();

}  // namespace dynpgext::pg
