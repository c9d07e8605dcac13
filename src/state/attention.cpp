#include "state/attention.h"

#include <algorithm>

#include "state/workers.h"

namespace dynpgext::state {
namespace {

// The launcher itself looks ahead at the end of its round.
void wake(const shared &s) noexcept {
  if (s.root->launcher == MyProcPid) return;
  if (s.root->launcher != 0 && s.root->launcher_latch != nullptr) SetLatch(s.root->launcher_latch);
}

void mark(database_entry &entry, pg::moment now) noexcept {
  if (!entry.attention.is_set()) entry.attention = now;
}

}  // namespace

void attend(const shared &s, Oid database) {
  if (database_entry *entry = s.databases.find({database}))
    mark(*entry, pg::moment::now());
  else
    s.root->orphans = true;
  wake(s);
}

void note_waiting(const shared &s, Oid list) {
  if (database_entry *entry = s.databases.find({list})) entry->somebody_waits = true;
}

void attend_all(const shared &s) {
  const pg::moment now = pg::moment::now();
  for (database_entry *entry : s.databases.entries()) mark(*entry, now);
  s.root->orphans = true;
  wake(s);
}

void attend_waiting(const shared &s) noexcept {
  s.root->retry_waiting = true;
  wake(s);
}

attention take_attention(const shared &s) {
  struct marked {
    pg::moment since;
    Oid database;
  };
  std::vector<marked> found;
  attention result;
  const exclusive lock(s);
  const pg::moment now = pg::moment::now();
  result.orphans = std::exchange(s.root->orphans, false);
  const bool retry = std::exchange(s.root->retry_waiting, false);
  for (database_entry *entry : s.databases.entries()) {
    if (retry && entry->somebody_waits) mark(*entry, now);
    if (entry->due.is_set() && entry->due <= now) mark(*entry, std::exchange(entry->due, {}));
    if (entry->attention.is_set())
      found.push_back({std::exchange(entry->attention, {}), entry->key.database});
  }
  std::sort(found.begin(), found.end(),
            [](const marked &a, const marked &b) { return a.since < b.since; });
  result.databases.reserve(found.size());
  for (const marked &m : found) result.databases.push_back(m.database);
  return result;
}

outlook look_ahead(const shared &s) {
  outlook next;
  const reading lock(s);
  if (s.root->orphans || s.root->retry_waiting) next.due = pg::moment::now();
  for (const database_entry *entry : s.databases.entries()) {
    if (entry->due.is_set()) next.due = std::min(next.due, entry->due);
    if (entry->attention.is_set()) next.due = std::min(next.due, entry->attention);
    next.somebody_waits = next.somebody_waits || entry->somebody_waits;
  }
  return next;
}

Oid next_database(const shared &s, Oid last) {
  Oid next = InvalidOid;
  for (const database_entry *entry : s.databases.entries()) {
    const Oid database = entry->key.database;
    if (entry->present && database > last && (!OidIsValid(next) || database < next))
      next = database;
  }
  return next;
}

void set_due(const shared &s, Oid database, pg::moment due, bool waits) {
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  entry->due = due == pg::moment::never() ? pg::moment{} : due;
  entry->somebody_waits = waits;
}

void set_due_by(const shared &s, Oid database, pg::moment due) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry != nullptr && (!entry->due.is_set() || due < entry->due)) entry->due = due;
}

void attend_holder(const shared &s, const global_name &name) {
  if (name.kind != model::object_kind::worker) return;
  if (const Oid holder = some_holder_of(s, name); OidIsValid(holder)) attend(s, holder);
  const worker_entry *entry = s.workers.find(key_of({InvalidOid, name.extension, name.name}));
  if (entry != nullptr) attend(s, entry->links.list);
}

}  // namespace dynpgext::state
