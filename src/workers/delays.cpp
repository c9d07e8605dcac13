#include "workers/delays.h"

#include "shared/runners.h"
#include "workers/run_requests.h"

namespace dynpgext::state {
namespace {

constexpr size_t most_named = 3;

pg::moment earlier(pg::moment a, pg::moment b) {
  if (!a.is_set() || !b.is_set()) return a.is_set() ? a : b;
  return std::min(a, b);
}

// Since when the worker has been due; none: it is not due.  A worker that is starting waits for its
// runner to take it.
pg::moment due_since(const worker_entry &entry, const worker_entry &running,
                     const std::vector<awaited_worker> &awaited) {
  if (!entry.hosted || entry.exited || &entry == &running) return {};
  if (entry.pid == 0) {
    const bool comes = entry.state == model::worker_state::starting && !entry.held_back;
    return comes && runner_of(entry) == runner_of(running) ? entry.claimed_at : pg::moment{};
  }
  if (entry.pid != running.pid) return {};
  pg::moment since = earlier(entry.runs.next_at, entry.notified_at);
  if (!entry.taken) since = entry.resume_at.is_set() ? entry.resume_at : entry.claimed_at;
  for (const awaited_worker &w : awaited)
    if (w.entry == &entry) since = earlier(since, w.since);
  return since;
}

// Is a delay by the current run worth a report, or is it one of several in a row?
bool is_news(const worker_entry &entry) {
  const std::chrono::microseconds last(entry.runs.last_duration);
  return !entry.delays || pg::moment::now() - entry.runs.began > 2 * last;
}

std::string in_milliseconds(pg::duration d) { return std::to_string(d.count() / 1000) + " ms"; }

}  // namespace

std::string others(size_t count) {
  return std::to_string(count) + (count == 1 ? " other" : " others");
}

held_up held_up_by(const shared &s, const worker_entry &running, pg::duration limit) {
  held_up found;
  const pg::moment now = pg::moment::now();
  // no worker waits for longer than the run has lasted, or for another worker's own process
  if (limit <= pg::duration::zero() || now - running.runs.began < limit) return found;
  if (running.process == model::worker_process::own) return found;
  const std::vector<awaited_worker> awaited = awaited_workers(s);
  for (const worker_entry *entry : s.workers.of(running.links.list)) {
    const pg::moment since = due_since(*entry, running, awaited);
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

held_up note_delay(const shared &s, const runner_entry &runner, worker_entry &entry,
                   pg::duration limit) {
  held_up waiting = held_up_by(s, entry, limit);
  const bool is_to_be_reported = waiting.count > 0 && !runner.reported && is_news(entry);
  entry.delays = waiting.count > 0;
  if (!is_to_be_reported) return {};
  record(s, entry, "delaying",
         others(waiting.count) + ", for up to " + in_milliseconds(waiting.longest));
  return waiting;
}

std::vector<delaying_run> find_delaying(shared &s, pg::duration limit) {
  std::vector<delaying_run> found;
  if (limit <= pg::duration::zero()) return found;
  {
    const reading lock(s);
    for (const runner_entry *runner : s.runners.entries()) {
      if (runner->reported || !is_in_office(*runner)) continue;
      const worker_entry *entry = busy_worker(s, *runner);
      if (entry == nullptr || !is_news(*entry)) continue;
      held_up waiting = held_up_by(s, *entry, limit);
      if (waiting.count > 0)
        found.push_back(
            {runner->key, identity_of(*entry), entry->pid, entry->runs.began, std::move(waiting)});
    }
  }
  if (found.empty()) return found;
  const exclusive lock(s);
  std::erase_if(found, [&s](const delaying_run &run) {
    runner_entry *runner = s.runners.find(run.runner);
    const bool goes_on = runner != nullptr && runner->busy_since == run.began;
    const worker_entry *entry = goes_on ? busy_worker(s, *runner) : nullptr;
    if (entry == nullptr) return true;
    record(s, *entry, "delaying",
           others(run.others.count) + ", for up to " + in_milliseconds(run.others.longest) +
               "; still running, for " + in_milliseconds(pg::moment::now() - run.began));
    runner->reported = true;
    return false;
  });
  return found;
}

}  // namespace dynpgext::state
