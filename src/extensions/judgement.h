// Commands in a database that has had another owner since their role was decided.
//
// The owner of a database, or a role that copies it, can change the objects used by its commands,
// and leaves them to the next owner.  A command continues if all owners of the database since are
// members of its role, for example in a DBA's copies of the DBA's templates.  Otherwise it no
// longer runs, whoever owns the database later, until its role is decided again.  Its row records
// this, so that a copy of the copy inherits it.
#pragma once

#include "catalog/store.h"
#include "pg/database_owners.h"

namespace dynpgext::provisioning {

// An owner of the database is not a member of its role.
[[nodiscard]] bool is_foreign(const model::command_identity &who,
                              std::span<const pg::noted_owner> owners);
// An owner is not, or the decision was made in the original of this copy: registering it again by
// hand decides again.
[[nodiscard]] bool is_to_be_decided_anew(const model::command_identity &who,
                                         std::span<const pg::noted_owner> owners);

// Judges all commands of the database, and records the result in their rows.  Not in recovery.
void judge_owners(const catalog::store &store);

}  // namespace dynpgext::provisioning
