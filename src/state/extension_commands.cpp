#include "state/extension_commands.h"

#include <set>

#include "pg/database.h"
#include "pg/fault.h"
#include "pg/process.h"
#include "state/attention.h"
#include "state/worker_entry.h"

namespace dynpgext::state {
namespace {

// Of this process.  The entry is found by its number.
struct own_pause {
  uint64 number;
  std::string extension;
  SubTransactionId level;
};
std::vector<own_pause> &own_pauses() {
  static auto *const all = new std::vector<own_pause>;
  return *all;
}

bool is_connected(const worker_entry &entry, Oid database) {
  return entry.pid != 0 && pg::database_of_process(entry.pid) == database;
}

// Does what the worker does concern the database?
bool is_of(const worker_entry &entry, Oid database) {
  return entry.key.home == database || entry.source == database || is_connected(entry, database);
}

// Those that run for this database, or may be connected to it.
std::vector<worker_entry *> workers_about(const shared &s) {
  std::vector<worker_entry *> found = s.workers.of(MyDatabaseId);
  for (worker_entry *entry : workers_with_process(s))
    if (entry->links.list != MyDatabaseId) found.push_back(entry);
  return found;
}

// A global worker that is connected elsewhere holds no locks here.
bool is_in_the_way(const worker_entry &entry, Oid database) {
  if (entry.pid == 0 || entry.exited) return false;
  if (entry.pid == MyProcPid && (!entry.hosted || entry.busy)) return false;  // it is the command's
  // one that is in no database holds no locks
  if (!entry.hosted && (entry.flags & BGWORKER_BACKEND_DATABASE_CONNECTION) == 0) return false;
  if (OidIsValid(entry.key.home) || entry.hosted) return true;
  const Oid connected = pg::database_of_process(entry.pid);
  return connected == database || (!OidIsValid(connected) && entry.source == database);
}

void erase(const shared &s, uint64 number) {
  const pause_entry *entry = s.pauses.find({number});
  if (entry == nullptr) return;
  attend(s, entry->database);
  s.pauses.erase({number});
  --s.root->paused;
  attend_waiting(s);
}

template <class F>
void end_where(F is_over) noexcept {
  if (own_pauses().empty()) return;
  (void)pg::swallow("ending a command on an extension", [&] {
    shared *s = attached();
    if (s == nullptr) return;
    const exclusive lock(*s);
    std::erase_if(own_pauses(), [&](const own_pause &p) {
      if (!is_over(p)) return false;
      erase(*s, p.number);
      return true;
    });
  });
}

void on_exit(int, Datum) {
  pg::begin_exit();
  end_pauses();
}

void pause(shared &s, const std::string &extension) {
  const uint64 number = ++s.root->next_ticket;
  own_pauses().push_back({number, extension, GetCurrentSubTransactionId()});
  try {
    pause_entry *entry = s.pauses.insert({number});
    entry->database = MyDatabaseId;
    entry->extension.assign(extension);
    ++s.root->paused;
  } catch (...) {
    own_pauses().pop_back();
    throw;
  }
}

}  // namespace

std::vector<std::string> extensions_with_workers(const shared &s) {
  std::set<std::string> found;
  const reading lock(s);
  for (const worker_entry *entry : workers_about(s))
    if (is_of(*entry, MyDatabaseId)) found.insert(entry->key.extension.str());
  return {found.begin(), found.end()};
}

std::vector<worker_identity> pause_extensions(shared &s, std::span<const std::string> extensions) {
  static constinit bool watched = false;
  if (!std::exchange(watched, true)) pg::call([] { before_shmem_exit(on_exit, 0); });
  std::set<std::string> news(extensions.begin(), extensions.end());
  for (const own_pause &p : own_pauses()) news.erase(p.extension);
  std::vector<worker_identity> told;
  if (news.empty()) return told;
  {
    const exclusive lock(s);
    for (const std::string &extension : news) pause(s, extension);
    for (worker_entry *entry : workers_about(s)) {
      if (news.count(entry->key.extension.str()) == 0 || !is_of(*entry, MyDatabaseId) ||
          !is_in_the_way(*entry, MyDatabaseId))
        continue;
      told.push_back(identity_of(*entry));
      entry->stopped_for = MyDatabaseId;
      entry->stopped_for_extension = true;
      if (entry->after == after_end::by_policy) entry->after = after_end::wait;
      (void)advance(s, *entry, model::worker_event::stop);
      tell_to_end(s, *entry, "for a command on its extension");
    }
    changed(s);
  }
  DYNPGEXT_FAULT_POINT("pause.told");
  return told;
}

bool is_paused(const shared &s, Oid database, std::string_view extension) {
  if (s.root->paused == 0 || !OidIsValid(database)) return false;
  for (const pause_entry *p : s.pauses.entries())
    if (p->database == database && p->extension.view() == extension) return true;
  return false;
}

bool is_paused(const shared &s, const worker_entry &entry) {
  if (s.root->paused == 0) return false;
  const std::string_view extension = entry.key.extension.view();
  return is_paused(s, entry.key.home, extension) || is_paused(s, entry.source, extension) ||
         (entry.stopped_for_extension && is_paused(s, entry.stopped_for, extension));
}

void end_pauses() noexcept {
  end_where([](const own_pause &) { return true; });
}

void end_pauses(SubTransactionId rolled_back) noexcept {
  end_where([=](const own_pause &p) { return p.level == rolled_back; });
}

void reparent_pauses(SubTransactionId committed, SubTransactionId parent) noexcept {
  for (own_pause &p : own_pauses())
    if (p.level == committed) p.level = parent;
}

void prepare_pauses(TransactionId transaction) {
  if (own_pauses().empty()) return;
  shared &s = attach();
  const exclusive lock(s);
  for (const own_pause &p : own_pauses())
    if (pause_entry *entry = s.pauses.find({p.number})) entry->prepared = transaction;
}

void leave_pauses() noexcept { own_pauses().clear(); }

void follow_pauses(shared &s) {
  struct prepared {
    uint64 number;
    TransactionId transaction;
  };
  std::vector<prepared> found;
  {
    const reading lock(s);
    if (s.root->paused == 0) return;
    for (const pause_entry *p : s.pauses.entries()) {
      if (!TransactionIdIsValid(p->prepared)) continue;
      const database_entry *database = s.databases.find({p->database});
      const bool is_followed = database == nullptr || (database->visited && !database->visitor);
      const auto *end =
          database == nullptr ? nullptr : database->prepared + database->prepared_count;
      const bool is_watched =
          database != nullptr && std::find(database->prepared, end, p->prepared) != end;
      if (is_followed && !is_watched) found.push_back({p->key.number, p->prepared});
    }
  }
  for (const prepared &p : found) {
    if (pg::call([&p] { return TransactionIdIsInProgress(p.transaction); })) continue;
    const exclusive lock(s);
    erase(s, p.number);
  }
}

}  // namespace dynpgext::state
