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

#include "state/workers.h"

namespace dynpgext::state {

// Extensions that have a worker in this database, running or not, or one connected to it.
[[nodiscard]] std::vector<std::string> extensions_with_workers(const shared &s);

// Pauses them in this database, and tells the workers to end; of SQL workers only their own command
// is cancelled, and the runner goes on with others.  This process, if it is one of the workers, is
// left alone.  Those that are paused by this transaction already are left out.  Returns the
// workers.
std::vector<worker_identity> pause_extensions(shared &s, std::span<const std::string> extensions);

// Is it paused, for whomever?  Caller holds root.lock.
[[nodiscard]] bool is_paused(const shared &s, Oid database, std::string_view extension);
// May the worker not run for a pause?  Caller holds root.lock.
[[nodiscard]] bool is_paused(const shared &s, const worker_entry &entry);

// The end of this process's transaction or subtransaction: its pauses end.  Wakes the launcher.
void end_pauses() noexcept;
void end_pauses(SubTransactionId rolled_back) noexcept;
void reparent_pauses(SubTransactionId committed, SubTransactionId parent) noexcept;
// They become those of a prepared transaction; two steps, the second of which cannot fail.
void prepare_pauses(TransactionId transaction);
void leave_pauses() noexcept;

// For the launcher: ends the pauses of transactions that were prepared and have ended, once a visit
// has followed what they did.
void follow_pauses(shared &s);

}  // namespace dynpgext::state
