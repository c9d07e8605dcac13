#include "shared/attention.h"

#include <algorithm>

#include "shared/owners.h"
#include "shared/runners.h"
#include "shared/worker_identity.h"

namespace dynpgext::state {
namespace {

// The launcher itself checks at the end of its round.
void wake(const shared &s) noexcept {
  if (s.root->launcher == MyProcPid) return;
  if (s.root->launcher != 0 && s.root->launcher_latch != nullptr) SetLatch(s.root->launcher_latch);
}

void set_waiting(database_entry &entry, const waiting &all) {
  entry.somebody_waits = all.somebody;
  entry.waits_since = all.since;
  entry.runner_wanted = all.runner_wanted;
  entry.others_wait = all.others;
}

// The runners whose end gives a place to a worker that waits for this.
uint8 who_yields(waiting_for what) {
  switch (what) {
    case waiting_for::max_database_workers: return yielding::of_database;
    case waiting_for::max_owner_workers: return yielding::of_owner;
    case waiting_for::max_own_processes: return yielding::own;
    default: return yielding::all;
  }
}

void mark(database_entry &entry, pg::moment now) noexcept {
  if (!entry.attention.is_set()) entry.attention = now;
}

}  // namespace

void attend(const shared &s, Oid database) { attend(s, database, pg::moment::now()); }

void attend(const shared &s, Oid database, pg::moment since) {
  if (database_entry *entry = s.databases.find({database}))
    mark(*entry, since);
  else
    s.root->orphans = true;
  wake(s);
}

void waiting::add(const worker_entry &entry) {
  if (entry.state != model::worker_state::waiting) return;
  somebody = true;
  const bool for_place = entry.waits_since.is_set();
  if (entry.hosted && for_place)
    runner_wanted |= who_yields(entry.waits_for);
  else
    others = true;
  if (for_place && (!since.is_set() || entry.waits_since < since)) since = entry.waits_since;
}

void note_waiting(const shared &s, const worker_entry &entry) {
  database_entry *database = s.databases.find({entry.links.list});
  if (database == nullptr) return;
  waiting all{database->somebody_waits, database->waits_since, database->runner_wanted,
              database->others_wait};
  all.add(entry);
  const uint8 before = database->runner_wanted;
  set_waiting(*database, all);
  if (all.runner_wanted != before)
    want_runners(s, *database, static_cast<uint8>(all.runner_wanted & ~before));
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
  attention result;
  const exclusive lock(s);
  const pg::moment now = pg::moment::now();
  result.orphans = std::exchange(s.root->orphans, false);
  const bool retry = std::exchange(s.root->retry_waiting, false);
  for (owner_entry *owner : s.owners.entries()) owner->runner_wanted = false;
  bool runner_wanted = false;
  for (database_entry *entry : s.databases.entries()) {
    runner_wanted = runner_wanted || (entry->runner_wanted & yielding::all) != 0;
    if ((entry->runner_wanted & yielding::of_owner) != 0)
      if (owner_entry *owner = owner_of(s, *entry)) owner->runner_wanted = true;
    if (entry->due.is_set() && entry->due <= now) mark(*entry, std::exchange(entry->due, {}));
    const bool only_waits = !entry->attention.is_set();
    if (retry && entry->somebody_waits) {
      const pg::moment since = entry->waits_since.is_set() ? entry->waits_since : now;
      if (only_waits || since < entry->attention) entry->attention = since;
    }
    if (entry->attention.is_set())
      result.databases.push_back({std::exchange(entry->attention, {}), entry->key.database,
                                  only_waits,
                                  only_waits && entry->runner_wanted != 0 && !entry->others_wait});
  }
  s.root->runner_wanted = runner_wanted;
  using marked = attention::marked;
  std::sort(result.databases.begin(), result.databases.end(),
            [](const marked &a, const marked &b) { return a.since < b.since; });
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

void set_due(const shared &s, Oid database, pg::moment due, const waiting &waits) {
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  entry->due = due == pg::moment::never() ? pg::moment{} : due;
  set_waiting(*entry, waits);
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
