// The known state of each database.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/root.h"

namespace dynpgext::state {

// Distinguishes databases that have had the same OID, see pg/database_mark.h.
struct database_identity {
  std::string mark;
  uint32 row = 0;
};
// Of the current database.  In a transaction.
[[nodiscard]] database_identity current_database_identity();
// The entry of the database is about this one.
void note_database_identity(shared &s, Oid database, const database_identity &now);
// The same for its entry; exclusive lock.  A visit follows a change of the database's row, such as
// a new owner, unless a visit has found it.
void set_identity(const shared &s, database_entry &entry, const database_identity &now) noexcept;
// For the launcher, which is connected to no database: may it be another one by now?  A visit finds
// out.
[[nodiscard]] bool may_be_another(const shared &s, Oid database);

// Is anything known of the database?
[[nodiscard]] bool is_known(const shared &s, Oid database);
// Has everything registered in the database been provisioned, or at least tried?
[[nodiscard]] bool is_provisioned(const shared &s, Oid database);
void set_provisioned(shared &s, Oid database);

// dynpgext.max_database_workers as set by ALTER DATABASE; nullopt: the server's value applies.
void set_worker_limit(shared &s, Oid database, const std::optional<std::string> &setting);
// Is this the stored value?
[[nodiscard]] bool is_worker_limit(const shared &s, Oid database,
                                   const std::optional<std::string> &setting);

// InvalidOid: a superuser, or unknown.  May run out of memory.  Exclusive lock.
void set_owner(const shared &s, database_entry &database, Oid owner);
// The same of the current database, unless this transaction may have changed it.  In a
// transaction; takes the lock itself.
void note_owner(const shared &s);

// Asks the launcher to send a visit to the database.  False if one is in progress.
bool want_visit(shared &s, Oid database);
// Stores a prepared transaction whose end may change the registrations of the database.
void watch_prepared(shared &s, Oid database, TransactionId xid);
// The stored ones, of all databases.
[[nodiscard]] std::vector<std::pair<Oid, TransactionId>> watched_prepared(const shared &s);
// It has ended: requests a visit of the database.
void end_prepared(shared &s, Oid database, TransactionId xid);

}  // namespace dynpgext::state
