// The current database as a whole: captured, reconciled, looked up in.
#pragma once

#include <string>
#include <vector>

#include "catalog/store.h"
#include "model/reconcile.h"
#include "state/comparisons.h"

namespace dynpgext::provisioning {

// Compares pg_extension with the registrations and follows what has changed.  In a command's
// trigger (`only_changed`) whatever fails fails the command; otherwise an extension that
// fails is left in state 'failed' and the others go on.
void capture(const catalog::store &store, bool only_changed);

struct reload_options {
  std::string extension;  // empty: all
  bool dry_run = false;
  bool retry_failed = true;
};
// Makes the live state equal to the registrations.  Returns what was (or would be) done, in
// order.  Takes no lock that blocks others when there is nothing to do.  In a transaction
// that changes registrations itself, workers follow with its commit.
[[nodiscard]] std::vector<model::action> reload(const catalog::store &store,
                                                const reload_options &options);

// What a reload would do if these were the registrations of this database.
[[nodiscard]] std::vector<model::action> plan_for(const model::registrations &all);

// Provisions what the committed registrations of this database say, after a start of the
// server or at any time: for the launcher's visit.  Extensions that fail are left 'failed'.
void provision_database(const catalog::store &store, const state::comparison &comparison);

// In a visit that ends: where the code of an extension that it provisions has ended it, that one
// has failed.
void note_end_in_code();

// The database does not have dynpgext (any more): nothing of it is to be live.
void forget_current_database();

// A name that this process could not find: if it is registered and merely has not been
// provisioned yet, provisions its extension.  Returns whether looking again makes sense.
bool provision_name(const std::string &name);

// Within a transaction that changes registrations: does its snapshot have the name?
[[nodiscard]] bool is_name_registered(const std::string &name);

// How many workers this database may have is known from now on to whoever starts them.
void learn_worker_limit(state::shared &s);

// Makes sure the callbacks of an extension's workers are known in this process.
void learn_callbacks(const catalog::store &store, const model::extension &extension);

}  // namespace dynpgext::provisioning
