// What a decision about a database needs to know, and no more: what the database registers and what
// is live of it; and of the global names that concern it, what others register of them.
#pragma once

#include <map>
#include <optional>

#include "memory/allocations.h"
#include "shared/databases.h"
#include "shared/publication.h"
#include "workers/workers.h"

namespace dynpgext::state {

// What is looked at.
struct look_request {
  Oid database = InvalidOid;
  // in place of what is published for the database
  const model::registrations *instead = nullptr;
  // global names besides those that it registers, or that run for it
  const global_names *also = nullptr;
  bool memory = true;  // allocations, too
  std::span<const hold> own = {};
};

// The two sides that the reconciler compares.
struct picture {
  desired_databases desired;
  model::live_state live;
};
// Takes the lock itself.
[[nodiscard]] picture look(const shared &s, const look_request &request);
// Of a worker alone.
[[nodiscard]] picture look_at(const shared &s, const worker_identity &id);

// What databases register of these names.  Caller holds root.lock.
[[nodiscard]] desired_databases registrations_of(const shared &s, const global_names &names);
// What is registered of an allocation: by its database, or by those that hold the global name.
// Caller holds root.lock.
[[nodiscard]] desired_databases registrations_of(const shared &s, const allocation_key &key);

}  // namespace dynpgext::state
