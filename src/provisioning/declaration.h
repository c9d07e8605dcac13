// Registrations that SQL declares: made, changed and taken back within the transaction under way.
#pragma once

#include "catalog/store.h"
#include "model/manifest.h"
#include "provisioning/declared_by.h"

namespace dynpgext::provisioning {

// Makes what is declared for the extension equal to the manifest, whose settings do not count.  The
// caller has locked the extension, and its faults have been found before.  Memory is there, and
// lookups in this transaction find it, when it returns; the rest follows with the commit.
void declare(const catalog::store &store, const model::extension_manifest &wanted, declared_by who);

// Makes what is declared, and what DBAs have set, equal to the manifest: of its extension, or of
// all of this database.  22023 where it has a fault, of whichever kind.  Returns what that does, or
// with `dry_run` would do, as reload() does.
[[nodiscard]] std::vector<model::action> apply(const catalog::store &store,
                                               const model::manifest_result &read, bool dry_run);

// Rows of dynpgext.manifests that have been written otherwise (by a restore) take effect: for the
// trigger that tells of them.  One that cannot is a WARNING, and keeps the others from nothing.
void follow_manifests(const catalog::store &store);

// The same of rows that no trigger has told of, of one extension or (empty) all: for visits and
// reload().  It is not known who wrote them, so they are followed only where nobody but superusers
// may.  Returns the extensions whose declarations have changed; with `dry_run` only those.
std::vector<std::string> follow_untold_manifests(const catalog::store &store,
                                                 const std::string &extension, bool dry_run);

// Triggers of our tables that fire in ordinary sessions only have been off, and been switched on
// again by somebody who did not know how: they are made to fire as they should.  Returns whether
// any was so.
bool mend_triggers(const catalog::store &store);

}  // namespace dynpgext::provisioning
