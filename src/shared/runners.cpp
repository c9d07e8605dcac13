#include "shared/runners.h"

#include "pg/process.h"
#include "pg/settings.h"
#include "shared/owners.h"

namespace dynpgext::state {
namespace {

// A runner that has not started within this time after its request never will.
constexpr std::chrono::seconds patience(10);

uint64 hash_of(std::string_view text, uint64 seed) {
  return hash_bytes_extended(reinterpret_cast<const unsigned char *>(text.data()),
                             static_cast<int>(text.size()), seed);
}

runner_key key_for(Oid database, uint64 role, model::worker_process process, bool is_global,
                   std::string_view extension, std::string_view name) {
  const bool has_own = process == model::worker_process::own;
  const uint64 hash = has_own ? hash_of(name, hash_of(extension, is_global ? 1 : 0)) | 1 : 0;
  return {database, static_cast<Oid>(role), hash};
}

}  // namespace

runner_key runner_of(const model::worker &w, Oid database) {
  return key_for(database, w.argument, w.process, w.scope == model::scope::global, w.extension,
                 w.name);
}

runner_key runner_of(const worker_entry &entry) {
  return key_for(entry.source, entry.argument, entry.process, !OidIsValid(entry.key.home),
                 entry.key.extension.view(), entry.key.name.view());
}

bool is_in_office(const runner_entry &entry) { return entry.pid != 0 && !entry.left; }

bool is_on_its_way(const runner_entry &entry) {
  return entry.asked.is_set() && pg::moment::now() - entry.asked < patience;
}

bool has_runner(const runner_entry &entry) { return is_in_office(entry) || is_on_its_way(entry); }

bool has_runner(const shared &s, const runner_key &key) {
  const runner_entry *entry = s.runners.find(key);
  return entry != nullptr && has_runner(*entry);
}

bool has_some_runner(const shared &s, Oid database) {
  const auto entries = s.runners.entries();
  return std::any_of(entries.begin(), entries.end(), [database](const runner_entry *entry) {
    return entry->key.database == database && has_runner(*entry);
  });
}

worker_entry *busy_worker(const shared &s, const runner_entry &entry) {
  if (!entry.busy_since.is_set()) return nullptr;
  worker_entry *worker = s.workers.find(entry.busy_with);
  const bool is_it = worker != nullptr && worker->busy && worker->pid == entry.pid;
  return is_it && !worker->exited ? worker : nullptr;
}

bool are_runners_full(const shared &s) {
  const int limit = pg::settings::max_runners();
  if (limit < 0) return false;
  const auto entries = s.runners.entries();
  return limit <= std::count_if(entries.begin(), entries.end(),
                                [](const runner_entry *entry) { return has_runner(*entry); });
}

bool are_own_processes_full(const shared &s, const runner_key &key) {
  const int limit = pg::settings::max_own_processes();
  if (limit < 0 || key.worker == 0) return false;
  const auto entries = s.runners.entries();
  return limit <= std::count_if(entries.begin(), entries.end(), [&key](const runner_entry *entry) {
           const runner_key &other = entry->key;
           return other.database == key.database && other.role == key.role && other.worker != 0 &&
                  has_runner(*entry);
         });
}

void want_runners(const shared &s, const database_entry &database, uint8 which) {
  bool is_new = (which & (yielding::of_database | yielding::own)) != 0;
  if ((which & yielding::all) != 0) is_new = !std::exchange(s.root->runner_wanted, true) || is_new;
  owner_entry *owner = (which & yielding::of_owner) != 0 ? owner_of(s, database) : nullptr;
  if (owner != nullptr) is_new = !std::exchange(owner->runner_wanted, true) || is_new;
  if (!is_new) return;
  for (const runner_entry *entry : s.runners.entries())
    if (is_in_office(*entry)) pg::nudge_process(entry->pid);
}

bool is_runner_wanted(const shared &s, const runner_key &key) {
  const reading lock(s);
  if (s.root->runner_wanted) return true;
  const database_entry *database = s.databases.find({key.database});
  if (database == nullptr) return false;
  const uint8 which = database->runner_wanted;
  if ((which & yielding::of_database) != 0) return true;
  if ((which & yielding::own) != 0 && key.worker != 0) return true;
  const owner_entry *owner = owner_of(s, *database);
  return owner != nullptr && owner->runner_wanted;
}

std::vector<pid_t> live_runners(const shared &s, Oid database) {
  std::vector<pid_t> found;
  const reading lock(s);
  for (const runner_entry *entry : s.runners.entries())
    if (entry->key.database == database && pg::process_exists(entry->pid, entry->birth))
      found.push_back(entry->pid);
  return found;
}

}  // namespace dynpgext::state
