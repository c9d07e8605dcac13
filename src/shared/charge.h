// Bytes of root.memory_used, and who pays for them: the owner of the database at the time when they
// were taken, until they are given back.  So an owner who gives a database away keeps paying for
// its memory.  Global memory, and memory taken while a superuser owned the database, counts for
// nobody.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Exclusive lock.
void give_back(const shared &s, const memory_bill &bill);

// Use, and limits.
struct memory_use {
  uint64 used = 0;
  uint64 limit = UINT64_MAX;
  [[nodiscard]] bool fits(uint64 bytes) const {
    return bytes == 0 || (bytes <= limit && used <= limit - bytes);
  }
};

struct memory_limits {
  uint64 of_all = UINT64_MAX;
  uint64 of_owner = UINT64_MAX;
};
// From the settings.
[[nodiscard]] memory_limits set_limits();

// Bytes for something that is still being made.  Gives them back in the destructor, unless they are
// kept.  Construct and destroy it without holding a lock.
class charge {
 public:
  // Takes nothing if that would exceed a limit: the total one, or that of the owner of the
  // database, unless the owner is a superuser. `before`: given back when this replaces it; only the
  // increase counts, and an equal or smaller size is never refused.
  charge(shared &s, Oid database, uint64 bytes, const memory_limits &limits = {},
         const memory_bill &before = {});
  charge(const charge &) = delete;
  charge &operator=(const charge &) = delete;
  ~charge();

  [[nodiscard]] bool fits() const noexcept { return fits_all_ && fits_owner_; }
  // Before.
  [[nodiscard]] uint64 used_by_all() const noexcept { return all_.used; }
  // If it does not fit: ERROR 53400 with this beginning of the message.
  [[nodiscard]] pg::error refusal(const std::string &what) const;
  // The charge belongs to the new object from now on.
  [[nodiscard]] memory_bill keep() noexcept;
  // The same, replacing the charge `before` in its present value.  Exclusive lock.  Allocates
  // nothing.
  void replace(memory_bill &before);

 private:
  shared &shared_;
  memory_bill bill_;
  // taken so far
  uint64 of_all_ = 0;
  uint64 of_payer_ = 0;
  // before that
  memory_use all_;
  memory_use owner_;
  bool fits_all_ = true;
  bool fits_owner_ = true;
};

}  // namespace dynpgext::state
