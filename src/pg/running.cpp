#include "pg/running.h"

namespace dynpgext::pg {

std::vector<virtual_transaction> running_transactions(bool everywhere) {
  int count = 0;
  VirtualTransactionId *found = call([everywhere, &count] {
    return GetCurrentVirtualXIDs(InvalidTransactionId, false, everywhere,
                                 PROC_IS_AUTOVACUUM | PROC_IN_VACUUM, &count);
  });
  std::vector<virtual_transaction> result(found, found + count);
  call([found] { pfree(found); });
  return result;
}

TransactionId next_transaction_id() {
  return call([] { return ReadNextTransactionId(); });
}

void announce_event_triggers() {
  SharedInvalidationMessage message;
  std::memset(&message, 0, sizeof message);
  message.cc.id = static_cast<int8>(EVENTTRIGGEROID);  // invalidates the cache of event triggers
  message.cc.dbId = MyDatabaseId;
  call([&message] { SendSharedInvalidMessages(&message, 1); });
}

}  // namespace dynpgext::pg
