// Transactions that are under way, also those that have written nothing yet.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

using virtual_transaction = VirtualTransactionId;

inline bool is_same(const virtual_transaction &a, const virtual_transaction &b) {
  return VirtualTransactionIdEquals(a, b);
}

// Those of this process's database, or of all, prepared ones among them; not this process's own,
// and no vacuum.
[[nodiscard]] std::vector<virtual_transaction> running_transactions(bool everywhere = false);

// A transaction that does not run yet gets this number or a later one when it first writes.
[[nodiscard]] TransactionId next_transaction_id();

// For XACT_EVENT_COMMIT of a transaction that has made event triggers: whoever begins a
// transaction from now on sees them.  The commit itself says so to others only a moment later.
void announce_event_triggers();

}  // namespace dynpgext::pg
