// Rows of dynpgext.manifests that have been written by others than register() and apply(): by a
// restore, logical replication, or hand.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// They take effect: for the trigger that tells of them.  One that cannot is a WARNING, and keeps
// the others from nothing.
void follow_manifests(const catalog::store &store);

// Who looks for rows that no trigger has told of.
enum class looker : std::uint8_t {
  command,  // reload(): is told each time why one cannot be followed
  dry_run,  // the same, and only looks
  chance,   // a visit, or ALTER TABLE: says it once of each row and reason
};
// The same of those, of one extension or (empty) all.  A superuser has written them: a constraint
// of the table refuses what others write while its trigger does not fire.  Returns the extensions
// whose declarations have changed, or would.
std::vector<std::string> follow_untold_manifests(const catalog::store &store,
                                                 const std::string &extension, looker who);

}  // namespace dynpgext::provisioning
