// dynpgext.reload(): makes the live state of this database equal to its registrations.
#pragma once

#include "extensions/execution.h"

namespace dynpgext::provisioning {

// Makes the live state equal to the registrations.  Returns the executed (or planned) actions, in
// order.  Takes no lock that blocks others if there is nothing to do.  In a transaction that
// changes registrations itself, workers follow with its commit.
[[nodiscard]] std::vector<model::action> reload(const catalog::store &store,
                                                const reload_options &options);

}  // namespace dynpgext::provisioning
