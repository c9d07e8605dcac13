// Memory of allocations: published, drained, and held by transactions under way.
#pragma once

#include <string>
#include <vector>

#include "memory/instances.h"
#include "shared/globals.h"

namespace dynpgext::state {

// What a transaction under way has of an instance; see memory/claims.h and release_holds().
struct hold {
  allocation_key key;
  dsa_pointer instance = InvalidDsaPointer;
};

// The instances that exist, as the reconciler sees them: of each of these names the one that this
// transaction holds, else the published one.  Caller holds root.lock.
[[nodiscard]] std::vector<model::live_allocation>
live_allocations(const shared &s, std::span<const allocation_entry *const> entries,
                 std::span<const hold> own);

// Ends holds with the commit: what is registered now stays, the rest is given back.
void release_holds(shared &s, std::span<const hold> holds) noexcept;
// Ends them with a rollback: what was made for them is given back, unless it has been published
// or another transaction wants it, too.
void roll_back_holds(shared &s, std::span<const hold> holds) noexcept;
// What is registered and committed already (after a restart) is there for everybody from now on.
void publish_holds(shared &s, std::span<const hold> holds);

// Puts the instances of a name in line with what is registered: the wanted one is published,
// others that nobody holds drain or go.  Exclusive lock.  Does not allocate.
void settle(shared &s, const allocation_key &key);
// The same for all names of a database, and for those global ones.
void settle_allocations(shared &s, Oid database, const global_names &names);

}  // namespace dynpgext::state
