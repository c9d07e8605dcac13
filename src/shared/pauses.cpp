#include "shared/pauses.h"

#include "shared/attention.h"

namespace dynpgext::state {
namespace {

// Of this process.  The number finds the entry.
struct own_pause {
  uint64 number;
  std::string extension;
  SubTransactionId level;
};

std::vector<own_pause> &own_pauses() {
  static auto *const all = new std::vector<own_pause>;
  return *all;
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

}  // namespace

std::set<std::string> unpaused(std::span<const std::string> extensions) {
  std::set<std::string> result(extensions.begin(), extensions.end());
  for (const own_pause &p : own_pauses()) result.erase(p.extension);
  return result;
}

bool has_own_pauses() noexcept { return !own_pauses().empty(); }

void watch_pauses() {
  static constinit bool watched = false;
  if (!std::exchange(watched, true)) pg::call([] { before_shmem_exit(on_exit, 0); });
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

void adopt_pause(shared &s, const pg::noted_pause &noted) {
  for (const pause_entry *p : s.pauses.entries())
    if (p->database == noted.database && p->prepared == noted.transaction) {
      const auto text = p->extension.view();
      if ((text.empty() ? p->hash : pg::hash_of_extension(text)) == noted.extension) return;
    }
  pause_entry *entry = s.pauses.insert({++s.root->next_ticket});
  entry->database = noted.database;
  entry->hash = noted.extension;
  entry->prepared = noted.transaction;
  ++s.root->paused;
}

// A standby has no prepared transactions, but may get some with its promotion.
bool are_pauses_missing(const shared &s) {
  return !s.root->pauses_recalled && max_prepared_xacts > 0 && !RecoveryInProgress();
}

bool is_of(const pause_entry &pause, std::string_view extension) {
  const std::string_view name = pause.extension.view();
  return name.empty() ? pause.hash == pg::hash_of_extension(extension) : name == extension;
}

bool is_paused(const shared &s, Oid database, std::string_view extension) {
  if (are_pauses_missing(s)) return true;
  if (s.root->paused == 0 || !OidIsValid(database)) return false;
  for (const pause_entry *p : s.pauses.entries())
    if (p->database == database && is_of(*p, extension)) return true;
  return false;
}

bool is_paused(const shared &s, const worker_entry &entry) {
  if (are_pauses_missing(s)) return true;
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
