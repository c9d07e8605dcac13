#include "shared/charge.h"

#include "shared/owners.h"

namespace dynpgext::state {

charge::charge(shared &s, Oid database, uint64 bytes, uint64 limit, uint64 owner_limit)
    : shared_(s), database_(database), bytes_(bytes) {
  const exclusive lock(s);
  database_entry *its = OidIsValid(database) ? s.databases.insert({database}) : nullptr;
  owner_entry *owner = its == nullptr ? nullptr : owner_of(s, *its);
  of_all_ = {s.root->memory_used, limit};
  if (owner != nullptr) of_owner_ = {owner->memory_used, owner_limit};
  fits_ = of_all_.fits(bytes) && of_owner_.fits(bytes);
  if (!fits_) {
    bytes_ = 0;
    return;
  }
  s.root->memory_used += bytes;
  if (its != nullptr) its->memory_used += bytes;
  if (owner != nullptr) owner->memory_used += bytes;
}

charge::~charge() {
  if (bytes_ == 0) return;
  (void)pg::swallow("giving back a charge for shared memory", [this] {
    const exclusive lock(shared_);
    give_back(shared_, database_, bytes_);
  });
}

void give_back(const shared &s, Oid database, uint64 bytes) {
  s.root->memory_used -= bytes;
  database_entry *its = OidIsValid(database) ? s.databases.find({database}) : nullptr;
  if (its == nullptr) return;
  // memory may outlive a database, and another one have its OID
  const uint64 counted = std::min(bytes, its->memory_used);
  its->memory_used -= counted;
  if (owner_entry *owner = owner_of(s, *its)) owner->memory_used -= counted;
}

}  // namespace dynpgext::state
