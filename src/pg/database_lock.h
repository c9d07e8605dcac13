// Whether a command on a database is under way, as its lock tells: DROP, RENAME, SET TABLESPACE,
// and CREATE DATABASE with it as the template.
//
// PostgreSQL takes the lock before it checks whether the role may do the command.  A session whose
// client does not read the error keeps the lock until the client does.  So a lock of a role that
// may not do the command is no command.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Is the lock held by anybody?  Then a process that connects to the database waits.  Tries the lock
// for a moment; waits for nothing, and needs no transaction.
[[nodiscard]] bool is_database_locked(Oid database);

// Is it held by a role that may do the command?  For the launcher, outside of a transaction.
[[nodiscard]] bool is_database_wanted_alone(Oid database);

}  // namespace dynpgext::pg
