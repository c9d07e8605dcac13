// The current database as a whole: visited, looked up in, forgotten.
#pragma once

#include <string>

#include "catalog/store.h"
#include "shared/comparisons.h"

namespace dynpgext::provisioning {

// Provisions what the committed registrations of this database say, after a start of the
// server or at any time: for the launcher's visit.  Extensions that fail are left 'failed'.
void provision_database(const catalog::store &store, const state::comparison &comparison);

// In each of these, before that: what else follows rows of this database.  Once, when the library
// is loaded.
void follow_in_visits(void (*follow)(const catalog::store &));

// The database does not have dynpgext (any more): nothing of it is to be live.
void forget_current_database();

// A name that this process could not find: if it is registered and merely has not been
// provisioned yet, provisions its extension.  Returns whether looking again makes sense.
bool provision_name(const std::string &name);

// Within a transaction that changes registrations: does its snapshot have the name?
[[nodiscard]] bool is_name_registered(const std::string &name);

// How many workers this database may have, as ALTER DATABASE has said.
[[nodiscard]] std::optional<std::string> read_worker_limit();
// From now on whoever starts them knows it.
void learn_worker_limit(state::shared &s);

}  // namespace dynpgext::provisioning
