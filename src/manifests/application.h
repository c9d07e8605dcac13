// Applies a manifest: shows or makes its changes to the present registrations and settings.
#pragma once

#include "catalog/store.h"
#include "model/manifest.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

// Makes declarations and DBAs' settings equal to the manifest: of its extension, or of all of this
// database.  22023 for a fault of any kind.  Returns the executed (or, with `dry_run`, planned)
// actions, as reload() does.
[[nodiscard]] std::vector<model::action> apply(const catalog::store &store,
                                               const model::manifest_result &read, bool dry_run);

}  // namespace dynpgext::provisioning
