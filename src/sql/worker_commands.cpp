// start_worker, stop_worker, restart_worker: at once, whatever the transaction does later.
#include "catalog/store.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "provisioning/database.h"
#include "provisioning/participant.h"
#include "sql/worker.h"
#include "state/launch.h"

namespace {

using namespace dynpgext;
using model::worker_state;
using state::worker_status;

// How long a command waits for what it has asked for, before it returns all the same.
long patience() { return pg::settings::stop_timeout_milliseconds(); }

using target = sql::registered_worker;

// Until a process of it is neither there nor on its way.
bool wait_until_gone(const target &t) {
  return state::wait_for_worker(state::attach(), t.id, patience(),
                                [](const std::optional<worker_status> &status) {
                                  return !status || !state::has_process(*status);
                                });
}

void refuse_if_set_aside(const target &t, const model::wanted_worker &wanted) {
  const std::string who = name_of(t.id);
  if (wanted.quarantined)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, who + " is quarantined", {},
                    "Use dynpgext.release() to end the quarantine of the extension.");
  if (!wanted.terms.enabled)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, who + " is disabled", {},
                    "Use dynpgext.configure_worker(..., enabled => true).");
}

// Starts it as it is wanted by what is published; false when there was nothing to start.
bool start(const target &t) {
  state::shared &s = state::attach();
  // one that has just reported its end is gone in a moment
  const auto status = state::status_of(s, t.id);
  if (status && !model::is_active(status->state)) (void)wait_until_gone(t);
  std::vector<model::desired_database> all;
  std::vector<model::wanted_worker> wanted;
  {
    const state::reading lock(s);
    all = state::desired(s);
    wanted = model::wanted_workers(all, state::live_without_memory(s));
  }
  for (const model::wanted_worker &w : wanted) {
    if (model::home_of(w.definition->scope, w.source) != t.id.home ||
        w.definition->extension != t.id.extension || w.definition->name != t.id.name)
      continue;
    refuse_if_set_aside(t, w);
    if (!model::runs_here(*w.definition, state::circumstances(false))) {
      state::postpone(s, t.id, w);
      return false;
    }
    if (!state::can_launch(t.id, *w.definition))
      provisioning::learn_callbacks(t.store, t.extension);
    return state::launch(s, t.id, w) == state::launch_result::started;
  }
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, name_of(t.id) + " is not committed yet",
                  {}, "It starts with the commit of this transaction.");
}

void wait_until_up(const target &t) {
  (void)state::wait_for_worker(state::attach(), t.id, patience(),
                               [](const std::optional<worker_status> &status) {
                                 return !status || status->state != worker_state::starting;
                               });
}

bool stop(const target &t) {
  const bool stopped = state::stop(state::attach(), t.id, state::after_end::stay);
  if (stopped && !wait_until_gone(t))
    pg::log(WARNING, name_of(t.id) + " has not ended yet", "Its code does not serve interrupts.");
  return stopped;
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_start_worker) {
  return pg::entry([=] {
    const target t = sql::find_worker(fcinfo);
    provisioning::require_allowed(t.id.extension);
    const bool started = start(t);
    if (started) wait_until_up(t);
    return BoolGetDatum(started);
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_stop_worker) {
  return pg::entry([=] { return BoolGetDatum(stop(sql::find_worker(fcinfo))); });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_restart_worker) {
  return pg::entry([=] {
    const target t = sql::find_worker(fcinfo);
    provisioning::require_allowed(t.id.extension);  // or it would be stopped, and not come back
    (void)stop(t);
    const bool started = start(t);
    if (started) wait_until_up(t);
    return BoolGetDatum(started);
  });
}
