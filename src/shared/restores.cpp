#include "shared/restores.h"

#include "pg/database_setting.h"
#include "pg/session_look.h"
#include "shared/databases.h"
#include "shared/publication.h"

namespace dynpgext::state {
namespace {

// This session restores.
constinit bool restores = false;
constinit bool is_trusted = false;

void leave(shared &s, bool broke_off) noexcept {
  if (!std::exchange(restores, false)) return;
  (void)pg::swallow("ending a restore", [&s, broke_off] {
    const exclusive lock(s);
    database_entry *entry = s.databases.find({MyDatabaseId});
    if (entry != nullptr && entry->restorers > 0) {
      --entry->restorers;
      if (std::exchange(is_trusted, false)) {
        --entry->trusted_restorers;
        entry->trusted_until = entry->trusted_left = pg::moment::now();
      }
      entry->restore_broken_off = entry->restore_broken_off || broke_off;
    }
    wake_launcher_locked(s);
  });
}

void on_session_exit(int, Datum) {
  pg::begin_exit();
  if (shared *s = attached()) leave(*s, pg::has_broken_off());
}

// Databases that are being restored, until their sessions have ended.
std::vector<Oid> under_restore(const shared &s) {
  std::vector<Oid> result;
  const reading lock(s);
  for (const database_entry *entry : s.databases.entries()) {
    if (!entry->under_restore) continue;
    const auto registered = registrations_of(s, entry->key.database);
    if (registered && registered->under_restore &&
        model::ends_with_sessions(*registered->under_restore, s.root->boot))
      result.push_back(entry->key.database);
  }
  return result;
}

bool is_trusted_still(const database_entry &entry, pg::moment now) {
  if (entry.trusted_restorers > 0) return true;
  return entry.trusted_until.is_set() &&
         now - entry.trusted_until <= std::chrono::microseconds(model::restore_gap);
}

void follow(const shared &s, Oid database) {
  pg::moment began{};
  pg::moment left{};
  {
    const reading lock(s);
    if (const database_entry *entry = s.databases.find({database})) {
      began = entry->restore_began;
      left = entry->trusted_left;
    }
  }
  // the sessions of pg_restore --jobs start as soon as its first session, which has created
  // dynpgext, ends
  const auto others =
      pg::find_pg_restore(database, began, left + std::chrono::microseconds(model::restore_gap));
  const pg::moment now = pg::moment::now();
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  // not part of it: sessions that start later, or existed before, or got their name from the owner
  const bool by_superuser = others.of_superuser && !entry->name_was_set;
  if (is_trusted_still(*entry, now) && (entry->trusted_restorers > 0 || by_superuser))
    entry->trusted_until = now;
  const model::restore_watch watch{entry->restorers > 0 || others.of_owner,
                                   entry->restorer_may_return, entry->restore_quiet.microseconds};
  const auto over = model::over_at(watch, now.microseconds);
  if (!over) {
    entry->restore_quiet = {};
    entry->restore_over = false;
    return;
  }
  if (!entry->restore_quiet.is_set()) entry->restore_quiet = now;
  if (*over > now.microseconds || std::exchange(entry->restore_over, true)) return;
  entry->visited = false;
}

}  // namespace

void note_restorer(shared &s, bool may_return, bool trusted) {
  static constinit bool is_watching = false;
  if (!std::exchange(is_watching, true)) pg::call([] { before_shmem_exit(on_session_exit, 0); });
  const bool name_is_set = pg::database_setting("application_name").has_value();
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({MyDatabaseId});
  entry->name_was_set = entry->name_was_set || name_is_set;
  entry->restore_quiet = {};
  entry->restore_over = false;
  if (entry->restorers == 0) entry->restore_broken_off = false;  // it is tried again
  if (!entry->restore_began.is_set()) entry->restore_began = pg::moment::now();
  entry->restorer_may_return = entry->restorer_may_return || may_return;
  if (!std::exchange(restores, true)) ++entry->restorers;
  if (!trusted) return;
  entry->trusted_until = pg::moment::now();
  if (!std::exchange(is_trusted, true)) ++entry->trusted_restorers;
}

bool is_trusted_restore(const shared &s) {
  const bool name_is_set = pg::database_setting("application_name").has_value();
  const exclusive lock(s);
  database_entry *entry = s.databases.find({MyDatabaseId});
  if (entry == nullptr) return false;
  entry->name_was_set = entry->name_was_set || name_is_set;
  const bool by_name_alone = entry->trusted_restorers == 0;
  return is_trusted_still(*entry, pg::moment::now()) && !(by_name_alone && entry->name_was_set);
}

bool is_restorer() { return restores; }

bool is_under_restore(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->under_restore;
}

void forget_restorer(shared &s) noexcept { leave(s, false); }

bool follow_restores(shared &s) {
  if (RecoveryInProgress()) return false;  // the primary ends it
  const std::vector<Oid> databases = under_restore(s);
  for (const Oid database : databases) follow(s, database);
  return !databases.empty();
}

bool is_restore_over(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->restore_over && entry->restorers == 0;
}

bool has_restore_broken_off(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->restore_broken_off;
}

void forget_restore(shared &s, Oid database) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  entry->restorer_may_return = false;
  entry->restore_over = false;
  entry->restore_broken_off = false;
  entry->restore_quiet = {};
  entry->restore_began = entry->trusted_left = {};
  entry->name_was_set = false;
}

}  // namespace dynpgext::state
