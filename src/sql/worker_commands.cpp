// start_worker, stop_worker, restart_worker: at once, whatever the transaction does later.
#include "catalog/store.h"
#include "extensions/execution.h"
#include "extensions/participant.h"
#include "pg/library.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "sql/worker.h"
#include "workers/decision.h"
#include "workers/launch.h"

namespace {

using namespace dynpgext;
using model::worker_state;
using state::worker_status;

// How long a command waits for the effect of its request before it returns nevertheless.
long patience() { return pg::settings::stop_timeout_milliseconds(); }

using target = sql::registered_worker;

// Until no process of it exists or is starting.
bool wait_until_gone(const target &t) {
  return state::wait_for_worker(state::attach(), t.id, patience(),
                                [](const std::optional<worker_status> &status) {
                                  return !status || !state::has_process(*status);
                                });
}

// It can be started as far as its registration is concerned.
void require_startable(const target &t) {
  const sql::wanted_now now =
      sql::require_committed(t, "It starts by itself once its registration is committed.");
  sql::refuse_if_set_aside(t, *now.worker);
}

// False if there was nothing to start.
bool start(const target &t) {
  state::shared &s = state::attach();
  // a process that has just reported its end is gone in a moment
  const auto status = state::status_of(s, t.id);
  if (status && !model::is_active(status->state)) (void)wait_until_gone(t);
  const sql::wanted_now wanted = sql::find_wanted(t);
  if (!wanted.worker) return false;  // others have removed it since
  const model::wanted_worker &w = *wanted.worker;
  sql::refuse_if_set_aside(t, w);
  if (w.in_restore || !model::runs_here(*w.definition, state::circumstances(false))) {
    state::postpone(s, t.id, w);
    return false;
  }
  if (!state::can_launch(t.id, *w.definition)) provisioning::learn_callbacks(t.store, t.extension);
  return state::launch(s, t.id, w) == state::launch_result::started;
}

// A running process must not be ended for one that could not start.
void require_library(const target &t) {
  if (t.worker.hosted) return;
  const std::string file = pg::library_file(t.worker.library);
  if (!file.empty() && pg::identify_file(file.c_str()) != pg::file_identity{}) return;
  throw pg::error(ERRCODE_UNDEFINED_FILE, name_of(t.id) + " cannot be started",
                  "There is no library \"" + t.worker.library + "\".");
}

// After a restart: a command on its database or its extension prevents the start.
bool is_stopped(const target &t) {
  const auto status = state::status_of(state::attach(), t.id);
  return status && status->state == worker_state::stopped;
}

void wait_until_up(const target &t) {
  (void)state::wait_for_worker(state::attach(), t.id, patience(),
                               [](const std::optional<worker_status> &status) {
                                 return !status || status->state != worker_state::starting;
                               });
}

// Returns whether there was anything to stop.
bool stop(const target &t, state::after_end then) {
  state::shared &s = state::attach();
  const sql::wanted_now wanted = sql::find_wanted(t);
  return wanted.worker ? state::stop_wanted(s, t.id, *wanted.worker, then)
                       : state::stop(s, t.id, then);
}

// A worker that was stopped to be started again (null: none) starts by itself if this process does
// not start it: it has not ended in time, or an error, such as a cancel, ends the wait.
class pending_restart {
 public:
  explicit pending_restart(const target *t) : target_(t) {}
  pending_restart(const pending_restart &) = delete;
  pending_restart &operator=(const pending_restart &) = delete;
  ~pending_restart() {
    if (target_ != nullptr)
      (void)pg::swallow("restarting a worker",
                        [this] { (void)stop(*target_, state::after_end::renew); });
  }
  void done() { target_ = nullptr; }

 private:
  const target *target_;
};

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_start_worker) {
  return pg::entry([=] {
    const target t = sql::find_worker(fcinfo);
    provisioning::require_allowed(t.id.extension);
    require_startable(t);
    const bool started = start(t);
    if (started) wait_until_up(t);
    return BoolGetDatum(started);
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_stop_worker) {
  return pg::entry([=] {
    const target t = sql::find_worker(fcinfo);
    const bool stopped = stop(t, state::after_end::stay);
    if (stopped && !wait_until_gone(t))
      pg::log(WARNING, name_of(t.id) + " has not ended yet",
              "It has been signalled, and will stay stopped after its end.");
    return BoolGetDatum(stopped);
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_restart_worker) {
  return pg::entry([=] {
    const target t = sql::find_worker(fcinfo);
    // before it is stopped
    provisioning::require_allowed(t.id.extension);
    require_startable(t);
    require_library(t);
    const bool stopped = stop(t, state::after_end::stay);
    pending_restart restart(stopped ? &t : nullptr);
    if (stopped && !wait_until_gone(t)) {
      pg::log(WARNING, name_of(t.id) + " has not ended yet",
              "It has been signalled, and will be started again after its end.");
      return BoolGetDatum(false);
    }
    const bool started = start(t);
    restart.done();
    if (started) wait_until_up(t);
    if (!started && is_stopped(t)) (void)stop(t, state::after_end::wait);
    return BoolGetDatum(started);
  });
}
