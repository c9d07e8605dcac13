#include "hosting/static_worker.h"

#include <set>

#include "extensions/extension.h"
#include "extensions/ledger.h"
#include "hosting/loading.h"
#include "hosting/process.h"

namespace dynpgext::hosting {
namespace {

constexpr const char *version_name = "hosted";

// As registered by its _PG_init in the keeper.  This process need not have loaded it.
std::vector<BackgroundWorker> static_workers(state::shared &s, uint64 number) {
  std::vector<BackgroundWorker> found;
  const instance *i = find_instance(require_block(s), number);
  if (i == nullptr || i->size == 0) return found;
  if (const library *l = find_library(i->library.view()); l != nullptr && l->number() == number) {
    for (const static_worker *w = l->window.header().workers; w != nullptr; w = w->next)
      found.push_back(w->definition);
    return found;
  }
  // may differ from its address
  const dsm_handle memory = i->memory;
  dsm_segment *segment = pg::call([=] { return dsm_attach(memory); });
  if (segment == nullptr) return found;
  const char *here = static_cast<const char *>(dsm_segment_address(segment));
  const auto at = [&](const static_worker *there) {
    return reinterpret_cast<const static_worker *>(here +
                                                   (reinterpret_cast<uint64>(there) - i->address));
  };
  const auto *header = reinterpret_cast<const window_header *>(here);
  for (const static_worker *w = header->workers; w != nullptr; w = at(w)->next)
    found.push_back(at(w)->definition);
  pg::call([=] { dsm_detach(segment); });
  return found;
}

// As dynpgext registers it: `number` identifies the library's worker to the process.
model::worker describe(const catalog::hosted_row &row, const BackgroundWorker &w, uint64 number,
                       std::set<std::string> &names) {
  model::worker result;
  result.extension = row.library;
  const std::string name = w.bgw_name[0] == '\0' ? row.library : std::string(w.bgw_name);
  result.name = name;
  for (int n = 2; !names.insert(result.name).second; ++n) {
    const std::string suffix = " " + std::to_string(n);
    result.name = name.substr(0, BGW_MAXLEN - 1 - suffix.size()) + suffix;
  }
  result.type = w.bgw_type[0] == '\0' ? result.name : std::string(w.bgw_type);
  result.scope = row.is_global ? model::scope::global : model::scope::database;
  result.library = w.bgw_library_name;
  result.function = w.bgw_function_name;
  result.flags = static_cast<std::uint32_t>(w.bgw_flags);
  result.start = static_cast<std::uint32_t>(w.bgw_start_time);
  std::memcpy(result.extra.data(), w.bgw_extra, result.extra.size());
  result.argument = number;
  result.restart = w.bgw_restart_time == BGW_NEVER_RESTART ? model::restart_policy::never
                                                           : model::restart_policy::on_failure;
  if (w.bgw_restart_time != BGW_NEVER_RESTART)
    result.restart_delay = std::int64_t{w.bgw_restart_time} * 1000;
  result.declared = true;
  return result;
}

}  // namespace

void register_static_workers(state::shared &s, uint64 number, const catalog::store &store,
                             const catalog::hosted_row &row) {
  model::extension owner;
  owner.name = row.library;
  owner.version = version_name;
  owner.is_library = true;
  owner.incarnation = provisioning::new_incarnation();
  std::vector<model::worker> described;
  const std::vector<BackgroundWorker> workers = static_workers(s, number);
  described.reserve(workers.size());
  std::set<std::string> names;
  for (const BackgroundWorker &w : workers)
    described.push_back(describe(row, w, described.size(), names));
  provisioning::touch(store);
  (void)store.write(owner, {}, described);
  provisioning::note_extension(row.library, model::extension_state::provisioned);
}

void forget_static_workers(const catalog::store &store, const std::string &library) {
  provisioning::touch(store);
  store.erase(library);
}

bool prepare_worker(const model::worker &worker, Oid home, Datum *argument) {
  state::shared &s = state::attach();
  block *b = find_block(s);
  if (b == nullptr) return false;
  uint64 number = 0;
  {
    const state::reading lock(s);
    if (!worker.hosted)
      if (const instance *i = find_instance(*b, worker.extension, home)) number = i->number;
  }
  if (number == 0) {
    (void)load_all(s, home);
    return false;
  }
  const library *l = load_for_worker(s, number);
  if (l == nullptr || worker.argument >= l->static_workers.size())
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "library \"" + worker.extension +
                        "\" is not hosted, or registers other workers");
  // its argument may point into this process's memory
  const BackgroundWorker &own = l->static_workers[worker.argument];
  const pid_t notify = MyBgworkerEntry->bgw_notify_pid;
  *MyBgworkerEntry = own;
  MyBgworkerEntry->bgw_notify_pid = notify;
  *argument = own.bgw_main_arg;
  return true;
}

void prepare_runner(Oid database) {
  state::shared &s = state::attach();
  if (find_block(s) != nullptr) (void)load_all(s, database);
}

}  // namespace dynpgext::hosting
