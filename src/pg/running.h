// Transactions in progress, including those that have written nothing yet.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

using virtual_transaction = VirtualTransactionId;

inline bool is_same(const virtual_transaction &a, const virtual_transaction &b) {
  return VirtualTransactionIdEquals(a, b);
}

// Those of this process's database, or of all, including prepared ones; without this process's own,
// and without vacuum.
[[nodiscard]] std::vector<virtual_transaction> running_transactions(bool everywhere = false);

// A transaction that has not begun gets this number or a later one at its first write.
[[nodiscard]] TransactionId next_transaction_id();

// For XACT_EVENT_COMMIT of a transaction that has created event triggers: transactions that begin
// from now on see them.  The commit itself notifies others only a moment later.
void announce_event_triggers();

}  // namespace dynpgext::pg
