// The mark: distinguishes a database from a later one with the same OID.
//
// A role that may create databases may choose their OIDs, even those of dropped databases.  So each
// database that has dynpgext has a mark, a random UUID.  It is stored as a setting of the bootstrap
// superuser in that database, "dynpgext_database.mark", because of the server's treatment of such
// rows of pg_db_role_setting: DROP DATABASE drops them, CREATE DATABASE does not copy them, pg_dump
// -C and pg_upgrade keep them, and only superusers can change them.  As a setting it has no effect.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

inline constexpr const char *database_mark_name = "dynpgext_database.mark";

// Of the current database; empty if it has none, like a new copy.  In a transaction.
[[nodiscard]] std::string database_mark();
// Makes a mark if there is none, effective with the commit; not in recovery.  Other transactions
// that make one wait until this one has ended: without `waits`, they get an empty result.
std::string require_database_mark(bool waits = true);
// Effective with the commit.
void drop_database_mark();

// Version of the row of a database in pg_database: changes with ALTER DATABASE, and if another
// database gets the OID.  0: there is none.  In a transaction.
[[nodiscard]] uint32 database_row(Oid database);

}  // namespace dynpgext::pg
