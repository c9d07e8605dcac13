// Which workers are wanted: of those that have one identity the one to run, and on which terms.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/live_index.h"

namespace dynpgext::model {

// Who wants a worker, and how it is to be.
struct wanted_worker {
  const worker *definition = nullptr;
  const extension *owner = nullptr;
  database_id source = no_database;
  worker_terms terms = {};
  bool quarantined = false;
  bool in_restore = false;  // its database is being restored: it waits for the end of that
};

[[nodiscard]] inline object_key key_of(const wanted_worker &w) {
  return {home_of(w.definition->scope, w.source), w.definition->extension, w.definition->name};
}

// The one to run of an identity: its database's, or of a global one the highest version's of
// those whose extension has not failed and is not paused, and whose database is not being restored;
// among equals the one that runs already.  A hosted one is connected to its database, whose owner
// can keep it from running there: none of a closed database where there is another, and of two
// versions that are the same that of a database which a superuser owns.
//
// Its terms are its author's, overridden by what the DBA has set.  For a global worker a setting
// counts in whichever database it was made; where two contradict each other, that of a database
// of a superuser, and of such that of the one with the lower OID.
[[nodiscard]] std::vector<wanted_worker>
wanted_workers(const std::vector<desired_database> &desired, const live_state &live);
[[nodiscard]] std::vector<wanted_worker>
wanted_workers(const std::vector<desired_database> &desired, const live_index &live);

// The one of this identity among them; nullptr: nobody wants it.
[[nodiscard]] const wanted_worker *find_wanted(std::span<const wanted_worker> wanted,
                                               database_id home, std::string_view extension,
                                               std::string_view name);

}  // namespace dynpgext::model
