// Telling every server of a replication that registrations have changed.
//
// A standby replays rows, but nobody there looks at them.  Cache invalidations are replayed with
// the commit, too, and reach every process; those of a catalog that all databases share reach also
// one that is connected to none.  So a transaction that changes registrations invalidates what
// processes have cached of such a catalog, one that hardly anything else changes; nothing is lost
// by it but a moment when it is next used.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

enum class announcement {
  registrations,  // of a database that is known to have dynpgext
  presence        // dynpgext has come to a database, or gone
};

// In a transaction that writes; goes out with its commit.
void announce(announcement what);

// From now on this process hears announcements, as it begins transactions.
void listen_to_announcements();
// Begins one, and ends it.
void hear();
// Has a row of pg_database changed since the last call, or one of pg_authid, which says who is a
// superuser?  So that they need not be read to find out.
[[nodiscard]] bool heard_of_databases();
// Has there been any since the last call?
[[nodiscard]] bool heard(announcement what);

}  // namespace dynpgext::pg
