#include "hosting/session_list.h"

#include "hosting/noted_rows.h"
#include "hosting/transaction.h"
#include "pg/database.h"
#include "pg/database_setting.h"
#include "pg/preload_list.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "pg/wait_event.h"
#include "shared/access.h"
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

// Or nobody needs to wait until it has been.  The caller holds the lock.
bool is_followed(const state::shared &s, const block &b, Oid database) {
  const state::database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return b.databases_known;  // dropped
  if (entry->kept_out && database != MyDatabaseId) return true;
  return entry->rows_followed || entry->unreachable || entry->provisioned;
}

enum class progress { unfollowed, withheld, followed };

// Of all together, at one moment: a database that is being unlocked is either withheld or not
// followed yet.
progress progress_of(const state::shared &s, const block &b, const std::vector<Oid> &listed) {
  bool is_any_withheld = false;
  const state::reading lock(s);
  for (const Oid database : listed) {
    if (!is_followed(s, b, database)) return progress::unfollowed;
    const state::database_entry *entry = s.databases.find({database});
    is_any_withheld = is_any_withheld || (entry != nullptr && entry->withheld);
  }
  return is_any_withheld ? progress::withheld : progress::followed;
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

namespace {

// Each change reads a list and writes it anew: one process after the other.  An error releases the
// lock with the (sub)transaction.  A role with EXECUTE on host() need not be allowed to use ALTER
// SYSTEM.
template <class Change>
void change_lists(Change change) {
  const pg::pinned_identity as(BOOTSTRAP_SUPERUSERID);
  (void)pg::lock_kept_for_database(InvalidOid, true);
  // also after an error half-way; or if the files are as wanted, but the server has not read them
  note_changed_configuration();
  change();
  pg::unlock_kept_for_database(InvalidOid);
}

void add_databases(const std::string &added) {
  std::vector<std::string> databases = pg::next_libraries(pg::settings::hosting_databases_name);
  if (std::find(databases.begin(), databases.end(), added) != databases.end()) return;
  databases.push_back(added);
  pg::set_next_libraries(pg::settings::hosting_databases_name, databases);
}

void add_session_library() {
  std::vector<std::string> list = pg::next_libraries(pg::session_preload_libraries);
  if (std::any_of(list.begin(), list.end(), is_session_library)) return;
  list.emplace_back(session_library);
  pg::set_next_libraries(pg::session_preload_libraries, list);
}

// For sessions.  Also in a transaction that has not ended; but not what this one has unhosted.
bool is_hosting(state::shared &s, Oid database) {
  const block *b = find_block(s);
  if (b == nullptr) return false;
  const state::reading lock(s);
  const std::vector<const instance *> all = in_order(*b);
  return std::any_of(all.begin(), all.end(), [database](const instance *i) {
    return i->sessions && i->source == database && !is_unhosted(i->number);
  });
}

// Dropped, or there is a later one with the OID, which hosts nothing.
bool is_gone(Oid database) {
  const bool exists =
      pg::call([=] { return SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database)); });
  return !exists || (!may_host(database) && !is_hosting(state::attach(), database));
}

template <class Goes>
void remove_databases(Goes goes) {
  std::vector<std::string> databases = pg::next_libraries(pg::settings::hosting_databases_name);
  const auto listed_goes = [&goes](const std::string &listed) {
    return goes(static_cast<Oid>(std::strtoul(listed.c_str(), nullptr, 10)));
  };
  const bool any_goes = std::erase_if(databases, listed_goes) > 0;
  // first: it may be refused, and without the databases no session waits
  std::vector<std::string> list = pg::next_libraries(pg::session_preload_libraries);
  if (databases.empty() && std::erase_if(list, is_session_library) > 0)
    pg::set_next_libraries(pg::session_preload_libraries, list);
  if (any_goes) pg::set_next_libraries(pg::settings::hosting_databases_name, databases);
}

}  // namespace

void add_to_sessions() {
  change_lists([] {
    add_databases(std::to_string(MyDatabaseId));
    add_session_library();
  });
}

void remove_from_sessions() {
  change_lists([] {
    // host() claims an instance first, so that a visit does not remove what host() has added, or
    // found, in a transaction whose rows the visit does not see
    const bool is_needed = is_hosting(state::attach(), MyDatabaseId);
    remove_databases([is_needed](Oid database) {
      return database == MyDatabaseId ? !is_needed : is_gone(database);
    });
  });
}

void remove_dropped_databases() {
  const std::vector<Oid> listed = listed_databases();
  if (std::none_of(listed.begin(), listed.end(), is_gone)) return;
  change_lists([] { remove_databases(is_gone); });
}

bool is_listed() {
  const std::vector<Oid> listed = listed_databases();
  return std::find(listed.begin(), listed.end(), MyDatabaseId) != listed.end();
}

void note_followed(state::shared &s) {
  const state::exclusive lock(s);
  state::database_entry *entry = s.databases.insert({MyDatabaseId});
  entry->rows_followed = true;
  entry->kept_out = entry->withheld = false;
}

bool is_followed(state::shared &s) {
  const state::reading lock(s);
  const state::database_entry *entry = s.databases.find({MyDatabaseId});
  return entry != nullptr && entry->rows_followed;
}

// Once for each: the lists may be managed by a tool.  A visit that fails is repeated anyway.
void visit_for_dropped_databases(const state::shared &s) {
  static auto *const requested = new std::vector<Oid>;
  std::vector<Oid> dropped;
  const std::vector<Oid> listed = listed_databases();
  const state::exclusive lock(s);
  for (const Oid database : listed)
    if (s.databases.find({database}) == nullptr) dropped.push_back(database);
  if (dropped == *requested) return;
  *requested = dropped;
  if (dropped.empty()) return;
  const auto all = s.databases.entries();
  const auto is_free = [&s](const state::database_entry *entry) {
    return !entry->unreachable && !state::is_blocked(s, entry->key.database);
  };
  const auto free = std::find_if(all.begin(), all.end(), is_free);
  if (free != all.end()) (*free)->visited = false;
}

void follow_unlocked_databases(const state::shared &s) {
  const std::vector<Oid> listed = listed_databases();
  const auto is_unlocked = [&s](Oid database) {
    const state::database_entry *entry = s.databases.find({database});
    return entry != nullptr && entry->kept_out && !entry->locked;
  };
  {
    const state::reading lock(s);  // mostly there is none
    if (std::none_of(listed.begin(), listed.end(), is_unlocked)) return;
  }
  const state::exclusive lock(s);
  for (const Oid database : listed) {
    if (!is_unlocked(database)) continue;
    state::database_entry *entry = s.databases.find({database});
    entry->kept_out = entry->withheld = false;
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
void keep_out_locked(const state::shared &s, const block &b, const std::vector<Oid> &listed) {
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
      state::database_entry *entry = s.databases.find({database});
      entry->kept_out = true;
      entry->withheld = found.for_all;
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
  const block &b = require_block(s);
  progress now = progress_of(s, b, listed);
  if (now == progress::unfollowed) hurry(s, b, listed);
  while (now == progress::unfollowed) {
    keep_out_locked(s, b, listed);
    const uint32 event = pg::wait_event(pg::wait::hosting);
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    now = progress_of(s, b, listed);
    const long left = std::min(pg::milliseconds_until(end), 50L);
    const bool is_over = now != progress::unfollowed || left <= 0;
    pg::call([&s, is_over, left, event] {
      if (!is_over) (void)ConditionVariableTimedSleep(&s.root->changed, left, event);
      ConditionVariableCancelSleep();
    });
    if (is_over) break;
  }
  return now == progress::followed;
}

}  // namespace dynpgext::hosting
