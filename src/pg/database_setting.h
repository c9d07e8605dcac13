// What pg_db_role_setting says of a setting, whatever the session has.
#pragma once

#include <optional>
#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// For the current database, as text; in a transaction.  Nothing where it has none of its own, and
// the server's holds.  `role`: of this role in the database (ALTER ROLE ... IN DATABASE ... SET)
// instead of for all (ALTER DATABASE ... SET).  `database`: another one.
[[nodiscard]] std::optional<std::string> database_setting(const char *name, Oid role = InvalidOid,
                                                          Oid database = MyDatabaseId);

// What dynpgext keeps of a database where its users cannot write: settings of the bootstrap
// superuser in it.  They are in a catalog of the cluster, which DROP DATABASE empties of them and
// CREATE DATABASE does not copy.  `value`: nullptr: none.
// Under the lock below: two who write the same row at once would fail.
void keep_for_database(Oid database, const char *name, const char *value);
// Others who write come before, and are seen, or after the end of this transaction.  Without
// `waits`, false where somebody is at it.
[[nodiscard]] bool lock_kept_for_database(Oid database, bool waits);
void unlock_kept_for_database(Oid database);
// With the commit nothing is kept of this database under the name.  Waits as the above.
void drop_kept_for_database(const char *name);

}  // namespace dynpgext::pg
