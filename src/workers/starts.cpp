// Starts of workers: claim, request of a process, start of the process.  Scenarios:
//
//   wanted by a commit or the launcher  claim_start(), then launch.cpp requests a process
//   ahead of the commit                 claim_ahead(); its process waits until let_go()
//   ... which is rolled back            call_off(): the process finds no start, and ends
//   decided on by two processes         the second finds the claim, or another ticket than it has
//                                       decided on, and claims nothing
//   no place for it                     it waits until the launcher finds a place
//   a command on its database           not claimed; the end of the command wakes the launcher
//   its last process still exists       started when that process has gone
//   no process was requested after all  give_back(): as if its process had been lost
//   the process never starts            the launcher finds the claim too old (ends.cpp)
//   the process starts too late         a newer claim has another ticket: it finds no start
//   not to run here, or not yet         postpone(): on a standby, during a restore
#include "pg/process.h"
#include "pg/settings.h"
#include "shared/access.h"
#include "shared/attention.h"
#include "shared/pauses.h"
#include "shared/runners.h"
#include "shared/text.h"
#include "workers/entry.h"
#include "workers/places.h"
#include "workers/workers.h"

namespace dynpgext::state {
namespace {

constinit pulse this_pulse{nullptr, 0, nullptr};
constinit const worker_entry *this_entry = nullptr;

// Makes this process the worker's, unless it must not run.
std::optional<worker_start> take_up(const shared &s, worker_entry &entry,
                                    const worker_identity &id) {
  if (!begin_run(s, entry, MyProcPid)) return std::nullopt;
  // the entry is neither moved in memory nor freed before its process has gone
  this_entry = &entry;
  this_pulse = {&entry.heartbeat, entry.deadline, &entry.barrier};
  return worker_start{id, definition_of(s, entry), entry.ticket};
}

// Does not search by name: the process has only the postmaster's copy of the name, in ASCII.
worker_entry *find_start(const shared &s, const start_reference &start) {
  const auto is_it = [&start](const worker_entry *entry) {
    return entry->ticket == start.ticket && entry->key.home == start.home &&
           entry->key.extension.view() == start.extension;
  };
  for (worker_entry *entry : s.workers.of(start.list))
    if (is_it(entry)) return entry;
  if (OidIsValid(start.home)) return nullptr;
  // the worker may run for another database by now
  for (worker_entry *entry : s.workers.entries())
    if (is_it(entry)) return entry;
  return nullptr;
}

// Is its start prevented: by a command on a database or on its extension, or because nobody can
// connect to its database?  `entry` may be null.
bool is_kept_back(const shared &s, Oid home, const worker_entry *entry) {
  if (is_blocked(s, home) || is_unreachable(s, home)) return true;
  if (entry != nullptr && is_paused(s, *entry)) return true;
  return entry != nullptr && OidIsValid(entry->stopped_for) && is_blocked(s, entry->stopped_for);
}

// Does the worker, as far as is known, run for that database?
bool is_of(const shared &s, const worker_key &key, Oid database) {
  const worker_entry *entry = s.workers.find(key);
  return entry != nullptr && entry->source == database;
}

// The entry, with memory for the definition: the next steps need no more.
worker_entry *insert_ready(const shared &s, const worker_key &key,
                           const model::wanted_worker &wanted) {
  worker_entry *entry = insert_entry(s, key);
  try {
    prepare(s, *entry, *wanted.definition, wanted.owner->version);
  } catch (...) {
    if (entry->ticket == 0 && entry->source == InvalidOid) erase_entry(s, key);
    throw;
  }
  return entry;
}

// Claims a start.  The worker's state allows it.
worker_start claim(const shared &s, worker_entry &entry, const worker_identity &id,
                   const model::wanted_worker &wanted) {
  define(s, entry, wanted);
  entry.after = after_end::by_policy;
  entry.ticket = ++s.root->next_ticket;
  entry.claimed_at = pg::moment::now();
  if (s.root->launcher != MyProcPid) attend(s, entry.links.list);  // in case no process starts
  worker_start start{id, *wanted.definition, entry.ticket};
  start.list = entry.links.list;
  return start;
}

// A worker has reported its end, but its process still exists: starts it when the process has gone,
// because the caller does not decide again.
void start_when_gone(const shared &s, worker_entry &entry) {
  using model::worker_state;
  if (!entry.exited) return;
  if (entry.state != worker_state::failed && entry.state != worker_state::stopped) return;
  entry.after = after_end::renew;
  attend(s, entry.links.list);
}

// Another process has started, stopped or removed the worker since the decision to start it, and it
// may have ended for good: the launcher decides again.
bool is_outdated(const shared &s, const worker_key &key, uint64 decided_on, Oid source) {
  const worker_entry *known = s.workers.find(key);
  if ((known == nullptr ? 0 : known->ticket) == decided_on) return false;
  if (known == nullptr || !model::is_active(known->state))
    attend(s, known == nullptr ? source : known->links.list);
  return true;
}

void wait_for_slot(const shared &s, worker_entry &entry, bool was_waiting, waiting_for for_what) {
  (void)advance(s, entry, model::worker_event::no_slot);
  entry.waits_for = for_what;
  if (!was_waiting) entry.waits_since = entry.rested ? entry.next_start_at : pg::moment::now();
  note_waiting(s, entry);
  // no event for a worker at rest: its next run is only late
  if (!was_waiting && !entry.rested) record(s, entry, "waiting", name_of(for_what));
  changed(s);
}

}  // namespace

void prepare_worker(shared &s, const worker_identity &id, const model::worker &definition,
                    const std::string &version) {
  const exclusive lock(s);
  prepare(s, *insert_entry(s, key_of(id)), definition, version);
}

void forget_prepared(shared &s, const worker_identity &id) noexcept {
  (void)pg::swallow("forgetting a worker", [&] {
    const exclusive lock(s);
    const worker_key key = key_of(id);
    worker_entry *entry = s.workers.find(key);
    if (entry == nullptr) return;
    clear(s, entry->next_texts);
    if (entry->ticket == 0 && entry->source == InvalidOid) erase_entry(s, key);
  });
}

std::optional<worker_start> claim_start(shared &s, const worker_identity &id,
                                        const model::wanted_worker &wanted,
                                        const std::optional<uint64> &decided_on) {
  using model::worker_state;
  pg::settings::define();
  const exclusive lock(s);
  const worker_key key = key_of(id);
  bury_exited(s, key);
  if (wanted.quarantined || !wanted.terms.enabled || wanted.in_restore) return std::nullopt;
  const model::worker *hosted = wanted.definition->hosted ? wanted.definition : nullptr;
  const Oid home = hosted != nullptr ? wanted.source : id.home;  // of its process
  // a hosted worker may have left the database that held it back
  const bool has_moved = hosted != nullptr && OidIsValid(home) && !is_of(s, key, home);
  if (is_kept_back(s, home, has_moved ? nullptr : s.workers.find(key))) return std::nullopt;
  if (is_paused(s, wanted.source, id.extension)) return std::nullopt;
  if (decided_on && is_outdated(s, key, *decided_on, wanted.source)) return std::nullopt;
  worker_entry *entry = insert_ready(s, key, wanted);
  entry->stopped_for = InvalidOid;
  entry->stopped_for_extension = false;
  if (entry->is_leaving()) return std::nullopt;
  if (entry->pid != 0) {
    start_when_gone(s, *entry);
    return std::nullopt;
  }
  if (entry->state == worker_state::disabled || entry->state == worker_state::quarantined) {
    record(s, *entry, entry->state == worker_state::disabled ? "enabled" : "released");
    (void)advance(s, *entry, model::worker_event::reset);
  }
  const bool was_waiting = entry->state == worker_state::waiting;
  const bool rests = is_at_rest(*entry);
  const bool resumes = rests || (was_waiting && entry->rested);
  const bool comes_back = was_waiting || entry->state == worker_state::backoff || rests;
  const waiting_for no_place = full(s, home, hosted);
  const auto event = rests ? model::worker_event::resume : model::worker_event::start;
  if (!advance(s, *entry, event)) return std::nullopt;
  entry->rested = resumes;  // also if it was stopped, or lost, while it resumed
  if (!comes_back) entry->unhealthy_runs = 0;
  if (!comes_back) entry->next_start_at = {};
  worker_start start = claim(s, *entry, id, wanted);
  start.was_waiting = was_waiting;
  start.resumes = resumes;
  start.full = no_place;
  if (no_place != waiting_for::nothing) wait_for_slot(s, *entry, was_waiting, no_place);
  return start;
}

std::optional<worker_start> claim_ahead(shared &s, const worker_identity &id,
                                        const model::wanted_worker &wanted) {
  pg::settings::define();
  const exclusive lock(s);
  const worker_entry *known = s.workers.find(key_of(id));
  if (known != nullptr && (known->ticket != 0 || OidIsValid(known->source))) return std::nullopt;
  if (wanted.quarantined || !wanted.terms.enabled || wanted.in_restore) return std::nullopt;
  if (is_kept_back(s, id.home, known) || full(s, id.home) != waiting_for::nothing)
    return std::nullopt;
  if (is_paused(s, wanted.source, id.extension)) return std::nullopt;
  worker_entry *entry = insert_ready(s, key_of(id), wanted);
  if (!advance(s, *entry, model::worker_event::start)) return std::nullopt;
  entry->held_back = true;
  return claim(s, *entry, id, wanted);
}

void let_go(shared &s, const worker_start &start) {
  const exclusive lock(s);
  worker_entry *entry = s.workers.find(key_of(start.id));
  if (entry == nullptr || entry->ticket != start.ticket) return;
  entry->held_back = false;
  entry->claimed_at = pg::moment::now();
  attend(s, entry->links.list);
  changed(s);
}

void call_off(shared &s, const worker_start &start) noexcept {
  (void)pg::swallow("calling off the start of a worker", [&] {
    const exclusive lock(s);
    const worker_key key = key_of(start.id);
    const worker_entry *entry = s.workers.find(key);
    if (entry == nullptr || entry->ticket != start.ticket || !entry->held_back) return;
    erase_entry(s, key);
    changed(s);
  });
}

void give_back(shared &s, const worker_start &start) noexcept {
  (void)pg::swallow("giving up the start of a worker", [&] {
    const exclusive lock(s);
    worker_entry *entry = s.workers.find(key_of(start.id));
    if (entry == nullptr || entry->ticket != start.ticket) return;
    entry->ticket = ++s.root->next_ticket;
    (void)advance(s, *entry, model::worker_event::lost);
    attend(s, entry->links.list);
    changed(s);
  });
}

void report_no_slot(shared &s, const worker_start &start, bool crowded_out) {
  const exclusive lock(s);
  worker_entry *entry = s.workers.find(key_of(start.id));
  if (entry == nullptr || entry->ticket != start.ticket) return;
  entry->crowded_out = entry->crowded_out || crowded_out;
  wait_for_slot(s, *entry, start.was_waiting, waiting_for::slot);
}

void postpone(shared &s, const worker_identity &id, const model::wanted_worker &wanted) {
  using model::worker_state;
  const bool safe_mode = pg::settings::safe_mode();
  const exclusive lock(s);
  worker_entry *entry = insert_ready(s, key_of(id), wanted);
  if (entry->is_leaving() || entry->pid != 0 || model::is_active(entry->state)) return;
  const bool was_waiting = entry->state == worker_state::waiting;
  const pg::moment since = entry->since;
  (void)advance(s, *entry, model::worker_event::reset);
  if (!advance(s, *entry, model::worker_event::postpone)) return;
  if (was_waiting) entry->since = since;
  define(s, *entry, wanted);
  entry->waits_since = {};
  const waiting_for for_what = safe_mode              ? waiting_for::safe_mode
                               : wanted.in_restore    ? waiting_for::end_of_restore
                               : RecoveryInProgress() ? waiting_for::end_of_recovery
                                                      : waiting_for::standby;
  entry->waits_for = for_what;
  note_waiting(s, *entry);
  if (!was_waiting) record(s, *entry, "waiting", std::string("for ") + name_of(for_what));
}

std::optional<worker_start> come_up(shared &s, const start_reference &start) {
  for (;;) {
    {
      const exclusive lock(s);
      worker_entry *entry = find_start(s, start);
      if (entry == nullptr) return std::nullopt;
      if (!entry->held_back) return take_up(s, *entry, identity_of(*entry));
      pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    }
    pg::call([&s, event = pg::wait_event(pg::wait::start_commit)] {
      (void)ConditionVariableTimedSleep(&s.root->changed, 1000, event);
      ConditionVariableCancelSleep();
    });
  }
}

void note_file(shared &s, const worker_identity &id, uint64 ticket, const std::string &file) {
  const pg::file_identity loaded = pg::identify_file(file.c_str());
  const exclusive lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr || entry->ticket != ticket) return;
  process_entry *process = s.processes.find({MyProcPid});
  if (process == nullptr) return;
  process->file.assign(file);
  process->loaded = loaded;
}

bool am_told_to_end() noexcept {
  if (this_entry == nullptr) return false;
  const volatile worker_entry &entry = *this_entry;
  return entry.told_at.microseconds != 0 && !entry.timed_out;
}

const pulse *my_pulse() { return this_pulse.heartbeat == nullptr ? nullptr : &this_pulse; }

bool is_held(const shared &s, const worker_identity &id) {
  pg::settings::define();
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  return is_kept_back(s, id.home, entry) || full(s, id.home) != waiting_for::nothing;
}

bool waits_in_vain(const shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                   bool no_slots) {
  const model::worker *hosted = wanted.definition->hosted ? wanted.definition : nullptr;
  const Oid home = hosted != nullptr ? wanted.source : id.home;
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr || entry->state != model::worker_state::waiting || entry->is_leaving())
    return false;
  if (!entry->waits_since.is_set()) return false;  // it does not wait for a place
  if (terms_of(*entry) != wanted.terms || entry->source != wanted.source) return false;
  waiting_for no_place = full(s, home, hosted);
  const bool has_process = hosted != nullptr && has_runner(s, runner_of(*hosted, home));
  if (no_place == waiting_for::nothing && no_slots && !has_process) no_place = waiting_for::slot;
  return no_place != waiting_for::nothing && no_place == entry->waits_for;
}

bool is_crowded_out(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  return entry != nullptr && entry->crowded_out;
}

}  // namespace dynpgext::state
