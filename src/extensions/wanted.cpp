#include "extensions/wanted.h"

#include "pg/database_mark.h"
#include "pg/role.h"
#include "shared/root.h"

namespace dynpgext::provisioning {
namespace {

bool is_refused_as_copy(const model::command_identity &who) {
  return OidIsValid(who.role) && who.decided_in != pg::database_mark() &&
         !pg::may_become(pg::database_owner(), who.role);
}

}  // namespace

model::registrations wanted_registrations(const catalog::store &store) {
  model::registrations wanted = store.read().wanted(state::attach().root->boot);
  const auto is_global_command = [](const model::worker &w) {
    return w.hosted && w.scope == model::scope::global;
  };
  if (std::none_of(wanted.workers.begin(), wanted.workers.end(), is_global_command)) return wanted;
  const std::vector<model::command> commands = store.read_commands({});
  std::erase_if(wanted.workers, [&](const model::worker &w) {
    return is_global_command(w) &&
           std::any_of(commands.begin(), commands.end(), [&](const model::command &c) {
             return c.extension == w.extension && c.worker == w.name &&
                    is_refused_as_copy(c.identity);
           });
  });
  return wanted;
}

}  // namespace dynpgext::provisioning
