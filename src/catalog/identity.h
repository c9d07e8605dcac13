// The role of a command, as written in a dump.
#pragma once

#include "catalog/store.h"

namespace dynpgext::catalog {

// The same identity as in the dumped database, or none (role 0): if a role is missing, or is a
// superuser here and was not there.
[[nodiscard]] model::command_identity resolve(const store::identity_row &row);

// For a command in a row of dynpgext.manifests that does not decide about a role.
[[nodiscard]] model::command_identity undecided();
[[nodiscard]] bool is_undecided(const model::command_identity &who);

// Ignores where it was decided, and after which owners of the database: a row of
// dynpgext.identities does not contain that.
[[nodiscard]] bool is_same_identity(model::command_identity a, const model::command_identity &b);

// Why a command cannot run with its identity.  Empty: it can.
[[nodiscard]] std::string why_not(const model::command &command,
                                  const std::vector<store::identity_row> &rows);

}  // namespace dynpgext::catalog
