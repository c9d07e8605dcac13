// Compares pg_extension with the registrations, and follows the changes.
#pragma once

#include "catalog/store.h"
#include "model/installed.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

// Compares pg_extension with the registrations and follows the changes.  In a command's trigger
// (`only_changed`) a failure fails the command.  Otherwise a failing extension gets the state
// 'failed' and the others continue.
void capture(const catalog::store &store, bool only_changed);

// The differences; `only_changed`: of extensions that this transaction has changed.
[[nodiscard]] std::vector<model::extension_change> changes(const catalog::store &store,
                                                           bool only_changed);
// Takes the turns of updated and removed extensions before the provisioning lock.
void expect_removals(const catalog::store &store, bool only_changed);

// Follows changes made without event triggers, of one extension or (empty) all.  Returns the
// extensions that could not be followed.
std::vector<std::string> follow_all(const catalog::store &store, const std::string &extension,
                                    bool retry_failed, bool only_changed);

// Extensions installed or dropped without event triggers, as reload() shows them.
[[nodiscard]] std::vector<model::action>
describe_changes(const std::vector<model::extension_change> &found, const std::string &extension);

}  // namespace dynpgext::provisioning
