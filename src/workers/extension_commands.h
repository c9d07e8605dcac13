// DROP EXTENSION, ALTER EXTENSION UPDATE and their like, which lock the extension's objects:
// workers of the extension that hold such locks keep the command waiting, or make a deadlock with
// it.
//
// So the command pauses the extensions that it is about, before it takes its locks.  Their workers
// in the database are told to end, and none starts, until the transaction that has paused them has
// ended. Then those that are still wanted start anew.  A pause belongs to a subtransaction, and
// goes with a rollback of that.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

// Extensions that have a worker in this database, running or not, or one connected to it.
[[nodiscard]] std::vector<std::string> extensions_with_workers(const shared &s);

// Pauses them in this database, and tells the workers to end; of SQL workers only their own command
// is cancelled, and the runner goes on with others.  This process, if it is one of the workers, is
// left alone.  Those that are paused by this transaction already are left out.  Returns the
// workers.
std::vector<worker_identity> pause_extensions(shared &s, std::span<const std::string> extensions);

// Pauses that transactions keep which were prepared before the shared memory was made, or before
// this server was promoted; workers that run all the same make way.  Until this has been done no
// worker starts.  Does nothing when it has been.
void recall_pauses(shared &s);

}  // namespace dynpgext::state
