// Whose a process is, for those who ask whether they may end it.
//
// DROP DATABASE ... WITH (FORCE) is refused, before it waits for anybody, to an owner who may not
// signal each process that is connected to the database; and ours are superusers'.  So they say
// that they belong to the owner of the database (PGPROC.roleId).  It gives them no other rights,
// and the owner none but that of pg_terminate_backend() and its like.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// From the end of the transaction that connects it on, which keeps such a command away, this
// process belongs to the owner of its database.  To be called before it connects.
void belong_to_database_owner();

// A process of a parallel query belongs to whom its leader belongs to.  To be called when it
// starts.
void belong_to_leader() noexcept;

// The database has got another owner: so has a process that is connected to it, while it is there.
void follow_owner(pid_t process, Oid database, Oid owner);

}  // namespace dynpgext::pg
