#include "shared/databases.h"

#include "pg/database_mark.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/transaction.h"
#include "shared/access.h"
#include "shared/attention.h"
#include "shared/owners.h"

namespace dynpgext::state {
namespace {

// -1 if there is none.
int limit_of(const std::optional<std::string> &setting, bool *is_set) {
  int value = -1;
  const char *text = setting ? setting->c_str() : nullptr;
  *is_set =
      text != nullptr && pg::call([text, &value] { return parse_int(text, &value, 0, nullptr); });
  return value;
}

}  // namespace

database_identity current_database_identity() {
  return {pg::database_mark(), pg::database_row(MyDatabaseId)};
}

void note_database_identity(shared &s, Oid database, const database_identity &now) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr || !entry->present) return;
  set_identity(s, *entry, now);
}

void set_identity(const shared &s, database_entry &entry, const database_identity &now) noexcept {
  // the launcher will find no difference any more
  const bool has_changed = entry.row != 0 && now.row != 0 && entry.row != now.row;
  if (has_changed && !is_visit()) {
    entry.visited = false;
    attend(s, entry.key.database);
  }
  entry.mark.assign(now.mark);
  entry.row = now.row;
}

bool may_be_another(const shared &s, Oid database) {
  uint32 known = 0;
  {
    const reading lock(s);
    if (const database_entry *entry = s.databases.find({database})) known = entry->row;
  }
  if (known == 0) return false;
  pg::begin_transaction();
  const uint32 now = pg::database_row(database);
  pg::commit_transaction();
  return now != known;
}

bool is_known(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->present;
}

bool is_provisioned(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->provisioned && entry->prepared_count == 0;
}

void set_provisioned(shared &s, Oid database) {
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({database});
  entry->provisioned = true;
  attend(s, database);
  // else this visit has requested another one, with its time
  if (entry->visited || entry->visits_failed > 0) entry->visit_after = {};
  entry->visits_failed = 0;
}

void set_worker_limit(shared &s, Oid database, const std::optional<std::string> &setting) {
  bool is_set = false;
  const int value = limit_of(setting, &is_set);
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  if (entry->has_worker_limit != is_set || entry->worker_limit != value) attend(s, database);
  entry->has_worker_limit = is_set;
  entry->worker_limit = value;
}

bool is_worker_limit(const shared &s, Oid database, const std::optional<std::string> &setting) {
  bool is_set = false;
  const int value = limit_of(setting, &is_set);
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry == nullptr ||
         (entry->has_worker_limit == is_set && (!is_set || entry->worker_limit == value));
}

void set_owner(const shared &s, database_entry &database, Oid owner) {
  if (database.owner == owner) return;
  // the new owner's limit may have room for what did not fit
  if (OidIsValid(database.owner)) ++s.root->memory_freed;
  change_owner(s, database, owner);
  attend_waiting(s);  // possibly for a place
}

void note_owner(const shared &s) {
  if (pg::may_have_written(DatabaseRelationId)) return;
  const Oid owner = pg::database_owner();
  const Oid limited = pg::is_superuser(owner) ? InvalidOid : owner;
  const exclusive lock(s);
  set_owner(s, *s.databases.insert({MyDatabaseId}), limited);
}

bool want_visit(shared &s, Oid database) {
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({database});
  const bool is_own = s.root->launcher == MyProcPid;
  // Other processes know of a change that a visit in progress may have missed.  The launcher
  // decides again when the visit has ended.
  if (is_own && (!entry->visited || !entry->provisioned)) return false;
  entry->visited = false;
  if (!is_own && entry->visits_failed == 0) entry->visit_after = {};
  // the launcher itself checks in its next round, not immediately
  if (s.root->launcher_latch != nullptr && !is_own) SetLatch(s.root->launcher_latch);
  return true;
}

void watch_prepared(shared &s, Oid database, TransactionId xid) {
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({database});
  TransactionId *end = entry->prepared + entry->prepared_count;
  if (std::find(entry->prepared, end, xid) != end) return;
  if (entry->prepared_count == std::size(entry->prepared)) {
    entry->prepared_overflow = true;
    return;
  }
  *end = xid;
  ++entry->prepared_count;
}

std::vector<std::pair<Oid, TransactionId>> watched_prepared(const shared &s) {
  std::vector<std::pair<Oid, TransactionId>> result;
  const reading lock(s);
  for (const database_entry *entry : s.databases.entries())
    for (uint32 i = 0; i < entry->prepared_count; ++i)
      result.emplace_back(entry->key.database, entry->prepared[i]);
  return result;
}

void end_prepared(shared &s, Oid database, TransactionId xid) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  TransactionId *end = entry->prepared + entry->prepared_count;
  TransactionId *rest = std::remove(entry->prepared, end, xid);
  entry->prepared_count = static_cast<uint32>(rest - entry->prepared);
  // the visit finds those that did not fit
  entry->prepared_overflow = false;
  entry->visited = false;
}

}  // namespace dynpgext::state
