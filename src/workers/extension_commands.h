// DROP EXTENSION, ALTER EXTENSION UPDATE and similar commands lock the extension's objects.
// Workers of the extension that hold such locks would block the command, or deadlock with it.
//
// So the command pauses its extensions before it takes its locks.  Their workers in the database
// are signalled to end, and none starts before the end of the pausing transaction.  Then workers
// that are still wanted start anew.  A pause belongs to a subtransaction, and ends if that is
// rolled back.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

// Extensions with a worker in this database, running or not, or with one connected to it.
[[nodiscard]] std::vector<std::string> extensions_with_workers(const shared &s);

// Pauses the extensions in this database, and signals their workers to end.  For SQL workers, only
// their own commands are cancelled, and the runner continues with others.  Skips this process, if
// it is one of the workers, and extensions that this transaction has already paused.  Returns the
// workers.
std::vector<worker_identity> pause_extensions(shared &s, std::span<const std::string> extensions);

// Restores pauses of transactions prepared before the shared memory was made, or before this server
// was promoted; workers that run nevertheless are stopped.  No worker starts before this is done.
// Later calls do nothing.
void recall_pauses(shared &s);

}  // namespace dynpgext::state
