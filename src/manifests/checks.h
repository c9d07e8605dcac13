// What a manifest may not contain in this database, and for this role: checks that need the server.
#pragma once

#include "catalog/store.h"
#include "extensions/declared_by.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// All faults, each with its place: those of the form, and those of items with a valid form; `all`
// are the present registrations.  Commands unchanged from `known` keep their roles.  Libraries are
// loaded to find functions, but only for a superuser.
[[nodiscard]] std::vector<model::json::fault>
check_manifest(const model::manifest_result &read, const model::registrations &all, declared_by who,
               const std::vector<model::command> &known);

// Settings of global workers that a document by a role without superuser would delete by leaving
// them out.
[[nodiscard]] std::vector<model::json::fault>
check_settings_left_out(const model::manifest &m, const model::registrations &all);

// Parts of a document beyond registrations: only for apply().
[[nodiscard]] std::vector<model::json::fault> beyond_registrations(const model::manifest &m);

// For one that is declared together with others, which may withdraw names for it.
[[nodiscard]] std::vector<model::json::fault>
check_with_others(const model::extension_manifest &e,
                  const std::vector<model::extension_manifest> &others,
                  const model::registrations &all);

}  // namespace dynpgext::provisioning
