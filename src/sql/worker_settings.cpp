// configure_worker, reset_worker, and the triggers and the constraint of their table: the DBA's
// supervision of workers.  Transactional.
//
// Settings of a global worker apply to the whole server: only superusers may write them, in any
// way.  A constraint checks new rows, even with triggers disabled; triggers check the deletion of
// rows.
#include "catalog/store.h"
#include "extensions/ledger.h"
#include "manifests/declaration.h"
#include "model/command.h"
#include "pg/brief_locks.h"
#include "pg/lock.h"
#include "pg/role.h"
#include "pg/transaction.h"
#include "pg/trigger.h"
#include "sql/function.h"
#include "sql/worker.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace {

using namespace dynpgext;

bool is_given(FunctionCallInfo fcinfo, int n) { return !fcinfo->args[n].isnull; }

model::restart_policy policy_argument(FunctionCallInfo fcinfo, int n) {
  const std::string text = sql::text_argument(fcinfo, n);
  const auto policy = model::restart_policy_of(text);
  if (!policy)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, "there is no restart policy \"" + text + "\"",
                    {}, "Use never, on_failure or always.");
  return *policy;
}

std::string text_of(int64 microseconds) {
  return microseconds % 1000 == 0 ? std::to_string(microseconds / 1000) + " ms"
                                  : std::to_string(microseconds) + " us";
}

// In milliseconds, like its limits.  Rounded up: a positive value never becomes 0.
int64 milliseconds_argument(FunctionCallInfo fcinfo, int n, const char *name, int64 least,
                            int64 most, const char *range) {
  const int64 microseconds = pg::interval_microseconds(*DatumGetIntervalP(fcinfo->args[n].value));
  if (microseconds < least * 1000 || microseconds > most * 1000)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    std::string(name) + " of " + text_of(microseconds) + " is out of range", {},
                    range);
  return (microseconds + 999) / 1000;
}

// Until the end of the transaction, no other transaction configures a worker of the extension or
// drops it, and nobody writes rows by hand.
void wait_for_settings(const std::string &extension) {
  pg::take_turn(pg::turn::registrations, extension, pg::turn_mode::look);
  provisioning::take_turn_to_configure(extension);
}

struct settings_target {
  catalog::store store;
  model::worker_settings settings;  // present values
  bool is_set;
  std::optional<model::worker> worker;  // as registered, if it is
};

// The settings of the worker, protected from concurrent changes.  A worker that is not registered
// is accepted with `any`, or if its extension is not loaded and so has no registrations.
settings_target find_settings(FunctionCallInfo fcinfo, bool any) {
  const catalog::store store = sql::open_store();
  const std::string extension = sql::name_argument(fcinfo, 0);
  wait_for_settings(extension);
  const std::string worker = sql::text_argument(fcinfo, 1);
  const model::registrations all = store.read();
  const model::worker_settings *known = all.find_settings(extension, worker);
  settings_target t{store, {extension, worker, {}, {}, {}}, known != nullptr, {}};
  if (known != nullptr) t.settings = *known;
  const model::extension *e = all.find_extension(extension);
  const bool is_loaded = e == nullptr || e->wanted(state::use().root->boot);
  const bool is_accepted =
      known != nullptr ? any || !is_loaded : !is_loaded && worker.size() < BGW_MAXLEN;
  if (!is_accepted) {
    t.worker = sql::find_worker(fcinfo).worker;
  } else if (const model::worker *w = all.find_worker(extension, worker)) {
    t.worker = *w;
  }
  return t;
}

void require_command(const settings_target &t) {
  if (!t.worker || t.worker->hosted) return;
  throw pg::error(ERRCODE_WRONG_OBJECT_TYPE,
                  "background worker \"" + t.settings.worker + "\" of extension \"" +
                      t.settings.extension + "\" has no command",
                  "Its code is a function in library \"" + t.worker->library + "\".",
                  "Only an SQL worker has a run_interval.");
}

// A worker that is not registered at the moment (null) may become global.
void require_reach(const model::worker *w, const std::string &extension,
                   const std::string &worker) {
  if (pg::is_superuser()) return;
  if (w != nullptr && w->scope != model::scope::global) return;
  throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                  "permission denied to configure background worker \"" + worker +
                      "\" of extension \"" + extension + "\"",
                  w != nullptr ? "It is global." : "It is not registered, and might be global.",
                  "Only a superuser may configure a global worker.");
}

void require_reach(const settings_target &t) {
  require_reach(t.worker ? &*t.worker : nullptr, t.settings.extension, t.settings.worker);
}

void require_reach(const model::registrations &all, const std::string &extension,
                   const std::string &worker) {
  require_reach(all.find_worker(extension, worker), extension, worker);
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_configure_worker) {
  return pg::entry([=] {
    sql::require_arguments(fcinfo, 2,
                           "dynpgext.configure_worker(): extension and worker must not be null");
    pg::require_writable("dynpgext.configure_worker()");
    const settings_target t = find_settings(fcinfo, false);
    require_reach(t);
    model::worker_settings wanted = t.settings;
    if (is_given(fcinfo, 2)) wanted.enabled = DatumGetBool(fcinfo->args[2].value);
    if (is_given(fcinfo, 3)) wanted.restart = policy_argument(fcinfo, 3);
    if (is_given(fcinfo, 4))
      wanted.restart_delay = milliseconds_argument(
          fcinfo, 4, "restart_delay", 0, model::max_restart_delay, "It is from 0 to 24 hours.");
    // the function of 0.1.0 has no such argument
    if (PG_NARGS() > 5 && is_given(fcinfo, 5)) {
      wanted.run_interval =
          milliseconds_argument(fcinfo, 5, "run_interval", model::min_command_interval,
                                model::max_command_interval, "It is from 10 ms to 366 days.");
      require_command(t);
    }
    provisioning::touch(t.store);
    t.store.write(wanted);
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_reset_worker) {
  return pg::entry([=] {
    pg::require_writable("dynpgext.reset_worker()");
    const settings_target t = find_settings(fcinfo, true);
    require_reach(t);
    if (!t.is_set) return BoolGetDatum(false);
    provisioning::touch(t.store);
    t.store.write(model::worker_settings{t.settings.extension, t.settings.worker, {}, {}, {}});
    return BoolGetDatum(true);
  });
}

// The constraint of dynpgext.worker_settings, for a row that is written directly.
DYNPGEXT_SQL_FUNCTION(dynpgext_may_configure) {
  return pg::entry([=] {
    if (pg::is_superuser()) return BoolGetDatum(true);
    const pg::brief_locks scope;
    if (const auto store = catalog::store::open())
      require_reach(store->read(), sql::name_argument(fcinfo, 0), sql::text_argument(fcinfo, 1));
    return BoolGetDatum(true);
  });
}

// Before a row of dynpgext.worker_settings is changed or deleted, or all are; and before a
// statement that writes some, which waits for configure_worker() and apply().
DYNPGEXT_SQL_FUNCTION(dynpgext_before_settings) {
  return pg::entry([=] {
    const TriggerData &data = pg::require_trigger(fcinfo);
    const bool is_row = TRIGGER_FIRED_FOR_ROW(data.tg_event);
    const auto store = catalog::store::open();
    if (store && !is_row && store->settings() == RelationGetRelid(data.tg_relation))
      pg::take_turn(pg::turn::settings, {}, pg::turn_mode::by_hand);
    if (!is_row && !TRIGGER_FIRED_BY_TRUNCATE(data.tg_event)) return Datum{0};
    if (!pg::is_superuser()) {
      if (store && is_row) {
        const pg::row row(data.tg_trigtuple, data.tg_relation);
        require_reach(store->read(), row.name(0), row.text(1));
      } else if (store) {
        const model::registrations all = store->read();
        for (const model::worker_settings &s : all.settings)
          require_reach(all, s.extension, s.worker);
      }
    }
    return pg::going_on(data);
  });
}

// Rows of dynpgext.worker_settings were written directly: by a restore, or by hand.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_settings) {
  return pg::entry([=] {
    pg::require_trigger(fcinfo);
    if (pg::replicates())
      provisioning::note_replicated();
    else if (state::available())
      if (const auto store = catalog::store::open()) provisioning::touch(*store);
    return Datum{0};
  });
}

// Rows of worker_settings or manifests came by logical replication.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_replicated) {
  return pg::entry([=] {
    pg::require_trigger(fcinfo);
    if (pg::replicates()) provisioning::note_replicated();
    return Datum{0};
  });
}
