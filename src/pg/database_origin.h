// Has dynpgext been created in this database, or only come with the copy of another one?
//
// What a superuser has had done for the server in one database is not to be done for whoever makes
// a copy of it.  So CREATE EXTENSION dynpgext leaves a setting of the bootstrap superuser in the
// database, "dynpgext_database.original", for what pg/database_mark.h says of such settings.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// It has, or a superuser has decided that it counts for that; or nobody but superusers has owned
// this database.  In a transaction.
[[nodiscard]] bool is_original_database();
// It counts with the commit; not in recovery.  Waits for others who do so.
void note_original_database();
// It does not, whatever becomes known of its owners: pg_upgrade forgets those.  As above.
void note_copied_database();
// With the commit nothing is known.
void forget_original_database();

}  // namespace dynpgext::pg
