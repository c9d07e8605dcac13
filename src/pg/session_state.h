// What a command changes in its process beside the database, and undoing that.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// What ALTER ROLE ... SET says of the role, in all databases and in this one, until the end of the
// transaction.  Settings that cannot be set, or not any more, or not by it, are left out.  The
// current role is it already.
void apply_role_settings(Oid role);

// As DISCARD ALL, but for what the process itself needs: cursors, settings, prepared statements,
// locks, temporary tables and replication slots, values of sequences.  Outside of a transaction.
// `role`: who ran last, and so whose code may be among it.
void leave_nothing_behind(Oid role);

// Sockets that are open now are the process's own.
void note_own_sockets();

// Connections to elsewhere (as dblink's) that an earlier command has left open may be somebody
// else's sessions there: they are cut, and whatever holds them finds that out.
void cut_connections();

}  // namespace dynpgext::pg
