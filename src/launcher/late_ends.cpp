#include "launcher/late_ends.h"

#include <map>

#include "pg/database.h"
#include "pg/process.h"
#include "pg/settings.h"
#include "pg/termination.h"
#include "pg/worker.h"
#include "workers/entry.h"
#include "workers/watch.h"

namespace dynpgext::supervision {
namespace {

constexpr long nap_milliseconds = 50;
constexpr std::chrono::seconds insist_again(1);
// A process requested just before the shutdown starts within this time, or never.
constexpr std::chrono::milliseconds coming_up(500);

std::string describe(const late_process &process) {
  const Oid database =
      OidIsValid(process.database) ? process.database : pg::database_of_process(process.pid);
  std::string text = process.who + " (PID " + std::to_string(process.pid);
  const std::string name = pg::database_name(database);
  if (!name.empty()) text += ", database \"" + name + "\"";
  return text + ")";
}

struct remaining {
  std::vector<late_process> processes;
  bool somebody_comes_up = false;
};

remaining look_around(const state::shared &s) {
  remaining found;
  const state::reading lock(s);
  // at the end of the server, all of them
  for (const state::worker_entry *entry : s.workers.entries()) {
    if (entry->hosted) continue;  // its process is the runner
    if (entry->state == model::worker_state::starting && entry->pid == 0)
      found.somebody_comes_up = true;
    if (pg::process_exists(entry->pid, entry->pid_birth))
      found.processes.push_back({name_of(identity_of(*entry)), entry->pid, entry->key.home, false});
  }
  for (const state::database_entry *entry : s.databases.entries()) {
    if (pg::process_exists(entry->visitor))
      found.processes.push_back({"background worker \"dynpgext provisioning\"", entry->visitor,
                                 entry->key.database, false});
  }
  for (const state::runner_entry *entry : s.runners.entries())
    if (pg::process_exists(entry->pid, entry->birth))
      found.processes.push_back(
          {"background worker \"dynpgext sql runner\"", entry->pid, entry->key.database, true});
  return found;
}

class shutdown {
 public:
  // Whether there is still something to wait for.
  bool go_on(const state::shared &s) {
    const remaining left = look_around(s);
    const pg::duration passed = pg::moment::now() - began_;
    if (left.processes.empty()) return left.somebody_comes_up && passed < coming_up;
    if (passed < patience_) return true;
    for (const late_process &process : left.processes) insist(process);
    if (passed < patience_ + state::insistence) return true;
    for (const late_process &process : left.processes) report_stuck(process);
    return false;
  }

 private:
  void insist(const late_process &process) {
    const auto [at, is_new] = insisted_.try_emplace(process.pid, pg::moment{});
    if (is_new) report_overdue(process, pg::settings::stop_timeout_milliseconds());
    const pg::moment now = pg::moment::now();
    if (!is_new && now - at->second < insist_again) return;
    at->second = now;
    pg::insist_on_end(process.pid);
  }

  pg::moment began_ = pg::moment::now();
  std::chrono::milliseconds patience_{pg::settings::stop_timeout_milliseconds()};
  std::map<pid_t, pg::moment> insisted_;  // time of the last signal
};

}  // namespace

void report_overdue(const late_process &process, long milliseconds) {
  pg::log(WARNING,
          describe(process) + " has not ended within " + std::to_string(milliseconds) +
              " ms of SIGTERM; another signal ends it",
          process.runs_sql
              ? "Its command continues after its cancellation: it catches query_canceled, or calls "
                "a function that serves no interrupts. The command's transaction is rolled back."
              : "Its code does not serve interrupts: it needs CHECK_FOR_INTERRUPTS() or "
                "dynpgext_worker_wait() in its loop, and must not ignore SIGTERM.");
}

void report_stuck(const late_process &process) {
  pg::log(WARNING, describe(process) + " cannot be ended",
          std::string(process.runs_sql ? "A function that its command calls holds interrupts, "
                                         "blocks all signals, or waits for a device."
                                       : "It holds interrupts, blocks all signals, or hangs in an "
                                         "exit callback.") +
              " A fast shutdown of the server waits for it; an immediate one does not.");
}

void see_off(state::shared &s) {
  for (shutdown all; all.go_on(s);) (void)pg::wait_for_latch(nap_milliseconds, pg::wait::shutdown);
}

}  // namespace dynpgext::supervision
