// Memory of allocations: published, drained, and held by transactions in progress.
#pragma once

#include <string>
#include <vector>

#include "memory/instances.h"
#include "shared/globals.h"

namespace dynpgext::state {

// A hold of a transaction in progress on an instance; see memory/claims.h and release_holds().
struct hold {
  allocation_key key;
  dsa_pointer instance = InvalidDsaPointer;
};

// The existing instances for the reconciler: for each of these names the one held by this
// transaction, else the published one.  Caller holds root.lock.
[[nodiscard]] std::vector<model::live_allocation>
live_allocations(const shared &s, std::span<const allocation_entry *const> entries,
                 std::span<const hold> own);

// Ends holds with the commit: registered memory stays, the rest is given back.
void release_holds(shared &s, std::span<const hold> holds) noexcept;
// Ends holds with a rollback: memory made for them is given back, unless it was published or
// another transaction also wants it.
void roll_back_holds(shared &s, std::span<const hold> holds) noexcept;
// Publishes memory that was already registered and committed (after a restart).
void publish_holds(shared &s, std::span<const hold> holds);

// Puts the instances of a name in line with the registrations: the wanted one is published, others
// without a hold drain or are freed.  Exclusive lock.  Does not allocate.
void settle(shared &s, const allocation_key &key);
// The same for all names of a database, and for those global ones.
void settle_allocations(shared &s, Oid database, const global_names &names);

}  // namespace dynpgext::state
