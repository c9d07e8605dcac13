// The triggers of dynpgext's own tables, which have to fire in any session.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// Triggers of our tables that fire in ordinary sessions only have been off, and been switched on
// again by somebody who did not know how: they are made to fire as they should.  Returns whether
// any was so.
bool mend_triggers(const catalog::store &store);

}  // namespace dynpgext::provisioning
