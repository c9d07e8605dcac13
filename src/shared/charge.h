// Bytes of root.memory_used, and who pays for them.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Those of a database count for its owner, too; those of InvalidOid, what is global, for nobody.
// Exclusive lock.
void give_back(const shared &s, Oid database, uint64 bytes);

// What is used, and what may be.
struct memory_use {
  uint64 used = 0;
  uint64 limit = UINT64_MAX;
  [[nodiscard]] bool fits(uint64 bytes) const { return bytes <= limit && used <= limit - bytes; }
};

// Taken for something that is still being made.  Gives them back on every way out, unless they are
// kept.  No lock may be held where one is made or goes.
class charge {
 public:
  // Takes nothing where more than one of the limits would be in use then: of all, and of the
  // owner of the database, if that is no superuser.
  charge(shared &s, Oid database, uint64 bytes, uint64 limit = UINT64_MAX,
         uint64 owner_limit = UINT64_MAX);
  charge(const charge &) = delete;
  charge &operator=(const charge &) = delete;
  ~charge();

  [[nodiscard]] bool fits() const noexcept { return fits_; }
  // Before.
  [[nodiscard]] const memory_use &of_all() const noexcept { return of_all_; }
  [[nodiscard]] const memory_use &of_owner() const noexcept { return of_owner_; }
  // What was made answers for them from now on.
  void keep() noexcept { bytes_ = 0; }

 private:
  shared &shared_;
  Oid database_;
  uint64 bytes_;
  memory_use of_all_;
  memory_use of_owner_;
  bool fits_ = false;
};

}  // namespace dynpgext::state
