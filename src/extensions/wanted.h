// What this database wants to run: its registrations, except those that a copy may not have.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// In this run of the server.  The database that a global worker runs for is chosen from all that
// register it.  Any role that may create databases can make a copy, and its commands run only as
// roles that its owner may become: a global worker that would fail there is left to the others.
[[nodiscard]] model::registrations wanted_registrations(const catalog::store &store);

}  // namespace dynpgext::provisioning
