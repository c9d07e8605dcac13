// The wanted workers: for each identity the one to run, and its terms.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/live_index.h"

namespace dynpgext::model {

// A wanted worker, its database and its definition.
struct wanted_worker {
  const worker *definition = nullptr;
  const extension *owner = nullptr;
  database_id source = no_database;
  worker_terms terms = {};
  bool quarantined = false;
  bool in_restore = false;  // its database is being restored: it waits for the end of the restore
};

[[nodiscard]] inline object_key key_of(const wanted_worker &w) {
  return {home_of(w.definition->scope, w.source), w.definition->extension, w.definition->name};
}

// The one to run of an identity: the database's, or for a global one the highest version among
// databases that are not being restored and whose extension has not failed and is not paused; among
// equals the one already running.  A hosted one is connected to its database, whose owner can
// prevent it from running there: closed databases are avoided if there is another one, and among
// equal versions a database owned by a superuser is preferred.
//
// Its terms are its author's, overridden by the DBA's settings.  For a global worker a setting
// counts from any database; in a contradiction, a database of a superuser wins, then the lower OID.
[[nodiscard]] std::vector<wanted_worker>
wanted_workers(const std::vector<desired_database> &desired, const live_state &live);
[[nodiscard]] std::vector<wanted_worker>
wanted_workers(const std::vector<desired_database> &desired, const live_index &live);

// The one with this identity; nullptr: not wanted.
[[nodiscard]] const wanted_worker *find_wanted(std::span<const wanted_worker> wanted,
                                               database_id home, std::string_view extension,
                                               std::string_view name);

}  // namespace dynpgext::model
