// The role that owns a process, for permission to terminate it.
//
// DROP DATABASE ... WITH (FORCE) is refused, before it waits, if the role may not signal each
// process connected to the database; and ours run as superusers.  So their PGPROC.roleId is the
// owner of the database.  It gives them no other rights, and the owner only that of
// pg_terminate_backend() and similar functions.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// From the end of the transaction that connects it, which blocks such a command, this process
// belongs to the owner of its database.  Call it before connecting.
void belong_to_database_owner();

// A parallel query's process has the same owner as its leader.  Call it at its start.
void belong_to_leader() noexcept;

// The database has another owner: changes the owner of a process connected to it, if it exists.
void follow_owner(pid_t process, Oid database, Oid owner);

}  // namespace dynpgext::pg
