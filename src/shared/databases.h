// What is known of each database.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/root.h"

namespace dynpgext::state {

// Which one of the databases that have had its OID the database is, see pg/database_mark.h.
struct database_identity {
  std::string mark;
  uint32 row = 0;
};
// Of the current database.  In a transaction.
[[nodiscard]] database_identity current_database_identity();
// What is known of the database is known of this one.
void note_database_identity(shared &s, Oid database, const database_identity &now);
// For the launcher, which is connected to no database: may it be another one by now?  A visit finds
// out.
[[nodiscard]] bool may_be_another(const shared &s, Oid database);

// Is anything known of the database?
[[nodiscard]] bool is_known(const shared &s, Oid database);
// Has everything registered in the database been provisioned, or at least been tried?
[[nodiscard]] bool is_provisioned(const shared &s, Oid database);
void set_provisioned(shared &s, Oid database);

// What ALTER DATABASE says of dynpgext.max_database_workers; nothing: the server's value holds.
void set_worker_limit(shared &s, Oid database, const std::optional<std::string> &setting);
// Is that what is known of it?
[[nodiscard]] bool is_worker_limit(const shared &s, Oid database,
                                   const std::optional<std::string> &setting);

// Whom it belongs to; InvalidOid: to a superuser, or it is not known.  May run out of memory.
// Exclusive lock.
void set_owner(const shared &s, database_entry &database, Oid owner);
// The same of the current database, unless this transaction may have changed it.  In a
// transaction; takes the lock itself.
void note_owner(const shared &s);

// Asks the launcher to send a process to the database.  False when one is on its way already.
bool want_visit(shared &s, Oid database);
// Remembers a prepared transaction whose end may change what the database registers.
void watch_prepared(shared &s, Oid database, TransactionId xid);
// Those that are remembered, of all databases.
[[nodiscard]] std::vector<std::pair<Oid, TransactionId>> watched_prepared(const shared &s);
// Has ended: the database is to be visited.
void end_prepared(shared &s, Oid database, TransactionId xid);

}  // namespace dynpgext::state
