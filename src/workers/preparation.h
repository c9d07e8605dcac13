// Hooks of other folders that run in processes of dynpgext before code of extensions.  Set once,
// when the library is loaded.
#pragma once

#include "model/registration.h"
#include "shared/root.h"

namespace dynpgext::supervision {

struct preparation {
  // In a worker's process.  True: the process is as the worker's function expects it; false: the
  // caller sets it up as registered.
  bool (*worker)(const model::worker &worker, Oid home, Datum *argument) = nullptr;
  // In an SQL runner, before it connects.
  void (*runner)(Oid database) = nullptr;
  // In the launcher, every naptime, and in each round while slots are kept.  True: the launcher is
  // needed.
  bool (*look)(state::shared &s) = nullptr;
  // Are free slots kept for processes with priority over workers?  Then no worker starts.  The
  // caller holds root.lock.
  bool (*keeps_slots)(const state::shared &s) = nullptr;
  // In an SQL runner: has such a process found no slot, and gets this one's?  Takes the lock
  // itself.
  bool (*gives_slot)() = nullptr;
};
extern preparation prepared_by;

}  // namespace dynpgext::supervision
