// The triggers of dynpgext's own tables, which must fire in every session.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// Corrects triggers of our tables that fire only in ordinary sessions: somebody has disabled them
// and enabled them again without ALWAYS.  Returns whether there were any.
bool mend_triggers(const catalog::store &store);

}  // namespace dynpgext::provisioning
