#include "api/lookup.h"

#include "api/worker.h"
#include "extensions/init_run.h"
#include "extensions/ledger.h"
#include "guard/quarantine.h"
#include "memory/attachments.h"
#include "pg/border.h"
#include "pg/termination.h"
#include "pg/transaction.h"
#include "provisioning/database.h"
#include "shared/extension_states.h"
#include "shared/text.h"
#include "workers/launch.h"
#include "workers/use.h"

extern "C" {
#include "dynpgext.h"
}

namespace dynpgext::api {
namespace {

// Not found by the fast path: the first time in this process, or after a change. `attach` is
// state::attach_allocation() or state::borrow_allocation().
template <class Attach>
auto look_up(const std::string &name, Attach attach) {
  using result = decltype(attach(state::use(), name, provisioning::transaction_holds()));
  if (!state::available()) return result{};
  state::shared &s = state::use();
  // The snapshot decides in a transaction that changes registrations, and in a parallel worker,
  // which does not know whether its leader's does.  A callback of the commit may look up, too: then
  // there is no transaction, catalogs cannot be read, and the registrations are published.
  const bool by_snapshot =
      IsTransactionState() && (provisioning::is_touched() || IsParallelWorker());
  if (by_snapshot && !provisioning::has_registered(name) &&
      !provisioning::is_name_registered(name) &&
      !state::is_registered_elsewhere(s, name, MyDatabaseId))
    return result{};
  result found = attach(s, name, provisioning::transaction_holds());
  if (!found && provisioning::provision_name(name))
    found = attach(s, name, provisioning::transaction_holds());
  return found;
}

void *lookup_shmem(const char *name) {
  if (name == nullptr) return nullptr;
  if (void *found = state::find_attached(name)) return found;
  if (*name == '\0' || std::strlen(name) > DYNPGEXT_MAX_NAME) return nullptr;
  return pg::entry([=] {
    const pg::termination_shield shield;
    const pg::scratch_memory memory;
    return look_up(name, &state::attach_allocation);
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

// The extension in a database that registers the name but has no memory for it.
missing_memory describe(const state::shared &s, Oid database, const std::string &extension) {
  model::live_state live;
  live.extensions = state::live_extensions(s, {{database}});
  provisioning::overlay_notes(live);
  missing_memory result{extension, model::extension_state::pending, {}, database};
  for (const model::live_extension &e : live.extensions)
    if (e.database == database && e.name == extension) result.state = e.state;
  result.reason = state::quarantine_reason(s, database, extension, {});
  const state::extension_entry *entry = state::find_extension(s, database, extension);
  if (entry != nullptr && result.reason.empty()) result.reason = state::view(s, entry->error);
  return result;
}

}  // namespace

state::loan borrow(const std::string &name) {
  const pg::scratch_memory memory;
  state::loan found = look_up(name, &state::borrow_allocation);
  return found ? std::move(found) : state::borrow_draining(name);
}

std::optional<missing_memory> find_missing(const catalog::store &store, const std::string &name) {
  state::shared &s = state::use();
  const model::registrations own = store.read();
  const state::reading lock(s);
  if (const model::allocation *a = own.find_allocation(name)) {
    const model::extension *e = own.find_extension(a->extension);
    if (e != nullptr && !e->wanted(s.root->boot))
      return missing_memory{a->extension, model::extension_state::unloaded, {}, MyDatabaseId};
    return describe(s, MyDatabaseId, a->extension);
  }
  for (const model::desired_database &d : state::holders_of(s, state::global_allocation(name)))
    if (d.database != MyDatabaseId)
      return describe(s, d.database, d.registrations.allocations.front().extension);
  return {};
}

void publish_table() {
  pg::call([] {
    void **variable = find_rendezvous_variable(DYNPGEXT_API_VARIABLE);
    *variable = const_cast<dynpgext_api *>(&table);
  });
}

}  // namespace dynpgext::api
