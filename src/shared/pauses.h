// Extensions that are paused for a command in progress, see workers/extension_commands.h.
#pragma once

#include <set>
#include <span>
#include <string>

#include "shared/root.h"

namespace dynpgext::state {

// Those that this transaction has not paused yet.
[[nodiscard]] std::set<std::string> unpaused(std::span<const std::string> extensions);
[[nodiscard]] bool has_own_pauses() noexcept;
// Call it before the first pause: pauses end with this process at the latest.
void watch_pauses();
// In this database, until its transaction or subtransaction ends.  Exclusive lock.
void pause(shared &s, const std::string &extension);

// Takes over a pause of a transaction that was prepared before the shared memory was made.
// Exclusive lock.
void adopt_pause(shared &s, const pg::noted_pause &noted);
// Has this still to be done?  Until then, everything is paused.
[[nodiscard]] bool are_pauses_missing(const shared &s);

// Does it belong to the extension?
[[nodiscard]] bool is_of(const pause_entry &pause, std::string_view extension);
// Is it paused by any process?  Caller holds root.lock.
[[nodiscard]] bool is_paused(const shared &s, Oid database, std::string_view extension);
// Is the worker paused?  Caller holds root.lock.
[[nodiscard]] bool is_paused(const shared &s, const worker_entry &entry);

// The end of this process's transaction or subtransaction ends its pauses.  Wakes the launcher.
void end_pauses() noexcept;
void end_pauses(SubTransactionId rolled_back) noexcept;
void reparent_pauses(SubTransactionId committed, SubTransactionId parent) noexcept;
// Moves them to a prepared transaction, in two steps; the second cannot fail.
void prepare_pauses(TransactionId transaction);
void leave_pauses() noexcept;

// For the launcher: ends the pauses of prepared transactions that have ended, once a visit has
// followed their changes.
void follow_pauses(shared &s);

}  // namespace dynpgext::state
