#include "workers/delays.h"

#include "shared/runners.h"

namespace dynpgext::state {
namespace {

constexpr size_t most_named = 3;

// Since when the worker has been due, as far as shared memory shows; none: it is not due.
// Notifications are not included: the runner receives them only between two runs.
pg::moment due_since(const worker_entry &entry, const worker_entry &running) {
  if (!entry.hosted || entry.exited || &entry == &running) return {};
  if (entry.pid == 0) {  // its runner has not taken it yet
    const bool comes = entry.state == model::worker_state::starting && !entry.held_back;
    return comes && runner_of(entry) == runner_of(running) ? entry.claimed_at : pg::moment{};
  }
  if (entry.pid != running.pid) return {};
  if (entry.taken) return entry.runs.next_at;
  return entry.resume_at.is_set() ? entry.resume_at : entry.claimed_at;
}

// The runner's current run, if it exceeds the limit and has not been reported.
worker_entry *long_run(const shared &s, const runner_entry &runner, pg::duration limit) {
  if (runner.key.worker != 0) return nullptr;  // no other worker shares its process
  if (!is_in_office(runner) || !runner.busy_since.is_set()) return nullptr;
  if (pg::moment::now() - runner.busy_since < limit) return nullptr;
  worker_entry *entry = s.workers.find(runner.busy_with);
  const bool is_it = entry != nullptr && entry->busy && entry->pid == runner.pid;
  return is_it && !entry->delays ? entry : nullptr;
}

std::string in_milliseconds(pg::duration d) { return std::to_string(d.count() / 1000) + " ms"; }

}  // namespace

std::string others(size_t count) {
  return std::to_string(count) + (count == 1 ? " other" : " others");
}

held_up held_up_by(const shared &s, const worker_entry &running, pg::duration limit) {
  held_up found;
  const pg::moment now = pg::moment::now();
  for (const worker_entry *entry : s.workers.of(running.links.list)) {
    const pg::moment since = due_since(*entry, running);
    if (!since.is_set() || since > now) continue;
    const pg::duration waited = now - std::max(since, running.runs.began);
    if (waited < limit) continue;
    if (++found.count <= most_named)
      found.names += (found.names.empty() ? "\"" : ", \"") + entry->key.name.str() + "\"";
    found.longest = std::max(found.longest, waited);
  }
  if (found.count > most_named)
    found.names += " and " + std::to_string(found.count - most_named) + " more";
  return found;
}

std::vector<delaying_run> find_delaying(shared &s, pg::duration limit) {
  std::vector<delaying_run> found;
  if (limit <= pg::duration::zero()) return found;
  {
    const reading lock(s);
    const auto runners = s.runners.entries();
    if (std::none_of(runners.begin(), runners.end(),
                     [&](const runner_entry *r) { return long_run(s, *r, limit) != nullptr; }))
      return found;
  }
  const exclusive lock(s);
  for (const runner_entry *runner : s.runners.entries()) {
    worker_entry *entry = long_run(s, *runner, limit);
    if (entry == nullptr) continue;
    held_up waiting = held_up_by(s, *entry, limit);
    if (waiting.count == 0) continue;
    entry->delays = true;
    const pg::duration runs_for = pg::moment::now() - entry->runs.began;
    record(s, *entry, "delaying",
           others(waiting.count) + ", for up to " + in_milliseconds(waiting.longest) +
               "; still running, for " + in_milliseconds(runs_for));
    found.push_back({identity_of(*entry), entry->pid, runs_for, std::move(waiting)});
  }
  return found;
}

}  // namespace dynpgext::state
