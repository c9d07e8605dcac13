// What can happen to an extension of this database: it is added, provisioned again, updated,
// unloaded, removed.  All of it within the transaction under way; see commit.h for what
// follows at its end.
#pragma once

#include <optional>
#include <string>

#include "catalog/store.h"

namespace dynpgext::provisioning {

// Differs between one CREATE EXTENSION and the next.
[[nodiscard]] int64 new_incarnation();
// Nothing can be registered, loaded or unloaded under the name of a library that is hosted here.
[[noreturn]] void refuse_hosted(const std::string &name);

// An installed extension that is not registered yet.  Nothing if its library does not take
// part.  Returns whether it does.
bool add(const catalog::store &store, const std::string &name, const std::string &version);

// Runs the init of a registered extension that is wanted, so that its memory is there and the
// callbacks of its workers are known; the rows follow if init registers something else now.
void provision(const catalog::store &store, const model::extension &extension);
// The same for one whose init may have come to register other things, also memory of another size.
void provision_anew(const catalog::store &store, const model::extension &extension);

// ALTER EXTENSION ... UPDATE: the new version's init, then the old one's fini.
void update(const catalog::store &store, const std::string &name, const std::string &version);

// The script of a trusted extension runs as a superuser, who owns its tables; its SQL workers run
// as the owner of the extension.  A WARNING where that role may do nothing with some of the tables.
// Called when the script has ended, for it may grant at any point.
void warn_of_closed_tables(const catalog::store &store, const std::string &name);

// load(): returns the version.  unload(): false when it was not loaded.
std::string load(const catalog::store &store, const std::string &name,
                 const std::optional<std::string> &version);
bool unload(const catalog::store &store, const std::string &name);

// It is no longer installed.
void remove(const catalog::store &store, const std::string &name);

// Runs fini; a library that is gone by now is a WARNING, for it must not keep the extension
// from being dropped.
void fini_if_possible(const model::extension &extension, Oid role);

}  // namespace dynpgext::provisioning
