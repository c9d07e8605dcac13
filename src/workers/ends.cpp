// Ends of workers: requesting them, recording them, and the next step.
#include "workers/entry.h"

#include <map>

#include "pg/process.h"
#include "shared/attention.h"
#include "workers/runner.h"

namespace dynpgext::state {
void configure(shared &s, const worker_identity &id, const model::wanted_worker &wanted) {
  using model::worker_state;
  const exclusive lock(s);
  worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr || entry->is_leaving()) return;
  set_terms(*entry, wanted.terms);
  if (entry->run_interval != entry->scheduled_by) {  // its runner decides when it is due
    if (is_at_rest(*entry)) entry->next_start_at = pg::moment::now();
    if (entry->hosted && entry->pid != 0 && !entry->exited) pg::nudge_process(entry->pid);
  }
  if (entry->state == worker_state::backoff) {  // check whether, and when, it should still restart
    const bool failed = entry->last_exit_code != 0 || entry->timed_out;
    (void)advance(s, *entry, failed ? model::worker_event::give_up : model::worker_event::stop);
    if (entry->unhealthy_runs > 0) --entry->unhealthy_runs;
    entry->next_start_at = {};
  }
  settle_end(s, *entry);
  changed(s);
  attend(s, entry->links.list);
}

void set_aside(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
               after_end why) {
  {
    const exclusive lock(s);
    worker_entry *entry = insert_entry(s, key_of(id));
    if (entry->pid == 0 && !model::is_active(entry->state)) define(s, *entry, wanted);
  }
  (void)stop(s, id, why);
}

bool stop(shared &s, const worker_identity &id, after_end then, std::optional<uint64> ticket) {
  const exclusive lock(s);
  const worker_key key = key_of(id);
  bury_exited(s, key);
  worker_entry *entry = s.workers.find(key);
  if (entry == nullptr || (ticket && entry->ticket != *ticket)) return false;
  // the caller decided before stop_worker(), which must not be undone by a new start
  if (ticket && then == after_end::renew && entry->after == after_end::stay) return false;
  entry->resume_at = {};
  const Oid list = entry->links.list;
  const bool had_process = (entry->pid != 0 && !entry->exited) || is_at_rest(*entry);
  const bool stopped = advance(s, *entry, model::worker_event::stop);
  if (!had_process && entry->state == model::worker_state::stopped)
    entry->ticket = ++s.root->next_ticket;
  // a worker that is no longer registered is removed in any case
  if (entry->after != after_end::vanish) entry->after = then;
  if (had_process) {
    tell_to_end(s, *entry);
  } else if (entry->pid == 0) {
    release_identity(s, *entry);
  }
  changed(s);
  // the launcher handles the next step, and workers that do not end
  if (had_process || then == after_end::renew) attend(s, list);
  return stopped || had_process;
}

bool stop_wanted(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                 after_end then) {
  {
    const exclusive lock(s);
    worker_entry *entry = s.workers.find(key_of(id));
    const bool has_ended = entry != nullptr && entry->pid == 0 && !is_at_rest(*entry);
    const bool is_replaced =
        entry != nullptr && entry->told_at.is_set() &&
        (entry->after == after_end::vanish || entry->after == after_end::renew);
    // otherwise it would start again as a worker that has changed
    if (has_ended || is_replaced) define(s, *entry, wanted);
    if (is_replaced) entry->after = then;
  }
  return stop(s, id, then);
}

void report_exit(shared &s, const worker_identity &id, uint64 ticket, int code,
                 const message_text &error) noexcept {
  (void)pg::swallow("reporting a worker's end", [&] {
    const exclusive lock(s);
    worker_entry *entry = s.workers.find(key_of(id));
    if (entry == nullptr || entry->ticket != ticket || entry->pid != MyProcPid) return;
    record_exit(s, *entry, code, error);
  });
}

namespace {

// The system calls would take too long under the lock.
bool is_some_process_lost(const shared &s) {
  std::vector<std::pair<pid_t, uint64>> known;
  {
    const reading lock(s);
    for (const process_entry *process : s.processes.entries())
      if (!OidIsValid(process->database)) known.emplace_back(process->key.pid, 0);
    for (const runner_entry *runner : s.runners.entries()) {
      if (runner->pid == 0 && !has_runner(*runner)) return true;
      if (runner->pid != 0) known.emplace_back(runner->pid, runner->birth);
    }
  }
  return std::any_of(known.begin(), known.end(), [](const auto &process) {
    return !pg::process_exists(process.first, process.second);
  });
}

}  // namespace

void look_for_lost_processes(shared &s) {
  if (!is_some_process_lost(s)) return;
  const exclusive lock(s);
  for (const process_entry *process : s.processes.entries()) {
    if (OidIsValid(process->database) || pg::process_exists(process->key.pid)) continue;
    const worker_entry *entry = s.workers.find(process->worker);
    const process_key key = process->key;
    if (entry != nullptr && entry->pid == key.pid)
      attend(s, entry->links.list);  // bury() keeps its last words
    else
      s.processes.erase(key);
  }
  bury_runners(s);
}

burial bury(shared &s, Oid list) {
  const exclusive lock(s);
  const pg::moment now = pg::moment::now();
  std::map<std::pair<pid_t, uint64>, bool> exists;  // many workers share a runner
  burial result;
  for (worker_entry *entry : s.workers.of(list)) {
    if (entry->pid != 0) {
      const auto [known, is_new] = exists.try_emplace({entry->pid, entry->pid_birth});
      if (is_new) known->second = pg::process_exists(entry->pid, entry->pid_birth);
      if (known->second) {
        result.dying = result.dying || entry->exited;
        continue;
      }
      // The process has ended without a report.  If it has crashed, the postmaster restarts
      // everything.  Here it must only no longer look alive.
      if (!entry->exited) {
        (void)advance(s, *entry, model::worker_event::exit_fault);
        entry->last_exited_at = GetCurrentTimestamp();
        entry->ended = now;
        entry->last_exit_code = 1;
        settle_end(s, *entry);
      }
      result.buried = true;
      release_identity(s, *entry);
      changed(s);
    } else if (entry->state == model::worker_state::starting && !entry->held_back &&
               now - entry->claimed_at > lost_after) {
      entry->ticket = ++s.root->next_ticket;
      (void)advance(s, *entry, model::worker_event::lost);
      record(s, *entry, "lost", "no process came of its start");
      changed(s);
    }
  }
  return result;
}

}  // namespace dynpgext::state
