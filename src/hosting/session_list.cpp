#include "hosting/session_list.h"

#include "hosting/noted_rows.h"
#include "hosting/transaction.h"
#include "pg/database.h"
#include "pg/preload_list.h"
#include "pg/settings.h"
#include "pg/wait_event.h"
#include "shared/databases.h"

namespace dynpgext::hosting {
namespace {

constexpr std::string_view session_library = "dynpgext_sessions";

bool is_session_library(const std::string &library) {
  std::string_view base = library;
  base.remove_prefix(base.rfind('/') + 1);
  constexpr std::string_view suffix = DLSUFFIX;
  if (base.ends_with(suffix)) base.remove_suffix(suffix.size());
  return base == session_library;
}

bool is_place_kept_out(const block &b, const Oid &followed) {
  return (b.kept_out >> (&followed - b.followed) & 1) != 0;
}

// Or nobody needs to wait until it has been.  The caller holds the lock.
bool is_followed(const state::shared &s, const block &b, Oid database) {
  for (const Oid &followed : b.followed)
    if (followed == database && (!is_place_kept_out(b, followed) || database != MyDatabaseId))
      return true;
  const state::database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return b.databases_known;  // dropped
  return entry->unreachable || entry->provisioned;
}

bool are_followed(const state::shared &s, const block &b, const std::vector<Oid> &listed) {
  const state::reading lock(s);
  return std::all_of(listed.begin(), listed.end(),
                     [&](Oid database) { return is_followed(s, b, database); });
}

bool is_any_withheld(const state::shared &s, const block &b) {
  const state::reading lock(s);
  return b.withheld != 0;
}

// Requests the launcher to read the list of databases, and to visit these.
void hurry(const state::shared &s, const block &b, const std::vector<Oid> &listed) {
  const state::exclusive lock(s);
  for (const Oid database : listed) {
    if (is_followed(s, b, database) || s.databases.find({database}) != nullptr) continue;
    s.root->look_soon = true;
    if (s.root->launcher != 0 && s.root->launcher_latch != nullptr)
      SetLatch(s.root->launcher_latch);
    return;
  }
}

}  // namespace

namespace {

// nullptr: there is no room.
const Oid *add_followed(block &b, Oid database) {
  for (Oid &place : b.followed) {
    if (OidIsValid(place)) continue;
    place = database;
    return &place;
  }
  return nullptr;
}

void forget_followed(block &b, Oid database) {
  for (Oid &place : b.followed) {
    if (place != database) continue;
    const uint64 others = ~(uint64{1} << (&place - b.followed));
    b.kept_out &= others;
    b.withheld &= others;
    place = InvalidOid;
  }
}

bool is_kept_out(const block &b, Oid database) {
  const Oid *known = std::find(std::begin(b.followed), std::end(b.followed), database);
  return known != std::end(b.followed) && is_place_kept_out(b, *known);
}

void keep_out(block &b, Oid database, bool withheld) {
  forget_followed(b, database);
  const Oid *place = add_followed(b, database);
  if (place == nullptr) return;
  const uint64 bit = uint64{1} << (place - b.followed);
  b.kept_out |= bit;
  if (withheld) b.withheld |= bit;
}

}  // namespace

std::vector<Oid> listed_databases() {
  std::vector<Oid> found;
  std::string_view rest = pg::settings::hosting_databases();
  constexpr std::string_view digits = "0123456789";
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_of(digits), rest.size()));
    if (rest.empty()) return found;
    const size_t size = std::min(rest.find_first_not_of(digits), rest.size());
    uint64 oid = 0;
    for (const char digit : rest.substr(0, size))
      oid = std::min<uint64>(10 * oid + static_cast<uint64>(digit - '0'), UINT64_C(1) << 40);
    if (oid != InvalidOid && oid <= UINT32_MAX) found.push_back(static_cast<Oid>(oid));
    rest.remove_prefix(size);
  }
}

void add_to_sessions() {
  const std::string self = std::to_string(MyDatabaseId);
  std::vector<std::string> databases = pg::next_libraries(pg::settings::hosting_databases_name);
  if (std::find(databases.begin(), databases.end(), self) == databases.end()) {
    databases.push_back(self);
    pg::set_next_libraries(pg::settings::hosting_databases_name, databases);
    note_changed_configuration();
  }
  std::vector<std::string> list = pg::next_libraries(pg::session_preload_libraries);
  if (std::any_of(list.begin(), list.end(), is_session_library)) return;
  list.emplace_back(session_library);
  pg::set_next_libraries(pg::session_preload_libraries, list);
  note_changed_configuration();
}

namespace {

// Dropped, or there is a later one with the OID, which hosts nothing.
bool is_gone(Oid database) {
  const bool exists =
      pg::call([=] { return SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database)); });
  return !exists || !may_host(database);
}

template <class Goes>
void remove_databases(Goes goes) {
  std::vector<std::string> databases = pg::next_libraries(pg::settings::hosting_databases_name);
  const auto listed_goes = [&goes](const std::string &listed) {
    return goes(static_cast<Oid>(std::strtoul(listed.c_str(), nullptr, 10)));
  };
  if (std::erase_if(databases, listed_goes) > 0) {
    pg::set_next_libraries(pg::settings::hosting_databases_name, databases);
    note_changed_configuration();
  }
  if (!databases.empty()) return;
  std::vector<std::string> list = pg::next_libraries(pg::session_preload_libraries);
  if (std::erase_if(list, is_session_library) == 0) return;
  pg::set_next_libraries(pg::session_preload_libraries, list);
  note_changed_configuration();
}

}  // namespace

void remove_from_sessions() {
  remove_databases([](Oid database) { return database == MyDatabaseId || is_gone(database); });
}

void remove_dropped_databases() {
  const std::vector<Oid> listed = listed_databases();
  if (std::any_of(listed.begin(), listed.end(), is_gone)) remove_databases(is_gone);
}

bool is_listed() {
  const std::vector<Oid> listed = listed_databases();
  return std::find(listed.begin(), listed.end(), MyDatabaseId) != listed.end();
}

void note_followed(state::shared &s) {
  block &b = require_block(s);
  const state::exclusive lock(s);
  forget_followed(b, MyDatabaseId);
  (void)add_followed(b, MyDatabaseId);
}

bool is_followed(state::shared &s) {
  const block &b = require_block(s);
  const state::reading lock(s);
  const Oid *known = std::find(std::begin(b.followed), std::end(b.followed), MyDatabaseId);
  return known != std::end(b.followed) && !is_place_kept_out(b, *known);
}

void follow_unlocked_databases(state::shared &s, block &b) {
  const state::exclusive lock(s);
  if (b.kept_out == 0) return;
  for (const Oid database : std::vector<Oid>(std::begin(b.followed), std::end(b.followed))) {
    if (!OidIsValid(database) || !is_kept_out(b, database)) continue;
    const state::database_entry *entry = s.databases.find({database});
    if (entry == nullptr || !entry->locked) forget_followed(b, database);
  }
}

namespace {

// The launcher has found that others have locked it.  The caller holds the lock.
bool is_locked_out(const state::shared &s, const block &b, Oid database) {
  const state::database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->locked && !is_followed(s, b, database);
}

void report(Oid database, const noted_hosting &found) {
  const std::string name = pg::database_name(database);
  pg::log(LOG,
          "database \"" + name + "\" is locked: sessions do not wait for the libraries that it " +
              "hosts" + (found.libraries.empty() ? "" : ": " + found.libraries),
          "A command on the database is in progress, or is prepared: see pg_locks and "
          "pg_prepared_xacts.");
}

// Nobody waits for locked databases, with one message for each.  In a session: the launcher cannot
// read which libraries they host.
void keep_out_locked(state::shared &s, block &b, const std::vector<Oid> &listed) {
  std::vector<Oid> locked;
  {
    const state::reading lock(s);
    for (const Oid database : listed)
      if (database != MyDatabaseId && is_locked_out(s, b, database)) locked.push_back(database);
  }
  for (const Oid database : locked) {
    const noted_hosting found = find_noted(database);
    {
      const state::exclusive lock(s);
      if (!is_locked_out(s, b, database)) continue;
      keep_out(b, database, found.for_all);
    }
    if (found.hosts) report(database, found);
  }
}

}  // namespace

bool is_any_to_follow(const state::shared &s, const block &b) {
  const std::vector<Oid> listed = listed_databases();
  if (listed.empty()) return false;
  const state::reading lock(s);
  return std::any_of(listed.begin(), listed.end(), [&](Oid database) {
    const state::database_entry *entry = s.databases.find({database});
    if (entry == nullptr || entry->unreachable || entry->provisioned || entry->locked) return false;
    return entry->visits_failed == 0 && !is_followed(s, b, database);
  });
}

bool await_databases(state::shared &s, pg::moment end) {
  const std::vector<Oid> listed = listed_databases();
  if (listed.empty()) return true;
  block &b = require_block(s);
  if (are_followed(s, b, listed)) return !is_any_withheld(s, b);
  hurry(s, b, listed);
  for (;;) {
    keep_out_locked(s, b, listed);
    const uint32 event = pg::wait_event(pg::wait::hosting);
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    const bool is_done = are_followed(s, b, listed);
    const long left = std::min(pg::milliseconds_until(end), 50L);
    const bool is_over = is_done || left <= 0;
    pg::call([&s, is_over, left, event] {
      if (!is_over) (void)ConditionVariableTimedSleep(&s.root->changed, left, event);
      ConditionVariableCancelSleep();
    });
    if (is_over) return is_done && !is_any_withheld(s, b);
  }
}

}  // namespace dynpgext::hosting
