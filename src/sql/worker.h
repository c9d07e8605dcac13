// The worker named by the first two arguments of a command.
#pragma once

#include "catalog/store.h"
#include "sql/function.h"
#include "workers/scope.h"
#include "workers/workers.h"

namespace dynpgext::sql {

struct registered_worker {
  catalog::store store;
  model::extension extension;
  model::worker worker;
  state::worker_identity id;
};

// From this database's registrations, committed or not.  42704 if there is none, 42622 if the name
// is too long.  Ensures that there is a launcher.
[[nodiscard]] registered_worker find_worker(FunctionCallInfo fcinfo);

// As wanted by the published registrations.
struct wanted_now {
  state::picture seen;  // `worker` points into it
  std::optional<model::wanted_worker> worker;
  // of its extension, in its database
  model::extension_state provisioned = model::extension_state::pending;
};
[[nodiscard]] wanted_now find_wanted(const registered_worker &t);
// The same.  55000 if this transaction registers it, or with another definition than the published
// one.
[[nodiscard]] wanted_now require_committed(const registered_worker &t, const char *hint);
// 55000 if it is quarantined or disabled.
void refuse_if_set_aside(const registered_worker &t, const model::wanted_worker &wanted);

}  // namespace dynpgext::sql
