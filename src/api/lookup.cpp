#include "api/lookup.h"

#include "api/worker.h"
#include "pg/border.h"
#include "pg/termination.h"
#include "pg/transaction.h"
#include "provisioning/database.h"
#include "provisioning/transaction.h"
#include "state/attachments.h"
#include "state/launch.h"

extern "C" {
#include "dynpgext.h"
}

namespace dynpgext::api {
namespace {

// Not found by the fast path: the first time in this process, or something has changed.
void *look_up(const std::string &name) {
  if (!state::available()) return nullptr;
  state::shared &s = state::use();
  // The snapshot decides in a transaction that changes registrations; a parallel worker does
  // not know whether its leader's does.
  const bool by_snapshot =
      provisioning::is_touched() || (IsParallelWorker() && IsTransactionState());
  if (by_snapshot && !provisioning::is_name_registered(name) &&
      !state::is_registered_elsewhere(s, name, MyDatabaseId))
    return nullptr;
  void *found = state::attach_allocation(s, name, provisioning::transaction_holds());
  if (found == nullptr && provisioning::provision_name(name))
    found = state::attach_allocation(s, name, provisioning::transaction_holds());
  return found;
}

void *lookup_shmem(const char *name) {
  if (name == nullptr) return nullptr;
  if (void *found = state::find_attached(name)) return found;
  if (*name == '\0' || std::strlen(name) > DYNPGEXT_MAX_NAME) return nullptr;
  return pg::entry([=] {
    const pg::termination_shield shield;
    const pg::scratch_memory memory;
    return look_up(name);
  });
}

bool release_shmem(const char *name) {
  if (name == nullptr) return false;
  return pg::entry([=] {
    const pg::termination_shield shield;
    return state::detach_allocation(name);
  });
}

bool present() { return state::available(); }

constexpr dynpgext_api table{sizeof(dynpgext_api), DYNPGEXT_ABI_VERSION, &present,    &lookup_shmem,
                             &release_shmem,       &worker_heartbeat,    &worker_wait};

}  // namespace

void publish_table() {
  pg::call([] {
    void **variable = find_rendezvous_variable(DYNPGEXT_API_VARIABLE);
    *variable = const_cast<dynpgext_api *>(&table);
  });
}

}  // namespace dynpgext::api
