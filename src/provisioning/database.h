// The current database as a whole: visits, lookups, cleanup.
#pragma once

#include <string>

#include "catalog/store.h"
#include "shared/comparisons.h"

namespace dynpgext::provisioning {

// Provisions the committed registrations of this database, after a start of the server or at any
// time: for the launcher's visit.  Extensions that fail become 'failed'.
void provision_database(const catalog::store &store, const state::comparison &comparison);

// Called in each visit, before that: follows other rows of this database; nullptr: it does not have
// dynpgext.  Once, when the library is loaded.
void follow_in_visits(void (*follow)(const catalog::store *));

// The database does not have dynpgext (any more): removes everything live of it.
void forget_current_database();

// For a name that this process could not find: if it is registered and only not provisioned yet,
// provisions its extension.  Returns whether to look again.  If the extension registers something
// else than before, the provisioning lock is held until the end of the transaction.
bool provision_name(const std::string &name);
// The same for an extension, by its own name.
bool provision_extension(const std::string &name);

// Within a transaction that changes registrations: does its snapshot have the name?
[[nodiscard]] bool is_name_registered(const std::string &name);

// The limit of workers of this database, from ALTER DATABASE.
[[nodiscard]] std::optional<std::string> read_worker_limit();
// Copies it into shared memory.
void learn_worker_limit(state::shared &s);

}  // namespace dynpgext::provisioning
