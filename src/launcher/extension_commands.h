// Stops the extension's workers for DROP EXTENSION, ALTER EXTENSION UPDATE and similar commands.
//
// Where this library is loaded, the hook of utility commands sees the statement first.  In any
// other session of a database that has dynpgext, an event trigger of ddl_command_start loads it,
// before the command takes its locks.  Both call make_room_for(); the second call has no effect.
#pragma once

#include "pg/server.h"

namespace dynpgext::supervision {

// Waits for the turns, and for the locks of a DROP on the extensions; then pauses the extensions of
// the statement, and waits for the end of their workers, up to dynpgext.stop_timeout.
void make_room_for(const Node *statement);

// Once in a process, after provisioning::watch_transactions(): pauses end with their transactions,
// before the committed actions are executed.
void watch_extension_commands();

}  // namespace dynpgext::supervision
