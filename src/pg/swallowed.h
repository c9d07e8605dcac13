// Errors that swallow() has turned into a warning while a transaction was open.
//
// An ERROR leaves behind what only a rollback clears away: half of a change, locks, pins.  Where
// nothing may be raised (in a destructor) it is swallowed all the same; but then the transaction,
// or the subtransaction that it happened in, must not be committed.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Once in each process, when the library is loaded.
void watch_swallowed();

}  // namespace dynpgext::pg
