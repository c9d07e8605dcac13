// What this database has the server run: its registrations, but for what a copy may not have.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// In this run of the server.  The database that a global worker runs for is chosen from all that
// register it.  A copy may be made by anybody who may make databases, and its commands run only as
// roles that its owner may become: a global one that would fail there is left to the others.
[[nodiscard]] model::registrations wanted_registrations(const catalog::store &store);

}  // namespace dynpgext::provisioning
