// What others do in a process of dynpgext's before it runs code of extensions.  Set once, when the
// library is loaded.
#pragma once

#include "model/registration.h"
#include "shared/root.h"

namespace dynpgext::supervision {

struct preparation {
  // Of a worker's process.  True: the process looks as its function expects it; otherwise that is
  // done as it is registered.
  bool (*worker)(const model::worker &worker, Oid home, Datum *argument) = nullptr;
  // Of an SQL runner, before it connects.
  void (*runner)(Oid database) = nullptr;
  // In the launcher, every naptime.  True: there is something to look after.
  bool (*look)(state::shared &s) = nullptr;
};
extern preparation prepared_by;

}  // namespace dynpgext::supervision
