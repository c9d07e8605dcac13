// run_worker(): runs the command of an SQL worker immediately, once, and waits for the end of the
// run.
//
// The command runs in its runner, with its own role, rights and deadline; this session only
// requests it.  So a cancel or a timeout ends the wait, and not a run that has begun.  The command
// may wait for a lock of the session's own transaction, which the server's deadlock check cannot
// detect: this session checks that itself.
#include <set>

#include "extensions/execution.h"
#include "extensions/participant.h"
#include "pg/blockers.h"
#include "pg/encoding.h"
#include "pg/lock.h"
#include "shared/extension_states.h"
#include "shared/pauses.h"
#include "shared/text.h"
#include "sql/worker.h"
#include "workers/decision.h"
#include "workers/run_requests.h"

namespace {

using namespace dynpgext;
using model::worker_state;
using state::request_state;
using state::run_progress;
using target = sql::registered_worker;

[[noreturn]] void refuse(const target &t, const std::string &why, const std::string &detail = {},
                         const std::string &hint = {}) {
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, name_of(t.id) + why, detail, hint);
}

// For conditions that last too long to wait for.
void refuse_if_long(const target &t, state::waiting_for what) {
  switch (what) {
    case state::waiting_for::safe_mode: refuse(t, " does not run while dynpgext.safe_mode is on");
    case state::waiting_for::end_of_restore: refuse(t, " does not run before the end of a restore");
    case state::waiting_for::end_of_recovery: refuse(t, " does not run before the end of recovery");
    case state::waiting_for::standby: refuse(t, " runs on standby servers only");
    default: return;
  }
}

void require_command(const target &t) {
  if (t.worker.hosted) return;
  throw pg::error(ERRCODE_WRONG_OBJECT_TYPE, name_of(t.id) + " has no command",
                  "Its code is a function in library \"" + t.worker.library + "\".",
                  "Only an SQL worker can be run once. See dynpgext.restart_worker().");
}

void require_runnable(const target &t) {
  require_command(t);
  provisioning::require_allowed(t.id.extension);
  if (!IsUnderPostmaster) refuse(t, " cannot run in single-user mode");
  if (state::unpaused(std::array{t.id.extension}).empty())
    refuse(t, " cannot run before the end of this transaction, which changes its extension");
  const sql::wanted_now now = sql::require_committed(t, "Commit this transaction before the run.");
  const model::wanted_worker &w = *now.worker;
  sql::refuse_if_set_aside(t, w);
  if (w.in_restore) refuse_if_long(t, state::waiting_for::end_of_restore);
  if (!model::runs_here(*w.definition, state::circumstances(false)))
    refuse_if_long(t, RecoveryInProgress() ? state::waiting_for::end_of_recovery
                                           : state::waiting_for::standby);
}

std::string text_of(const run_progress &p, const std::string &text) {
  return pg::readable(text, pg::encoding_of_database(p.encoded_in));
}

std::string error_of(const state::shared &s, Oid database, const std::string &extension) {
  std::string text;
  {
    const state::reading lock(s);
    const state::extension_entry *entry = state::find_extension(s, database, extension);
    if (entry != nullptr) text = state::view(s, entry->error);
  }
  return pg::readable(text, pg::encoding_of_database(database));
}

// It does not run.  It starts only when its extension has been provisioned.
void require_start(const target &t) {
  const sql::wanted_now now = sql::find_wanted(t);
  if (!now.worker) refuse(t, " is not registered any more");
  const Oid source = now.worker->source;
  if (now.provisioned == model::extension_state::failed)
    refuse(t, " cannot run: its extension has failed",
           error_of(state::attach(), source, t.id.extension),
           "Repair the cause, then use dynpgext.reload().");
  if (now.provisioned != model::extension_state::provisioned && source == MyDatabaseId &&
      pg::provisioning_lock::is_held(MyDatabaseId))
    refuse(t, " cannot run before the end of this transaction, which provisions extensions", {},
           "Call dynpgext.run_worker() in a transaction of its own.");
}

// No run has begun.  Can one be expected?
void require_hope(const target &t, const run_progress &p) {
  if (!p.is_known) return require_start(t);
  if (p.runner == MyProcPid)
    refuse(t, " cannot be run by this command",
           "The commands of a database and role run one after the other, in one process.");
  if (p.is_leaving) return;
  if (p.worker == worker_state::registered || p.worker == worker_state::waiting ||
      p.worker == worker_state::backoff)
    require_start(t);
  constexpr const char *start = "Use dynpgext.start_worker().";
  switch (p.worker) {
    case worker_state::disabled: refuse(t, " is disabled");
    case worker_state::quarantined: refuse(t, " is quarantined");
    case worker_state::stopped: refuse(t, " is stopped", {}, start);
    case worker_state::failed: refuse(t, " has failed", text_of(p, p.error), start);
    case worker_state::backoff:
      if (p.has_ended) refuse(t, " has failed", text_of(p, p.error));
      return;
    case worker_state::waiting: return refuse_if_long(t, p.waits_for);
    default: return;
  }
}

// Does this session wait for itself: does the run, one before it, or the visit before its start,
// wait for a lock of this session, or for a run that waits for it?
bool waits_for_itself(const state::shared &s) {
  std::set<pid_t> seen;
  std::vector<pid_t> next = state::processes_awaited_by(s, MyProcPid);
  while (!next.empty()) {
    const pid_t pid = next.back();
    next.pop_back();
    if (pid == MyProcPid) return true;
    if (!seen.insert(pid).second) continue;
    for (const pid_t blocker : pg::blockers_of(pid)) next.push_back(blocker);
    for (const pid_t process : state::processes_awaited_by(s, pid)) next.push_back(process);
  }
  return false;
}

void require_no_deadlock(const state::shared &s, const target &t, bool by_lock_timeout) {
  if (!waits_for_itself(s)) return;
  throw pg::error(
      by_lock_timeout ? ERRCODE_LOCK_NOT_AVAILABLE : ERRCODE_T_R_DEADLOCK_DETECTED,
      "the run of " + name_of(t.id) + " waits for this transaction",
      "This transaction holds a lock or a snapshot that the run, or a run before it, waits "
      "for, or it is part of a run.",
      "Call dynpgext.run_worker() in a transaction of its own. Commands such as REINDEX "
      "CONCURRENTLY also wait for the caller's snapshot: run them by interval or NOTIFY.");
}

run_progress wait_for_run(state::shared &s, const target &t) {
  const state::run_request request(s, t.id);
  const uint32 event = pg::wait_event(pg::wait::run_end);
  // as the server detects deadlocks, and gives up waiting for locks
  const bool by_lock_timeout = LockTimeout > 0 && LockTimeout < DeadlockTimeout;
  const std::chrono::milliseconds patience(by_lock_timeout ? LockTimeout : DeadlockTimeout);
  pg::moment next_check = pg::moment::now() + patience;
  for (;;) {
    run_progress p = request.look();
    if (p.state == request_state::over) return p;
    if (p.state == request_state::asked) require_hope(t, p);
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    const bool is_news = request.look() != p;
    const long nap = std::clamp(pg::milliseconds_until(next_check), 1L, 1000L);
    pg::call([&s, is_news, nap, event] {
      if (!is_news) (void)ConditionVariableTimedSleep(&s.root->changed, nap, event);
      ConditionVariableCancelSleep();
    });
    if (pg::milliseconds_until(next_check) > 0) continue;
    require_no_deadlock(s, t, by_lock_timeout);
    next_check = pg::moment::now() + std::max(patience, std::chrono::milliseconds(100));
  }
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_run_worker) {
  return pg::entry([=] {
    const target t = sql::find_worker(fcinfo);
    require_runnable(t);
    const run_progress p = wait_for_run(state::attach(), t);
    if (p.why)
      throw pg::error(p.why->sqlstate, text_of(p, p.why->message), text_of(p, p.why->detail),
                      text_of(p, p.why->hint));
    return sql::interval_result(p.duration);
  });
}
