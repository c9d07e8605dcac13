// Notifies every server of a replication that registrations have changed.
//
// A standby replays rows without notifying anybody.  Cache invalidations are also replayed with the
// commit, and reach every process; those of a shared catalog reach even a process without a
// database.  So a transaction that changes registrations invalidates the cached data of a shared
// catalog that hardly anything else changes.  The only cost is a reload at the next use.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

enum class announcement {
  registrations,  // of a database known to have dynpgext
  presence        // dynpgext was created in a database, or dropped
};

// In a transaction that writes; sent with its commit.
void announce(announcement what);

// From now on this process receives announcements at the beginning of transactions.
void listen_to_announcements();
// Begins a transaction and ends it.
void hear();
// Has a row of pg_database changed since the last call, or a row of pg_authid, which has the
// superuser attribute?  Avoids reading them.
[[nodiscard]] bool heard_of_databases();
// Has there been one since the last call?
[[nodiscard]] bool heard(announcement what);

}  // namespace dynpgext::pg
