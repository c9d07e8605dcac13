// Whether a command on a database is in progress, detected by its lock: DROP, RENAME, SET
// TABLESPACE, and CREATE DATABASE with it as the template.
//
// PostgreSQL takes the lock before it checks whether the role may run the command.  A session with
// a client that does not read the error keeps the lock.  So a lock of a role that may not run the
// command does not count.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Does any process hold the lock?  Then a process that connects to the database waits.  Tries the
// lock for a moment; never waits, and needs no transaction.
[[nodiscard]] bool is_database_locked(Oid database);

// Is it held by a role that may run the command?  For the launcher, outside of a transaction.
[[nodiscard]] bool is_database_wanted_alone(Oid database);

}  // namespace dynpgext::pg
