// Errors that swallow() has turned into a warning while a transaction was open.
//
// Only a rollback cleans up after an ERROR: half of a change, locks, pins.  Where nothing may be
// raised (in a destructor) it is swallowed nevertheless; but then the transaction, or the
// subtransaction in which it happened, must not be committed.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Once in each process, when the library is loaded.
void watch_swallowed();

}  // namespace dynpgext::pg
