#include "hosting/session_list.h"

#include "hosting/transaction.h"
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

// The caller holds the lock.
bool is_followed(const state::shared &s, const block &b, Oid database) {
  for (const Oid followed : b.followed)
    if (followed == database) return true;
  const state::database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return b.databases_known;  // dropped
  return entry->unreachable || entry->provisioned;
}

bool are_followed(const state::shared &s, const block &b, const std::vector<Oid> &listed) {
  const state::reading lock(s);
  return std::all_of(listed.begin(), listed.end(),
                     [&](Oid database) { return is_followed(s, b, database); });
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

void remove_from_sessions() {
  std::vector<std::string> databases = pg::next_libraries(pg::settings::hosting_databases_name);
  // including dropped ones
  const auto goes = [](const std::string &listed) {
    const auto database = static_cast<Oid>(std::strtoul(listed.c_str(), nullptr, 10));
    return database == MyDatabaseId || !pg::call([=] {
             return SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
           });
  };
  if (std::erase_if(databases, goes) > 0) {
    pg::set_next_libraries(pg::settings::hosting_databases_name, databases);
    note_changed_configuration();
  }
  if (!databases.empty()) return;
  std::vector<std::string> list = pg::next_libraries(pg::session_preload_libraries);
  if (std::erase_if(list, is_session_library) == 0) return;
  pg::set_next_libraries(pg::session_preload_libraries, list);
  note_changed_configuration();
}

bool is_listed() {
  const std::vector<Oid> listed = listed_databases();
  return std::find(listed.begin(), listed.end(), MyDatabaseId) != listed.end();
}

void note_followed(state::shared &s) {
  block &b = require_block(s);
  const state::exclusive lock(s);
  for (Oid &place : b.followed) {
    if (OidIsValid(place) && place != MyDatabaseId) continue;
    place = MyDatabaseId;
    return;
  }
}

bool is_followed(state::shared &s) {
  const block &b = require_block(s);
  const state::reading lock(s);
  return std::find(std::begin(b.followed), std::end(b.followed), MyDatabaseId) !=
         std::end(b.followed);
}

bool is_any_to_follow(const state::shared &s, const block &b) {
  const std::vector<Oid> listed = listed_databases();
  if (listed.empty()) return false;
  const state::reading lock(s);
  return std::any_of(listed.begin(), listed.end(), [&](Oid database) {
    const state::database_entry *entry = s.databases.find({database});
    if (entry == nullptr || entry->unreachable || entry->provisioned) return false;
    return entry->visits_failed == 0 && !is_followed(s, b, database);
  });
}

bool await_databases(state::shared &s, pg::moment end) {
  const std::vector<Oid> listed = listed_databases();
  if (listed.empty()) return true;
  const block &b = require_block(s);
  if (are_followed(s, b, listed)) return true;
  hurry(s, b, listed);
  for (;;) {
    const uint32 event = pg::wait_event(pg::wait::hosting);
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    const bool is_done = are_followed(s, b, listed);
    const long left = std::min(pg::milliseconds_until(end), 50L);
    const bool is_over = is_done || left <= 0;
    pg::call([&s, is_over, left, event] {
      if (!is_over) (void)ConditionVariableTimedSleep(&s.root->changed, left, event);
      ConditionVariableCancelSleep();
    });
    if (is_over) return is_done;
  }
}

}  // namespace dynpgext::hosting
