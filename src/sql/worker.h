// The worker that a command is about: its first two arguments.
#pragma once

#include "catalog/store.h"
#include "sql/function.h"
#include "workers/workers.h"

namespace dynpgext::sql {

struct registered_worker {
  catalog::store store;
  model::extension extension;
  model::worker worker;
  state::worker_identity id;
};

// Of this database's registrations, committed or not.  42704 when there is none, 42622 when the
// name is too long for one.  Makes sure that there is a launcher.
[[nodiscard]] registered_worker find_worker(FunctionCallInfo fcinfo);

}  // namespace dynpgext::sql
