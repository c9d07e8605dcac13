// Bytes of root.memory_used, taken for something that is still being made.
#pragma once

#include "state/root.h"

namespace dynpgext::state {

// Gives them back on every way out, unless they are kept.  No lock may be held where one is made
// or goes.
class charge {
 public:
  // Takes nothing where more than `limit` would be in use then.
  charge(shared &s, uint64 bytes, uint64 limit = UINT64_MAX);
  charge(const charge &) = delete;
  charge &operator=(const charge &) = delete;
  ~charge();

  [[nodiscard]] bool fits() const noexcept { return fits_; }
  // How many were in use before.
  [[nodiscard]] uint64 used_before() const noexcept { return used_before_; }
  // What was made answers for them from now on.
  void keep() noexcept { bytes_ = 0; }

 private:
  shared &shared_;
  uint64 bytes_;
  uint64 used_before_ = 0;
  bool fits_ = false;
};

}  // namespace dynpgext::state
