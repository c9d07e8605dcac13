// A setting's value in pg_db_role_setting, whatever the session's value is.
#pragma once

#include <optional>
#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// For the current database, as text; in a transaction. nullopt if it has no value of its own, and
// the server's applies. `role`: for this role in the database (ALTER ROLE ... IN DATABASE ... SET)
// instead of for all (ALTER DATABASE ... SET). `database`: another one.
[[nodiscard]] std::optional<std::string> database_setting(const char *name, Oid role = InvalidOid,
                                                          Oid database = MyDatabaseId);

// Stores dynpgext's data about a database where its users cannot write: as settings of the
// bootstrap superuser in it.  They are in a shared catalog; DROP DATABASE removes them, and CREATE
// DATABASE does not copy them. `value`: nullptr: none.  Under the lock below: two concurrent
// writers of the same row would fail.
void keep_for_database(Oid database, const char *name, const char *value);
// Serialises writers until the end of the transaction; their changes are visible then.  Without
// `waits`, false if another transaction has the lock.  InvalidOid: for lists in the configuration
// of the server, see hosting/session_list.cpp.
[[nodiscard]] bool lock_kept_for_database(Oid database, bool waits);
void unlock_kept_for_database(Oid database);
// Removes the data stored for this database under the name, effective with the commit.  Waits as
// above.
void drop_kept_for_database(const char *name);

}  // namespace dynpgext::pg
