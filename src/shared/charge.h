// Bytes of root.memory_used, and who pays for them: whoever owned the database when they were
// taken, until they are given back.  So an owner who gives databases away does not get rid of what
// they have.  What was taken while a superuser owned the database, and what is global, counts for
// nobody.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Exclusive lock.
void give_back(const shared &s, const memory_bill &bill);

// What is used, and what may be.
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
// As they are set.
[[nodiscard]] memory_limits set_limits();

// Taken for something that is still being made.  Gives them back on every way out, unless they are
// kept.  No lock may be held where one is made or goes.
class charge {
 public:
  // Takes nothing where more than one of the limits would be in use then: of all, and of the
  // owner of the database, if that is no superuser.  `before`: what is given back when this takes
  // its place; only what is more counts, and nothing is refused that takes no more.
  charge(shared &s, Oid database, uint64 bytes, const memory_limits &limits = {},
         const memory_bill &before = {});
  charge(const charge &) = delete;
  charge &operator=(const charge &) = delete;
  ~charge();

  [[nodiscard]] bool fits() const noexcept { return fits_all_ && fits_owner_; }
  // Before.
  [[nodiscard]] uint64 used_by_all() const noexcept { return all_.used; }
  // Raises 53400 with this beginning of the message.  Of one that does not fit.
  [[noreturn]] void refuse(const std::string &what) const;
  // What was made answers for them from now on.
  [[nodiscard]] memory_bill keep() noexcept;
  // The same in place of what was `before`, as it is now.  Exclusive lock.  Allocates nothing.
  void replace(memory_bill &before);

 private:
  shared &shared_;
  memory_bill bill_;
  // taken by now
  uint64 of_all_ = 0;
  uint64 of_payer_ = 0;
  // before that
  memory_use all_;
  memory_use owner_;
  bool fits_all_ = true;
  bool fits_owner_ = true;
};

}  // namespace dynpgext::state
