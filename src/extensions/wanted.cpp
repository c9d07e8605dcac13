#include "extensions/wanted.h"

#include "extensions/judgement.h"
#include "shared/root.h"

namespace dynpgext::provisioning {

model::registrations wanted_registrations(const catalog::store &store) {
  model::registrations wanted = store.read().wanted(state::attach().root->boot);
  const auto is_global_command = [](const model::worker &w) {
    return w.hosted && w.scope == model::scope::global;
  };
  if (std::none_of(wanted.workers.begin(), wanted.workers.end(), is_global_command)) return wanted;
  const std::vector<model::command> commands = store.read_commands({});
  const std::vector<pg::noted_owner> owners = pg::database_owners();
  std::erase_if(wanted.workers, [&](const model::worker &w) {
    return is_global_command(w) &&
           std::any_of(commands.begin(), commands.end(), [&](const model::command &c) {
             return c.extension == w.extension && c.worker == w.name &&
                    is_foreign(c.identity, owners);
           });
  });
  return wanted;
}

}  // namespace dynpgext::provisioning
