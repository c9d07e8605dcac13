#include "workers/places.h"

#include "pg/settings.h"
#include "shared/owners.h"
#include "shared/runners.h"
#include "workers/preparation.h"

namespace dynpgext::state {
namespace {

// It has its own process, or one may start at any moment.
bool has_place(const worker_entry &entry) {
  return !entry.hosted && (entry.pid != 0 || model::is_active(entry.state));
}

// Counts a place for the owner of the database at the time of taking it, until it is freed.
void count_for_owner(const shared &s, worker_entry &entry, const database_entry *database) {
  if (owner_entry *last = find_owner(s, std::exchange(entry.payer, InvalidOid))) {
    --last->places;
    forget_if_unused(s, *last);
  }
  owner_entry *owner = entry.counted && database != nullptr ? owner_of(s, *database) : nullptr;
  if (owner == nullptr) return;
  ++owner->places;
  entry.payer = owner->key.role;
}

bool is_reached(int32 limit, int32 places) { return limit >= 0 && places >= limit; }

}  // namespace

void count_place(const shared &s, worker_entry &entry, bool goes) {
  const bool has = !goes && has_place(entry);
  if (entry.counted == has) return;
  entry.counted = has;
  s.root->places += has ? 1 : -1;
  const Oid home = entry.key.home;
  database_entry *database = OidIsValid(home) ? s.databases.find({home}) : nullptr;
  // the database may have been unknown before, or may have been replaced meanwhile
  const bool was_in_database = std::exchange(entry.counted_in_database, has && database != nullptr);
  if (database != nullptr && was_in_database != entry.counted_in_database)
    database->places += has ? 1 : -1;
  count_for_owner(s, entry, database);
}

void forget_places(const shared &s, database_entry &database) {
  for (worker_entry *entry : s.workers.of(database.key.database))
    entry->counted_in_database = false;
  change_owner(s, database, InvalidOid);
  database.places = 0;
}

const char *name_of(waiting_for what) {
  switch (what) {
    case waiting_for::nothing: break;
    case waiting_for::slot: return "max_worker_processes";
    case waiting_for::max_workers: return pg::settings::max_workers_name;
    case waiting_for::max_database_workers: return pg::settings::max_database_workers_name;
    case waiting_for::max_owner_workers: return pg::settings::max_owner_workers_name;
    case waiting_for::max_runners: return pg::settings::max_runners_name;
    case waiting_for::max_own_processes: return pg::settings::max_own_processes_name;
    case waiting_for::safe_mode: return pg::settings::safe_mode_name;
    case waiting_for::end_of_restore: return "the end of a restore";
    case waiting_for::end_of_recovery: return "the end of recovery";
    case waiting_for::standby: return "a standby";
    case waiting_for::database_command: return "a command on the database";
    case waiting_for::extension_command: return "a command on its extension";
  }
  return "";
}

waiting_for full(const shared &s, Oid home, const model::worker *hosted) {
  if (hosted != nullptr && has_runner(s, runner_of(*hosted, home))) return waiting_for::nothing;
  const auto keeps_slots = supervision::prepared_by.keeps_slots;
  if (keeps_slots != nullptr && keeps_slots(s)) return waiting_for::slot;
  if (hosted != nullptr && are_runners_full(s)) return waiting_for::max_runners;
  if (hosted != nullptr && are_own_processes_full(s, runner_of(*hosted, home)))
    return waiting_for::max_own_processes;
  const int32 in_all = pg::settings::max_workers();
  const database_entry *database = OidIsValid(home) ? s.databases.find({home}) : nullptr;
  const owner_entry *owner = database == nullptr ? nullptr : owner_of(s, *database);
  int32 in_database = -1;
  if (database != nullptr)
    in_database = database->has_worker_limit ? database->worker_limit : s.root->worker_limit;
  const int32 of_owner = owner == nullptr ? -1 : s.root->owner_limit;
  if (in_all < 0 && in_database < 0 && of_owner < 0) return waiting_for::nothing;
  int32 all = s.root->places;
  int32 local = database == nullptr ? 0 : database->places;
  int32 owned = owner == nullptr ? 0 : owner->places;
  // the loop is short: there are no more runners than slots
  for (const runner_entry *entry : s.runners.entries()) {
    if (!has_runner(*entry)) continue;
    ++all;
    if (entry->key.database == home) ++local;
    if (owner != nullptr && entry->payer == owner->key.role) ++owned;
  }
  if (is_reached(in_all, all)) return waiting_for::max_workers;
  if (is_reached(in_database, local)) return waiting_for::max_database_workers;
  if (is_reached(of_owner, owned)) return waiting_for::max_owner_workers;
  return waiting_for::nothing;
}

}  // namespace dynpgext::state
