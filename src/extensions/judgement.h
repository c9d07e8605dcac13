// Commands in a database that has had another owner since it was decided whom they run as.
//
// Whoever owns a database, or makes a copy of it, can change what the commands in it refer to, and
// leaves that to the next owner.  A command goes on where all who have owned the database since are
// members of its role: in a DBA's copies of his templates, for one.  Otherwise it does not run any
// more, whoever owns the database later, until it is decided anew whom it runs as; its row says so,
// so that a copy of the copy has it from the copy.
#pragma once

#include "catalog/store.h"
#include "pg/database_owners.h"

namespace dynpgext::provisioning {

// One of the owners of the database is no member of its role.
[[nodiscard]] bool is_foreign(const model::command_identity &who,
                              std::span<const pg::noted_owner> owners);
// Somebody has, or it was decided in the database that this one is a copy of: what is registered
// again by hand does not keep it.
[[nodiscard]] bool is_to_be_decided_anew(const model::command_identity &who,
                                         std::span<const pg::noted_owner> owners);

// Of all commands of the database, into their rows.  Not in recovery.
void judge_owners(const catalog::store &store);

}  // namespace dynpgext::provisioning
