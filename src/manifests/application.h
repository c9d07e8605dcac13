// A manifest that is applied: what it changes of the registrations and settings there are, shown or
// done.
#pragma once

#include "catalog/store.h"
#include "model/manifest.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

// Makes what is declared, and what DBAs have set, equal to the manifest: of its extension, or of
// all of this database.  22023 where it has a fault, of whichever kind.  Returns what that does, or
// with `dry_run` would do, as reload() does.
[[nodiscard]] std::vector<model::action> apply(const catalog::store &store,
                                               const model::manifest_result &read, bool dry_run);

}  // namespace dynpgext::provisioning
