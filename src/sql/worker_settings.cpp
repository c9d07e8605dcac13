// configure_worker, reset_worker, and the trigger of the table they write: how a DBA wants workers
// to be supervised.  Transactional.
#include "catalog/store.h"
#include "pg/transaction.h"
#include "provisioning/transaction.h"
#include "sql/function.h"
#include "sql/worker.h"
#include "state/launch.h"

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

int64 delay_argument(FunctionCallInfo fcinfo, int n) {
  const int64 delay = pg::interval_milliseconds(*DatumGetIntervalP(fcinfo->args[n].value));
  if (delay < 0 || delay > model::max_restart_delay)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "restart_delay of " + std::to_string(delay) + " ms is out of range", {},
                    "It is from 0 to 24 hours.");
  return delay;
}

void require_arguments(FunctionCallInfo fcinfo, const char *function) {
  if (is_given(fcinfo, 0) && is_given(fcinfo, 1)) return;
  throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED,
                  std::string(function) + ": extension and worker must not be null");
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_configure_worker) {
  return pg::entry([=] {
    require_arguments(fcinfo, "dynpgext.configure_worker()");
    pg::require_writable("dynpgext.configure_worker()");
    const sql::registered_worker target = sql::find_worker(fcinfo);
    model::worker_settings wanted{target.extension.name, target.worker.name, {}, {}, {}};
    const model::registrations all = target.store.read();
    const model::worker_settings *known = all.find_settings(wanted.extension, wanted.worker);
    if (known != nullptr) wanted = *known;
    if (is_given(fcinfo, 2)) wanted.enabled = DatumGetBool(fcinfo->args[2].value);
    if (is_given(fcinfo, 3)) wanted.restart = policy_argument(fcinfo, 3);
    if (is_given(fcinfo, 4)) wanted.restart_delay = delay_argument(fcinfo, 4);
    provisioning::touch(target.store);
    target.store.write(wanted);
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_reset_worker) {
  return pg::entry([=] {
    pg::require_writable("dynpgext.reset_worker()");
    const sql::registered_worker target = sql::find_worker(fcinfo);
    const std::string extension = target.extension.name;
    const std::string worker = target.worker.name;
    if (target.store.read().find_settings(extension, worker) == nullptr) return BoolGetDatum(false);
    provisioning::touch(target.store);
    target.store.write(model::worker_settings{extension, worker, {}, {}, {}});
    return BoolGetDatum(true);
  });
}

// Rows of dynpgext.worker_settings were written otherwise: by a restore, or by hand.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_settings) {
  return pg::entry([=] {
    if (!CALLED_AS_TRIGGER(fcinfo))
      throw pg::error(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                      "this function of dynpgext is for its trigger only");
    if (state::available())
      if (const auto store = catalog::store::open()) provisioning::touch(*store);
    return PointerGetDatum(nullptr);
  });
}
