// The life of an extension in this database: added, provisioned again, updated, unloaded, removed.
// All within the current transaction; see commit.h for the actions at its end.
#pragma once

#include <optional>
#include <string>

#include "catalog/store.h"

namespace dynpgext::provisioning {

// 42704 if it is not installed; 55000 for dynpgext, which does not take part in itself.
[[nodiscard]] std::string installed_version(const std::string &name);

// Distinguishes one CREATE EXTENSION from the next.
[[nodiscard]] int64 new_incarnation();
// Nothing can be registered, loaded or unloaded under the name of a library that is hosted here.
[[noreturn]] void refuse_hosted(const std::string &name);

// Has it a manifest of a DBA, in dynpgext.manifests?  Even an empty one counts: it replaces the
// registrations of the extension's script, which registers them again in a restored database.
[[nodiscard]] bool is_registered_by_hand(const catalog::store &store, const std::string &extension);

// Adds an installed extension that is not registered yet, if its library takes part.  Returns
// whether it does.
bool add(const catalog::store &store, const std::string &name, const std::string &version);

// Runs the init of a registered extension, to make its memory and to learn the callbacks of its
// workers.  The rows follow if init now registers something else.
void provision(const catalog::store &store, const model::extension &extension);
// The same if the registrations of its init may have changed, including sizes of memory.
void provision_anew(const catalog::store &store, const model::extension &extension);

// ALTER EXTENSION ... UPDATE: the new version's init, then the old one's fini.
void update(const catalog::store &store, const std::string &name, const std::string &version);

// The script of a trusted extension runs as a superuser, who owns its tables; its SQL workers run
// as the owner of the extension.  A WARNING if that role has no privileges on some of the tables.
// Called after the script, which may grant at any point.
void warn_of_closed_tables(const catalog::store &store, const std::string &name);

// load(): returns the version. unload(): false if it was not loaded.
std::string load(const catalog::store &store, const std::string &name,
                 const std::optional<std::string> &version);
bool unload(const catalog::store &store, const std::string &name);

// It is no longer installed.
void remove(const catalog::store &store, const std::string &name);

// Runs fini.  A missing library is a WARNING, because it must not prevent the drop of the
// extension.
void fini_if_possible(const model::extension &extension, Oid role);

}  // namespace dynpgext::provisioning
