// What a manifest may not say in this database, and by this role: that can only be found here.
#pragma once

#include "catalog/store.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// All faults, each with its place; `all` are the registrations as they are.  Libraries are loaded
// to look for functions, but only for a superuser.
[[nodiscard]] std::vector<model::json::fault> check_manifest(const model::manifest &m,
                                                             const model::registrations &all);

}  // namespace dynpgext::provisioning
