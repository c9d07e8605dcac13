// Commands on whole databases: their targets.
#pragma once

#include <optional>

#include "pg/border.h"

namespace dynpgext::pg {

// The database that a utility statement needs exclusively, so that the server refuses it while
// others are connected: DROP, RENAME, SET TABLESPACE, and as a template of CREATE DATABASE.  Empty
// for other statements, a nonexistent database, the current one unless it is the template, and if
// the current user may not run the statement.
struct wanted_database {
  Oid id;
  LOCKMODE lock;  // the statement's lock on it
};
[[nodiscard]] std::optional<wanted_database> database_wanted_alone(const Node *statement);
// Takes that lock before the statement, until the end of the transaction.  From then on nobody can
// connect to the database.
void lock_wanted(const wanted_database &wanted);

// Of the database that this process is connected to; in a transaction.
[[nodiscard]] std::string current_database_name();

// The database that a process is connected to; InvalidOid if none, or if the process is gone.
[[nodiscard]] Oid database_of_process(pid_t pid);

// Its name, for messages: empty if there is no such database, or if this process cannot read
// catalogs.  Opens its own transaction if necessary; hold no lock of ours.
[[nodiscard]] std::string database_name(Oid database);

}  // namespace dynpgext::pg
