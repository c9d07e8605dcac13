// Rows of dynpgext.manifests that have been written by others than register() and apply(): by a
// restore, logical replication, or hand.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// They take effect: for the trigger that tells of them.  One that cannot is a WARNING, and keeps
// the others from nothing.
void follow_manifests(const catalog::store &store);

// The same of rows that no trigger has told of, of one extension or (empty) all: for visits and
// reload().  It is not known who wrote them, so they are followed only where nobody but superusers
// may.  Returns the extensions whose declarations have changed; with `dry_run` only those.
std::vector<std::string> follow_untold_manifests(const catalog::store &store,
                                                 const std::string &extension, bool dry_run);

}  // namespace dynpgext::provisioning
