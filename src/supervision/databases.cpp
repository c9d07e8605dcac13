// Which databases there are, and what follows when they come and go.
#include "pg/relation.h"
#include "pg/transaction.h"
#include "supervision/launcher.h"

namespace dynpgext::supervision {

std::vector<Oid> connectable_databases() {
  pg::begin_transaction();
  std::vector<Oid> found;
  {
    const pg::relation databases(DatabaseRelationId, AccessShareLock);
    for (const pg::row &row : databases.rows())
      if (row.boolean(Anum_pg_database_datallowconn - 1))
        found.push_back(row.oid(Anum_pg_database_oid - 1));
  }
  pg::commit_transaction();
  return found;
}

void follow_databases(state::shared &s, const std::vector<Oid> &existing) {
  std::vector<Oid> dropped;
  {
    const state::exclusive lock(s);
    for (const state::database_entry *entry : s.databases.entries())
      if (std::find(existing.begin(), existing.end(), entry->key.database) == existing.end())
        dropped.push_back(entry->key.database);
    for (const Oid database : existing)
      if (s.databases.find({database}) == nullptr)
        s.databases.insert({database})->visit_wanted = true;
  }
  for (const Oid database : dropped) state::forget_database(s, database);
}

void follow_prepared_transactions(state::shared &s) {
  std::vector<std::pair<Oid, TransactionId>> watched;
  {
    const state::reading lock(s);
    for (const state::database_entry *entry : s.databases.entries())
      if (TransactionIdIsValid(entry->prepared))
        watched.emplace_back(entry->key.database, entry->prepared);
  }
  for (const auto &[database, xid] : watched) {
    const TransactionId id = xid;
    if (!pg::call([id] { return TransactionIdIsInProgress(id); })) state::want_visit(s, database);
  }
}

}  // namespace dynpgext::supervision
