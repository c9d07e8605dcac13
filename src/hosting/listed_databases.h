// Databases that have libraries hosted for sessions, as dynpgext.hosting_databases lists them.
#pragma once

#include <vector>

#include "shared/root.h"

namespace dynpgext::hosting {

[[nodiscard]] std::vector<Oid> listed_databases();

// An instance has gone: others of them may have the same library hosted, and are visited again.
void follow_again(state::shared &s);

}  // namespace dynpgext::hosting
