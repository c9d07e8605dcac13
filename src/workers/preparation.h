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
  // In the launcher, every naptime, and in each round while slots are kept.  True: there is
  // something to look after.
  bool (*look)(state::shared &s) = nullptr;
  // Are free slots kept for processes that come before workers?  Then no worker starts.  The caller
  // holds root.lock.
  bool (*keeps_slots)(const state::shared &s) = nullptr;
  // Has such a process found no slot?  Then SQL runners give theirs away.  Without the lock.
  bool (*lacks_slot)() = nullptr;
};
extern preparation prepared_by;

}  // namespace dynpgext::supervision
