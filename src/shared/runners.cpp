#include "shared/runners.h"

#include "pg/process.h"
#include "pg/settings.h"

namespace dynpgext::state {
namespace {

// A runner that has not started within this time after its request never will.
constexpr std::chrono::seconds patience(10);

}  // namespace

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

bool are_runners_full(const shared &s) {
  const int limit = pg::settings::max_runners();
  if (limit < 0) return false;
  const auto entries = s.runners.entries();
  return limit <= std::count_if(entries.begin(), entries.end(),
                                [](const runner_entry *entry) { return has_runner(*entry); });
}

void want_runner(const shared &s) {
  if (std::exchange(s.root->runner_wanted, true)) return;
  for (const runner_entry *entry : s.runners.entries())
    if (is_in_office(*entry)) pg::nudge_process(entry->pid);
}

bool is_runner_wanted(const shared &s) {
  const reading lock(s);
  return s.root->runner_wanted;
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
