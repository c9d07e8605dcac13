#include "shared/charge.h"

#include "pg/settings.h"
#include "shared/owners.h"

namespace dynpgext::state {
namespace {

void give_back(const shared &s, Oid payer, uint64 of_all, uint64 of_payer) {
  s.root->memory_used -= of_all;
  owner_entry *owner = find_owner(s, payer);
  if (owner == nullptr) return;
  owner->memory_used -= of_payer;
  forget_if_unused(s, *owner);
}

}  // namespace

void give_back(const shared &s, const memory_bill &bill) {
  give_back(s, bill.payer, bill.bytes, bill.bytes);
}

memory_limits set_limits() {
  return {pg::settings::memory_limit_bytes(), pg::settings::max_owner_memory_bytes()};
}

charge::charge(shared &s, Oid database, uint64 bytes, const memory_limits &limits,
               const memory_bill &before)
    : shared_(s), bill_{bytes, before.payer} {
  const exclusive lock(s);
  all_ = {s.root->memory_used, limits.of_all};
  if (bytes <= before.bytes) return;  // the previous payer keeps paying
  owner_entry *owner =
      OidIsValid(database) ? owner_of(s, *s.databases.insert({database})) : nullptr;
  bill_.payer = owner == nullptr ? InvalidOid : owner->key.role;
  const uint64 more = bytes - before.bytes;
  const uint64 more_of_payer = bill_.payer == before.payer ? more : bytes;
  if (owner != nullptr) owner_ = {owner->memory_used, limits.of_owner};
  fits_all_ = all_.fits(more);
  fits_owner_ = owner_.fits(more_of_payer);
  if (!fits()) return;
  of_all_ = more;
  s.root->memory_used += more;
  if (owner == nullptr) return;
  of_payer_ = more_of_payer;
  owner->memory_used += more_of_payer;
}

charge::~charge() {
  if (of_all_ == 0) return;
  (void)pg::swallow("giving back a charge for shared memory", [this] {
    const exclusive lock(shared_);
    give_back(shared_, bill_.payer, of_all_, of_payer_);
  });
}

pg::error charge::refusal(const std::string &what) const {
  const memory_use &use = fits_all_ ? owner_ : all_;
  const std::string setting =
      fits_all_ ? pg::settings::max_owner_memory_name : pg::settings::memory_limit_name;
  return pg::error(
      ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, what + ": " + setting + " would be exceeded",
      std::to_string(use.used) + " of " + std::to_string(use.limit) + " bytes are in use" +
          (fits_all_ ? " by all databases of the owner of this one." : "."),
      "Raise " + setting + " or drop an extension that does not need its memory.");
}

memory_bill charge::keep() noexcept {
  of_all_ = of_payer_ = 0;
  return bill_;
}

void charge::replace(memory_bill &before) {
  owner_entry *owner = find_owner(shared_, bill_.payer);
  if (owner == nullptr) bill_.payer = InvalidOid;
  shared_.root->memory_used += bill_.bytes;
  if (owner != nullptr) owner->memory_used += bill_.bytes;
  give_back(shared_, bill_.payer, of_all_, of_payer_);
  state::give_back(shared_, before);
  before = keep();
}

}  // namespace dynpgext::state
