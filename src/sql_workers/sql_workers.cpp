#include "sql_workers/sql_workers.h"

#include <map>

#include "catalog/identity.h"
#include "catalog/store.h"
#include "guard/guard.h"
#include "pg/fault.h"
#include "pg/notification.h"
#include "pg/settings.h"
#include "pg/sql_command.h"
#include "pg/transaction.h"
#include "pg/worker.h"
#include "shared/databases.h"
#include "shared/last_words.h"
#include "workers/delays.h"
#include "workers/run_requests.h"

namespace dynpgext::supervision {
namespace {

// A standby receives no notifications; this is the time between checks for a promotion.
constexpr long standby_naptime_milliseconds = 1000;

// The shortest pause for which a process ends and a new one starts.
constexpr std::chrono::milliseconds short_rest(200);

struct registered {
  model::command command;
  std::string why_not;  // its identity does not permit it to run
};

std::vector<registered> registered_commands() {
  std::vector<registered> all;
  pg::begin_transaction();
  pg::limit_lock_waits();
  if (const auto store = catalog::store::open()) {
    const auto identities = store->read_identities();
    for (model::command &c : store->read_commands({})) {
      std::string why = catalog::why_not(c, identities);
      all.push_back({std::move(c), std::move(why)});
    }
  }
  pg::commit_transaction();
  return all;
}

// By extension and worker.
using commands_by_name =
    std::map<std::pair<std::string_view, std::string_view>, const registered *>;
commands_by_name by_name(const std::vector<registered> &all) {
  commands_by_name result;
  for (const registered &r : all) result.try_emplace({r.command.extension, r.command.worker}, &r);
  return result;
}

// The command registered for the worker; nullptr if it differs from the one at its start.
const registered *command_of(const state::worker_start &w, const commands_by_name &all) {
  const auto found = all.find({w.id.extension, w.id.name});
  if (found == all.end() || !model::is_bound(w.definition, found->second->command)) return nullptr;
  return found->second;
}

// For pg_stat_activity.
std::string label_of(const state::worker_identity &id) {
  return "dynpgext: " + id.extension + "/" + id.name;
}

// A worker that continues from another process keeps the time at which it was due there, possibly
// long ago.
pg::moment first_run(const state::worker_start &start, const model::command &command,
                     pg::moment now) {
  const bool waits = command.first_run == model::after_interval;
  const std::chrono::milliseconds after(waits ? command.interval : command.first_run);
  if (!start.resume_at.is_set()) return now + after;
  return std::min(start.resume_at,
                  now + std::max(after, std::chrono::milliseconds(command.interval)));
}

}  // namespace

void sql_workers::follow() {
  std::erase_if(workers_, [this](worker &w) {
    pg::serve_interrupts();  // there may be thousands of workers
    const std::optional<int64> run_interval = state::served_interval(shared_, w.start);
    if (run_interval && *run_interval != w.start.run_interval) follow_interval(w, *run_interval);
    return !run_interval;
  });
  take_starts();
  keep_channels();
  take_requests();
}

// configure_worker() has set another interval.
void sql_workers::follow_interval(worker &w, int64 run_interval) {
  w.start.run_interval = run_interval;
  w.command.interval = run_interval != 0 ? run_interval : w.registered_interval;
  if (w.command.interval == 0)
    w.next_at = pg::moment::never();
  else
    w.next_at = {model::due_by_new_interval(w.next_at.microseconds, w.start.began.microseconds,
                                            pg::moment::now().microseconds, w.command.interval)};
  state::note_rescheduled(shared_, w.start, w.next_at, run_interval);
}

void sql_workers::take_starts() {
  const std::vector<state::worker_start> started = state::take_starts(shared_, runner_);
  if (started.empty()) return;
  DYNPGEXT_FAULT_POINT("runner.taken");
  if (runner_.worker != 0) pg::name_application(label_of(started.front().id));
  const std::vector<registered> all = registered_commands();
  const commands_by_name names = by_name(all);
  const pg::moment now = pg::moment::now();
  for (const state::worker_start &start : started) {
    pg::serve_interrupts();
    const registered *found = command_of(start, names);
    if (found == nullptr || !found->why_not.empty()) {
      const char *text = found == nullptr ? "its command is not registered, or is another one"
                                          : found->why_not.c_str();
      state::message_text why;
      const bool has_role = found != nullptr && OidIsValid(found->command.identity.role);
      state::keep_words(has_role ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_UNDEFINED_OBJECT, text,
                        &why);
      state::refuse(shared_, start, why, found != nullptr);
      continue;
    }
    worker w{start, found->command, found->command.interval};
    const model::command &command = w.command;
    if (start.run_interval != 0) w.command.interval = start.run_interval;
    // notifications may have been missed
    if (command.interval == 0)
      w.notify(start.resume_at.is_set() ? std::min(start.resume_at, now) : now);
    else if (start.resume_at.is_set() && !command.channel.empty())
      w.notify(now);
    if (command.interval > 0) w.next_at = first_run(start, command, now);
    if (start.rescheduled)
      follow_interval(w, start.run_interval);
    else if (command.interval > 0)
      state::note_due(shared_, start, w.next_at);
    workers_.push_back(std::move(w));
  }
}

// A session that waits for a run counts as a notification.
void sql_workers::take_requests() {
  const std::vector<state::worker_identity> wanted = state::wanted_runs(shared_);
  const pg::moment now = pg::moment::now();
  for (const state::worker_identity &id : wanted)
    for (worker &w : workers_)
      if (w.start.id == id) w.notify(now);
}

void sql_workers::keep_channels() {
  std::set<std::string> wanted;
  if (!RecoveryInProgress())
    for (const worker &w : workers_)
      if (!w.command.channel.empty()) wanted.insert(w.command.channel);
  if (wanted == channels_) return;
  const std::set<std::string> before = std::exchange(channels_, wanted);
  pg::begin_transaction();
  for (const std::string &channel : wanted)
    if (before.count(channel) == 0) pg::listen(channel);
  for (const std::string &channel : before)
    if (wanted.count(channel) == 0) pg::unlisten(channel);
  pg::commit_transaction();
  // earlier notifications were missed, for example on a standby
  const pg::moment now = pg::moment::now();
  for (worker &w : workers_)
    if (wanted.count(w.command.channel) != 0 && before.count(w.command.channel) == 0) w.notify(now);
}

bool sql_workers::is_deaf() const {
  return channels_.empty() && std::any_of(workers_.begin(), workers_.end(), [](const worker &w) {
           return !w.command.channel.empty();
         });
}

void sql_workers::hear() {
  if (is_deaf() && !RecoveryInProgress()) keep_channels();  // promoted
  if (!pg::has_notifications()) return;
  const pg::moment now = pg::moment::now();
  for (const std::string &channel : pg::take_notifications())
    for (worker &w : workers_)
      if (w.command.channel == channel) w.notify(now);
}

sql_workers::outcome sql_workers::run_one() {
  const auto due =
      std::min_element(workers_.begin(), workers_.end(),
                       [](const worker &a, const worker &b) { return a.due_at() < b.due_at(); });
  if (due == workers_.end() || due->due_at() > pg::moment::now()) return outcome::none;
  const after_run then = run(*due);
  if (then == after_run::stale) return outcome::stale;
  if (then == after_run::ends) {
    workers_.erase(due);
    keep_channels();
  }
  return outcome::ran;
}

// Notifications and requests for other workers that shared memory does not have yet.
std::vector<state::notified_start> sql_workers::take_notified(const worker &but) {
  std::vector<state::notified_start> found;
  for (worker &w : workers_)
    if (&w != &but && std::exchange(w.is_unpublished, false))
      found.push_back({&w.start, w.notified_at});
  return found;
}

void sql_workers::report_delay(const worker &w, const state::held_up &delayed) {
  const std::string how_long = std::to_string(delayed.longest.count() / 1000) + " ms";
  pg::log(WARNING,
          "SQL worker \"" + w.command.worker + "\" of extension \"" + w.command.extension +
              "\" has delayed " + state::others(delayed.count) + " for up to " + how_long,
          "Commands of one database and role run one after the other. Consider shorter runs, a "
          "deadline, or a process of its own (\"process\": \"own\").");
}

sql_workers::after_run sql_workers::run(worker &w) {
  state::worker_entry *entry = state::begin_command(shared_, runner_, w.start, take_notified(w));
  if (entry == nullptr) return after_run::ends;
  const model::command &command = w.command;
  state::command_run run{.began_at = GetCurrentTimestamp()};
  run.delay_limit = std::chrono::milliseconds(pg::settings::delay_warning_milliseconds());
  const pg::moment began = pg::moment::now();
  const pg::moment notified_at = std::exchange(w.notified_at, pg::moment::never());
  w.is_unpublished = false;
  const pg::moment next_at = w.next_at;
  w.start.began = began;
  if (w.next_at <= began)
    w.next_at = {model::next_run(w.next_at.microseconds, began.microseconds, command.interval)};
  const pg::sql_command what{.sql = command.sql,
                             .extension = command.extension,
                             .role = {.role = command.identity.role,
                                      .registered_by = command.identity.registered_by,
                                      .superuser = command.identity.superuser,
                                      .without_login = command.identity.without_login,
                                      .by_hand = command.identity.by_hand,
                                      .schemas = command.schemas,
                                      .decided_in = command.identity.decided_in,
                                      .owners = command.identity.owners,
                                      .foreign_owner = command.identity.foreign_owner},
                             .atomic = command.atomic,
                             .label = label_of(w.start.id),
                             .context = "SQL worker \"" + command.worker + "\" of extension \"" +
                                        command.extension + "\"",
                             .deadline = command.deadline,
                             .failure_level = entry->runs.failing ? DEBUG1 : WARNING,
                             .told_at = &entry->told_at};
  pg::failure why;
  pg::command_end end{};
  {
    const state::guarded_command guard(entry->key, command.identity.role);
    end = pg::run_command(what, &why);
  }
  // the visit adds the new owner to the recorded owners of the commands
  if (pg::has_met_new_owner()) (void)state::want_visit(shared_, runner_.database);
  const auto next = [](bool goes_on) { return goes_on ? after_run::goes_on : after_run::ends; };
  if (end == pg::command_end::called_off)
    return next(state::end_command(shared_, runner_, *entry, {}).goes_on);
  if (end == pg::command_end::stale) {
    // it has not run, and stays due at the same time
    w.notify(notified_at);
    w.next_at = next_at;
    return state::put_off_command(shared_, runner_, *entry) ? after_run::stale : after_run::ends;
  }
  run.duration = (pg::moment::now() - began).count();
  if (w.next_at != pg::moment::never()) run.next_at = w.next_at;
  state::message_text error{};
  if (end != pg::command_end::done) {
    state::keep_words(why.sqlstate, why.message.c_str(), &error);
    run.error = &error;
    run.why = &why;
  }
  DYNPGEXT_FAULT_POINT("runner.ran");
  const state::ended_command ended = state::end_command(shared_, runner_, *entry, run);
  if (ended.delayed.count > 0) report_delay(w, ended.delayed);
  if (end != pg::command_end::refused) return next(ended.goes_on);
  if (ended.goes_on) state::refuse(shared_, w.start, error, true);
  return after_run::ends;
}

bool sql_workers::listens() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const worker &w) { return !w.command.channel.empty(); });
}

std::optional<std::chrono::milliseconds> sql_workers::idle_timeout(bool runner_wanted) const {
  const std::chrono::milliseconds timeout(pg::settings::runner_idle_timeout_milliseconds());
  if (timeout.count() < 0) return std::nullopt;
  const bool listening = listens();
  if (listening && !runner_wanted) return std::nullopt;
  const bool at_once = runner_wanted && !listening;
  const auto least = at_once ? std::min(timeout, short_rest) : timeout;
  const long next = nap();
  if (next >= 0 && next < least.count()) return std::nullopt;
  return at_once ? std::chrono::milliseconds(0) : timeout;
}

state::due_starts sql_workers::due() const {
  state::due_starts all;
  for (const worker &w : workers_) {
    const pg::moment at = w.command.interval > 0 ? w.next_at : w.notified_at;
    if (at != pg::moment::never()) all.try_emplace(w.start.ticket, at);
  }
  return all;
}

long sql_workers::nap() const {
  pg::moment next = pg::moment::never();
  for (const worker &w : workers_) next = std::min(next, w.due_at());
  long milliseconds = -1;
  if (next != pg::moment::never())
    milliseconds = std::min<long>(pg::milliseconds_until(next), INT_MAX);
  if (is_deaf() && (milliseconds < 0 || milliseconds > standby_naptime_milliseconds))
    milliseconds = standby_naptime_milliseconds;
  return milliseconds;
}

}  // namespace dynpgext::supervision
