// Extensions that are paused for a command that is under way, see workers/extension_commands.h.
#pragma once

#include <set>
#include <span>
#include <string>

#include "shared/root.h"

namespace dynpgext::state {

// Those that this transaction has not paused yet.
[[nodiscard]] std::set<std::string> unpaused(std::span<const std::string> extensions);
[[nodiscard]] bool has_own_pauses() noexcept;
// Pauses end with this process, at the latest.  Before the first.
void watch_pauses();
// In this database, until its transaction or subtransaction ends.  Exclusive lock.
void pause(shared &s, const std::string &extension);

// One that a transaction keeps which was prepared before the shared memory was made.  Exclusive
// lock.
void adopt_pause(shared &s, const pg::noted_pause &noted);
// Is it time for that?  Until it has been done, everything is paused.
[[nodiscard]] bool are_pauses_missing(const shared &s);

// Is it that extension's?
[[nodiscard]] bool is_of(const pause_entry &pause, std::string_view extension);
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
