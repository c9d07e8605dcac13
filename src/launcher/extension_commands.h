// DROP EXTENSION, ALTER EXTENSION UPDATE and their like find the extension's workers out of their
// way.
//
// Where this library is loaded, the hook of utility commands sees the statement first.  In any
// other session of a database that has dynpgext, an event trigger of ddl_command_start loads it,
// before the command takes its locks.  Both call make_room_for(), the second to no effect.
#pragma once

#include "pg/server.h"

namespace dynpgext::supervision {

// Waits for the turns, and for the locks of a DROP on the extensions; then pauses the extensions
// that the statement is about, and waits for the end of their workers, for dynpgext.stop_timeout at
// most.
void make_room_for(const Node *statement);

// Once in a process, after provisioning::watch_transactions(): pauses end with their transactions,
// before what was committed is carried out.
void watch_extension_commands();

}  // namespace dynpgext::supervision
