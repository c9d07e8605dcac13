// What ends with a database, and how a process meets the one that it is connected to.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// The database has been dropped: its workers end, its memory goes, and so do its entries.
void forget_database(shared &s, Oid database);

// In a process that is connected to a database, in a transaction: what is known of an earlier
// database with its OID is forgotten.  Once in each process; later calls do nothing.
void meet_database(shared &s);

}  // namespace dynpgext::state
