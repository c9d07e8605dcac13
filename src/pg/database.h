// Commands on whole databases: what they are about.
#pragma once

#include <optional>

#include "pg/border.h"

namespace dynpgext::pg {

// The database that a utility statement needs for itself, so that the server refuses it while
// others are connected: DROP, RENAME, SET TABLESPACE, and as a template of CREATE DATABASE.
// Nothing for other statements, a database that does not exist, the current one unless it is the
// template, and where the current user may not do it anyway.
struct wanted_database {
  Oid id;
  LOCKMODE lock;  // that the statement takes on it
};
[[nodiscard]] std::optional<wanted_database> database_wanted_alone(const Node *statement);
// Takes that lock ahead of the statement, until the end of the transaction.  From then on nobody
// can connect to the database.
void lock_wanted(const wanted_database &wanted);

// Of the one that this process is connected to; in a transaction.
[[nodiscard]] std::string current_database_name();

// The database that a process is connected to; InvalidOid for none, and for one that is gone.
[[nodiscard]] Oid database_of_process(pid_t pid);

// Its name, for messages: empty where there is no such database, or where this process cannot read
// catalogs.  Outside of a transaction it opens one of its own; no lock of ours may be held.
[[nodiscard]] std::string database_name(Oid database);

}  // namespace dynpgext::pg
