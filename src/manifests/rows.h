// Rows of dynpgext.manifests that were not written by register() or apply(): by a restore, logical
// replication, or by hand.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// Applies them, for their trigger.  One that cannot be followed is a WARNING, and does not affect
// the others.
void follow_manifests(const catalog::store &store);

// The caller that looks for rows without a trigger.
enum class looker : std::uint8_t {
  command,  // reload(): reports each time why one cannot be followed
  dry_run,  // the same, without changes
  chance,   // a visit, or ALTER TABLE: reports once for each row and reason
};
// The same for rows without a trigger, of one extension or (empty) all.  A superuser has written
// them: if the trigger does not fire, a constraint of the table refuses the rows of others.
// Returns the extensions with changed declarations, or those that would change.
std::vector<std::string> follow_untold_manifests(const catalog::store &store,
                                                 const std::string &extension, looker who);

}  // namespace dynpgext::provisioning
