// The end of a database, and the detection of a new database with the OID of an earlier one.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// The database has been dropped: ends its workers, and removes its memory and its entries.  Its
// events stay, as long as there is room.
void forget_database(shared &s, Oid database);

// In a process connected to a database, in a transaction: discards everything known about an
// earlier database with its OID.  Works once in each process; later calls do nothing.
void meet_database(shared &s);

}  // namespace dynpgext::state
