// start_worker, stop_worker, restart_worker: at once, whatever the transaction does later.
#include "catalog/store.h"
#include "pg/transaction.h"
#include "provisioning/database.h"
#include "sql/function.h"
#include "state/launch.h"

namespace {

using namespace dynpgext;
using model::worker_state;
using state::worker_status;

// How long a command waits for what it has asked for, before it returns all the same.
constexpr long patience_milliseconds = 10000;

struct target {
  state::worker_identity id;
  catalog::store store;
  model::extension extension;
};

// A worker of this database's registrations, committed or not.
target find_target(FunctionCallInfo fcinfo) {
  const std::string extension = sql::name_argument(fcinfo, 0);
  const std::string name = sql::text_argument(fcinfo, 1);
  if (name.size() >= BGW_MAXLEN)
    throw pg::error(ERRCODE_NAME_TOO_LONG,
                    "the name of a background worker of extension \"" + extension +
                        "\" has at most " + std::to_string(BGW_MAXLEN - 1) + " bytes",
                    "The given one has " + std::to_string(name.size()) + ".");
  auto store = catalog::store::open();
  state::shared &s = state::use();
  if (store) {
    const model::registrations all = store->read().wanted(s.root->boot);
    const model::worker *w = all.find_worker(extension, name);
    if (w != nullptr)
      return {{model::home_of(w->scope, MyDatabaseId), extension, name},
              *store,
              *all.find_extension(extension)};
  }
  throw pg::error(ERRCODE_UNDEFINED_OBJECT,
                  "extension \"" + extension + "\" has no background worker \"" + name +
                      "\" in this database",
                  {}, "SELECT extension, name FROM dynpgext.workers shows those there are.");
}

// Until a process of it is neither there nor on its way.
bool wait_until_gone(const target &t) {
  return state::wait_for_worker(state::attach(), t.id, patience_milliseconds,
                                [](const std::optional<worker_status> &status) {
                                  return !status || !state::has_process(*status);
                                });
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
    wanted = model::wanted_workers(all, state::live_workers(s), state::extension_states(s));
  }
  for (const model::wanted_worker &w : wanted) {
    if (model::home_of(w.definition->scope, w.source) != t.id.home ||
        w.definition->extension != t.id.extension || w.definition->name != t.id.name)
      continue;
    if (RecoveryInProgress() && w.definition->start == BgWorkerStart_RecoveryFinished) {
      state::postpone(s, t.id, w);
      return false;
    }
    if (!state::can_launch(t.id, *w.definition))
      provisioning::learn_callbacks(t.store, t.extension);
    return state::launch(s, t.id, w) == state::launch_result::started;
  }
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "background worker \"" + t.id.name + "\" of extension \"" + t.id.extension +
                      "\" is not committed yet",
                  {}, "It starts with the commit of this transaction.");
}

void wait_until_up(const target &t) {
  (void)state::wait_for_worker(state::attach(), t.id, patience_milliseconds,
                               [](const std::optional<worker_status> &status) {
                                 return !status || status->state != worker_state::starting;
                               });
}

bool stop(const target &t) {
  const bool stopped = state::stop(state::attach(), t.id, state::stop_reason::asked);
  if (stopped && !wait_until_gone(t))
    pg::log(WARNING,
            "background worker \"" + t.id.name + "\" of extension \"" + t.id.extension +
                "\" has not ended yet",
            "Its code does not serve interrupts.");
  return stopped;
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_start_worker) {
  return pg::entry([=] {
    const target t = find_target(fcinfo);
    const bool started = start(t);
    if (started) wait_until_up(t);
    return BoolGetDatum(started);
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_stop_worker) {
  return pg::entry([=] { return BoolGetDatum(stop(find_target(fcinfo))); });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_restart_worker) {
  return pg::entry([=] {
    const target t = find_target(fcinfo);
    (void)stop(t);
    const bool started = start(t);
    if (started) wait_until_up(t);
    return BoolGetDatum(started);
  });
}
