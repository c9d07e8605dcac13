#include "supervision/sql_workers.h"

#include "catalog/store.h"
#include "pg/fault.h"
#include "pg/notification.h"
#include "pg/sql_command.h"
#include "state/guard.h"
#include "state/last_words.h"

namespace dynpgext::supervision {
namespace {

// A standby hears nothing; this often it is looked whether it is one still.
constexpr long standby_naptime_milliseconds = 1000;

// What the rows say that it runs; nothing where they say something else than its start did.
std::optional<model::command> command_of(const state::worker_start &w,
                                         const std::vector<model::command> &commands) {
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const model::command &c) {
    return c.extension == w.id.extension && c.worker == w.id.name &&
           model::digest_of(c) == w.definition.extra;
  });
  return found == commands.end() ? std::nullopt : std::optional(*found);
}

std::vector<model::command> registered_commands() {
  pg::begin_transaction();
  std::vector<model::command> commands;
  if (const auto store = catalog::store::open()) commands = store->read_commands({});
  pg::commit_transaction();
  return commands;
}

// At once; of one that goes on after another's command has ended its process, when it was due.
pg::moment first_run(const state::worker_start &start, const model::command &command,
                     pg::moment now) {
  if (!start.resume_at.is_set()) return now;
  return std::clamp(start.resume_at, now, now + std::chrono::milliseconds(command.interval));
}

}  // namespace

void sql_workers::follow() {
  std::erase_if(workers_, [this](const worker &w) { return !state::is_served(shared_, w.start); });
  take_starts();
  keep_channels();
}

void sql_workers::take_starts() {
  const std::vector<state::worker_start> started = state::take_starts(shared_, database_);
  if (started.empty()) return;
  DYNPGEXT_FAULT_POINT("runner.taken");
  const std::vector<model::command> commands = registered_commands();
  const pg::moment now = pg::moment::now();
  for (const state::worker_start &start : started) {
    const auto command = command_of(start, commands);
    if (!command) {
      state::message_text why;
      state::keep_words(ERRCODE_UNDEFINED_OBJECT,
                        "its command is not registered, or is another one", &why);
      state::refuse(shared_, start, why);
      continue;
    }
    worker w{start, *command};
    // notifications may have been missed
    if (command->interval == 0 || (start.resume_at.is_set() && !command->channel.empty()))
      w.notified_at = now;
    if (command->interval > 0) w.next_at = first_run(start, *command, now);
    workers_.push_back(std::move(w));
  }
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
  // what was notified before, as on a standby, has not been heard
  const pg::moment now = pg::moment::now();
  for (worker &w : workers_)
    if (wanted.count(w.command.channel) != 0 && before.count(w.command.channel) == 0)
      w.notified_at = std::min(w.notified_at, now);
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
      if (w.command.channel == channel) w.notified_at = std::min(w.notified_at, now);
}

bool sql_workers::run_one() {
  const auto due =
      std::min_element(workers_.begin(), workers_.end(),
                       [](const worker &a, const worker &b) { return a.due_at() < b.due_at(); });
  if (due == workers_.end() || due->due_at() > pg::moment::now()) return false;
  if (!run(*due)) {
    workers_.erase(due);
    keep_channels();
  }
  return true;
}

bool sql_workers::run(worker &w) {
  state::worker_entry *entry = state::begin_command(shared_, w.start);
  if (entry == nullptr) return false;
  const model::command &command = w.command;
  state::command_run run{.began_at = GetCurrentTimestamp()};
  const pg::moment began = pg::moment::now();
  w.notified_at = pg::moment::never();
  if (w.next_at <= began)
    w.next_at = {model::next_run(w.next_at.microseconds, began.microseconds, command.interval)};
  const pg::sql_command what{.sql = command.sql,
                             .extension = command.extension,
                             .role = command.run_as,
                             .label = "dynpgext: " + command.extension + "/" + command.worker,
                             .context = "SQL worker \"" + command.worker + "\" of extension \"" +
                                        command.extension + "\"",
                             .deadline = command.deadline,
                             .failure_level = entry->runs.failing ? DEBUG1 : WARNING,
                             .told_at = &entry->told_at};
  pg::failure why;
  pg::command_end end{};
  {
    const state::guarded_command guard(entry->key);
    end = pg::run_command(what, &why);
  }
  if (end == pg::command_end::called_off) return state::end_command(shared_, *entry, {});
  run.duration = (pg::moment::now() - began).count();
  if (w.next_at != pg::moment::never()) run.next_at = w.next_at;
  state::message_text error{};
  if (end == pg::command_end::failed) {
    state::keep_words(why.sqlstate, why.message.c_str(), &error);
    run.error = &error;
  }
  DYNPGEXT_FAULT_POINT("runner.ran");
  return state::end_command(shared_, *entry, run);
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
