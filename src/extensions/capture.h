// pg_extension compared with the registrations, and what has changed followed.
#pragma once

#include "catalog/store.h"
#include "model/installed.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

// Compares pg_extension with the registrations and follows what has changed.  In a command's
// trigger (`only_changed`) whatever fails fails the command; otherwise an extension that
// fails is left in state 'failed' and the others go on.
void capture(const catalog::store &store, bool only_changed);

// The differences; `only_changed`: of extensions that this transaction has changed.
[[nodiscard]] std::vector<model::extension_change> changes(const catalog::store &store,
                                                           bool only_changed);
// The turns of those that are updated or removed are taken before the provisioning lock.
void expect_removals(const catalog::store &store, bool only_changed);

// Follows what has changed behind our back, of one extension or (empty) all.  Returns the
// extensions that could not be followed.
std::vector<std::string> follow_all(const catalog::store &store, const std::string &extension,
                                    bool retry_failed, bool only_changed);

// Extensions that were installed or dropped behind our back (with event triggers off), as reload()
// shows them.
[[nodiscard]] std::vector<model::action>
describe_changes(const std::vector<model::extension_change> &found, const std::string &extension);

}  // namespace dynpgext::provisioning
