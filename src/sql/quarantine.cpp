// release: ends a quarantine by the crash guard.
#include "guard/quarantine.h"
#include "catalog/store.h"
#include "provisioning/reload.h"
#include "sql/function.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace {

using namespace dynpgext;

void require_known(const std::string &extension, const std::optional<catalog::store> &store) {
  if (store && store->read().find_extension(extension) != nullptr) return;
  throw pg::error(ERRCODE_UNDEFINED_OBJECT,
                  "extension \"" + extension + "\" is not registered in this database", {},
                  "SELECT extension FROM dynpgext.extensions shows those that are.");
}

// The roles of the extension's commands here.
std::vector<Oid> roles_of(const std::string &extension,
                          const std::optional<catalog::store> &store) {
  std::vector<Oid> roles;
  if (!store) return roles;
  for (const model::command &c : store->read_commands(extension))
    if (OidIsValid(c.identity.role)) roles.push_back(c.identity.role);
  return roles;
}

}  // namespace

// Takes effect at once, whatever the transaction does later; then starts everything again.
DYNPGEXT_SQL_FUNCTION(dynpgext_release) {
  return pg::entry([=] {
    const std::string extension = sql::name_argument(fcinfo, 0);
    const std::optional<catalog::store> store = catalog::store::open();
    const bool released =
        state::release_extension(state::use(), MyDatabaseId, extension, roles_of(extension, store));
    if (!released) require_known(extension, store);
    if (released && store && store->read().find_extension(extension) != nullptr) {
      provisioning::reload_options options;
      options.extension = extension;
      (void)provisioning::reload(*store, options);
    }
    return BoolGetDatum(released);
  });
}
