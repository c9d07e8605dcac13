#include "workers/runner.h"

#include "pg/process.h"
#include "pg/settings.h"
#include "pg/worker.h"
#include "shared/attention.h"
#include "shared/events.h"
#include "shared/processes.h"
#include "shared/runs.h"
#include "shared/text.h"
#include "workers/run_requests.h"

namespace dynpgext::state {
namespace {

// Number of workers handled before the lock is released for others.
constexpr size_t batch = 200;

bool is_served_here(const worker_entry &entry) { return entry.hosted && entry.pid == MyProcPid; }

bool is_to_be_served(const worker_entry &entry, const runner_key &key) {
  return entry.hosted && !entry.held_back && entry.pid == 0 &&
         entry.state == model::worker_state::starting && runner_of(entry) == key;
}

// The entry, if it still belongs to this start.
worker_entry *find_served(const shared &s, const worker_start &w) {
  worker_entry *entry = s.workers.find(key_of(w.id));
  const bool is_it = entry != nullptr && entry->ticket == w.ticket && is_served_here(*entry);
  return is_it && !entry->exited ? entry : nullptr;
}

void count_run(const shared &s, worker_entry &entry, const command_run &run) {
  command_statistics &runs = entry.runs;
  ++runs.count;
  runs.last_at = run.began_at;
  runs.last_duration = run.duration;
  runs.next_at = run.next_at;
  const bool has_failed = run.error != nullptr;
  record(s, entry,
         ended_run{run.began_at, run.duration, has_failed ? run_end::failed : run_end::succeeded,
                   has_failed ? run.error->view() : std::string_view()});
  const bool was_failing = std::exchange(runs.failing, run.error != nullptr);
  if (run.error != nullptr) {
    ++runs.failures;
    runs.last_failed_at = run.began_at;
    if (!was_failing) record(s, entry, "failing", run.error->view());
  } else if (was_failing) {
    record(s, entry, "recovered");
  }
}

// Records a run that was cancelled because its worker was stopped.
void cancel_run(const shared &s, const worker_entry &entry) {
  const int64 duration = (pg::moment::now() - entry.runs.began).count();
  record(s, entry, ended_run{entry.runs.began_at, duration, run_end::canceled});
  end_requested(s, entry, "57014: the worker was stopped while its command ran");
}

// The worker's command has ended the process: the run and the worker have failed, unless they were
// told to end.  No allocation.
void blame(const shared &s, worker_entry &entry, int code, const message_text &error) {
  if (entry.told_at.is_set()) {
    cancel_run(s, entry);
    record_exit(s, entry, code, error);
    return;
  }
  message_text why = error;
  if (why.view().empty())
    snprintf(why.bytes, sizeof why.bytes,
             "XX000: the command has ended its process with exit code %d", code);
  count_run(s, entry,
            {.began_at = entry.runs.began_at,
             .duration = (pg::moment::now() - entry.runs.began).count(),
             .error = &why});
  end_requested(s, entry, why.view());
  record_exit(s, entry, std::max(code, 1), why);
}

// Another worker's command has ended the process: this worker continues in the next process,
// without a failure or a backoff, and its command stays due at the same time.
void hand_over(const shared &s, worker_entry &entry, const worker_entry &culprit) {
  const pg::moment next_at = entry.runs.next_at;
  if (!entry.is_leaving()) entry.after = after_end::renew;
  record_exit(s, entry, 0, {});
  entry.resume_at = entry.runs.next_at = next_at;
  char detail[sizeof(event_entry::detail)];
  snprintf(detail, sizeof detail, "its process was ended by the command of worker \"%s\"",
           culprit.key.name.str().c_str());
  record(s, entry, "renewed", detail);
}

// No runner has served it yet: the launcher starts it again, with another process.
void start_anew(shared &s, worker_entry &entry) {
  entry.ticket = ++s.root->next_ticket;
  (void)advance(s, entry, model::worker_event::lost);
  changed(s);
  attend(s, entry.links.list);
}

// The runner serves no worker from now on.  Its process is still connected: commands on the
// database wait for it.
void leave_office(runner_entry &entry) { entry.left = true; }

// The entry of this process, if it is a runner.
runner_entry *own(const shared &s, const runner_key &key) {
  runner_entry *entry = s.runners.find(key);
  return entry != nullptr && entry->pid == MyProcPid ? entry : nullptr;
}

// Makes the current run visible to the search for long runs.
void begin_busy(runner_entry *runner, worker_entry &entry) {
  entry.busy = true;
  if (runner == nullptr) return;
  runner->busy_with = entry.key;
  runner->busy_since = entry.runs.began;
  runner->reported = false;
}
void end_busy(runner_entry *runner, worker_entry &entry) {
  entry.busy = false;
  if (runner != nullptr) runner->busy_since = {};
}

}  // namespace

bool ask_for_runner(shared &s, const runner_key &key, const worker_identity &id, bool no_slots) {
  runner_message message{.ticket = 0, .key = key};
  {
    const exclusive lock(s);
    runner_entry *entry = s.runners.find(key);
    if (entry != nullptr && is_in_office(*entry)) {
      if (pg::process_exists(entry->pid, entry->birth)) {
        // only this worker: the runner finds the others, and there may be thousands
        worker_entry *worker = s.workers.find(key_of(id));
        if (worker != nullptr && is_to_be_served(*worker, key))
          (void)begin_run(s, *worker, entry->pid);
        pg::nudge_process(entry->pid);
        return true;
      }
      leave_office(*entry);
    }
    if (entry != nullptr && is_on_its_way(*entry)) return true;
    if (no_slots) return false;
    if (entry == nullptr) entry = s.runners.insert(key);
    entry->asked = pg::moment::now();
    const database_entry *database = s.databases.find({key.database});
    entry->payer = database == nullptr ? InvalidOid : database->owner;
    entry->ticket = message.ticket = ++s.root->next_ticket;
  }
  const pg::worker_request request{
      .name = "dynpgext sql runner",
      .type = "dynpgext sql",
      .function = runner_entry_point,
      .flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
      .extra = {reinterpret_cast<const char *>(&message), sizeof message}};
  bool asked = false;
  std::exception_ptr failure;
  try {
    asked = pg::start_process(request);
  } catch (...) {
    failure = std::current_exception();
  }
  if (asked) return true;
  {
    const exclusive lock(s);
    runner_entry *entry = s.runners.find(key);
    if (entry != nullptr && entry->ticket == message.ticket) entry->asked = {};
  }
  if (failure) std::rethrow_exception(failure);
  return false;
}

void bury_runners(const shared &s) {
  for (runner_entry *entry : s.runners.entries()) {
    if (entry->pid != 0 && !pg::process_exists(entry->pid, entry->birth)) {
      attend(s, entry->key.database);
      attend_waiting(s);
      forget_runner_process(s, *entry);
      entry->pid = 0;
      entry->left = false;
    }
    const runner_key key = entry->key;
    if (entry->pid == 0 && !is_on_its_way(*entry)) s.runners.erase(key);
  }
}

bool become_runner(shared &s, const runner_message &message) {
  const exclusive lock(s);
  runner_entry *entry = s.runners.find(message.key);
  if (entry == nullptr || entry->ticket != message.ticket || !entry->asked.is_set()) return false;
  if (is_in_office(*entry) && pg::process_exists(entry->pid, entry->birth)) return false;
  if (entry->pid != 0) forget_runner_process(s, *entry);
  runner_entry next = *entry;
  next.asked = {};
  next.left = false;
  next.pid = MyProcPid;
  next.birth = pg::process_birth(MyProcPid);
  next.busy_since = {};
  next.reported = false;
  note_runner_process(s, next);  // may run out of memory
  *entry = next;
  return true;
}

std::vector<worker_start> take_starts(shared &s, const runner_key &key) {
  std::vector<worker_start> starts;
  for (bool more = true; std::exchange(more, false);) {
    const exclusive lock(s);
    const size_t end = starts.size() + batch;
    for (worker_entry *entry : s.workers.of(key.database)) {
      if (starts.size() == end) {  // others need the lock, too
        more = true;
        break;
      }
      if (is_to_be_served(*entry, key)) (void)begin_run(s, *entry, MyProcPid);
      if (!is_served_here(*entry) || std::exchange(entry->taken, true)) continue;
      worker_start &start = starts.emplace_back();
      start = {identity_of(*entry), definition_of(s, *entry), entry->ticket};
      start.resume_at = std::exchange(entry->resume_at, pg::moment{});
      start.run_interval = entry->run_interval;
      start.began = entry->runs.began;
      const int64 before = std::exchange(entry->scheduled_by, entry->run_interval);
      start.rescheduled = start.resume_at.is_set() && before != entry->run_interval;
    }
  }
  return starts;
}

std::optional<int64> served_interval(const shared &s, const worker_start &w) {
  const reading lock(s);
  const worker_entry *entry = find_served(s, w);
  if (entry == nullptr) return std::nullopt;
  return entry->run_interval;
}

void refuse(shared &s, const worker_start &w, const message_text &error, bool for_good) {
  const exclusive lock(s);
  worker_entry *entry = find_served(s, w);
  if (entry == nullptr) return;
  if (for_good && entry->after == after_end::by_policy) entry->after = after_end::stay;
  record_exit(s, *entry, 1, error);
  release_identity(s, *entry);
}

void note_due(shared &s, const worker_start &w, pg::moment at) {
  const exclusive lock(s);
  if (worker_entry *entry = find_served(s, w)) entry->runs.next_at = at;
}

void note_rescheduled(shared &s, const worker_start &w, pg::moment at, int64 run_interval) {
  const exclusive lock(s);
  worker_entry *entry = find_served(s, w);
  if (entry == nullptr) return;
  entry->runs.next_at = at == pg::moment::never() ? pg::moment{} : at;
  entry->scheduled_by = run_interval;
}

worker_entry *begin_command(shared &s, const runner_key &key, const worker_start &w,
                            std::span<const notified_start> others) {
  const exclusive lock(s);
  for (const notified_start &other : others)
    if (worker_entry *entry = find_served(s, *other.start)) entry->notified_at = other.since;
  worker_entry *entry = find_served(s, w);
  if (entry == nullptr) return nullptr;
  entry->runs.began_at = GetCurrentTimestamp();
  entry->runs.began = pg::moment::now();
  begin_busy(own(s, key), *entry);
  begin_requested(s, *entry);
  return entry;
}

namespace {

bool goes_on(const shared &s, worker_entry &entry) {
  if (!entry.told_at.is_set()) return true;
  record_exit(s, entry, 0, {});
  release_identity(s, entry);
  return false;
}

}  // namespace

bool put_off_command(shared &s, const runner_key &key, worker_entry &entry) {
  const exclusive lock(s);
  end_busy(own(s, key), entry);
  ask_again(s, entry);
  return goes_on(s, entry);
}

ended_command end_command(shared &s, const runner_key &key, worker_entry &entry,
                          const std::optional<command_run> &run) {
  const exclusive lock(s);
  ended_command result;
  runner_entry *runner = own(s, key);
  // first: it allocates, and a run that fails here has not ended
  if (run && runner != nullptr) result.delayed = note_delay(s, *runner, entry, run->delay_limit);
  end_busy(runner, entry);
  entry.notified_at = {};
  if (run) {
    count_run(s, entry, *run);
    if (run->error != nullptr) assign_if_possible(s, entry.error, run->error->view());
    end_requested(s, entry, run->why, run->duration);
  } else if (entry.told_at.is_set()) {
    cancel_run(s, entry);
  } else {
    ask_again(s, entry);
  }
  result.goes_on = goes_on(s, entry);
  return result;
}

bool retire(shared &s, const runner_key &key) {
  const exclusive lock(s);
  for (const worker_entry *entry : s.workers.of(key.database))
    if (is_served_here(*entry) || is_to_be_served(*entry, key)) return false;
  if (runner_entry *entry = own(s, key)) leave_office(*entry);
  return true;
}

bool rest(shared &s, const runner_key &key, const due_starts &due, bool at_once) {
  const exclusive lock(s);
  for (const worker_entry *entry : s.workers.of(key.database)) {
    if (is_to_be_served(*entry, key)) return false;
    if (!is_served_here(*entry)) continue;
    // signalled to end, or new
    if (entry->exited || !entry->taken) return false;
    if (!at_once && entry->run_interval != entry->scheduled_by) return false;
  }
  if (!at_once)
    for (const awaited_worker &w : awaited_workers(s))
      if (is_served_here(*w.entry)) return false;
  for (worker_entry *entry : s.workers.of(key.database)) {
    if (!is_served_here(*entry)) continue;
    entry->pid = 0;
    entry->taken = false;
    entry->rested = true;
    const auto known = due.find(entry->ticket);
    entry->resume_at = known == due.end() ? pg::moment{} : known->second;
    entry->next_start_at = at_once ? pg::moment::now() : entry->resume_at;
  }
  if (runner_entry *entry = own(s, key)) leave_office(*entry);
  changed(s);
  attend(s, key.database);  // the launcher starts them when they are due
  attend_waiting(s);
  return true;
}

void report_runner_exit(shared &s, const runner_key &key, int code,
                        const message_text &error) noexcept {
  (void)pg::swallow("reporting the end of an SQL runner", [&] {
    const exclusive lock(s);
    runner_entry *runner = own(s, key);
    // A retired runner is not responsible for workers that are starting: they wait for its
    // successor.
    const bool in_office = runner != nullptr && is_in_office(*runner);
    if (runner != nullptr) leave_office(*runner);
    const worker_entry *const culprit = runner == nullptr ? nullptr : busy_worker(s, *runner);
    for (worker_entry *entry : s.workers.of(key.database)) {
      if (in_office && is_to_be_served(*entry, key)) {
        if (culprit != nullptr) {
          start_anew(s, *entry);
          continue;
        }
        // workers that it had not taken yet count as started, and as ended in the same way
        if (code != 0) (void)begin_run(s, *entry, MyProcPid);
      }
      if (!is_served_here(*entry) || entry->exited) continue;
      if (culprit == nullptr)
        record_exit(s, *entry, code, error);
      else if (entry == culprit)
        blame(s, *entry, code, error);
      else
        hand_over(s, *entry, *culprit);
    }
  });
}

}  // namespace dynpgext::state
