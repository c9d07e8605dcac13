// What tells a database from a later one of the same OID.
//
// Whoever may create databases may choose their OIDs, also those of databases that have been
// dropped.  So each database that has dynpgext has a mark, a random UUID.  It is kept as a setting
// of the bootstrap superuser in that database, "dynpgext_database.mark", for what the server does
// with such a row of pg_db_role_setting: DROP DATABASE drops it, CREATE DATABASE does not copy it,
// pg_dump -C and pg_upgrade keep it, and only superusers can change it.  As a setting it has no
// effect.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

inline constexpr const char *database_mark_name = "dynpgext_database.mark";

// Of the current database; empty: it has none, as a copy has at first.  In a transaction.
[[nodiscard]] std::string database_mark();
// Makes one where there is none, which counts with the commit; not in recovery.  The first who does
// so makes others wait until its transaction has ended: without `waits`, empty.
std::string require_database_mark(bool waits = true);
// With the commit it has none any more.
void drop_database_mark();

// A number that is another one when the row of a database in pg_database is: after ALTER DATABASE,
// and where another database has the OID now.  0: there is none.  In a transaction.
[[nodiscard]] uint32 database_row(Oid database);

}  // namespace dynpgext::pg
