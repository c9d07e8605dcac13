// Whom a command runs as, from what a dump says of it.
#pragma once

#include "catalog/store.h"

namespace dynpgext::catalog {

// The same identity as where it was dumped, or nobody (role 0): where a role is missing, or where
// the role is a superuser here that was none there.
[[nodiscard]] model::command_identity resolve(const store::identity_row &row);

// Of a command that a row of dynpgext.manifests brings along, where such a row decides of no role.
[[nodiscard]] model::command_identity undecided();
[[nodiscard]] bool is_undecided(const model::command_identity &who);

// Wherever it was decided, and after which owners of the database: that is nothing that a row of
// dynpgext.identities tells.
[[nodiscard]] bool is_same_identity(model::command_identity a, const model::command_identity &b);

// Of a command that cannot run as its identity is: why.  Empty: it can.
[[nodiscard]] std::string why_not(const model::command &command,
                                  const std::vector<store::identity_row> &rows);

}  // namespace dynpgext::catalog
