#include "state/workers.h"

#include "pg/worker.h"

namespace dynpgext::state {
namespace {

// A start that no process has come of for so long has been lost (the postmaster could not
// fork, or gave up at a shutdown); one that comes later finds its ticket void.
constexpr int64 lost_after_microseconds = 30 * INT64CONST(1000000);

// Does the event, if it can happen; returns whether it could.
bool advance(worker_entry &entry, model::worker_event event) {
  const auto to = model::next(entry.state, event);
  if (to) entry.state = *to;
  return to.has_value();
}

void define(worker_entry &entry, const model::wanted_worker &wanted) {
  const model::worker &w = *wanted.definition;
  entry.version.assign(wanted.owner->version);
  entry.source = wanted.source;
  entry.incarnation = wanted.owner->incarnation;
  entry.type.assign(w.type);
  entry.library.assign(w.library);
  entry.function.assign(w.function);
  entry.flags = w.flags;
  entry.start = w.start;
  entry.notify = w.notify;
  entry.has_callback = w.has_callback;
  std::memcpy(entry.extra, w.extra.data(), sizeof entry.extra);
  entry.argument = w.argument;
}

model::worker definition_of(const worker_entry &entry) {
  model::worker w;
  w.extension = entry.key.extension.str();
  w.name = entry.key.name.str();
  w.type = entry.type.str();
  w.scope = OidIsValid(entry.key.home) ? model::scope::database : model::scope::global;
  w.library = entry.library.str();
  w.function = entry.function.str();
  w.flags = entry.flags;
  w.start = entry.start;
  w.notify = entry.notify;
  w.has_callback = entry.has_callback;
  std::memcpy(w.extra.data(), entry.extra, w.extra.size());
  w.argument = entry.argument;
  return w;
}

void changed(const shared &s) {
  pg::call([&s] { ConditionVariableBroadcast(&s.root->changed); });
}

void wake_launcher_locked(const shared &s) {
  if (s.root->launcher != 0 && s.root->launcher_latch != nullptr) SetLatch(s.root->launcher_latch);
}

// The process is gone: nothing holds the identity any more.
void release_identity(shared &s, worker_entry &entry) {
  entry.pid = 0;
  entry.exited = false;
  if (entry.leaving) {
    const worker_key key = entry.key;
    s.workers.erase(key);
  } else if (entry.renewing) {
    entry.renewing = false;
    (void)advance(entry, model::worker_event::reset);
  }
}

// Forgets a process that has reported its end and is gone by now.
void bury_exited(shared &s, const worker_key &key) {
  worker_entry *entry = s.workers.find(key);
  if (entry != nullptr && entry->exited && !pg::process_exists(entry->pid, entry->pid_birth))
    release_identity(s, *entry);
}

// This process becomes the worker's, unless it must not.
std::optional<worker_start> take_up(const shared &s, worker_entry &entry,
                                    const worker_identity &id) {
  if (entry.leaving || entry.pid != 0 || !advance(entry, model::worker_event::come_up))
    return std::nullopt;
  entry.pid = MyProcPid;
  entry.pid_birth = 0;
  entry.crowded_out = false;
  entry.exited = false;
  ++entry.starts;
  entry.last_started_at = GetCurrentTimestamp();
  changed(s);
  return worker_start{id, definition_of(entry), entry.ticket, false};
}

}  // namespace

worker_key key_of(const worker_identity &id) {
  worker_key key{};
  key.home = id.home;
  key.extension.assign(id.extension);
  key.name.assign(id.name);
  return key;
}

std::vector<model::live_worker> live_workers(const shared &s) {
  std::vector<model::live_worker> result;
  for (const worker_entry *entry : s.workers.entries()) {
    if (entry->ticket == 0 && entry->source == InvalidOid) continue;  // only prepared
    if (entry->held_back) continue;                                   // not committed yet
    result.push_back({entry->key.home, definition_of(*entry), entry->version.str(), entry->source,
                      entry->incarnation, entry->state, entry->leaving || entry->renewing,
                      entry->ticket});
  }
  return result;
}

void prepare_worker(shared &s, const worker_identity &id) {
  const exclusive lock(s);
  (void)s.workers.insert(key_of(id));
}

void forget_prepared(shared &s, const worker_identity &id) noexcept {
  (void)pg::swallow("forgetting a worker", [&] {
    const exclusive lock(s);
    const worker_key key = key_of(id);
    const worker_entry *entry = s.workers.find(key);
    if (entry != nullptr && entry->ticket == 0 && entry->source == InvalidOid) s.workers.erase(key);
  });
}

std::optional<worker_start> claim_start(shared &s, const worker_identity &id,
                                        const model::wanted_worker &wanted) {
  const exclusive lock(s);
  const worker_key key = key_of(id);
  bury_exited(s, key);
  worker_entry *entry = s.workers.insert(key);
  if (entry->leaving || entry->renewing || entry->pid != 0) return std::nullopt;
  const bool was_waiting = entry->state == model::worker_state::waiting;
  if (!advance(*entry, model::worker_event::start)) return std::nullopt;
  define(*entry, wanted);
  entry->ticket = ++s.root->next_ticket;
  entry->claimed_at = GetCurrentTimestamp();
  return worker_start{id, *wanted.definition, entry->ticket, was_waiting};
}

std::optional<worker_start> claim_ahead(shared &s, const worker_identity &id,
                                        const model::wanted_worker &wanted) {
  const exclusive lock(s);
  worker_entry *entry = s.workers.insert(key_of(id));
  if (entry->ticket != 0 || OidIsValid(entry->source)) return std::nullopt;
  if (!advance(*entry, model::worker_event::start)) return std::nullopt;
  define(*entry, wanted);
  entry->ticket = ++s.root->next_ticket;
  entry->held_back = true;
  return worker_start{id, *wanted.definition, entry->ticket, false};
}

void let_go(shared &s, const worker_start &start) {
  const exclusive lock(s);
  worker_entry *entry = s.workers.find(key_of(start.id));
  if (entry == nullptr || entry->ticket != start.ticket) return;
  entry->held_back = false;
  entry->claimed_at = GetCurrentTimestamp();
  changed(s);
}

void call_off(shared &s, const worker_start &start) noexcept {
  (void)pg::swallow("calling off the start of a worker", [&] {
    const exclusive lock(s);
    const worker_key key = key_of(start.id);
    const worker_entry *entry = s.workers.find(key);
    if (entry == nullptr || entry->ticket != start.ticket || !entry->held_back) return;
    s.workers.erase(key);
    changed(s);
  });
}

void report_no_slot(shared &s, const worker_start &start, bool crowded_out) {
  const exclusive lock(s);
  worker_entry *entry = s.workers.find(key_of(start.id));
  if (entry == nullptr || entry->ticket != start.ticket) return;
  (void)advance(*entry, model::worker_event::no_slot);
  entry->crowded_out = entry->crowded_out || crowded_out;
  changed(s);
}

void postpone(shared &s, const worker_identity &id, const model::wanted_worker &wanted) {
  const exclusive lock(s);
  worker_entry *entry = s.workers.insert(key_of(id));
  if (entry->leaving || entry->renewing || entry->pid != 0) return;
  if (advance(*entry, model::worker_event::postpone)) define(*entry, wanted);
}

bool stop(shared &s, const worker_identity &id, stop_reason reason, std::optional<uint64> ticket) {
  const exclusive lock(s);
  const worker_key key = key_of(id);
  bury_exited(s, key);
  worker_entry *entry = s.workers.find(key);
  if (entry == nullptr || (ticket && entry->ticket != *ticket)) return false;
  const bool had_process = entry->pid != 0 && !entry->exited;
  const bool stopped = advance(*entry, model::worker_event::stop);
  if (!had_process && entry->state == model::worker_state::stopped)
    entry->ticket = ++s.root->next_ticket;
  entry->leaving = entry->leaving || reason == stop_reason::dropped;
  entry->renewing = reason == stop_reason::renewed;
  if (had_process)
    pg::terminate_process(entry->pid);
  else if (entry->pid == 0)
    release_identity(s, *entry);
  changed(s);
  if (reason == stop_reason::renewed) wake_launcher_locked(s);
  return stopped || had_process;
}

std::optional<worker_start> come_up(shared &s, const worker_identity &id, uint64 ticket) {
  for (;;) {
    {
      const exclusive lock(s);
      worker_entry *entry = s.workers.find(key_of(id));
      if (entry == nullptr || entry->ticket != ticket) return std::nullopt;
      if (!entry->held_back) return take_up(s, *entry, id);
      pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    }
    pg::call([&s] {
      (void)ConditionVariableTimedSleep(&s.root->changed, 1000, PG_WAIT_EXTENSION);
      ConditionVariableCancelSleep();
    });
  }
}

void report_exit(shared &s, const worker_identity &id, uint64 ticket, int code,
                 const message_text &error) noexcept {
  (void)pg::swallow("reporting a worker's end", [&] {
    const exclusive lock(s);
    worker_entry *entry = s.workers.find(key_of(id));
    if (entry == nullptr || entry->ticket != ticket || entry->pid != MyProcPid) return;
    (void)advance(*entry,
                  code == 0 ? model::worker_event::exit_ok : model::worker_event::exit_fault);
    entry->exited = true;
    entry->pid_birth = pg::process_birth(MyProcPid);
    entry->last_exited_at = GetCurrentTimestamp();
    entry->last_exit_code = code;
    entry->last_error = error;
    changed(s);
    wake_launcher_locked(s);
  });
}

bool bury(shared &s) {
  const exclusive lock(s);
  const TimestampTz now = GetCurrentTimestamp();
  bool dying = false;
  for (worker_entry *entry : s.workers.entries()) {
    if (entry->pid != 0) {
      if (pg::process_exists(entry->pid, entry->pid_birth)) {
        dying = dying || entry->exited;
        continue;
      }
      // Gone without a word: that is for the postmaster to judge, and it restarts everything
      // when it was a crash.  Here it only must not look alive.
      if (!entry->exited) (void)advance(*entry, model::worker_event::exit_fault);
      release_identity(s, *entry);
      changed(s);
    } else if (entry->state == model::worker_state::starting && !entry->held_back &&
               now - entry->claimed_at > lost_after_microseconds) {
      entry->ticket = ++s.root->next_ticket;
      (void)advance(*entry, model::worker_event::lost);
      changed(s);
    }
  }
  return dying;
}

std::optional<worker_status> status_of(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr) return std::nullopt;
  return worker_status{entry->state, entry->pid, entry->pid_birth};
}

bool is_crowded_out(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  return entry != nullptr && entry->crowded_out;
}

void settle_workers(shared &s, const std::vector<model::desired_database> &desired) {
  for (const model::wanted_worker &wanted : model::wanted_workers(desired, live_workers(s), {})) {
    if (wanted.definition->scope != model::scope::global) continue;
    worker_entry *entry =
        s.workers.find(key_of({InvalidOid, wanted.definition->extension, wanted.definition->name}));
    if (entry == nullptr || entry->source == wanted.source || !OidIsValid(entry->source)) continue;
    if (!(definition_of(*entry) == *wanted.definition) ||
        entry->version.view() != wanted.owner->version)
      continue;
    entry->source = wanted.source;
    entry->incarnation = wanted.owner->incarnation;
  }
}

bool has_process(const worker_status &status) {
  return model::is_active(status.state) || pg::process_exists(status.pid, status.pid_birth);
}

}  // namespace dynpgext::state
