#include "workers/entry.h"

#include "pg/process.h"
#include "shared/access.h"
#include "shared/attention.h"
#include "shared/events.h"
#include "shared/pauses.h"
#include "shared/processes.h"
#include "shared/text.h"
#include "workers/places.h"

namespace dynpgext::state {
namespace {

constexpr std::string_view ended_by_administrator = "57P01";  // admin_shutdown

void wait_for_command(const shared &s, worker_entry &entry, bool of_extension) {
  entry.waits_for = of_extension ? waiting_for::extension_command : waiting_for::database_command;
  entry.waits_since = {};
  note_waiting(s, entry);
  record(s, entry, "waiting", std::string("for ") + name_of(entry.waits_for));
}

}  // namespace

namespace {
global_name name_of(const worker_key &key) {
  return global_worker(key.extension.str(), key.name.str());
}
}  // namespace

worker_entry *insert_entry(const shared &s, const worker_key &key) {
  worker_entry *entry = s.workers.find(key);
  if (entry != nullptr) return entry;
  entry = s.workers.insert(key);
  if (OidIsValid(key.home)) return entry;
  try {
    keep_name(s, name_of(key));
  } catch (...) {
    s.workers.erase(key);
    throw;
  }
  return entry;
}

void erase_entry(const shared &s, const worker_key &key) {
  if (worker_entry *entry = s.workers.find(key)) {
    count_place(s, *entry, true);
    for (shared_text *text : {&entry->texts, &entry->next_texts, &entry->error}) clear(s, *text);
  }
  s.workers.erase(key);
  if (!OidIsValid(key.home)) forget_name(s, name_of(key));
}

bool advance(const shared &s, worker_entry &entry, model::worker_event event) {
  const auto to = model::next(entry.state, event);
  // a worker at rest counts as running without interruption, whichever process runs it
  const bool goes_on = event == model::worker_event::resume ||
                       (entry.rested && event == model::worker_event::come_up);
  if (to && *to != entry.state && !goes_on) entry.since = pg::moment::now();
  if (to) entry.state = *to;
  count_place(s, entry);
  return to.has_value();
}

void record(const shared &s, const worker_entry &entry, std::string_view what,
            std::string_view detail) {
  record(s, event{model::object_kind::worker, entry.key.home, entry.key.extension.view(),
                  entry.key.name.view(), what, detail});
}

namespace {

// The definition of a process, besides the key: packed texts, and members copied as they are.
using model::worker;
constexpr std::tuple texts{&worker::type, &worker::library, &worker::function, &worker::extra};
constexpr std::tuple definition_members{
    std::pair(&worker::flags, &worker_entry::flags),
    std::pair(&worker::start, &worker_entry::start),
    std::pair(&worker::notify, &worker_entry::notify),
    std::pair(&worker::has_callback, &worker_entry::has_callback),
    std::pair(&worker::argument, &worker_entry::argument),
    std::pair(&worker::deadline, &worker_entry::deadline),
    std::pair(&worker::role, &worker_entry::role),
    std::pair(&worker::hosted, &worker_entry::hosted),
    std::pair(&worker::process, &worker_entry::process)};
constexpr size_t in_key = 3;  // extension, name and scope
static_assert(std::tuple_size_v<decltype(texts)> + std::tuple_size_v<decltype(definition_members)> +
                  in_key ==
              model::count_without(model::members<worker>, model::not_of_process));

// The texts of an entry are packed one after the other, each behind its length.
std::string_view bytes_of(const std::string &text) { return text; }
std::string_view bytes_of(const std::array<char, model::worker_extra_size> &extra) {
  const std::string_view all(extra.data(), extra.size());
  return all.substr(0, all.find_last_not_of('\0') + 1);
}
void append(std::string &packed, std::string_view text) {
  const auto size = static_cast<uint16>(std::min<size_t>(text.size(), UINT16_MAX));
  packed.append(reinterpret_cast<const char *>(&size), sizeof size);
  packed.append(text.substr(0, size));
}
std::string pack(const worker &definition, const std::string &version) {
  std::string packed;
  append(packed, version);
  std::apply([&](const auto &...m) { (append(packed, bytes_of(definition.*m)), ...); }, texts);
  return packed;
}

std::string_view take(std::string_view &packed) {
  uint16 size = 0;
  if (packed.size() < sizeof size) return {};  // the entry has no definition yet
  std::memcpy(&size, packed.data(), sizeof size);
  const std::string_view text = packed.substr(sizeof size, size);
  packed.remove_prefix(sizeof size + size);
  return text;
}
void copy(std::string_view text, std::string &to) { to = text; }
void copy(std::string_view text, std::array<char, model::worker_extra_size> &to) {
  text.copy(to.data(), to.size());
}

}  // namespace

void run_for(const shared &s, worker_entry &entry, Oid database, int64 incarnation) {
  // while an SQL runner serves it, it stays in the list that the runner searches
  const bool is_served = entry.hosted && entry.pid != 0;
  if (!OidIsValid(entry.key.home) && !is_served) s.workers.move(entry, database);
  entry.source = database;
  entry.incarnation = incarnation;
}

void define(const shared &s, worker_entry &entry, const model::wanted_worker &wanted) {
  // only this can fail
  const std::string packed = pack(*wanted.definition, wanted.owner->version);
  if (view(s, entry.next_texts) == packed)
    move(s, entry.next_texts, entry.texts);
  else
    assign(s, entry.texts, packed);
  set_terms(entry, wanted.terms);
  run_for(s, entry, wanted.source, wanted.owner->incarnation);
  std::apply([&](const auto &...m) { ((entry.*m.second = (*wanted.definition).*m.first), ...); },
             definition_members);
  count_place(s, entry);
}

void prepare(const shared &s, worker_entry &entry, const model::worker &definition,
             const std::string &version) {
  const std::string packed = pack(definition, version);
  if (view(s, entry.texts) != packed) assign(s, entry.next_texts, packed);
}

namespace {

std::string version_in(std::string_view packed) { return std::string(take(packed)); }

model::worker definition_in(const worker_entry &entry, std::string_view packed) {
  model::worker w;
  w.extension = entry.key.extension.str();
  w.name = entry.key.name.str();
  w.scope = OidIsValid(entry.key.home) ? model::scope::database : model::scope::global;
  (void)take(packed);  // the version
  std::apply([&](const auto &...m) { (copy(take(packed), w.*m), ...); }, texts);
  std::apply([&](const auto &...m) { ((w.*m.first = entry.*m.second), ...); }, definition_members);
  return w;
}

}  // namespace

std::string version_of(const shared &s, const worker_entry &entry) {
  return version_in(view(s, entry.texts));
}
std::string version_of(const worker_copy &copy) { return version_in(copy.texts); }

model::worker definition_of(const shared &s, const worker_entry &entry) {
  return definition_in(entry, view(s, entry.texts));
}
model::worker definition_of(const worker_copy &copy) {
  return definition_in(copy.entry, copy.texts);
}

worker_copy copy_of(const shared &s, const worker_entry &entry) {
  return {entry, std::string(view(s, entry.texts))};
}

model::worker_terms terms_of(const worker_entry &entry) {
  return {true, entry.restart, entry.restart_delay, entry.run_interval};
}

void set_terms(worker_entry &entry, const model::worker_terms &terms) {
  entry.restart = terms.restart;
  entry.restart_delay = terms.restart_delay;
  entry.run_interval = terms.run_interval;
}

namespace {

// DROP DATABASE ... WITH (FORCE) terminates sessions, and may then wait five seconds for others
// before it fails.
constexpr std::chrono::seconds command_patience(6);

void note_ended_in(const shared &s, worker_entry &entry, Oid database) {
  entry.ended_in = database;
  if (database_entry *ended = s.databases.find({database}))
    ended->ended_until = pg::moment::now() + command_patience;
}

}  // namespace

bool was_just_ended(const worker_entry &entry) {
  return OidIsValid(entry.ended_in) && pg::moment::now() - entry.ended < command_patience;
}

bool begin_run(const shared &s, worker_entry &entry, pid_t process) {
  const bool is_free = !is_blocked(s, database_of(entry));
  if (!is_free || is_paused(s, entry)) {  // since the process was requested
    if (advance(s, entry, model::worker_event::no_slot)) wait_for_command(s, entry, is_free);
    changed(s);
    return false;
  }
  if (entry.is_leaving() || entry.pid != 0 ||
      !model::next(entry.state, model::worker_event::come_up))
    return false;
  settle_words(s, entry);
  if (!entry.hosted) note_process(s, process, entry.key);
  (void)advance(s, entry, model::worker_event::come_up);
  entry.pid = process;
  count_place(s, entry);
  entry.pid_birth = 0;
  entry.taken = false;
  entry.busy = false;
  if (!entry.resume_at.is_set()) entry.runs.next_at = {};
  entry.notified_at = {};
  entry.crowded_out = false;
  entry.exited = false;
  entry.timed_out = false;
  entry.ended_in = InvalidOid;
  pg_atomic_init_u64(&entry.heartbeat, static_cast<uint64>(pg::moment::now().microseconds));
  pg_atomic_init_u32(&entry.barrier, 0);
  const bool comes_back = entry.next_start_at.is_set();
  entry.next_start_at = {};
  if (!std::exchange(entry.rested, false)) {  // a worker at rest counts as running all the time
    entry.last_started_at = GetCurrentTimestamp();
    entry.began = pg::moment::now();
    record(s, entry, comes_back ? "restarted" : "started", "pid " + std::to_string(process));
    ++entry.starts;
    entry.delays = false;
  }
  changed(s);
  attend(s, entry.links.list);
  return true;
}

namespace {

// Did the worker end as we requested: by the usual end after SIGTERM, or as authors' own handlers
// end a process?
bool ended_as_told(const worker_entry &entry, int code, const message_text &error) {
  if (!entry.told_at.is_set() || entry.timed_out) return false;
  return code == 1 && (error.view().empty() || error.view().starts_with(ended_by_administrator));
}

}  // namespace

void record_exit(const shared &s, worker_entry &entry, int code, const message_text &reported) {
  const bool is_well = ended_as_told(entry, code, reported);
  if (is_well) code = 0;
  message_text error = is_well ? message_text{} : reported;
  (void)advance(s, entry,
                code == 0 ? model::worker_event::exit_ok : model::worker_event::exit_fault);
  entry.exited = true;
  entry.rested = false;
  entry.busy = false;
  const pg::moment due = std::exchange(entry.runs.next_at, pg::moment{});
  entry.pid_birth = pg::process_birth(MyProcPid);
  entry.last_exited_at = GetCurrentTimestamp();
  entry.ended = pg::moment::now();
  entry.last_exit_code = code;
  if (entry.timed_out)
    snprintf(error.bytes, sizeof error.bytes,
             "57P01: no heartbeat within its deadline of " INT64_FORMAT " ms", entry.deadline);
  // the last error of an SQL worker's command is kept when the worker ends normally
  const bool has_error = !entry.hosted || code != 0;
  if (has_error) say_last_words(s, entry, error);
  char detail[sizeof(event_entry::detail)];
  const char *why = has_error ? error.bytes : "";
  snprintf(detail, sizeof detail, "code %d%s%s", code, why[0] != '\0' ? "; " : "", why);
  record(s, entry, "exited", detail);
  // The server itself has ended it for a command on the database: one replayed on a standby, or
  // possibly one WITH (FORCE).
  constexpr std::string_view replayed = "57P04";  // database_dropped
  const bool by_others =
      entry.after == after_end::by_policy && !entry.told_at.is_set() && code != 0;
  if (by_others && error.view().starts_with(replayed)) entry.after = after_end::wait;
  if (by_others && error.view().starts_with(ended_by_administrator))
    note_ended_in(s, entry, MyDatabaseId);
  // Others may repeat such commands without limit: they must not delay the next run.
  if (entry.after == after_end::wait && !entry.stopped_for_extension)
    entry.resume_at = entry.runs.next_at = due;
  settle_end(s, entry);
  changed(s);
  attend(s, entry.links.list);
}

void tell_to_end(const shared &s, worker_entry &entry, std::string_view detail) {
  if (!entry.told_at.is_set()) {
    entry.told_at = pg::moment::now();
    record(s, entry, "stopping", detail);
  }
  attend(s, entry.links.list);  // the launcher handles workers that do not end
  if (!entry.hosted) return pg::terminate_process(entry.pid);
  const pid_t runner = entry.pid;
  if (!entry.busy) {
    record_exit(s, entry, 0, {});
    release_identity(s, entry);
  }
  if (runner != 0) pg::nudge_process(runner);
}

void make_way(const shared &s, worker_entry &entry, Oid database, command_on what) {
  const bool for_extension = what == command_on::extension;
  entry.stopped_for = database;
  entry.stopped_for_extension = for_extension;
  if (entry.after == after_end::by_policy) entry.after = after_end::wait;
  (void)advance(s, entry, model::worker_event::stop);
  tell_to_end(s, entry,
              for_extension ? "for a command on its extension" : "for a command on the database");
}

void changed(const shared &s) {
  pg::call([&s] { ConditionVariableBroadcast(&s.root->changed); });
}

void release_identity(const shared &s, worker_entry &entry) {
  settle_words(s, entry);
  forget_process(s, entry);
  attend(s, entry.links.list);
  attend_waiting(s);
  entry.pid = 0;
  count_place(s, entry);
  entry.exited = false;
  entry.told_at = {};
  entry.overdue = false;
  entry.stuck = false;
  switch (entry.after) {
    case after_end::by_policy:
    case after_end::stay: return;
    case after_end::vanish: {
      const worker_key key = entry.key;
      erase_entry(s, key);
      return;
    }
    case after_end::renew: (void)advance(s, entry, model::worker_event::reset); break;
    case after_end::wait:
      (void)advance(s, entry, model::worker_event::reset);
      if (advance(s, entry, model::worker_event::postpone))
        wait_for_command(s, entry, entry.stopped_for_extension);
      break;
    case after_end::disable:
      if (advance(s, entry, model::worker_event::disable)) record(s, entry, "disabled");
      break;
    case after_end::quarantine:
      if (advance(s, entry, model::worker_event::quarantine)) record(s, entry, "quarantined");
      break;
  }
  entry.after = after_end::by_policy;
}

void settle_end(const shared &s, worker_entry &entry) {
  using model::worker_state;
  if (entry.after != after_end::by_policy) return;
  if (entry.state != worker_state::stopped && entry.state != worker_state::failed) return;
  const bool failed = entry.state == worker_state::failed || entry.timed_out;
  if (!entry.ended.is_set() || !model::restarts(entry.restart, failed)) return;
  const int64 ran = (entry.ended - entry.began).count() / 1000;
  if (model::is_healthy(ran, s.root->longest_delay)) entry.unhealthy_runs = 0;
  const int64 delay =
      model::restart_delay(terms_of(entry), entry.unhealthy_runs, s.root->longest_delay,
                           pg_prng_double(&pg_global_prng_state));
  if (!advance(s, entry, model::worker_event::back_off)) return;
  ++entry.unhealthy_runs;
  entry.next_start_at = entry.ended + std::chrono::milliseconds(delay);
  char detail[64];
  snprintf(detail, sizeof detail, "restart in " INT64_FORMAT " ms", delay);
  record(s, entry, "backoff", detail);
}

std::vector<worker_entry *> workers_with_process(const shared &s) {
  std::vector<worker_entry *> found;
  for (const process_entry *process : s.processes.entries()) {
    worker_entry *entry = s.workers.find(process->worker);
    if (entry != nullptr && entry->pid == process->key.pid) found.push_back(entry);
  }
  return found;
}

void bury_exited(shared &s, const worker_key &key) {
  worker_entry *entry = s.workers.find(key);
  if (entry != nullptr && entry->exited && !pg::process_exists(entry->pid, entry->pid_birth))
    release_identity(s, *entry);
}

}  // namespace dynpgext::state
