// Exactly the state that a decision about a database needs: the database's registrations and its
// live objects, and for the global names that concern it, the registrations of other databases.
#pragma once

#include <map>
#include <optional>

#include "memory/allocations.h"
#include "shared/databases.h"
#include "shared/publication.h"
#include "workers/workers.h"

namespace dynpgext::state {

// The part of the state to read.
struct look_request {
  Oid database = InvalidOid;
  // replaces the published registrations of the database
  const model::registrations *instead = nullptr;
  // global names in addition to those that it registers, or that run for it
  const global_names *also = nullptr;
  bool memory = true;  // include allocations
  std::span<const hold> own = {};
};

// The two sides that the reconciler compares.
struct picture {
  desired_databases desired;
  model::live_state live;
};
// Takes the lock itself.
[[nodiscard]] picture look(const shared &s, const look_request &request);
// For one worker only.
[[nodiscard]] picture look_at(const shared &s, const worker_identity &id);

// The registrations of these names, by database.  Caller holds root.lock.
[[nodiscard]] desired_databases registrations_of(const shared &s, const global_names &names);
// The registrations of an allocation: by its database, or by the holders of the global name.
// Caller holds root.lock.
[[nodiscard]] desired_databases registrations_of(const shared &s, const allocation_key &key);

}  // namespace dynpgext::state
